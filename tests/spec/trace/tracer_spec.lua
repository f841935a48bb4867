-- What --trace writes: each call of a script as it happened.
local net = require "net"
local record = require "tests.support.record"
local support = require "tests.support"
local text = require "net.trace.text"
local trace = require "net.trace"

local pick, column = record.pick, record.column

-- Returns the calls of a script that succeeds, and all its events.
local function calls_of(script)
  local events, _, err, status = record.script(script)
  assert.same({ "", 0 }, { err, status })
  return pick(events, { ev = "call" }), events
end

-- Returns the only call that is like this.
local function call(calls, like)
  local found = pick(calls, like)
  assert.equal(1, #found)
  return found[1]
end

local PAIR = "local a, b = net.socketpair() "

describe("a trace", function()
  support.leaves_nothing(before_each, after_each)

  it("begins with the process and ends with the system calls", function()
    local events, out = record.script("net.socket():close() print 'ran'",
      "--port 9900")
    assert.equal("ran\n", out)
    local first, last = events[1], events[#events]
    assert.same({ "start", 1, "lab.lua" },
      { first.ev, first.v, first.lab:match "[^/]+$" })
    assert.same({ "--port", "9900" }, first.args)
    assert.is_true(math.abs(first.wall - net.time()) < 100)
    assert.equal("stop", last.ev)
    assert.is_true(last.t > first.t and last.wall >= first.wall)
    assert.is_true(last.sys >= 2)
  end)

  it("has a checksum of the lab, by which a change is noticed", function()
    local events = record.script "print 'ran'"
    local lab = events[1].lab
    local function process()
      return trace.model({ events }).processes[1]
    end
    assert.equal(support.read(lab), process().source)
    support.write(lab, "-- a line\n" .. support.read(lab))
    assert.is_nil(process().source)
    assert.is_true(process().changed)
  end)

  it("has the bytes, addresses and names of UDP calls", function()
    local calls, events = calls_of [[
      local a <close> = net.socket("inet", "dgram")
      local b <close> = net.socket("inet6", "dgram")
      a:bind("127.0.0.1", 0)
      a:sendto("to oneself", a:getsockname())
      a:recvfrom(4)
      b:bind("::1", 0)
      b:sendto("six", b:getsockname())
      b:recvfrom(100)
    ]]
    local names = pick(events, { ev = "name" })
    local here, six = names[1]["local"], names[2]["local"]
    assert.matches("^127%.0%.0%.1:%d+$", here)
    assert.matches("^%[::1%]:%d+$", six)
    assert.same({ "inet dgram", "inet6 dgram" }, {
      events[2].family .. " " .. events[2].type,
      events[4].family .. " " .. events[4].type })
    local sent = pick(calls, { call = "sendto" })
    assert.same({ here, six }, column(sent, "addr"))
    assert.same({ 10, 3 }, column(sent, "out"))
    local got = pick(calls, { call = "recvfrom" })
    assert.same({ here, six }, column(got, "addr"))
    assert.same({ 4, 3 }, column(got, "in"))
    assert.same({ "to o", "six" }, column(got, "data"))
    assert.matches('^"to o", "127.0.0.1", %d+, true$', got[1].result)
  end)

  it("has the paths of UNIX sockets, abstract ones with @", function()
    local path = support.folder() .. "/a:b"
    local calls, events = calls_of(([[
      local a <close> = net.socket("unix", "dgram")
      local b <close> = net.socket("unix", "dgram")
      a:bind(%q)
      b:bind("\0netlab record " .. %d)
      a:sendto("one", (b:getsockname()))
      b:recvfrom(9)
      b:sendto("two", (a:getsockname()))
      a:recvfrom(9)
    ]]):format(path, math.random(1 << 30)))
    local abstract = pick(events, { ev = "name", sock = 2 })[1]["local"]
    assert.matches("^@netlab record %d+$", abstract)
    assert.equal(path, pick(events, { ev = "name", sock = 1 })[1]["local"])
    assert.same({ abstract, path },
      column(pick(calls, { call = "sendto" }), "addr"))
    assert.same({ path, abstract },
      column(pick(calls, { call = "recvfrom" }), "addr"))
  end)

  it("has what each kind of call received", function()
    local calls = calls_of(PAIR .. [[
      a:sendall "one\ntwo\nthree\n4567890"
      b:recv(2, "MSG_PEEK")
      b:recv(1)
      b:recv_line()
      for line in b:lines() do if line == "three" then break end end
      b:recv_exact(2)
      b:recv_into(net.buffer(3))
      a:close()
      b:recv_all()
      b:recv(1)
    ]])
    calls = pick(calls, { sock = 2 })
    assert.same({ "recv", "recv", "recv_line", "lines", "lines", "recv_exact",
      "recv_into", "recv_all", "recv", "close" }, column(calls, "call"))
    assert.same({ "on", "o", "ne", "two", "three", "45", "678", "90", "-",
      "-" }, column(calls, "data"))
    assert.same({ "EOF" }, { calls[9].code })
    assert.matches("^recv: end of stream %(EOF%)$", calls[9].error)
    local got = 0
    for _, each in ipairs(calls) do got = got + (each["in"] or 0) end
    assert.equal(21, got) -- a peek takes nothing; what is buffered came before
  end)

  it("has the bytes that each kind of call sent, and no others", function()
    local calls = calls_of(PAIR .. [[
      a:send "whole"
      a:send("a part", 3, 6)
      a:sendall("a part", -3)
      a:send(net.buffer(4):put("wxyz"), 2, 3)
      a:send(42)
      b:close()
      a:sendall "never"
    ]])
    local sent = pick(calls, { sock = 1 })
    assert.same({ "whole", "part", "art", "xy", "42", "-", "-" },
      column(sent, "data"))
    assert.same({ 5, 4, 3, 2, 2, "-", "-" }, column(sent, "out"))
    assert.equal("EPIPE", sent[6].code)
  end)

  it("escapes bytes, shows the first 32, and is valid UTF-8", function()
    local calls = calls_of(PAIR .. [[
      a:sendall "\0\27[2J\255\"\\\n"
      a:sendall(("\200"):rep(1000))
      pcall(net.inet_aton, "\27\xc3\xa9\xff")
      a:sendall(("中"):rep(11))
      a:sendall("\u{80}\u{61C}\u{200F}\u{202E}\u{2060}\u{FEFF}\u{A0}“…”😀")
      net.gethostbyname("\226\130\172.invalid")
    ]])
    assert.equal([[\x00\x1b[2J\xff"\\\x0a]], calls[2].data)
    assert.equal('"' .. calls[2].data .. '"', calls[2].args)
    assert.equal(("\\xc8"):rep(32), calls[3].data)
    assert.equal('"' .. calls[3].data .. '"...', calls[3].args)
    assert.equal([["\x1bé\xff"]], calls[4].args)
    assert.equal(("中"):rep(10), calls[5].data) -- no part of a character
    assert.equal('"' .. ("中"):rep(10) .. '"...', calls[5].args)
    assert.equal([[\xc2\x80\xd8\x9c\xe2\x80\x8f\xe2\x80\xae\xe2\x81\xa0]] ..
      [[\xef\xbb\xbf]] .. "\u{A0}“…”😀", calls[6].data)
    for _, each in ipairs(calls) do
      for _, key in ipairs { "args", "data", "result" } do
        local words = each[key] or ""
        assert.equal(words, text.printable(words))
      end
    end
  end)

  it("is valid JSON whatever the script's name and arguments", function()
    local folder = support.folder()
    local name = folder .. "/new\nline \"quote\" \xff\x1b \\ \u{20AC}.lua"
    support.write(name, "require 'net'.socket():close()")
    local path = folder .. "/run.jsonl"
    local _, err, status = support.run(
      ("%s --trace=%s '%s' '' '\"' 'a\nb' '\xff' '%s'"):format(support.host,
        path, name, ("x"):rep(3000)))
    assert.same({ "", 0 }, { err, status })
    local events = record.events(support.read(path))
    local shown = "/new\nline \"quote\" \u{FFFD}\x1b \\ \u{20AC}.lua"
    assert.equal(folder .. shown, events[1].lab)
    assert.same({ "", '"', "a\nb", "\u{FFFD}", ("x"):rep(1024) },
      events[1].args)
    assert.equal(folder .. shown .. ":1",
      pick(events, { call = "socket" })[1].line)
  end)

  it("has as many of the script's arguments as fit a line", function()
    local command = support.write(support.folder() .. "/lab.lua",
      "print(#arg)") .. " $(seq 30000)"
    local events, out = record.host(command)
    local args = events[1].args
    assert.equal("30000\n", out)
    assert.same({ "1", "..." }, { args[1], args[#args] })
    assert.equal(tostring(#args - 1), args[#args - 1])
    local _, err = support.run(support.host .. " --trace " .. command)
    assert.matches("^ *[%d.]+ +end +%d+ system calls\n$", err)
  end)

  it("has the line that made a call through pcall and other C", function()
    local calls = calls_of [[
      local s = net.socket()
      pcall(s.setblocking, s, false)
      select(2, s:getblocking(),
        s:getsockname())
      table.sort({ 2, 1 }, function(a, b)
        s:gettimeout()
        return a < b
      end)
      s:close()
    ]]
    local lines = {}
    for i, each in ipairs(calls) do
      lines[i] = each.call .. each.line:match ":%d+$"
    end
    assert.same({ "socket:1", "setblocking:2", "getblocking:3", "getsockname:4",
      "gettimeout:6", "close:9" }, lines)
  end)

  it("counts the system calls of each call, and its waits", function()
    local calls = calls_of(PAIR .. [[
      local task = net.spawn(function()
        net.sleep(0) -- until recv waits
        net.sleep(0.05)
        a:sendall "late"
      end)
      b:recv(10)
      task:join()
      b:setblocking(false)
      b:recv(10)
    ]])
    local late = call(calls, { call = "recv", ["in"] = 4 })
    assert.equal(1, late.waits)
    assert.is_true(late.sys >= 1 and late.wait >= 50000000)
    assert.is_true(late.wait <= late["end"] - late.t)
    local never = call(calls, { call = "recv", code = "EAGAIN" })
    assert.same({ 1 }, { never.sys, never.wait, never.waits })
    assert.is_nil(call(calls, { call = "setblocking" }).sys)
  end)
end)

describe("a trace of tasks", function()
  support.leaves_nothing(before_each, after_each)

  it("has what spawned them, and how they ended", function()
    local calls, events = calls_of [[
      local one = net.spawn(function()
        local two = net.spawn(function() net.sleep(0) end)
        two:join()
        error "mine"
      end)
      pcall(one.join, one)
      local three = net.spawn(function() net.sleep(60) end)
      net.sleep(0)
      three:cancel()
    ]]
    local tasks = pick(events, { ev = "task" })
    assert.same({ 2, 3, 4 }, column(tasks, "task"))
    assert.same({ 1, 2, 1 }, column(tasks, "by"))
    assert.matches(":2$", tasks[2].line)
    local ends = pick(events, { ev = "done" })
    assert.same({ 3, 2, 4, 1 }, column(ends, "task"))
    assert.same({ "done", "failed", "cancelled", "done" },
      column(ends, "state"))
    assert.equal("raised", call(calls, { call = "join", task = 1 }).code)
    assert.equal("task 3", call(calls, { call = "join", task = 2 }).args)
    local cut = call(calls, { call = "sleep", task = 4 })
    assert.same({ "raised", 1 }, { cut.code, cut.waits })
  end)

  it("has a generator's calls in its task", function()
    local calls = calls_of(PAIR .. [[
      a:sendall "x\ny\n"
      local lines = coroutine.wrap(function()
        for line in b:lines() do coroutine.yield(line) end
      end)
      net.spawn(function() net.sleep(0.01) a:close() end)
      assert(lines() == "x" and lines() == "y" and not lines())
    ]])
    local lines = pick(calls, { call = "lines", task = 1 })
    assert.same({ "x", "y", "-" }, column(lines, "data"))
    assert.equal(1, lines[3].waits)
  end)

  it("ends a raising call when it raises, in a coroutine too", function()
    local calls = calls_of [[
      local s = net.socket("inet", "dgram")
      pcall(s.recv, s, -1)
      coroutine.resume(coroutine.create(function() s:recv(-2) end))
      local l = net.listen("127.0.0.1", 0)
      local host, port = l:getsockname()
      net.spawn(function() net.connect(host, port):recv(1) end)
      pcall(l.echo, l, { on_connect = function()
        l:fileno()
        error "observer"
      end })
      net.sleep(0.05)
      s:bind("127.0.0.1", 0)
    ]]
    for args, before in pairs { ["-1"] = "listen", ["-2"] = "listen",
      ["{on_connect = function}"] = "sleep" } do
      local raised = call(calls, { code = "raised", args = args })
      assert.is_true(raised["end"] <= call(calls, { call = before }).t)
      assert.is_nil(raised.error)
    end
    assert.is_truthy(call(calls, { call = "fileno" }).result)
  end)

  it("leaves calls open that the script did not wait for", function()
    local events, _, err, status = record.script(PAIR .. [[
      net.spawn(function() b:recv(1) end)
      net.spawn(function() net.sleep(60) end)
      net.sleep(0.05)
      os.exit(3)
    ]])
    assert.same({ "", 3 }, { err, status })
    local open = pick(events, { open = true })
    assert.same({ "recv", "sleep" }, column(open, "call"))
    assert.is_true(open[1].wait > 0)
    assert.equal("stop", events[#events].ev)
  end)

  it("has sockets closed by <close>, by the collector and at exit", function()
    local calls = calls_of [[
      do local one <close> = net.socket() end
      net.socket():fileno()
      collectgarbage()
      collectgarbage()
      three = net.socket()
      four = net.socket()
      four:close()
      four:close()
    ]]
    local closed = pick(calls, { call = "close" })
    assert.same({ 1, 2, 4, 3 }, column(closed, "sock"))
    assert.same({ 1, 1, 1, 0 }, column(closed, "task"))
  end)
end)

describe("a trace of the echo engine", function()
  support.leaves_nothing(before_each, after_each)

  local function echo(kind, client)
    return calls_of(([[
      local s = net.socket("%s", "%s")
      s:bind("127.0.0.1", 0)
      if "%s" == "stream" then s:listen() end
      local task = net.spawn(s.echo, s)
      local c <close> = net.socket("%s", "%s")
      c:connect(s:getsockname())
      %s
      net.sleep(0.02)
      s:close()
      task:join()
    ]]):format("inet", kind, kind, "inet", kind, client))
  end

  it("has each of its TCP calls", function()
    local calls, events = echo("stream", [[
      c:sendall "hello"
      c:recv_exact(5)
      c:shutdown "SHUT_WR"
      c:recv(1)
    ]])
    local made = pick(calls, { engine = "echo" })
    assert.same({ "accept", "recv", "send", "close" }, column(made, "call"))
    assert.same({ "-", 5, "-", "-" }, column(made, "in"))
    assert.same({ "-", "-", 5, "-" }, column(made, "out"))
    assert.same({ "-", "hello", "hello", "-" }, column(made, "data"))
    local conn = made[1].new
    assert.same({ made[1].sock, conn, conn, conn }, column(made, "sock"))
    local whole = call(calls, { call = "echo" })
    assert.equal(2, whole.task)
    for _, each in ipairs(made) do
      assert.equal(2, each.task)
      assert.is_true(each.t >= whole.t and each["end"] <= whole["end"])
    end
    local name = pick(events, { ev = "name", sock = conn })[1]
    local client = pick(events, { ev = "name", sock = 2 })
    assert.equal(client[#client]["local"], name.peer)
  end)

  it("has each of its datagrams, and its sender", function()
    local calls, events = echo("dgram", [[
      c:send "ping"
      c:recv(100)
    ]])
    local made = pick(calls, { engine = "echo" })
    local here = pick(events, { ev = "name", sock = 2 })
    local client = here[#here]["local"]
    assert.same({ client, client }, column(made, "addr"))
    assert.same({ 4, "-" }, column(made, "in"))
    assert.same({ "-", 4 }, column(made, "out"))
    assert.same({ "ping", "ping" }, column(made, "data"))
  end)
end)
