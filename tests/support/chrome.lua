-- SPDX-License-Identifier: MIT
--
-- Checks trace events against the published "Trace Event Format" of the
-- Catapult project.

local assert = require "luassert"
local json = require "net.json"
local support = require "tests.support"

local chrome = {}

-- The keys that an event of each phase must have, and their types. All have
-- name, ph, ts, pid and tid.
local PHASES = {
  M = { args = "table" },
  X = { dur = "number", cat = "string", args = "table" },
  i = { s = "string", cat = "string" },
  s = { id = "number", cat = "string" },
  f = { id = "number", cat = "string", bp = "string" },
}
local NAMES = { process_name = true, process_sort_index = true,
  thread_name = true, thread_sort_index = true }

local function check_types(event)
  assert.is_string(event.name)
  assert.is_number(event.ts)
  assert.equal("integer", math.type(event.pid))
  assert.equal("integer", math.type(event.tid))
  local needed = assert(PHASES[event.ph], event.ph)
  for key, kind in pairs(needed) do
    assert.equal(kind, type(event[key]), key)
  end
  for key in pairs(event) do
    assert.truthy(needed[key] or key == "args" or
      ("name ph ts pid tid"):find(key), key)
  end
  assert.is_true(event.ts >= 0 and (event.dur or 0) >= 0)
  if event.ph == "M" then assert.truthy(NAMES[event.name]) end
  if event.ph == "i" then assert.equal("t", event.s) end
  if event.ph == "f" then assert.equal("e", event.bp) end
end

local function track(event) return event.pid .. "." .. event.tid end

-- Returns the slices of each track, in the order of their start.
local function slices_of(events)
  local tracks = {}
  for _, event in ipairs(events) do
    if event.ph == "X" then
      local list = tracks[track(event)] or {}
      tracks[track(event)] = list
      list[#list + 1] = event
    end
  end
  return tracks
end

local function lies_within(event, slices)
  for i = #slices, 1, -1 do
    local it = slices[i]
    if it.ts <= event.ts and event.ts <= it.ts + it.dur then return true end
  end
end

-- Checks that both ends of a flow have its id, cat and name, and lie within
-- slices of their tracks; otherwise no arrow is drawn.
local function check_flows(events)
  local begun, ended, tracks = {}, 0, slices_of(events)
  for _, event in ipairs(events) do
    if event.ph == "s" or event.ph == "f" then
      assert.is_true(lies_within(event, tracks[track(event)]))
    end
    if event.ph == "s" then
      assert.is_nil(begun[event.id])
      begun[event.id] = event
    elseif event.ph == "f" then
      local from = assert(begun[event.id])
      assert.same({ from.cat, from.name }, { event.cat, event.name })
      assert.is_true(from.ts <= event.ts)
      ended = ended + 1
    end
  end
  assert.equal(#support.keys(begun), ended)
  return ended
end

--- Returns the checked events of a file, and the number of flows.
function chrome.check(text)
  local file = assert(json.decode(text))
  assert.equal("ms", file.displayTimeUnit)
  local last, processes, threads = 0, {}, {}
  for _, event in ipairs(file.traceEvents) do
    check_types(event)
    assert.is_true(event.ts >= last)
    last = event.ts
    local thread = track(event)
    if event.name == "process_name" then processes[event.pid] = true end
    if event.name == "thread_name" then threads[thread] = true end
    if event.ph ~= "M" then
      assert.is_true(processes[event.pid] and threads[thread])
    end
  end
  return file.traceEvents, check_flows(file.traceEvents)
end

return chrome
