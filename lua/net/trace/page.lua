-- SPDX-License-Identifier: MIT
--
-- net.trace.page: a trace as one HTML file, that needs no other and asks no
-- network for anything. Its parts are in the folder page; the Makefile makes
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

-- With no "<" in it, the text ends no script element and begins no comment.
local function data(model)
  return (json.encode(model):gsub("<", "\\u003c"))
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
