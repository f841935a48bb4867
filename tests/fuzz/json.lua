-- SPDX-License-Identifier: MIT
--
-- JSON: what is written reads back as the same value, in another reader and in
-- ours, which returns a value or a reason for any text.

local json = require "net.json"
local input = require "tests.fuzz.input"

local make
local kinds = {
  function(at) return at:byte() - 128 end,
  function(at) return at:number "<i8" end,
  function(at) return at:number "<d" end,
  function(at) return at:text() end,
  function(at) return at:text() end,
  function(at) return at:byte() > 127 end,
  function(at, depth) -- an array
    local t = {}
    for i = 1, at:below(4) do t[i] = make(at, depth) end
    return t
  end,
  function(at, depth) -- an object
    local t = {}
    for _ = 1, at:below(4) do t[at:text()] = make(at, depth) end
    return t
  end,
  function(at, depth) -- any table
    local t = {}
    for _ = 1, at:below(4) do
      local key = make(at, depth)
      if key ~= nil and key == key then t[key] = make(at, depth) end
    end
    return t
  end,
  function() return nil end,
  function() return print end,
}

function make(at, depth)
  if depth > 6 then return at:text() end
  return at:choice(kinds)(at, depth + 1)
end

-- A minimal reader of JSON, after RFC 8259.
local read
local function read_string(text, place)
  local parts = {}
  while true do
    local plain, stop = text:match('^([^%c"\\]*)()', place)
    parts[#parts + 1] = plain
    local digits = text:match("^\\u(%x%x%x%x)", stop)
    if not digits then
      assert(text:sub(stop, stop) == '"', "no end of a string")
      return table.concat(parts), stop + 1
    end
    parts[#parts + 1] = utf8.char(tonumber(digits, 16))
    place = stop + 6
  end
end

local function read_list(text, place, close, item)
  local list = {}
  if text:sub(place, place) == close then return list, place + 1 end
  while true do
    place = item(list, place)
    local mark = text:sub(place, place)
    assert(mark == "," or mark == close, "no comma")
    place = place + 1
    if mark == close then return list, place end
  end
end

local function read_number(text, place)
  local digits, stop = text:match("^(%-?%d+%.?%d*e?[+-]?%d*)()", place)
  assert(digits and not digits:find "^%-?0%d" and not digits:find "%.$", text)
  assert(not digits:find "%.e", text)
  return assert(tonumber(digits)), stop
end

function read(text, place)
  local mark = text:sub(place, place)
  if mark == '"' then return read_string(text, place + 1) end
  if mark == "t" then return true, assert(text:match("^true()", place)) end
  if mark == "f" then return false, assert(text:match("^false()", place)) end
  if mark == "[" then
    return read_list(text, place + 1, "]", function(list, from)
      list[#list + 1], from = read(text, from)
      return from
    end)
  elseif mark == "{" then
    return read_list(text, place + 1, "}", function(list, from)
      assert(text:sub(from, from) == '"', "a key is no string")
      local key
      key, from = read_string(text, from + 1)
      assert(text:sub(from, from) == ":", "no colon")
      assert(list[key] == nil, "a key twice")
      list[key], from = read(text, from + 1)
      return from
    end)
  end
  return read_number(text, place)
end

local function same(a, b)
  if type(a) ~= "table" then return a == b and math.type(a) == math.type(b) end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do if a[key] == nil then return false end end
  return true
end

-- Any text yields a value that can be written and read again, unless nulls left
-- holes in it, or a reason.
local function check_decode(bytes)
  local value, message, code = json.decode(bytes)
  if value == nil then
    return assert(code == nil or code == "EINVAL" and
      message:find "^decode: .+ at byte %d+ %(EINVAL%)$", message)
  end
  local ok, text = pcall(json.encode, value)
  if not ok then return assert(text:find "keys are strings", text) end
  assert(same(value, json.decode(text)), text)
end

return function(bytes)
  check_decode(bytes)
  local value = make(input.new(bytes), 0)
  local ok, text = pcall(json.encode, value)
  if not ok then
    return assert(text:find "JSON has no" or text:find "not UTF%-8" or
      text:find "keys are strings" or text:find "nest deeper", text)
  end
  assert(utf8.len(text) and not text:find "%c", text)
  local again, stop = read(text, 1)
  assert(stop == #text + 1 and same(value, again), text)
  assert(same(value, json.decode(text)), text)
end
