-- net.trace.chrome: trace events, compared with the published format.
local check = require "tests.support.chrome".check
local chrome = require "net.trace.chrome"
local made = require "tests.support.trace"
local support = require "tests.support"
local trace = require "net.trace"

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

  it("of an empty trace are a file, too", function()
    assert.equal(4, #events_of { {}, {} })
  end)

  it("are made of real traces", function()
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
