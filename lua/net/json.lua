-- SPDX-License-Identifier: MIT
--
-- net.json: writes JSON (RFC 8259) for other programs, and reads JSON that may
-- come from anybody.

local json = {}

local DEPTH = 100 -- of nested tables; a table within itself never ends

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

-- Are the n keys 1 to n? (#value says nothing if there are holes.)
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
  if depth > DEPTH then error("tables are nested deeper than " .. DEPTH, 0) end
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

--- Writes a value as one line of JSON.
---
--- A table with the keys 1..n is an array. Any other table, the empty one too,
--- is an object; its keys are strings, and are sorted. Integers stay integers,
--- and floats read back as the same. Raises an error for what JSON does not
--- have: NaN, infinity, text that is not UTF-8, other keys and types, and for
--- tables nested deeper than 100.
---
--- See: RFC 8259.
---@param value boolean|number|string|table
---@return string text
function json.encode(value)
  local ok, text = pcall(write, value, 1)
  return ok and text or error(text, 2)
end

-- Raises what is wrong with the text, as a table; no other error is one.
local function refuse(place, what) error({ place = place, what = what }, 0) end

local function skip_space(text, place)
  return text:match("^[ \t\r\n]*()", place)
end

local ESCAPES = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f",
                  n = "\n", r = "\r", t = "\t" }

-- The meaning of the escape at this place, and the place after it.
local function read_escape(text, place)
  local plain = ESCAPES[text:sub(place + 1, place + 1)]
  if plain then return plain, place + 2 end
  local high = tonumber(text:match("^\\u(%x%x%x%x)", place) or
    refuse(place, "unknown escape"), 16)
  if high < 0xD800 or high > 0xDFFF then return utf8.char(high), place + 6 end
  local low = tonumber(text:match("^\\u(%x%x%x%x)", place + 6) or "0", 16)
  if high > 0xDBFF or low < 0xDC00 or low > 0xDFFF then
    refuse(place, "half of a surrogate pair")
  end
  return utf8.char(0x10000 + ((high & 0x3FF) << 10 | low & 0x3FF)), place + 12
end

-- The string whose opening quote is at this place, and the place after it.
local function read_string(text, place)
  local plain, stop = text:match('^"([^\0-\31"\\]*)"()', place)
  if plain then return plain, stop end
  plain, stop = text:match('^"([^\0-\31"\\]*)()', place)
  if not plain then refuse(place, "string expected") end
  local parts = { plain }
  while text:sub(stop, stop) == "\\" do
    parts[#parts + 1], stop = read_escape(text, stop)
    parts[#parts + 1], stop = text:match('^([^\0-\31"\\]*)()', stop)
  end
  if text:sub(stop, stop) ~= '"' then refuse(stop, "unfinished string") end
  return table.concat(parts), stop + 1
end

local function read_number(text, place)
  local stop = text:match("^%-?0()", place) or text:match("^%-?%d+()", place) or
    refuse(place, "value expected")
  stop = text:match("^%.%d+()", stop) or stop
  stop = text:match("^[eE][+-]?%d+()", stop) or stop
  local n = tonumber(text:sub(place, stop - 1))
  if n - n ~= 0 then refuse(place, "number out of range") end
  return n, stop
end

-- The comma or the end after an item, and the place after that.
local function read_mark(text, place, close)
  local mark, stop = text:match("^[ \t\r\n]*([],}])[ \t\r\n]*()", place)
  if mark == "," or mark == close then return mark, stop end
  return refuse(skip_space(text, place), ("',' or '%s' expected"):format(close))
end

local read -- below

local function read_array(text, place, depth)
  local list, n = {}, 0
  local mark
  place = skip_space(text, place + 1)
  if text:sub(place, place) == "]" then return list, place + 1 end
  repeat
    n = n + 1
    list[n], place = read(text, place, depth)
    mark, place = read_mark(text, place, "]")
  until mark == "]"
  return list, place
end

local function read_object(text, place, depth)
  local object = {}
  local key, mark
  place = skip_space(text, place + 1)
  if text:sub(place, place) == "}" then return object, place + 1 end
  repeat
    key, place = read_string(text, place)
    place = text:match("^[ \t\r\n]*:[ \t\r\n]*()", place) or
      refuse(place, "':' expected")
    object[key], place = read(text, place, depth)
    mark, place = read_mark(text, place, "}")
  until mark == "}"
  return object, place
end

-- The value at this place, and the place after it.
function read(text, place, depth)
  local first = text:match('^["%d{[]', place)
  if first == '"' then return read_string(text, place) end
  if first == "{" or first == "[" then
    if depth == DEPTH then refuse(place, "nested deeper than " .. DEPTH) end
    local read_items = first == "{" and read_object or read_array
    return read_items(text, place, depth + 1)
  end
  if first then return read_number(text, place) end
  local word, stop = text:match("^(%l+)()", place)
  if word == "true" or word == "false" then return word == "true", stop end
  if word == "null" then return nil, stop end
  return read_number(text, place)
end

local function read_document(text)
  local _, bad = utf8.len(text)
  if bad then refuse(bad, "invalid UTF-8") end
  local value, stop = read(text, skip_space(text, 1), 0)
  stop = skip_space(text, stop)
  if stop <= #text then refuse(stop, "unexpected text after the value") end
  return value
end

--- Reads a text of JSON. It may come from anybody.
---
--- Integers stay integers if they fit into 64 bits. Of equal keys, the last
--- counts. null is nil: a key is absent, an array has a hole. Fails for what is
--- not strictly JSON, for values nested deeper than 100, and for numbers beyond
--- the range of a float.
---
--- See: RFC 8259.
---
--- Errors: "EINVAL" it is not JSON; the message says at which byte.
---@param text string
---@return boolean|number|string|table? value nil where it fails
---@return string? message
---@return string? code
function json.decode(text)
  if type(text) ~= "string" then
    error(("bad argument #1 to 'decode' (string expected, got %s)"):format(
      type(text)), 2)
  end
  local ok, value = pcall(read_document, text)
  if ok then return value end
  if type(value) ~= "table" then error(value, 0) end
  return nil, ("decode: %s at byte %d (EINVAL)"):format(value.what,
    value.place), "EINVAL"
end

return json
