-- SPDX-License-Identifier: MIT
--
-- Annotated Lua: lines of the input, each after a prefix that
-- src/man/reference.lua reads. Every entry must have the fields of its kind.

local reference = require "src.man.reference"
local input = require "tests.fuzz.input"

local prefixes = {
  "", "-- ", "--- ", "---", "-- # ", "---@param ", "---@return ", "---@field ",
  "---@class ", "---@alias ", '---| "', "--- Errors: ", "--- See: ",
  "function ", "local ", "-- net.json: ", "---@", "function a.b(",
}

local function check_fields(list)
  for _, field in ipairs(list) do
    for _, key in ipairs { "name", "type", "text" } do
      local value = field[key]
      assert(value == nil or type(value) == "string", key)
    end
  end
end

return function(bytes)
  local at, lines = input.new(bytes), {}
  while at:more() do
    lines[#lines + 1] = at:choice(prefixes) .. at:take(at:below(32))
  end
  local ok, entries = pcall(reference.parse, table.concat(lines, "\n"))
  if not ok then
    return assert(entries:find "^'%-%-%-@%a+ .*' has no " or
      entries:find "^'%-%-%- .*' is below a tag", entries)
  end
  for _, entry in ipairs(entries) do
    assert(type(entry.kind) == "string" and type(entry.name) == "string")
    assert(type(entry.text) == "string")
    check_fields(entry.params or {})
    check_fields(entry.returns or {})
    check_fields(entry.fields or {})
  end
end
