-- SPDX-License-Identifier: MIT
--
-- net.trace.chrome: a model as Chrome trace events, which Perfetto opens: a
-- call is a slice on its task's track, an EAGAIN an instant, and an arrow a
-- flow from slice to slice.

local json = require "net.json"
local read = require "net.trace.read"

local chrome = {}

-- Seconds as microseconds, to the nanosecond.
local function micros(seconds) return math.floor(seconds * 1e9 + 0.5) / 1e3 end

-- The track of a lane. A process is known by its index, because two machines
-- may use the same pid.
local function track(m, lane)
  return m.lanes[lane].process, m.lanes[lane].task
end

local function put_names(events, m)
  local function name(pid, tid, key, value, order)
    events[#events + 1] = { ph = "M", ts = 0, pid = pid, tid = tid,
      name = key .. "_name", args = { name = value } }
    events[#events + 1] = { ph = "M", ts = 0, pid = pid, tid = tid,
      name = key .. "_sort_index", args = { sort_index = order } }
  end
  for i, process in ipairs(m.processes) do
    name(i, 0, "process", ("%s (%d)"):format(process.name, process.pid), i)
  end
  for i, lane in ipairs(m.lanes) do
    local pid, tid = track(m, i)
    name(pid, tid, "thread", lane.name, i)
  end
end

-- What the viewer shows of the selected call.
local function details(m, call)
  local args = { waited_us = micros(call.wait), hint = call.hint }
  for _, key in ipairs(read.SHOWN) do args[key] = call[key] end
  args.socket = call.sock and m.socks[call.sock].name
  return args
end

local function put_call(events, m, call)
  local pid, tid = track(m, call.lane)
  local from = micros(call.from)
  events[#events + 1] = { ph = "X", name = call.call, ts = from,
    dur = micros(call.to - call.from), cat = call.engine or "call", pid = pid,
    tid = tid, args = details(m, call) }
  if call.code == "EAGAIN" then
    events[#events + 1] = { ph = "i", s = "t", name = "EAGAIN", cat = "poll",
      ts = from, pid = pid, tid = tid }
  end
end

-- Each end of a flow belongs to the slice around it.
local function put_arrow(events, m, arrow, id)
  local from, to = m.calls[arrow.from], m.calls[arrow.to]
  local pid, tid = track(m, from.lane)
  events[#events + 1] = { ph = "s", id = id, name = arrow.kind, cat = "net",
    ts = micros(from.from), pid = pid, tid = tid,
    args = { bytes = arrow.bytes } }
  pid, tid = track(m, to.lane)
  events[#events + 1] = { ph = "f", bp = "e", id = id, name = arrow.kind,
    cat = "net", ts = micros(math.max(from.from, to.from)), pid = pid,
    tid = tid }
end

-- By time; events of the same time stay in their order.
local function sort(events)
  local order = {}
  for i, event in ipairs(events) do order[event] = i end
  table.sort(events, function(a, b)
    if a.ts ~= b.ts then return a.ts < b.ts end
    return order[a] < order[b]
  end)
end

--- The text of a file of trace events, one a line. pid is the index of the
--- process, tid its task.
---
--- See: the Trace Event Format, ui.perfetto.dev.
---@param m table the model, from trace.model
---@return string json
function chrome.write(m)
  local events, lines = {}, {}
  put_names(events, m)
  for _, call in ipairs(m.calls) do put_call(events, m, call) end
  for i, arrow in ipairs(m.arrows) do put_arrow(events, m, arrow, i) end
  sort(events)
  for i, event in ipairs(events) do lines[i] = json.encode(event) end
  return ('{"displayTimeUnit":"ms","otherData":%s,"traceEvents":[\n%s\n]}\n')
    :format(json.encode { version = "netlab", began = m.wall },
      table.concat(lines, ",\n"))
end

return chrome
