-- SPDX-License-Identifier: MIT
--
-- net.trace.read: an event of a trace, from its line. A trace may come from
-- anybody: what is read here has what its kind must have, and each key is of
-- its type. netlab(1) says what the events are.

local json = require "net.json"

local event = {}

local VERSION = 1         -- of the events
local MOST_TIME = 1 << 62 -- ns: the difference of two is an integer
local MOST = 1 << 40      -- of what is counted: so is the sum of a file's

-- What each key is, where it is there. Others are of no use here.
local KINDS = {
  v = "count", t = "time", ["end"] = "time", wait = "time", waits = "count",
  sys = "count", ["in"] = "count", out = "count", task = "count",
  by = "count", sock = "count", new = "count", fd = "count", pid = "count",
  sum = "count", wall = "number", open = "boolean",
}
for key in ([[host lab line state family type local peer call args data result
    addr code error engine]]):gmatch "%a+" do
  KINDS[key] = "text"
end

local NEEDED = {
  start = { "t", "wall", "v", "pid", "lab" }, stop = { "t" },
  task = { "t", "task" }, done = { "t", "task" },
  sock = { "t", "sock" }, name = { "t", "sock" },
  call = { "t", "end", "task", "call" },
}

local function is_integer(value, most)
  return math.type(value) == "integer" and value >= 0 and value < most
end

local is = {}
function is.count(value) return is_integer(value, MOST) end
function is.time(value) return is_integer(value, MOST_TIME) end
function is.text(value) return type(value) == "string" end
function is.boolean(value) return type(value) == "boolean" end
function is.number(value)
  return type(value) == "number" and value >= 0 and value < MOST
end

function is.list(value)
  if type(value) ~= "table" then return false end
  for _, word in pairs(value) do
    if type(word) ~= "string" then return false end
  end
  return true
end

-- What is wrong with an event; nil: nothing.
local function check(it)
  if type(it) ~= "table" or type(it.ev) ~= "string" then
    return "this is no event"
  end
  if not NEEDED[it.ev] then return nil end
  for _, key in ipairs(NEEDED[it.ev]) do
    if it[key] == nil then return ("it has no '%s'"):format(key) end
  end
  for key, value in pairs(it) do
    local kind = KINDS[key]
    if key == "args" and it.ev == "start" then kind = "list" end
    if kind and not is[kind](value) then
      return ("its '%s' is no %s"):format(key, kind)
    end
  end
  if it.ev == "start" and it.v ~= VERSION then
    return ("its format is %d, and this netlab reads %d"):format(it.v,
      VERSION)
  end
end

-- That there is nothing yet, or no more, is an answer.
local ANSWERS = { EAGAIN = true, EALREADY = true, EINPROGRESS = true,
                  EOF = true }

--- Is what a call ended with a fault? nil is none.
---@param code string?
---@return boolean
function event.is_fault(code)
  return code ~= nil and not ANSWERS[code]
end

--- The event of a line; nil where a newer netlab wrote one of a kind that is
--- not known here, and nil and a message where the line is damaged.
---@param line string without its end
---@return table? event and its `text`, the line
---@return string? message
function event.read(line)
  local it, message = json.decode(line)
  if message then return nil, (message:gsub(" %(EINVAL%)$", "")) end
  local wrong = check(it)
  if wrong then return nil, wrong end
  if not NEEDED[it.ev] then return nil end
  it.text = line
  return it
end

return event
