-- SPDX-License-Identifier: MIT
--
-- net.trace.read: an event of a trace, from its line. A trace may come from
-- anybody, so the line is checked: an event has the keys that it needs, and
-- each key that is known has its type. netlab(1) says what the events are.

local json = require "net.json"

local read = {}

local VERSION = 1         -- of the events
local MOST_TIME = 1 << 62 -- ns: the difference of two is an integer
local MOST = 1 << 40      -- of a count: the sum of a file's is an integer

-- The type of each key that is of use here. Other keys are ignored.
local TYPES = {
  v = "count", t = "time", ["end"] = "time", wait = "time", waits = "count",
  sys = "count", ["in"] = "count", out = "count", task = "count",
  by = "count", sock = "count", new = "count", fd = "count", pid = "count",
  sum = "count", wall = "number", open = "boolean",
}
for key in ([[host lab line state family type local peer call kind args data
    result addr code error engine]]):gmatch "%a+" do
  TYPES[key] = "text"
end

--- The keys of a call that are shown as they are.
read.SHOWN = { "args", "line", "waits", "sys", "in", "out", "data", "result",
  "addr", "code", "error", "open", "engine" }

local NEEDED = {
  start = { "t", "wall", "v", "pid", "lab" }, stop = { "t" },
  task = { "t", "task" }, done = { "t", "task" },
  sock = { "t", "sock" }, name = { "t", "sock" },
  call = { "t", "end", "task", "call", "kind" },
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

-- What is wrong with an event, or nil.
local function check(event)
  if type(event) ~= "table" or type(event.ev) ~= "string" then
    return "this is not an event"
  end
  if not NEEDED[event.ev] then return nil end
  for _, key in ipairs(NEEDED[event.ev]) do
    if event[key] == nil then
      return ("the %s event has no '%s'"):format(event.ev, key)
    end
  end
  for key, value in pairs(event) do
    local kind = TYPES[key]
    if key == "args" and event.ev == "start" then kind = "list" end
    if kind and not is[kind](value) then
      return ("'%s' must be a %s"):format(key, kind)
    end
  end
  if event.ev == "start" and event.v ~= VERSION then
    return ("its format is %d, and this netlab reads %d"):format(event.v,
      VERSION)
  end
end

-- Codes that are an answer and no fault: not yet, or no more.
local ANSWERS = { EAGAIN = true, EALREADY = true, EINPROGRESS = true,
                  EOF = true }

--- Is the code that a call ended with (nil: none) a fault?
---@param code string?
---@return boolean
function read.is_fault(code)
  return code ~= nil and not ANSWERS[code]
end

--- The event in a line. nil: it is of a kind that only a newer netlab knows.
--- nil and a message: the line is damaged.
---@param line string without its end
---@return table? event and its `text`, the line
---@return string? message
function read.event(line)
  local event, message = json.decode(line)
  if message then return nil, (message:gsub(" %(EINVAL%)$", "")) end
  local wrong = check(event)
  if wrong then return nil, wrong end
  if not NEEDED[event.ev] then return nil end
  event.text = line
  return event
end

return read
