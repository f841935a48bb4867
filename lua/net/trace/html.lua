-- SPDX-License-Identifier: MIT
--
-- net.trace.html: a trace as one HTML file, that needs no other and asks no
-- network for anything. Its parts are in the folder html; the Makefile makes
-- the module net.trace.assets of them.

local assets = require "net.trace.assets"
local json = require "net.json"

local page = {}

-- A trace's text, which may be a stranger's, in a place of HTML.
local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
                   ['"'] = "&quot;", ["'"] = "&#39;" }

local function escape(text)
  return (text:gsub("[&<>\"']", ENTITIES))
end

-- What the page is told of each call, and of each arrow.
local CALL = { "lane", "sock", "call", "args", "line", "own", "from", "to",
  "wait", "waits", "sys", "in", "out", "data", "result", "new", "addr", "code",
  "failed", "error", "hint", "open", "engine" }
local ARROW = { "from", "to", "kind", "bytes" }

-- What the rows have under a key: their cells, of which 0 is nothing, and that
-- of a text is its place among the column's words. nil: no row has any.
local function column_of(rows, key)
  local column, places = { cells = {}, words = {} }, {}
  local found = false
  for i, row in ipairs(rows) do
    local cell = row[key]
    found = found or cell ~= nil
    if type(cell) == "string" and not places[cell] then
      table.insert(column.words, cell)
      places[cell] = #column.words
    end
    column.cells[i] = places[cell] or cell or 0
  end
  return found and column or nil
end

-- Long lists are by column: with each key and each text once, a page is less
-- than half as large.
local function by_column(rows, keys)
  local columns = {}
  for _, key in ipairs(keys) do columns[key] = column_of(rows or {}, key) end
  return columns
end

-- With no "<" in it, the text ends no script element and begins no comment.
local function data(model)
  local told = {}
  for key, value in pairs(model) do told[key] = value end
  told.calls = by_column(model.calls, CALL)
  told.arrows = by_column(model.arrows, ARROW)
  return (json.encode(told):gsub("<", "\\u003c"))
end

local function title(model)
  local names = {}
  for i, process in ipairs(model.processes or {}) do names[i] = process.name end
  return (escape(table.concat(names, ", ")):gsub("%c", function(c)
    return ("\\x%02x"):format(c:byte())
  end))
end

--- The page of a model, which net.trace.model has made.
---
--- Only the page's own script and style may run: they carry a number that a
--- Content-Security-Policy asks for, and it is another in each page. What the
--- trace says is data, and is shown as text.
---
--- See: www.w3.org/TR/CSP3.
---@param model table
---@return string html
function page.write(model)
  local parts = {
    NONCE = ("%016x%016x"):format(math.random(0), math.random(0)),
    TITLE = title(model),
    STYLE = assets.css,
    SCRIPT = assets.js,
    MODEL = data(model),
  }
  return (assets.html:gsub("%$(%u+)", parts))
end

return page
