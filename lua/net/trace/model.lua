-- SPDX-License-Identifier: MIT
--
-- net.trace.model: what several processes did, on one axis of time. The model
-- is a table that JSON can carry. Times are seconds since the first event; a
-- reference to a call, lane, sock or process is its index:
--
--   version, seconds, wall
--   processes { pid, host, lab, args, name, source, changed, at, stop, cut }
--   lanes     { process, task, name, line, from, to, state }
--   socks     { process, id, fd, family, type, name }
--   calls     { lane, sock, new, call, kind, from, to, wait, own, failed, hint,
--               and read.SHOWN }; own: the line's number, in the lab's own file
--   arrows    { from, to: calls; kind, bytes }
--   lost      calls that sent a datagram which did not arrive
--   counts    { lane, call, calls, sys, in, out, wait, errors }
--   lines     { process, line, calls, wait }: of the lab's own file
--
-- While the model is made, these are tables that refer to each other, each with
-- its `index`.

local hints = require "net.hints"
local match = require "net.trace.match"
local names = require "net.trace.names"
local read = require "net.trace.read"

local model = {}

local NS = 1e9 -- in a second
local SAME_BOOT = 60 -- seconds: boot times of one machine differ by less
local MOST_SOURCE = 1 << 20

-- ---- one axis ----

-- The events of each process: a file may hold several.
local function split(list)
  local traces = {}
  for _, events in ipairs(list) do
    for _, event in ipairs(events) do
      if event.ev == "start" then traces[#traces + 1] = {} end
      table.insert(traces[#traces], event)
    end
  end
  return traces
end

-- The machine of a process. Processes of one host since it was booted share its
-- clock.
local function machine_of(machines, start)
  local booted = start.wall - start.t / NS
  for _, machine in ipairs(machines) do
    if machine.host == start.host and
      math.abs(machine.booted - booted) < SAME_BOOT then return machine end
  end
  local machine = { host = start.host, booted = booted, wall = start.wall,
                    t = start.t, first = start.t, index = #machines + 1 }
  machines[#machines + 1] = machine
  return machine
end

-- The times of the first and the last event.
local function span(events)
  local first, last = math.maxinteger, 0
  for _, event in ipairs(events) do
    first = math.min(first, event.t)
    last = math.max(last, event.t, event["end"] or 0)
  end
  return first, last
end

-- Gives each machine its place on the axis. Returns when the axis begins, by
-- the wall clock.
local function place(machines)
  local wall = machines[1] and math.huge or 0
  for _, machine in ipairs(machines) do
    machine.wall = machine.wall - (machine.t - machine.first) / NS
    wall = math.min(wall, machine.wall)
  end
  for _, machine in ipairs(machines) do
    local shift, first = machine.wall - wall, machine.first
    function machine.seconds(t) return (t - first) / NS + shift end
  end
  return wall
end

-- ---- one process ----

local function lane_of(p, task, at)
  local lane = p.lanes[task]
  if not lane then
    lane = { process = p, task = task, from = at, name = names.task(task) }
    p.lanes[task] = lane
    table.insert(p.tasks, task)
  end
  return lane
end

local on = {}

function on.task(p, event, at)
  lane_of(p, event.task, at).line = event.line
end

function on.done(p, event, at)
  local lane = lane_of(p, event.task, at)
  lane.to, lane.state = at, event.state
end

function on.sock(p, event)
  if p.socks[event.sock] then return end
  local sock = { process = p, id = event.sock, fd = event.fd,
    family = event.family, type = event.type, index = #p.model.socks + 1,
    kind = names.kind(event.family, event.type) }
  p.socks[event.sock] = sock
  table.insert(p.model.socks, sock)
end

function on.name(p, event)
  local sock = p.socks[event.sock]
  if sock then sock.here, sock.there = event["local"], event.peer end
end

-- The two ends of a pair.
local function join(a, b)
  if not a or not b then return end
  a.twin, b.twin = b, a
end

function on.call(p, event, at)
  local call = { event = event, lane = lane_of(p, event.task, at), from = at,
    to = math.max(at, p.seconds(event["end"])), sock = p.socks[event.sock],
    new = p.socks[event.new], order = #p.model.calls + 1 }
  call.wait = math.min((event.wait or 0) / NS, call.to - at)
  if call.sock then call.here, call.there = call.sock.here, call.sock.there end
  if call.new and event.kind == "accept" then call.new.accepted = call end
  if event.call == "socketpair" and not event.code then
    join(call.new, p.socks[(event.new or 0) + 1])
  end
  table.insert(p.model.calls, call)
end

function on.stop(p, _, at) p.stop, p.cut = at, nil end

function on.start() end

-- The lab's name without its folders; a second one of the same name is NAME#2.
local function name_process(p, taken)
  local base = (p.lab:match "([^/]+)$" or p.lab):gsub("%.lua$", "")
  local name, n = base, taken[base] or 1
  while taken[name] do
    n = n + 1
    name = ("%s#%d"):format(base, n)
  end
  taken[name] = 1
  taken[base] = n
  return name
end

local function add_process(m, events, machine, last)
  local start = events[1]
  local p = { model = m, index = #m.processes + 1, lanes = {}, tasks = {},
    socks = {}, pid = start.pid, host = start.host, lab = start.lab,
    args = start.args, sum = start.sum, machine = machine,
    seconds = machine.seconds, cut = true }
  p.at, p.stop = p.seconds(start.t), p.seconds(last)
  m.processes[p.index] = p
  lane_of(p, 1, p.at)
  for _, event in ipairs(events) do
    on[event.ev](p, event, p.seconds(event.t))
  end
  table.sort(p.tasks, function(a, b) -- 0, which is no task, comes last
    return a ~= 0 and (b == 0 or a < b)
  end)
  for _, task in ipairs(p.tasks) do
    local lane = p.lanes[task]
    lane.to = math.max(lane.from, lane.to or p.stop)
    lane.index = #m.lanes + 1
    m.lanes[lane.index] = lane
  end
end

-- ---- what is counted ----

-- Sorts a list by one key of its rows, and by another where that is the same.
local function sort(list, first, second)
  table.sort(list, function(a, b)
    if a[first] ~= b[first] then return a[first] < b[first] end
    return a[second] < b[second]
  end)
  return list
end

-- The list's row of this key; adds `new` if there is none.
local function row_of(list, rows, key, new)
  if not rows[key] then
    rows[key] = new
    list[#list + 1] = new
  end
  return rows[key]
end

local function count_calls(calls)
  local list, rows = {}, {}
  for _, call in ipairs(calls) do
    local event, lane = call.event, call.lane.index
    local row = row_of(list, rows, lane .. " " .. event.call, { lane = lane,
      call = event.call, calls = 0, sys = 0, ["in"] = 0, out = 0, wait = 0.0,
      errors = 0 })
    row.calls = row.calls + 1
    row.wait = row.wait + call.wait
    if read.is_fault(event.code) then row.errors = row.errors + 1 end
    for _, key in ipairs { "sys", "in", "out" } do
      row[key] = row[key] + (event[key] or 0)
    end
  end
  return sort(list, "lane", "call")
end

-- The number of a line in the lab itself, whose name Lua may have cut.
local function own_line(call)
  local file, line = (call.event.line or ""):match "^(.*):(%d+)$"
  if not file then return nil end
  local lab = call.lane.process.lab
  if file:sub(1, 3) == "..." then lab = "..." .. lab:sub(3 - #file) end
  return file == lab and math.tointeger(tonumber(line)) or nil
end

-- Calls of an engine are counted with the call that runs it.
local function count_lines(calls)
  local list, rows = {}, {}
  for _, call in ipairs(calls) do
    local line, process = own_line(call), call.lane.process.index
    if line and not call.event.engine then
      local row = row_of(list, rows, process .. " " .. line,
        { process = process, line = line, calls = 0, wait = 0.0 })
      row.calls = row.calls + 1
      row.wait = row.wait + call.wait
    end
  end
  return sort(list, "process", "line")
end

-- ---- the model itself ----

-- A lab's source. A stranger's trace names the file, and the picture may be
-- passed on, so it must be Lua, text and of moderate size.
local function read_source(lab)
  if not lab:find "%.lua$" then return nil end
  local file <close> = io.open(lab, "rb")
  local text = file and file:read(MOST_SOURCE)
  return text and utf8.len(text) and text or nil
end

-- FNV-1a, as src/trace/log.c has computed it of the lab that ran.
local function sum_of(source)
  local sum = 2166136261
  for i = 1, #source do
    sum = (sum ~ source:byte(i)) * 16777619 & 0xFFFFFFFF
  end
  return sum
end

local function index_of(it) return it and it.index end

-- A list of f(item) for each.
local function map(list, f)
  local mapped = {}
  for i, it in ipairs(list) do mapped[i] = f(it) end
  return mapped
end

local function public_lane(lane)
  return { process = lane.process.index, task = lane.task, name = lane.name,
    line = lane.line, from = lane.from, to = lane.to, state = lane.state }
end

local function public_sock(sock)
  return { process = sock.process.index, id = sock.id, fd = sock.fd,
    family = sock.family, type = sock.type, name = names.of(sock) }
end

local function public_call(call)
  local e = call.event
  local public = { lane = call.lane.index, sock = index_of(call.sock),
    new = index_of(call.new), call = e.call, kind = e.kind, from = call.from,
    to = call.to, wait = call.wait, own = own_line(call),
    failed = read.is_fault(e.code) or nil, hint = e.code and hints.of(e.code) }
  for _, key in ipairs(read.SHOWN) do public[key] = e[key] end
  public.waits, public.sys = e.waits or 0, e.sys or 0
  return public
end

local function public_arrow(arrow)
  return { from = arrow.from.index, to = arrow.to.index, kind = arrow.kind,
    bytes = arrow.bytes }
end

local function public_process(source_of)
  local taken = {}
  return function(p)
    local source = source_of(p.lab)
    local changed = source and p.sum and p.sum ~= sum_of(source) or nil
    return { pid = p.pid, host = p.host, lab = p.lab, args = p.args,
      name = name_process(p, taken), source = not changed and source or nil,
      changed = changed, at = p.at, stop = p.stop, cut = p.cut }
  end
end

-- Calls are logged as they end; here they are sorted as they begin.
local function sort_calls(calls)
  table.sort(calls, function(a, b)
    if a.from ~= b.from then return a.from < b.from end
    return a.order < b.order
  end)
  for i, call in ipairs(calls) do call.index = i end
end

--- The model of traces. The events of each process are a list.
---@param list table[][]
---@param source_of? fun(lab: string): string?
---@return table model
function model.of(list, source_of)
  local m = { processes = {}, lanes = {}, socks = {}, calls = {} }
  local machines, parts, seconds = {}, {}, 0.0
  for i, events in ipairs(split(list)) do
    local machine = machine_of(machines, events[1])
    local first, last = span(events)
    machine.first = math.min(machine.first, first)
    parts[i] = { events = events, machine = machine, last = last }
  end
  local wall = place(machines)
  for _, part in ipairs(parts) do
    add_process(m, part.events, part.machine, part.last)
    seconds = math.max(seconds, part.machine.seconds(part.last))
  end
  sort_calls(m.calls)
  local arrows, lost = match.find(m.calls, m.socks)
  return { version = 1, seconds = seconds, wall = wall,
    processes = map(m.processes, public_process(source_of or read_source)),
    lanes = map(m.lanes, public_lane), socks = map(m.socks, public_sock),
    calls = map(m.calls, public_call), arrows = map(arrows, public_arrow),
    lost = map(lost, index_of), counts = count_calls(m.calls),
    lines = count_lines(m.calls) }
end

return model
