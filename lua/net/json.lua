-- SPDX-License-Identifier: MIT
--
-- net.json: writes JSON (RFC 8259), for programs that read what a lab found.

local json = {}

local DEPTH = 100 -- tables within tables; a table within itself never ends

local function text_of(s)
  if not utf8.len(s) then error("a string is not UTF-8 (net.escape it)", 0) end
  return '"' .. s:gsub('[%c"\\]', function(c)
    return ("\\u%04x"):format(c:byte())
  end) .. '"'
end

-- The fewest digits that read back as the same number.
local function number(n)
  if math.type(n) == "integer" then return ("%d"):format(n) end
  if n - n ~= 0 then error("JSON has no NaN and no infinity", 0) end
  local digits, text = 15, ("%.15g"):format(n)
  while tonumber(text) ~= n do
    digits = digits + 1
    text = ("%." .. digits .. "g"):format(n)
  end
  return text:find "[.e]" and text or text .. ".0"
end

-- Are the n keys 1 to n? (The length of a table with holes is any border.)
local function is_list(value, n)
  for i = 1, n do
    if value[i] == nil then return false end
  end
  return n > 0
end

local function write(value, depth)
  local kind = type(value)
  if kind == "string" then return text_of(value) end
  if kind == "number" then return number(value) end
  if kind == "boolean" then return tostring(value) end
  if kind ~= "table" then error("JSON has no " .. kind, 0) end
  if depth > DEPTH then error("tables nest deeper than " .. DEPTH, 0) end
  local keys, parts = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  if is_list(value, #keys) then
    for i = 1, #keys do parts[i] = write(value[i], depth + 1) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for _, key in ipairs(keys) do
    if type(key) ~= "string" then error("an object's keys are strings", 0) end
  end
  table.sort(keys)
  for i, key in ipairs(keys) do
    parts[i] = text_of(key) .. ":" .. write(value[key], depth + 1)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- A value as one line of JSON.
---
--- A table with the keys 1..n is an array; any other, the empty one too, is an
--- object: its keys are strings, and come sorted. Integers stay integers, and
--- floats read back as the same. Raises for what JSON has not: NaN, infinity,
--- text that is not UTF-8, other keys, other types, and tables that nest deeper
--- than 100.
---
--- See: RFC 8259.
---@param value boolean|number|string|table
---@return string text
function json.encode(value)
  local ok, text = pcall(write, value, 1)
  return ok and text or error(text, 2)
end

return json
