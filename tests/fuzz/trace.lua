-- SPDX-License-Identifier: MIT
--
-- Traces: events of all kinds, with right and wrong values, and arbitrary
-- lines. What can be read has a model whose indices are valid, and all its
-- formats are text without control characters.

local json = require "net.json"
local trace = require "net.trace"
local live = require "net.trace.live"
local text = require "net.trace.text"
local input = require "tests.fuzz.input"

local WRITERS = {
  mmd = require "net.trace.mermaid", json = require "net.trace.chrome",
  html = require "net.trace.html",
}

local EVENTS = { "start", "task", "done", "sock", "sock", "name", "name",
  "call", "call", "call", "call", "call", "call", "call", "stop", "weather" }
local COUNTS = { "wait", "waits", "sys", "in", "in", "out", "out", "task",
  "sock", "sock", "new", "new", "fd", "by", "end" }
local ADDRESSES = { "127.0.0.1:80", "127.0.0.1:80", "127.0.0.1:5", "0.0.0.0:80",
  "[::1]:80", "[fe80::1%lo]:80", "[::ffff:1.2.3.4]:5", "224.0.0.1:80",
  "[ff02::1]:80", "@x", "/tmp/x", "" }
local CALLS = { "connect", "accept", "socketpair", "send", "sendall", "sendto",
  "recv", "recvfrom", "recv_line", "recv_into" }
local WORDS = { "s.lua:3", "s.lua:99999999999999999999", "...lua:3", "EAGAIN",
  "EOF", "raised", "echo", "MSG_PEEK", "done", "end", "#;\"\n\27[31m", "abc",
  "</script>", "\u{202E}", ":", "%", "[", "lab", "x.lua" }
local KINDS = { "open", "connect", "accept", "send", "receive", "property" }
local CHOICES = {
  ["local"] = ADDRESSES, peer = ADDRESSES, addr = ADDRESSES, call = CALLS,
  kind = KINDS,
  family = { "inet", "inet", "inet6", "unix" }, type = { "stream", "dgram" },
}
local TEXTS = { "family", "type", "local", "peer", "peer", "call", "args",
  "line", "data", "result", "addr", "addr", "code", "error", "engine", "state",
  "host" }
local FIRST = { sock = { "family", "type" }, name = { "local", "peer" },
  call = { "call", "kind" } }
local NUMBERS = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 100, 1000, 1 << 39, 1 << 40,
  (1 << 62) - 1, 1 << 62, math.maxinteger, -1, 1.5, 1e300 }

local kinds = {
  function(at) return at:below(9) end,
  function(at) return at:below(9) end,
  function(at) return at:choice(NUMBERS) end,
  function(at) return at:choice(WORDS) end,
  function(at) return at:choice(WORDS) end,
  function(at) return at:choice(WORDS) end,
  function(at) return at:take(at:below(8)) end,
  function(at) return at:byte() > 127 end,
  function(at) return { at:choice(WORDS) } end,
}

-- The required keys of each event, and some others, mostly of the right type: a
-- wrong one spoils the trace.
local function event(at)
  local it = { ev = at:choice(EVENTS), t = at:below(64) }
  if it.ev == "start" then
    it.wall, it.v, it.pid, it.lab = 1e9, 1, at:below(4), at:choice(WORDS)
  end
  it.task, it.sock = at:below(4), at:below(9)
  it["end"] = it.t + at:below(64)
  for _, key in ipairs(FIRST[it.ev] or {}) do
    it[key] = at:choice(CHOICES[key])
  end
  for _ = 1, at:below(8) do
    local kind = at:below(64)
    if kind == 0 then
      it[at:choice(TEXTS)] = at:choice(kinds)(at)
    elseif kind < 36 then
      local key = at:choice(TEXTS)
      it[key] = at:choice(at:below(8) > 0 and CHOICES[key] or WORDS)
    elseif kind < 38 then
      it[at:choice(COUNTS)] = at:choice(NUMBERS)
    else
      it[at:choice(COUNTS)] = at:below(9)
    end
  end
  it.open = at:byte() > 250 or nil
  return it
end

-- A process with a connection to itself, two UDP sockets and a socketpair,
-- which the random events use.
local START = [[
{"ev":"start","v":1,"t":5,"wall":1e9,"pid":7,"host":"lab","lab":"s.lua"}
{"ev":"sock","t":6,"sock":1,"family":"inet","type":"stream"}
{"ev":"name","t":6,"sock":1,"local":"127.0.0.1:80"}
{"ev":"sock","t":6,"sock":2,"family":"inet","type":"stream"}
{"ev":"name","t":6,"sock":2,"local":"127.0.0.1:80","peer":"127.0.0.1:5"}
{"ev":"sock","t":6,"sock":3,"family":"inet","type":"stream"}
{"ev":"name","t":6,"sock":3,"local":"127.0.0.1:5","peer":"127.0.0.1:80"}
{"ev":"call","t":7,"end":9,"task":1,"sock":1,"new":2,"call":"accept",]] ..
[["kind":"accept"}
{"ev":"call","t":8,"end":8,"task":2,"sock":3,"call":"connect","kind":"connect"}
{"ev":"sock","t":6,"sock":4,"family":"inet","type":"dgram"}
{"ev":"name","t":6,"sock":4,"local":"0.0.0.0:80"}
{"ev":"sock","t":6,"sock":5,"family":"inet","type":"dgram"}
{"ev":"name","t":6,"sock":5,"local":"127.0.0.1:5","peer":"127.0.0.1:80"}
{"ev":"sock","t":6,"sock":6,"family":"unix","type":"dgram"}
{"ev":"sock","t":6,"sock":7,"family":"unix","type":"dgram"}
{"ev":"call","t":8,"end":8,"task":1,"call":"socketpair","kind":"open","new":6}
]]

local function make(at)
  local lines = {}
  while at:more() do
    if at:below(256) == 0 then
      lines[#lines + 1] = at:take(at:below(64))
    else
      local ok, line = pcall(json.encode, event(at))
      if ok then lines[#lines + 1] = line end -- otherwise it was not UTF-8
    end
  end
  return START .. table.concat(lines, "\n") .. "\n"
end

local function check_index(index, list)
  assert(index == nil or list[index], index)
end

local function check(m)
  for i, call in ipairs(m.calls) do
    check_index(call.lane, m.lanes)
    check_index(call.sock, m.socks)
    check_index(call.new, m.socks)
    assert(call.from >= 0 and call.from <= call.to and call.to <= m.seconds)
    assert(call.wait >= 0 and call.wait <= call.to - call.from)
    assert(i == 1 or m.calls[i - 1].from <= call.from)
  end
  for _, arrow in ipairs(m.arrows) do
    check_index(assert(arrow.from), m.calls)
    check_index(assert(arrow.to), m.calls)
  end
  for _, index in ipairs(m.lost) do check_index(index, m.calls) end
  for _, lane in ipairs(m.lanes) do
    check_index(assert(lane.process), m.processes)
    assert(lane.from <= lane.to)
  end
  for _, list in ipairs { m.socks, m.lines } do
    for _, it in ipairs(list) do
      check_index(assert(it.process), m.processes)
    end
  end
  for _, row in ipairs(m.counts) do
    check_index(assert(row.lane), m.lanes)
    assert(row["in"] >= 0 and row.out >= 0 and row.sys >= 0)
  end
end

local function show(lines)
  local view = live.new { width = 60, since = 0, write = function(line)
    assert(text.columns(line) <= 61, line)
    assert(not line:find "[^\n -~\xC0-\xF4\x80-\xBF]", line)
  end }
  for line in lines:gmatch "[^\n]+" do view(line) end
end

return function(bytes)
  local at = input.new(bytes)
  local name = at:choice { "html", "json", "mmd", "live" }
  local lines = make(at)
  if name == "live" then return show(lines) end
  local events, message, code = trace.read(lines)
  if not events then
    return assert(code == "EINVAL" and message:find "^line %d+: .+ %(EINVAL%)$",
      message)
  end
  local m = trace.model({ events }, function() end)
  check(m)
  local shown = WRITERS[name].write(m)
  assert(utf8.len(shown) and not shown:find "[^\n\32-\126\128-\255]", name)
  if name == "json" then assert(json.decode(shown)) end
end
