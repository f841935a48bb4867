-- net.trace: reading events, the model of one or more processes, and the files
-- that show it.
local json = require "net.json"
local made = require "tests.support.trace"
local support = require "tests.support"
local trace = require "net.trace"

-- Returns the model of traces, each { start, events }, without source.
local function model_of(...)
  local list = {}
  for i, it in ipairs { ... } do
    list[i] = assert(trace.read(made.text(it[1], made.flat(it[2]))))
  end
  return trace.model(list, function() end)
end

local function sock(...) return { made.sock(...) } end

-- Describes an arrow: "connect accept", "bytes sendall>recv 5".
local function arrows_of(m)
  local words = {}
  for i, arrow in ipairs(m.arrows) do
    local from, to = m.calls[arrow.from], m.calls[arrow.to]
    words[i] = ("%s %s>%s%s"):format(arrow.kind, from.args or from.call,
      to.args or to.call, arrow.bytes and " " .. arrow.bytes or "")
  end
  return words
end

describe("trace.read", function()
  support.leaves_nothing(before_each, after_each)

  it("returns the events of a text or a file, in order", function()
    local text = made.text({}, { { call = "socket" }, { ev = "stop" } })
    local events = assert(trace.read(text))
    assert.same({ "start", "call", "stop" }, { events[1].ev, events[2].ev,
      events[3].ev })
    assert.equal(5001000000, events[2].t)
    local path = support.write(support.folder() .. "/a.jsonl", text)
    local file <close> = assert(io.open(path))
    assert.same(events, assert(trace.read(file, path)))
  end)

  it("accepts a last line that was cut", function()
    local text = made.text({}, { { call = "socket" }, { call = "bind" } })
    for cut = 1, 30 do
      local events = assert(trace.read(text:sub(1, -1 - cut)))
      assert.equal(cut == 1 and 3 or 2, #events)
    end
  end)

  it("ignores what a newer netlab may have written", function()
    local events = assert(trace.read(made.text({ colour = "red" },
      { { ev = "weather", sun = true }, { call = "bind", sky = { 1 } } })))
    assert.equal(2, #events)
  end)

  it("reports which line is damaged, and how", function()
    local start = made.text({}, {})
    for line, message in pairs {
      ["{"] = "decode: string expected at byte 2",
      ["[1]"] = "this is not an event", ["5"] = "this is not an event",
      ["{}"] = "this is not an event", ["null"] = "this is not an event",
      ['{"ev":1}'] = "this is not an event",
      ['{"ev":"stop"}'] = "the stop event has no 't'",
      ['{"ev":"call","t":1,"end":2,"task":1,"kind":"wait"}'] =
        "the call event has no 'call'",
      ['{"ev":"call","t":1,"end":2,"task":1,"call":"recv"}'] =
        "the call event has no 'kind'",
      ['{"ev":"stop","t":-1}'] = "'t' must be a time",
      ['{"ev":"stop","t":1.5}'] = "'t' must be a time",
      ['{"ev":"stop","t":9223372036854775807}'] = "'t' must be a time",
      ['{"ev":"sock","t":1,"sock":"1"}'] = "'sock' must be a count",
      ['{"ev":"sock","t":1,"sock":1,"family":2}'] = "'family' must be a text",
      ['{"ev":"stop","t":1,"wall":-1}'] = "'wall' must be a number",
      ['{"ev":"task","t":1,"task":1,"open":1}'] = "'open' must be a boolean",
      [start:gsub('%["%-%-port".-%]', "[1]")] = "'args' must be a list",
      [start:gsub('"v":1', '"v":2')] =
        "its format is 2, and this netlab reads 1",
    } do
      line = line:gsub("\n$", "")
      assert.same({ n = 3, nil, ("x: line 2: %s (EINVAL)"):format(message),
        "EINVAL" }, table.pack(trace.read(start .. line .. "\n", "x")))
    end
  end)

  it("refuses anything but a trace", function()
    for _, text in ipairs { "", "\n", '{"ev":"stop","t":1}\n', "{" } do
      assert.same({ n = 3, nil, "a trace begins with a start event (EINVAL)",
        "EINVAL" }, table.pack(trace.read(text)))
    end
    local _, message = trace.read(made.text({}, {}):rep(1001))
    assert.equal("line 1001: too many processes (EINVAL)", message)
    support.raises("string or open file expected", trace.read, 5)
    local folder <close> = assert(io.open "/")
    local _, why, code = trace.read(folder, "/")
    assert.same({ "/: Is a directory", "EIO" }, { why, code })
  end)
end)

describe("trace.model", function()
  support.leaves_nothing(before_each, after_each)

  it("counts seconds from the first event of all", function()
    local m = model_of({ { lab = "labs/a.lua" }, {
      { call = "sleep", at = 100, to = 400, wait = 299000000, waits = 1 },
      { ev = "stop", at = 500 } } })
    assert.same({ 1, 0.5, 1764036632.5 }, { m.version, m.seconds, m.wall })
    assert.same({ { pid = 7, host = "lab", lab = "labs/a.lua", name = "a",
      args = { "--port", "9900" }, at = 0, stop = 0.5 } }, m.processes)
    assert.same({ { lane = 1, call = "sleep", kind = "task", from = 0.1,
      to = 0.4, wait = 0.299, waits = 1, sys = 0 } }, m.calls)
  end)

  it("sorts calls by their beginning, and keeps their fields", function()
    local m = model_of({ {}, {
      sock(1, "inet", "stream", "127.0.0.1:9900"),
      { call = "inner", at = 20, to = 30 },
      { call = "accept", at = 10, to = 40, sock = 1, args = "", code = "EAGAIN",
        error = "accept: no", line = "s.lua:6", sys = 1, wait = 99e9 // 1 | 0 },
    } })
    assert.same({ "accept", "inner" }, { m.calls[1].call, m.calls[2].call })
    local call = m.calls[1]
    assert.same({ 1, "", "EAGAIN", "accept: no", "s.lua:6", 1 }, { call.sock,
      call.args, call.code, call.error, call.line, call.sys })
    assert.equal(call.to - call.from, call.wait) -- at most the call itself
    assert.matches("settimeout", call.hint)
  end)

  it("has a lane for each task, from its start to its end", function()
    local m = model_of({ {}, {
      { ev = "task", task = 3, by = 1, line = "s.lua:9", at = 5 },
      { ev = "task", task = 2, by = 1, at = 6 },
      { ev = "done", task = 3, state = "failed", at = 20 },
      { call = "sleep", task = 2, at = 7 },
      { call = "close", task = 0, at = 8 },
      { ev = "stop", at = 30 },
    } })
    assert.same({
      { process = 1, task = 1, name = "script", from = 0, to = 0.03 },
      { process = 1, task = 2, name = "task 2", from = 0.006, to = 0.03 },
      { process = 1, task = 3, name = "task 3", from = 0.005, to = 0.02,
        line = "s.lua:9", state = "failed" },
      { process = 1, task = 0, name = "at exit", from = 0.008, to = 0.03 } },
      m.lanes)
    assert.same({ 2, 4 }, { m.calls[1].lane, m.calls[2].lane })
  end)

  it("names the sockets that have names", function()
    local m = model_of({ {}, {
      sock(1, "inet", "stream", "127.0.0.1:9900"),
      sock(2, "inet", "stream", "127.0.0.1:9900", "127.0.0.1:41234"),
      sock(3, "inet6", "stream", "[::1]:5", "[::1]:80"),
      sock(4, "inet", "dgram", "0.0.0.0:5", "10.0.0.1:80"),
      sock(5, "unix", "stream", "", "/tmp/x"),
      sock(6, "unix", "stream", "/tmp/x", ""),
      { ev = "sock", sock = 7, family = "inet", type = "dgram" },
      { call = "accept", sock = 1, new = 2 }, { call = "accept", new = 6 },
    } })
    local texts = {}
    for i, it in ipairs(m.socks) do texts[i] = it.name end
    assert.same({ "tcp 127.0.0.1:9900", "tcp 127.0.0.1:9900<-41234",
      "tcp [::1]:5->80", "udp 0.0.0.0:5->10.0.0.1:80", "unix ->/tmp/x",
      "unix /tmp/x<-", "udp #7" }, texts)
    assert.same({ process = 1, id = 2, fd = 12, family = "inet",
      type = "stream", name = texts[2] }, m.socks[2])
  end)

  it("counts by lane and call, and by the lab's lines", function()
    local m = model_of({ {}, {
      { call = "recv", line = "s.lua:7", wait = 1000000, sys = 2, ["in"] = 5,
        to = 10 },
      { call = "recv", line = "s.lua:7", sys = 1, code = "EAGAIN" },
      { call = "recv", line = "other.lua:7", code = "EOF" },
      { call = "connect", code = "EINPROGRESS" },
      { call = "recv", line = "other.lua:7", code = "ECONNRESET" },
      { call = "send", line = "s.lua:8", out = 3, engine = "echo" },
    } })
    assert.same({
      { lane = 1, call = "connect", calls = 1, sys = 0, ["in"] = 0, out = 0,
        wait = 0, errors = 0 },
      { lane = 1, call = "recv", calls = 4, sys = 3, ["in"] = 5, out = 0,
        wait = 0.001, errors = 1 },
      { lane = 1, call = "send", calls = 1, sys = 0, ["in"] = 0, out = 3,
        wait = 0, errors = 0 } }, m.counts)
    assert.same({ { process = 1, line = 7, calls = 2, wait = 0.001 } }, m.lines)
  end)

  it("recognizes the lab by a name that Lua has cut", function()
    local lab = ("folder/"):rep(12) .. "s.lua"
    local m = model_of({ { lab = lab }, { { call = "recv",
      line = "..." .. lab:sub(-57) .. ":7" } } })
    assert.same({ { process = 1, line = 7, calls = 1, wait = 0 } }, m.lines)
  end)

  it("contains the source of Lua files only", function()
    local folder = support.folder()
    local secret = support.write(folder .. "/secret", "password")
    local lab = support.write(folder .. "/lab.lua", "print 'é'\n")
    local bytes = support.write(folder .. "/bytes.lua", "\xff")
    local texts = {}
    for i, path in ipairs { lab, secret, bytes, folder .. "/none.lua", "-" } do
      local events = assert(trace.read(made.text({ lab = path }, {})))
      texts[i] = trace.model({ events }).processes[1].source or false
    end
    assert.same({ "print 'é'\n", false, false, false, false }, texts)
    local m = trace.model({ assert(trace.read(made.text({}, {}))) },
      function(name) return "source of " .. name end)
    assert.equal("source of s.lua", m.processes[1].source)
  end)

  it("contains no source that changed since", function()
    local function process(sum)
      local events = assert(trace.read(made.text({ sum = sum }, {})))
      return trace.model({ events }, function() return "a" end).processes[1]
    end
    assert.equal("a", process(0xE40C292C).source) -- the example of FNV-1a
    assert.is_nil(process(0xE40C292C).changed)
    assert.is_nil(process(7).source)
    assert.is_true(process(7).changed)
  end)

  it("places processes of one machine by its monotonic clock", function()
    local m = model_of({ { t = 6000000000, lab = "x/c.lua", wall = 1764036633 },
        { { call = "late", at = 1 } } },
      { { lab = "c.lua" }, { { call = "early", at = 1 } } },
      { { lab = "c#2.lua" }, {} })
    assert.same({ 1, 0, 0 }, { m.processes[1].at, m.processes[2].at,
      m.processes[3].at })
    assert.same({ "c", "c#2", "c#2#2" }, { m.processes[1].name,
      m.processes[2].name, m.processes[3].name })
    assert.same({ "early", "late" }, { m.calls[1].call, m.calls[2].call })
    assert.equal(1.0015, m.seconds)
  end)

  it("places those of others, or before a boot, by wall-clock time", function()
    for _, other in ipairs { { host = "far" }, { wall = 1764036632.75 } } do
      other.t, other.wall = 999000000000, 1764036632.75
      local m = model_of({ {}, { { call = "a" } } }, { other,
        { { call = "b" } } })
      assert.near(0.25, m.processes[2].at, 1e-6)
      assert.near(0.251, m.calls[2].from, 1e-6)
      assert.near(0.2515, m.seconds, 1e-6)
    end
  end)

  it("separates several traces in one text", function()
    local events = assert(trace.read(made.text({}, { { call = "a" } }) ..
      made.text({ pid = 8 }, { { call = "b" } })))
    local m = trace.model({ events }, function() end)
    assert.same({ 7, 8 }, { m.processes[1].pid, m.processes[2].pid })
    assert.same({ 1, 2 }, { m.calls[1].lane, m.calls[2].lane })
  end)

  it("leaves out what does not match", function()
    local m = model_of({ {}, {
      { ev = "name", sock = 9, ["local"] = "x" },
      { ev = "done", task = 9 }, { ev = "done", task = 1 },
      sock(1, "inet", "stream", "nonsense", "[::ffff:1.2.3.4]"),
      sock(1, "unix", "dgram", "twice"),
      { call = "accept", sock = 77, new = 78 },
      { call = "accept", sock = 1, new = 1 },
      { call = "connect", sock = 1 },
      { call = "socketpair", new = 1 }, { call = "socketpair" },
      { call = "sendall", sock = 1, out = 5 },
      { call = "recv", sock = 1, ["in"] = 0, to = 0 },
      { call = "recv", sock = 5, ["in"] = 5, line = "s.lua:" .. ("9"):rep(30) },
      { ev = "sock", sock = 2 }, { call = "sendto", sock = 2, addr = "%:" },
    } })
    assert.same({}, m.arrows)
    assert.equal(9, #m.calls)
    assert.is_nil(m.calls[1].sock)
    assert.is_string(json.encode(m))
  end)
end)

-- A server at the port and its client, by these names.
local function server(here, there, more)
  return { { pid = 1 }, { sock(1, "inet", "stream", "0.0.0.0:9900"),
    sock(2, "inet", "stream", here, there),
    { call = "accept", args = "A", sock = 1, new = 2, at = 1, to = 30 },
    table.unpack(more or {}) } }
end

local function client(here, there, more)
  return { { pid = 2, lab = "c.lua" }, { sock(1, "inet", "stream", here, there),
    { call = "connect", args = "C", sock = 1, at = 20, to = 31 },
    table.unpack(more or {}) } }
end

describe("the model's arrows", function()
  it("join a connect and its accept by both names", function()
    for _, names in ipairs {
      { "127.0.0.1:9900", "127.0.0.1:4", "127.0.0.1:4", "127.0.0.1:9900" },
      { "127.0.0.1:9900", "127.0.0.1:4", "127.0.0.1:4", "0.0.0.0:9900" },
      { "[::ffff:127.0.0.1]:9900", "[::ffff:127.0.0.1]:4", "127.0.0.1:4",
        "127.0.0.1:9900" },
      { "[fe80::1%lo]:9900", "[fe80::2%lo]:4", "[fe80::2%2]:4",
        "[fe80::1%2]:9900" },
    } do
      assert.same({ "connect C>A" }, arrows_of(model_of(
        server(names[1], names[2]), client(names[3], names[4]))))
    end
    assert.same({}, arrows_of(model_of(server("127.0.0.1:9900", "127.0.0.1:4"),
      client("127.0.0.1:5", "127.0.0.1:9900"))))
    assert.same({}, arrows_of(model_of(
      server("127.0.0.1:9900", "127.0.0.1:4"))))
  end)

  it("never join loopback addresses of two machines", function()
    local there = client("127.0.0.1:4", "127.0.0.1:9900")
    there[1].host = "far"
    assert.same({}, arrows_of(model_of(
      server("127.0.0.1:9900", "127.0.0.1:4"), there)))
    there = client("10.0.0.2:4", "10.0.0.1:9900")
    there[1].host = "far"
    assert.equal(1, #model_of(server("10.0.0.1:9900", "10.0.0.2:4"),
      there).arrows)
  end)

  it("begin at the connect that succeeded, and at net.connect", function()
    local calls = { sock(1, "inet", "stream", "127.0.0.1:4", "127.0.0.1:9900"),
      { call = "connect", args = "1", sock = 1, code = "EINPROGRESS", at = 5 },
      { call = "connect", args = "2", sock = 1, at = 6 } }
    local here = server("127.0.0.1:9900", "127.0.0.1:4")
    assert.same({ "connect 2>A" }, arrows_of(model_of(here, { {}, calls })))
    calls[3] = nil
    assert.same({ "connect 1>A" }, arrows_of(model_of(here, { {}, calls })))
    calls[2] = { call = "connect", args = "N", new = 1, at = 5 }
    assert.same({ "connect N>A" }, arrows_of(model_of(here, { {}, calls })))
  end)

  it("join UNIX sockets by path, in order", function()
    local events = { sock(1, "unix", "stream", "@abc") }
    for i = 1, 3 do
      events[#events + 1] = sock(1 + i, "unix", "stream", "", "@abc")
      events[#events + 1] = sock(4 + i, "unix", "stream", "@abc", "")
      events[#events + 1] = { call = "connect", sock = 1 + i, at = 20 + i,
        args = "c" .. i }
      events[#events + 1] = { call = "accept", sock = 1, new = 4 + i,
        args = "a" .. i, at = 30 + i }
    end
    assert.same({ "connect c1>a1", "connect c2>a2", "connect c3>a3" },
      arrows_of(model_of({ {}, events })))
  end)

  it("join the bytes of a stream by their position", function()
    local here = server("127.0.0.1:9900", "127.0.0.1:4", {
      { call = "recv", args = "r1", sock = 2, ["in"] = 3, at = 40 },
      { call = "recv_line", args = "r2", sock = 2, ["in"] = 9, at = 45,
        to = 60 },
      { call = "recv_line", args = "buffered", sock = 2, at = 61 },
      { call = "sendall", args = "s", sock = 2, out = 4, at = 62 },
      { call = "recv", args = "r3", sock = 2, ["in"] = 1, at = 63 } })
    local there = client("127.0.0.1:4", "127.0.0.1:9900", {
      { call = "sendall", args = "s1", sock = 1, out = 5, at = 35 },
      { call = "sendall", args = "s2", sock = 1, out = 7, at = 50 },
      { call = "sendall", args = "s3", sock = 1, out = 9, at = 51 },
      { call = "recv_all", args = "ra", sock = 1, ["in"] = 4, at = 52,
        to = 70 } })
    assert.same({ "connect C>A", "bytes s1>r1 3", "bytes s1>r2 2",
      "bytes s2>r2 7", "bytes s>ra 4", "bytes s3>r3 1" },
      arrows_of(model_of(here, there)))
  end)

  it("join both ends of a socketpair, which have no names", function()
    for _, kind in ipairs { "stream", "dgram" } do
      local arrow = kind == "stream" and "bytes" or "datagram"
      assert.same({ arrow .. " s>r 2", arrow .. " t>q 1" },
        arrows_of(model_of({ {}, {
          sock(1, "unix", kind, "", ""), sock(2, "unix", kind, "", ""),
          { call = "socketpair", new = 1 },
          { call = "send", args = "s", sock = 1, out = 2, data = "ab" },
          { call = "recv", args = "r", sock = 2, ["in"] = 2, data = "ab" },
          { call = "send", args = "t", sock = 2, out = 1, data = "c" },
          { call = "recv", args = "q", sock = 1, ["in"] = 1, data = "c" },
        } })))
    end
  end)
end)

-- Datagrams from port 5 to port 9, each socket in a process of its own.
local function udp(sends, receives)
  local far = made.flat { sock(1, "inet", "dgram", "0.0.0.0:5"),
    table.unpack(sends) }
  local near = made.flat { sock(1, "inet", "dgram", "0.0.0.0:9"),
    table.unpack(receives) }
  for _, it in ipairs(far) do
    if not it.ev then
      it.call, it.sock, it.addr = "sendto", 1, it.addr or "127.0.0.1:9"
    end
  end
  for _, it in ipairs(near) do
    if not it.ev then
      it.call, it.sock, it.addr = "recvfrom", 1, it.addr or "127.0.0.1:5"
    end
  end
  return model_of({ {}, far }, { { lab = "r.lua" }, near })
end

local function lost_of(m)
  local words = {}
  for i, call in ipairs(m.lost) do words[i] = m.calls[call].args end
  return words
end

describe("the model's datagrams", function()
  it("are joined by ports and content, in order, or reported lost", function()
    local m = udp({
      { args = "1", out = 2, data = "aa", at = 10 },
      { args = "2", out = 2, data = "bb", at = 11 },
      { args = "3", out = 2, data = "bb", at = 12 },
      { args = "4", out = 2, data = "cc", at = 13 },
      { args = "none", at = 14 },
    }, {
      { args = "x", ["in"] = 2, data = "bb", at = 5, to = 20 },
      { args = "y", ["in"] = 2, data = "bb", at = 21 },
      { args = "z", ["in"] = 2, data = "cc", at = 22 },
      { args = "empty", at = 23 },
    })
    assert.same({ "datagram 2>x 2", "datagram 3>y 2", "datagram 4>z 2",
      "datagram none>empty 0" }, arrows_of(m))
    assert.same({ "1" }, lost_of(m))
  end)

  it("are joined if they were cut, and not at a peek", function()
    local m = udp({ { args = "1", out = 5, data = "hello", at = 10 } }, {
      { args = '5, "MSG_PEEK"', ["in"] = 5, data = "hello", at = 20 },
      { args = "cut", ["in"] = 2, data = "he", at = 21 } })
    assert.same({ "datagram 1>cut 2" }, arrows_of(m))
    assert.same({}, m.lost)
  end)

  it("are joined if a character was cut or escaped", function()
    local m = udp({ { args = "1", out = 6, data = "中文", at = 10 },
      { args = "2", out = 7, data = [[\xe4\xb8\xad\\x41]], at = 11 } }, {
      { args = "cut", ["in"] = 5, data = [[中\xe6\x96]], at = 20 },
      { args = "new", ["in"] = 7, data = [[中\\x41]], at = 21 } })
    assert.same({ "datagram 1>cut 5", "datagram 2>new 7" }, arrows_of(m))
  end)

  it("are never joined across ports, or before they were sent",
    function()
      local m = udp({ { args = "1", out = 1, data = "a", at = 10 },
        { args = "2", out = 1, data = "b", at = 30, addr = "127.0.0.1:8" } }, {
        { args = "x", ["in"] = 1, data = "a", at = 12, addr = "127.0.0.1:6" },
        { args = "y", ["in"] = 1, data = "a", at = 8 },
        { args = "z", ["in"] = 1, data = "b", at = 40 } })
      assert.same({}, arrows_of(m))
      assert.same({ "1" }, lost_of(m)) -- nothing is at port 8
    end)

  it("of a group are joined with every receiver", function()
    local events = { sock(1, "inet", "dgram", "0.0.0.0:5"),
      sock(2, "inet", "dgram", "0.0.0.0:9"),
      sock(3, "inet", "dgram", "224.0.0.1:9") }
    for i = 1, 100 do
      events[#events + 1] = { call = "sendto", sock = 1, out = 1, data = "a",
        addr = "224.0.0.1:9", args = "s" .. i, at = 20 + i }
      for k = 2, 3 do
        events[#events + 1] = { call = "recvfrom", sock = k, ["in"] = 1,
          data = "a", addr = "127.0.0.1:5", args = "r" .. i, at = 20 + i }
      end
    end
    local m = model_of({ {}, events })
    assert.equal(200, #m.arrows)
    assert.same({}, m.lost)
    assert.same({ "datagram s100>r100 1", "datagram s100>r100 1" },
      { table.unpack(arrows_of(m), 199) })
  end)

  it("of connected and UNIX sockets are joined, too", function()
    local m = model_of({ {}, {
      sock(1, "inet", "dgram", "127.0.0.1:5", "127.0.0.1:9"),
      sock(2, "inet", "dgram", "127.0.0.1:9", "127.0.0.1:5"),
      sock(3, "unix", "dgram", ""), sock(4, "unix", "dgram", "/tmp/x"),
      { call = "send", args = "s", sock = 1, out = 1, data = "a", at = 20 },
      { call = "recv", args = "r", sock = 2, ["in"] = 1, data = "a", at = 21 },
      { call = "sendto", args = "t", sock = 3, out = 1, data = "b", at = 22,
        addr = "/tmp/x" },
      { call = "recvfrom", args = "q", sock = 4, ["in"] = 1, data = "b",
        at = 23, addr = "" },
    } })
    assert.same({ "datagram s>r 1", "datagram t>q 1" }, arrows_of(m))
  end)
end)

describe("a real trace", function()
  support.leaves_nothing(before_each, after_each)

  -- Returns the model of a run of this Lua text.
  local function trace_of(text)
    local folder = support.folder()
    local path = support.write(folder .. "/lab.lua", text)
    local _, err, status = support.run(("%s --trace=%s/a.jsonl %s"):format(
      support.host, folder, path))
    assert.same({ "", 0 }, { err, status })
    local file <close> = assert(io.open(folder .. "/a.jsonl"))
    return trace.model { assert(trace.read(file)) }
  end

  it("joins the calls of its sockets", function()
    local m = trace_of [[
      local net = require "net"
      local listener <close> = assert(net.listen("localhost", 0))
      local task = net.spawn(function()
        local sock <close> = assert(net.socket())
        assert(sock:connect(listener:getsockname()))
        assert(sock:sendall("one\ntwo\n"))
        assert(sock:recv_all())
      end)
      local conn <close> = assert(listener:accept())
      assert(conn:recv_line())
      assert(conn:recv_line())
      assert(conn:sendall("thanks"))
      conn:close()
      task:join()
      local a <close> = assert(net.socket("inet", "dgram"))
      local b <close> = assert(net.socket("inet", "dgram"))
      assert(a:bind("127.0.0.1", 0))
      assert(b:sendto("over", a:getsockname()))
      assert(a:recvfrom(100))]]
    local found = {}
    for i, arrow in ipairs(m.arrows) do
      found[i] = ("%s %s>%s %s"):format(arrow.kind, m.calls[arrow.from].call,
        m.calls[arrow.to].call, arrow.bytes or "")
    end
    table.sort(found)
    assert.same({ "bytes sendall>recv_all 6", "bytes sendall>recv_line 8",
      "connect connect>accept ", "datagram sendto>recvfrom 4" }, found)
    assert.same({}, m.lost)
    assert.same({ "script", "task 2" }, { m.lanes[1].name, m.lanes[2].name })
    assert.matches("listener:accept", m.processes[1].source)
  end)

  -- Returns the bytes at the start and at the end of an arrow.
  local function carried(m)
    local found = {}
    for i, arrow in ipairs(m.arrows) do
      local from, to = m.calls[arrow.from], m.calls[arrow.to]
      found[i] = from.data and from.data .. ">" .. to.data or arrow.kind
    end
    return found
  end

  it("joins datagrams whose sender was not asked for", function()
    local m = trace_of [[
      local net = require "net"
      local a <close> = net.socket("inet", "dgram")
      local b <close> = net.socket("inet", "dgram")
      local c <close> = net.socket("inet", "dgram")
      for _, sock in ipairs { a, b, c } do assert(sock:bind("0.0.0.0", 0)) end
      local function send(from, data, to)
        local _, port = to:getsockname()
        assert(from:sendto(data, "127.0.0.1", port))
      end
      local function connect(from, to)
        local _, port = to:getsockname()
        assert(from:connect("127.0.0.1", port))
      end
      send(b, "MSG_PEEK", a)
      assert(a:recv(100)) -- from anybody
      send(b, "early", a)
      connect(a, c)
      assert(a:recv(100)) -- older than its connection
      connect(c, a)
      assert(a:send "one")
      assert(c:recv(100))
      connect(a, b)]] -- no longer to the peer of "one"
    assert.same({ "MSG_PEEK>MSG_PEEK", "early>early", "one>one" }, carried(m))
  end)

  it("joins connections that were reset or not waited for", function()
    local m = trace_of [[
      local net = require "net"
      local listener <close> = assert(net.listen("127.0.0.1", 0))
      local host, port = listener:getsockname()
      local own <close> = net.socket()
      assert(own:bind(host, 0))
      local _, again = own:getsockname()
      own:close()
      local function reach()
        local sock = net.socket()
        sock:setsockopt("SO_REUSEADDR", true)
        assert(sock:bind(host, again))
        sock:setblocking(false)
        sock:connect(host, port)
        sock:setblocking(true)
        return sock
      end
      local lost <close> = reach()
      net.select({ listener }, {}, 5)
      lost:setsockopt("SO_LINGER", true, 0)
      lost:close()
      local first <close> = assert(listener:accept())
      local sock <close> = reach()
      local second <close> = assert(listener:accept())
      assert(second:send "hello")
      assert(sock:recv(5))]]
    assert.same({ "connect", "connect", "hello>hello" }, carried(m))
  end)
end)

describe("trace.write", function()
  support.leaves_nothing(before_each, after_each)

  it("writes the lines again, one process after the other", function()
    local one = made.text({}, { { call = "a" } })
    local two = made.text({ pid = 8 }, { { call = "b" } })
    local path = support.folder() .. "/both.jsonl"
    assert.is_true(trace.write(nil, { assert(trace.read(one)),
      assert(trace.read(two)) }, path))
    assert.equal(one .. two, support.read(path))
  end)

  it("reports a wrong name, or an error of the file", function()
    local list = { assert(trace.read(made.text({}, {}))) }
    local folder = support.folder()
    for name, want in pairs {
      ["x.txt"] = { "x.txt: the name must end in .jsonl, .html, .mmd or " ..
        ".json (EINVAL)", "EINVAL" },
      ["none/x.jsonl"] = { folder .. "/none/x.jsonl: No such file or " ..
        "directory (ENOENT)", "ENOENT" },
    } do
      local path = name:find "/" and folder .. "/" .. name or name
      local done, message, code = trace.write(nil, list, path)
      assert.same({ want[1], want[2] }, { message, code })
      assert.is_nil(done)
    end
  end)

  it("raises for an invalid text or path, at the caller's line", function()
    local text = made.text({}, {})
    support.raises("text must be a string", trace.draw, nil, "x.html")
    support.raises("path must be a string", trace.draw, text)
    support.raises("path must be a string", trace.write, nil, {}, 5)
  end)

  it("reports a full disk", function()
    local list = { assert(trace.read(made.text({}, {}))) }
    local folder = support.folder()
    support.run(("ln -s /dev/full %s/full.jsonl"):format(folder))
    local _, message, code = trace.write(nil, list, folder .. "/full.jsonl")
    assert.equal("ENOSPC", code)
    assert.matches("full.jsonl: No space left on device %(ENOSPC%)$", message)
  end)
end)
