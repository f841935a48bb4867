-- net.trace.chrome: trace events, held against the published format.
local chrome = require "net.trace.chrome"
local json = require "net.json"
local made = require "tests.support.trace"
local support = require "tests.support"
local trace = require "net.trace"

-- What an event of each phase must have, and of which type; all have name, ph,
-- ts, pid and tid.
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

-- Both ends of a flow have its id, cat and name, and lie within slices of their
-- tracks: else the arrow would be drawn nowhere.
local function check_flows(events)
  local begun, ended = {}, 0
  for _, event in ipairs(events) do
    if event.ph == "s" or event.ph == "f" then
      local within = false
      for _, it in ipairs(events) do
        within = within or it.ph == "X" and it.pid == event.pid and
          it.tid == event.tid and it.ts <= event.ts and
          event.ts <= it.ts + it.dur
      end
      assert.is_true(within)
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

-- The events of a file, checked; and how many flows there are.
local function check(text)
  local file = assert(json.decode(text))
  assert.equal("ms", file.displayTimeUnit)
  local last, processes, threads = 0, {}, {}
  for _, event in ipairs(file.traceEvents) do
    check_types(event)
    assert.is_true(event.ts >= last)
    last = event.ts
    local thread = event.pid .. "." .. event.tid
    if event.name == "process_name" then processes[event.pid] = true end
    if event.name == "thread_name" then threads[thread] = true end
    if event.ph ~= "M" then
      assert.is_true(processes[event.pid] and threads[thread])
    end
  end
  return file.traceEvents, check_flows(file.traceEvents)
end

local function sock(...) return { made.sock(...) } end

local function events_of(...)
  local list = {}
  for i, it in ipairs { ... } do
    list[i] = assert(trace.read(made.text(it[1], made.flat(it[2]))))
  end
  return check(chrome.write(trace.model(list, function() end)))
end

describe("the trace events", function()
  support.leaves_nothing(before_each, after_each)

  it("are slices, polls, and flows between processes", function()
    local events, flows = events_of({ { lab = "s.lua" }, {
      sock(1, "inet", "stream", "127.0.0.1:9"),
      sock(2, "inet", "stream", "127.0.0.1:9", "127.0.0.1:4"),
      { call = "accept", sock = 1, code = "EAGAIN", at = 5 },
      { call = "accept", sock = 1, new = 2, args = "", line = "s.lua:3", at = 6,
        to = 30.25, wait = 24000000, waits = 1, sys = 2 },
      { call = "recv", sock = 2, ["in"] = 5, data = "\27<é\"", at = 50 },
    } }, { { lab = "c.lua", pid = 8 }, {
      sock(1, "inet", "stream", "127.0.0.1:4", "127.0.0.1:9"),
      { call = "connect", sock = 1, at = 30 },
      { call = "send", sock = 1, out = 5, at = 40 },
    } })
    assert.equal(2, flows)
    local found = {}
    for _, event in ipairs(events) do
      found[#found + 1] = ("%s %s %d.%d %g"):format(event.ph, event.name,
        event.pid, event.tid, event.ts)
    end
    assert.same({
      "M process_name 1.0 0", "M process_sort_index 1.0 0",
      "M process_name 2.0 0", "M process_sort_index 2.0 0",
      "M thread_name 1.1 0", "M thread_sort_index 1.1 0",
      "M thread_name 2.1 0", "M thread_sort_index 2.1 0",
      "X accept 1.1 5000", "i EAGAIN 1.1 5000", "X accept 1.1 6000",
      "X connect 2.1 30000", "s connect 2.1 30000", "f connect 1.1 30000",
      "X send 2.1 40000", "s bytes 2.1 40000", "X recv 1.1 50000",
      "f bytes 1.1 50000" }, found)
    assert.equal("c (8)", events[3].args.name)
    local accept = events[11]
    assert.same({ 24250, { waited_us = 24000, waits = 1, sys = 2, args = "",
      line = "s.lua:3", socket = "tcp 127.0.0.1:9" } }, { accept.dur,
      accept.args })
  end)

  it("of nothing are still a file", function()
    assert.equal(4, #events_of { {}, {} })
  end)

  it("are made of what the host runs", function()
    local path = support.folder() .. "/modes.json"
    local _, err, status = support.run(("%s --trace=%s labs/socket_modes.lua")
      :format(support.host, path))
    assert.same({ "", 0 }, { err, status })
    local events, flows = check(support.read(path))
    assert.equal(2, flows)
    local polls = 0
    for _, event in ipairs(events) do
      if event.ph == "i" then polls = polls + 1 end
    end
    assert.is_true(polls >= 1)
  end)
end)
