-- SPDX-License-Identifier: MIT
--
-- net.trace.live: a trace on the terminal while it is made, a line for each
-- call when it ends. On the left each live task has a column, in which `*`
-- marks the task's own lines.

local hints = require "net.hints"
local names = require "net.trace.names"
local read = require "net.trace.read"
local text = require "net.trace.text"

local live = {}

local NS = 1e9     -- in a second
local WIDTH = 100  -- columns of a terminal that does not say
local MOST = 8     -- tasks with a column
local LEAST = 20   -- columns for a call; with less, it has a line of its own

local COLOURS = { "36", "33", "35", "32", "34", "96", "93", "95" } -- of tasks
local BAD, DIM = "31", "2"

local view = {}
view.__index = view

local function paint(self, words, colour)
  if not self.colour or colour == "" or words == "" then return words end
  return ("\27[%sm%s\27[0m"):format(colour, words)
end

-- Writes what fits on a line of { words, colour, words, colour, ... }, and then
-- `rest`.
local function put(self, parts, rest)
  local left, line = self.width, {}
  for i = 1, #parts, 2 do
    local words = text.cut(parts[i], left)
    left = left - text.columns(words)
    line[#line + 1] = paint(self, words, parts[i + 1])
  end
  line[#line + 1] = paint(self, rest or "", DIM)
  self.write(table.concat(line) .. "\n")
end

-- ---- tasks ----

-- A task's lane: its name, its column if one is free, its colour.
local function lane_of(self, task)
  local lane = self.lanes[task]
  if lane then return lane end
  lane = { name = names.task(task) }
  self.lanes[task] = lane
  for i = 1, MOST do
    if not self.columns[i] then
      lane.column = i
      break
    end
  end
  lane.colour = COLOURS[lane.column or MOST]
  if lane.column then
    self.columns[lane.column] = lane
    self.used = math.max(self.used, lane.column)
  end
  return lane
end

local function end_lane(self, task)
  local lane = self.lanes[task]
  if lane and lane.column then self.columns[lane.column] = nil end
  self.lanes[task] = nil
end

-- The left side of a line, in parts (the time, the process' label, the tasks),
-- and its width. Without a lane: of a line that continues another.
local function left_side(self, t, lane)
  local time = t and ("%10.6f "):format((t - self.since) / NS) or (" "):rep(11)
  local parts = { time, DIM, self.label, "" }
  for i = 1, self.used do
    local it = self.columns[i]
    parts[#parts + 1] = it and (it == lane and "* " or "| ") or "  "
    parts[#parts + 1] = it and it.colour or ""
  end
  parts[#parts + 1] = ("%-7s "):format(lane and lane.name or "")
  parts[#parts + 1] = lane and lane.colour or ""
  return parts, #time + #self.label + 2 * self.used + 8
end

-- Writes a line of words, a code (in red if it is a fault) and a note. On a
-- narrow terminal the words have a line of their own, below.
local function say(self, t, lane, words, code, note)
  local parts, width = left_side(self, t, lane)
  local colour = read.is_fault(code) and BAD or ""
  code = code and "  " .. code or ""
  note = note ~= "" and "  " .. note or ""
  local room = self.width - width - #code - #note
  local below = text.columns(words) > room and room < LEAST
  table.move({ below and "" or text.cut(words, room), "", code, colour, note,
    DIM }, 1, 6, #parts + 1, parts)
  put(self, parts)
  if below then put(self, { "  " .. words, "" }) end
end

-- Writes what to try, the first time that this code occurs.
local function say_hint(self, code)
  local hint = code and not self.known[code] and hints.of(code)
  local parts, width = left_side(self)
  local room = self.width - width - #"hint: "
  if not hint or room < LEAST then return end
  self.known[code] = true
  for i, line in ipairs(text.wrap(hint, room)) do
    put(self, parts, (i == 1 and "hint: " or "      ") .. line)
  end
end

-- ---- calls ----

local function sock_name(self, id)
  local sock = self.socks[id]
  return sock and text.printable(names.of(sock)) .. ": " or ""
end

-- What the call returned; nil: itself or true. Received bytes are its data.
local function result_of(it)
  if not it.result and it.data and not it.out then
    return '"' .. it.data .. '"'
  end
  if it.result == "true" then return nil end
  return it.result
end

-- "tcp 127.0.0.1:80: recv(16) = "abc"", and the first bytes, unless they are an
-- argument or the result.
local function call_words(self, it)
  local args, result = it.args or "", result_of(it)
  local words = ("%s%s%s(%s)"):format(sock_name(self, it.sock),
    it.engine and text.printable(it.engine) .. ": " or "",
    text.printable(it.call), text.printable(args))
  if result then words = words .. " = " .. text.printable(result) end
  if not it.data or (args .. (result or "")):find(it.data, 1, true) then
    return words
  end
  return words .. ' "' .. text.printable(it.data) .. '"'
end

local function notes(it)
  local parts = {}
  for _, way in ipairs { "in", "out" } do
    if it[way] then parts[#parts + 1] = it[way] .. " B " .. way end
  end
  if (it.waits or 0) > 0 then
    parts[#parts + 1] = "waited " .. text.seconds((it.wait or 0) / NS)
  end
  if it.open then parts[#parts + 1] = "not ended" end
  return table.concat(parts, ", ")
end

-- ---- what each event shows ----

local zero -- when the first trace began: two that run side by side count from
           -- the same moment

local on = {}

function on.start(self, it)
  zero = zero or it.t
  self.since = self.since or zero
end

function on.task(self, it)
  local by = lane_of(self, it.by or 0)
  lane_of(self, it.task)
  say(self, it.t, by, ("spawn = task %d"):format(it.task), nil, "")
end

function on.done(self, it)
  if it.task ~= 1 or it.state ~= "done" then
    local state = text.printable(it.state or "ended")
    local failed = state == "failed" and state or nil
    say(self, it.t, lane_of(self, it.task), failed and "" or state, failed, "")
  end
  end_lane(self, it.task)
end

function on.sock(self, it)
  self.socks[it.sock] = { id = it.sock,
    kind = names.kind(it.family, it.type) }
end

function on.name(self, it)
  local sock = self.socks[it.sock]
  if sock then sock.here, sock.there = it["local"], it.peer end
end

function on.call(self, it)
  say(self, it["end"], lane_of(self, it.task), call_words(self, it),
    it.code and text.printable(it.code), notes(it))
  say_hint(self, it.code)
  local new = self.socks[it.new]
  if new and it.kind == "accept" then new.accepted = true end
end

function on.stop(self, it)
  say(self, it.t, { name = "end", colour = DIM }, "", nil,
    it.sys and it.sys .. " system calls" or "")
end

--- A view of one trace: a function that takes each of its lines.
---
--- options: `write` takes the text; `colour` is true for a terminal with
--- colours, and `width` its columns; `label` stands in each line; `since` is
--- the time, in nanoseconds of the trace, that counts as 0.
---@param options table
---@return fun(line: string) show
function live.new(options)
  local self = setmetatable({ write = options.write, colour = options.colour,
    width = options.width or WIDTH, since = options.since, lanes = {},
    label = options.label and text.printable(options.label) .. " " or "",
    columns = {}, used = 1, socks = {}, known = {} }, view)
  return function(line)
    local it, wrong = read.event(line)
    if wrong then
      put(self, { "a line of the trace is damaged: " .. text.printable(wrong),
        BAD })
    elseif it and (self.since or it.ev == "start") then
      on[it.ev](self, it)
    end
  end
end

return live
