-- SPDX-License-Identifier: MIT
--
-- Invented traces, for specs of what reads them.

local json = require "net.json"

local made = {}

--- The kind of each call by its name, from the table in src/trace/calls.h.
made.kinds = {}
for line in io.lines "src/trace/calls.h" do
  local call, kind = line:match '^ +CALL%("(.-)", "(.-)"'
  if call then made.kinds[call] = kind end
end

local BEGIN = 5000000000 -- ns, unless a trace has another
local MS = 1000000

--- Returns the text of a trace: a start event, to which `start` adds keys, and
-- events. An event without `ev` is a call. Event i happens at i ms, or from
-- `at` to `to` (ms).
function made.text(start, events)
  local base = start.t or BEGIN
  local head = { ev = "start", v = 1, t = base, wall = 1764036632.5, pid = 7,
    host = "lab", lab = "s.lua", args = { "--port", "9900" } }
  for key, value in pairs(start) do head[key] = value end
  local lines = { json.encode(head) }
  for i, it in ipairs(events) do
    local at = it.at or i
    local line = { ev = it.ev or "call", t = base + math.floor(at * MS) }
    if line.ev == "call" then
      line["end"] = base + math.floor((it.to or at + 0.5) * MS)
      line.task, line.kind = 1, made.kinds[it.call] or "unknown"
    end
    for key, value in pairs(it) do
      if key ~= "at" and key ~= "to" then line[key] = value end
    end
    lines[#lines + 1] = json.encode(line)
  end
  return table.concat(lines, "\n") .. "\n"
end

--- Returns the events of a socket with these names.
function made.sock(id, family, type, here, there)
  return { ev = "sock", sock = id, family = family, type = type, fd = id + 10 },
    { ev = "name", sock = id, ["local"] = here, peer = there }
end

--- Returns a list of events without the lists nested in it.
function made.flat(list)
  local flat = {}
  for _, it in ipairs(list) do
    if it[1] then
      table.move(it, 1, #it, #flat + 1, flat)
    else
      flat[#flat + 1] = it
    end
  end
  return flat
end

return made
