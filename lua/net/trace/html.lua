-- SPDX-License-Identifier: MIT
--
-- net.trace.html: a trace as one HTML file, which needs no other file and no
-- network. Its parts are in the folder html, of which the Makefile makes the
-- module net.trace.assets.

local assets = require "net.trace.assets"
local json = require "net.json"

local html = {}

-- Text in HTML; it may be a stranger's.
local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
                   ['"'] = "&quot;", ["'"] = "&#39;" }

local function escape(text)
  return (text:gsub("[&<>\"']", ENTITIES))
end

-- The cells of the rows under a key. 0 stands for no value; a text is its index
-- among the column's words.
local function column_of(rows, key)
  local column, places = { cells = {}, words = {} }, {}
  for i, row in ipairs(rows) do
    local cell = row[key]
    if type(cell) == "string" and not places[cell] then
      table.insert(column.words, cell)
      places[cell] = #column.words
    end
    column.cells[i] = places[cell] or cell or 0
  end
  return column
end

-- Rows by column: with each key and each text once, a page is less than half as
-- large.
local function by_column(rows)
  local columns = {}
  for _, row in ipairs(rows or {}) do
    for key in pairs(row) do
      columns[key] = columns[key] or column_of(rows, key)
    end
  end
  return columns
end

-- The model as JSON without "<", so that it cannot end the script element.
local function data(model)
  local copy = {}
  for key, value in pairs(model) do copy[key] = value end
  copy.calls, copy.arrows = by_column(model.calls), by_column(model.arrows)
  return (json.encode(copy):gsub("<", "\\u003c"))
end

local function title(model)
  local names = {}
  for i, process in ipairs(model.processes or {}) do names[i] = process.name end
  return (escape(table.concat(names, ", ")):gsub("%c", function(c)
    return ("\\x%02x"):format(c:byte())
  end))
end

--- The page of a model.
---
--- Only the page's own script and style may run: they carry the nonce of its
--- Content-Security-Policy. What the trace says is data, and is shown as text.
---
--- See: www.w3.org/TR/CSP3.
---@param model table from trace.model
---@return string page
function html.write(model)
  local parts = {
    NONCE = ("%016x%016x"):format(math.random(0), math.random(0)),
    TITLE = title(model),
    STYLE = assets.css,
    SCRIPT = assets.js,
    MODEL = data(model),
  }
  return (assets.html:gsub("%$(%u+)", parts))
end

return html
