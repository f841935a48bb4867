-- The C echo engine, sock:echo: what it sends back, and how it ends.
local net = require "net"
local support = require "tests.support"

local started = {}

-- Serves a socket in a task until the spec ends.
local function serve(sock, options)
  options = options or {}
  options.totals = options.totals or {}
  local task = net.spawn(function() return sock:echo(options) end)
  started[#started + 1] = task
  net.sleep(0)
  return task, options.totals
end

local function dgram(family, host, port)
  local sock = support.own(assert(net.socket(family or "inet", "dgram")))
  assert(sock:bind(host or "127.0.0.1", port or 0))
  return sock, sock:getsockname()
end

local function client(host, port, family)
  local sock = support.own(assert(net.socket(family or "inet", "stream")))
  assert(sock:settimeout(20))
  assert(sock:connect(host, port))
  return sock
end

-- Starts a process that listens, prints its port, and runs `text`.
local function program(text, limit)
  local script = support.write(support.folder() .. "/s.lua", [[
    local net = require "net"
    local sock <close> = net.socket()
    assert(sock:bind("127.0.0.1", 0))
    assert(sock:listen())
    print(select(2, sock:getsockname()))
    io.stdout:flush()
]] .. text)
  local server = support.start(("sh -c '%s exec %s %s'"):format(limit or "",
    support.driver, script))
  return server, tonumber((server:expect "(%d+)\n"))
end

local function ask(sock, text)
  assert(sock:sendall(text))
  return sock:recv_exact(#text)
end

-- The two ways to run: in a thread, and in the loop with an observer.
local ways = {
  ["in a thread"] = function(t) return t end,
  ["with an observer"] = function(t)
    t.on_message = function() end
    return t
  end,
  ["in three threads"] = function(t) t.workers = 3 return t end,
}

describe("sock:echo", function()
  after_each(function()
    for _, task in ipairs(started) do task:cancel() end
    started = {}
    net.sleep(0)
  end)
  support.leaves_nothing(before_each, after_each)

  for way, with in pairs(ways) do
    it("serves many connections " .. way, function()
      local listener, host, port = support.listener()
      local task = serve(listener, with {})
      local socks = {}
      for i = 1, 20 do socks[i] = client(host, port) end
      for round = 1, 3 do
        for i, sock in ipairs(socks) do
          local text = ("message %d of %d"):format(round, i)
          assert.equal(text, ask(sock, text))
        end
      end
      listener:close()
      local totals = task:join()
      assert.equal(20, totals.connections)
      assert.equal(60, totals.messages)
      assert.equal(0, totals.errors)
      assert.is_true(totals.bytes > 60 * 14 and totals.seconds > 0)
      assert.equal("EOF", select(3, socks[1]:recv(1)))
    end)

    it("returns 8 MiB in order to a slow reader " .. way, function()
      local listener, host, port = support.listener()
      serve(listener, with {})
      local sock = client(host, port)
      local part = {}
      for i = 1, 4096 do part[i] = ("%016d"):format(i) end
      part = table.concat(part) -- 64 KiB
      local writer = net.spawn(function()
        for _ = 1, 128 do assert(sock:sendall(part)) end
        assert(sock:shutdown "SHUT_WR")
        return true
      end)
      net.sleep(0.2) -- until every buffer on the way is full
      for _ = 1, 128 do assert.is_true(part == sock:recv_exact(#part)) end
      assert.equal("EOF", select(3, sock:recv(1)))
      assert.is_true(writer:join())
    end)

    it("answers what is behind urgent data " .. way, function()
      local listener, host, port = support.listener()
      local peer <close> = support.start(support.python(([[
import socket
s = socket.create_connection((%q, %d))
s.settimeout(2)
s.sendall(b"abc")
s.send(b"!", socket.MSG_OOB)
s.sendall(b"def")
print("sent", flush=True)
got = b""
while len(got) < 6:
    got += s.recv(100)
print("got", got.decode())
]]):format(host, port)))
      peer:expect "(sent)"
      serve(listener, with {})
      assert.equal("abcdef", (peer:expect "got (%w+)"))
      listener:close()
    end)

    it("answers datagrams " .. way, function()
      local sock, host, port = dgram()
      local task = serve(sock, with {})
      local asking = dgram()
      asking:settimeout(20)
      for _, text in ipairs { "a", "", ("x"):rep(9000), ("y"):rep(65507) } do
        assert(asking:sendto(text, host, port))
        local data, from, from_port = asking:recvfrom(65536)
        assert.is_true(data == text)
        assert.same({ host, port }, { from, from_port })
      end
      sock:close()
      local totals = task:join()
      assert.same({ 4, 74508, 0, 0, 0 }, { totals.messages, totals.bytes,
        totals.refused, totals.errors, totals.connections })
    end)
  end

  it("answers the datagram that follows an error", function()
    local sock, host, port = dgram()
    local gone, at, at_port = dgram()
    assert(sock:connect(at, at_port))
    gone:close()
    assert(sock:send "nobody has it")
    local asking = dgram(nil, at, at_port)
    assert(asking:sendto("hello", host, port))
    assert(asking:settimeout(2))
    local task = serve(sock, { once = true })
    assert.equal("hello", asking:recv(100))
    local totals = task:join()
    assert.same({ 1, 1 }, { totals.messages, totals.errors })
  end)

  it("keeps datagrams apart that are sent together", function()
    local sock, host, port = dgram()
    assert(sock:setsockopt("SO_RCVBUF", 1 << 20))
    local asking = { dgram(), dgram() }
    for i = 1, 60 do -- before the engine starts, which then finds them all
      local from = asking[i % 7 == 0 and 2 or 1]
      assert(from:sendto(("%d"):format(i):rep(i % 5 + 1), host, port))
    end
    serve(sock)
    for i = 1, 60 do
      local from = asking[i % 7 == 0 and 2 or 1]
      from:settimeout(20)
      assert.equal(("%d"):format(i):rep(i % 5 + 1), (from:recvfrom(2048)))
    end
  end)

  it("serves inet6 and unix, streams and datagrams", function()
    local six = support.own(net.socket("inet6", "stream"))
    assert(six:bind("::1", 0))
    assert(six:listen())
    serve(six)
    local _, port = six:getsockname()
    assert.equal("six", ask(client("::1", port, "inet6"), "six"))

    local folder = support.folder()
    local stream = support.own(net.socket("unix", "stream"))
    assert(stream:bind(folder .. "/stream"))
    assert(stream:listen())
    serve(stream, { workers = 2 })
    local sock = support.own(net.socket("unix", "stream"))
    assert(sock:connect(folder .. "/stream"))
    assert.equal("path", ask(sock, "path"))

    local box = support.own(net.socket("unix", "dgram"))
    assert(box:bind(folder .. "/box"))
    local task = serve(box)
    local nameless = support.own(net.socket("unix", "dgram"))
    assert(nameless:sendto("to whom?", folder .. "/box"))
    local named = support.own(net.socket("unix", "dgram"))
    assert(named:bind(folder .. "/named"))
    assert(named:sendto("letter", folder .. "/box"))
    assert.equal("letter", (named:recvfrom(100)))
    box:close()
    assert.equal(1, task:join().refused)
  end)

  it("serves a listener that has waited before and has options of its own",
    function()
      local listener = support.own(net.socket "inet6")
      assert(listener:setsockopt("SO_REUSEPORT", 1))
      assert(listener:setsockopt("SO_RCVBUF", 20000))
      assert(listener:setsockopt("SO_SNDBUF", 20000))
      assert(listener:bind("::", 0))
      assert(listener:listen())
      assert(listener:settimeout(0.01))
      assert.equal("ETIMEDOUT", select(3, listener:accept()))
      serve(listener, { workers = 2 })
      local _, port = listener:getsockname()
      for _ = 1, 8 do -- on either worker
        assert.equal("six", ask(client("::1", port, "inet6"), "six"))
        assert.equal("four", ask(client("127.0.0.1", port), "four"))
      end
    end)

  it("passes observers a UNIX peer's path, or an empty one", function()
    local path = support.folder() .. "/s"
    local listener = support.own(net.socket "unix")
    assert(listener:bind(path))
    assert(listener:listen())
    local seen = {}
    serve(listener, { on_connect = function(...)
      seen[#seen + 1] = { ... }
    end })
    for i, own in ipairs { false, path .. "2", "\0" .. path } do
      local sock = support.own(net.socket "unix")
      if own then assert(sock:bind(own)) end
      assert(sock:connect(path))
      assert.equal("x", ask(sock, "x"))
      assert.same({ own or "" }, seen[i])
    end
  end)

  it("calls observers in the order of events", function()
    local listener, host, port = support.listener()
    local seen = {}
    local function note(what)
      return function(...) seen[#seen + 1] = { what, ... } end
    end
    serve(listener, { on_connect = note "connect",
      on_message = note "message", on_close = note "close" })
    local sock <close> = client(host, port)
    local _, own_port = sock:getsockname()
    ask(sock, "one")
    ask(sock, "two")
    sock:close()
    support.eventually(function() return #seen == 4 end)
    assert.same({
      { "connect", "127.0.0.1", own_port },
      { "message", "one", "127.0.0.1", own_port },
      { "message", "two", "127.0.0.1", own_port },
      { "close", "127.0.0.1", own_port },
    }, seen)
  end)

  it("ends with the error of an observer", function()
    local listener, host, port = support.listener()
    local totals = {}
    local task = net.spawn(function()
      return pcall(listener.echo, listener, { totals = totals,
        on_message = function() error("seen enough", 0) end })
    end)
    local sock = client(host, port)
    assert(sock:sendall "x")
    assert.same({ false, "seen enough" }, { task:join() })
    assert.equal(1, totals.messages)
    assert.truthy(listener:fileno()) -- the script has it again
    local again = client(host, port)
    assert.truthy(listener:accept()):close()
    again:close()
  end)

  it("lets an observer close the socket, but not wait", function()
    local listener, host, port = support.listener()
    local problem
    local task = serve(listener, { on_message = function()
      problem = select(2, pcall(net.sleep, 0))
      listener:close()
    end })
    assert.equal("x", ask(client(host, port), "x"))
    assert.equal(1, task:join().messages)
    assert.matches("may have to wait", problem)
  end)

  it("once: ends each connection, or after one datagram", function()
    local listener, host, port = support.listener()
    serve(listener, { once = true })
    for _ = 1, 3 do
      local sock = client(host, port)
      assert.equal("once", ask(sock, "once"))
      assert.equal("EOF", select(3, sock:recv(1)))
    end
    for _, way in ipairs { function() end, false } do
      local sock, at, at_port = dgram()
      local task = serve(sock, { once = true, on_message = way or nil })
      local asking = dgram()
      assert(asking:sendto("once", at, at_port))
      assert.equal(1, task:join().messages)
      assert.equal("once", (asking:recvfrom(100)))
    end
  end)

  it("refuses shutdown of its socket, and nothing to read", function()
    local sock = dgram()
    assert(sock:connect(select(2, dgram())))
    local task, totals = serve(sock)
    assert.equal("EBUSY", select(3, sock:shutdown "SHUT_RD"))
    net.sleep(0.1)
    task:cancel()
    assert.equal(0, totals.messages)
  end)

  it("refuses a datagram socket that was shut down before", function()
    for _, how in ipairs { "SHUT_RD", "SHUT_RDWR" } do
      for _, observer in ipairs { false, function() end } do
        local inet, unix = dgram(), support.own(net.socket("unix", "dgram"))
        assert(unix:bind(support.folder() .. "/s"))
        for _, sock in ipairs { inet, unix } do
          sock:shutdown(how) -- which returns ENOTCONN, but works
          local totals, message, code =
            sock:echo { on_message = observer or nil }
          assert.is_nil(totals)
          assert.equal("echo: already shut down (ESHUTDOWN)", message)
          assert.equal("ESHUTDOWN", code)
        end
      end
    end
  end)

  it("gives each worker a datagram socket if SO_REUSEPORT is set", function()
    local sock = support.own(net.socket("inet", "dgram"))
    assert(sock:setsockopt("SO_REUSEPORT", 1))
    assert(sock:bind("127.0.0.1", 0))
    local host, port = sock:getsockname()
    local task = serve(sock, { workers = 3 })
    for i = 1, 20 do -- on any worker
      local asking = dgram()
      asking:settimeout(20)
      assert(asking:sendto("to " .. i, host, port))
      assert.equal("to " .. i, (asking:recvfrom(100)))
    end
    sock:close()
    assert.equal(20, task:join().messages)
  end)

  it("answers what follows urgent data or a descriptor", function()
    local path = support.folder() .. "/s"
    local unix = support.own(net.socket "unix")
    assert(unix:bind(path))
    assert(unix:listen())
    local tcp, host, port = support.listener()
    for listener, peer in pairs {
      [tcp] = ([[
s = socket.create_connection(("%s", %d))
special = lambda: s.send(b"abcX", socket.MSG_OOB)
]]):format(host, port),
      [unix] = ([[
s = socket.socket(socket.AF_UNIX)
s.connect("%s")
special = lambda: socket.send_fds(s, [b"abc"], [0])
]]):format(path),
    } do
      local function pause() os.execute "sleep 0.2" end
      local task = serve(listener, { on_message = pause })
      local out = support.run(support.python("import socket\n" .. peer .. [[
s.settimeout(5)
s.send(b"first")
special()
s.send(b"def")
text = b""
while len(text) < 11: text += s.recv(100)
print(text)
]]))
      assert.equal("b'firstabcdef'\n", out)
      task:cancel()
    end
  end)

  it("uses no CPU while it cannot accept and more clients come", function()
    local script = support.write(support.folder() .. "/s.lua", [[
      local net = require "net"
      local listener <close> = net.socket()
      listener:bind("127.0.0.1", 0)
      listener:listen(512)
      print(select(2, listener:getsockname()))
      io.stdout:flush()
      local held = {}
      local function take_all()
        repeat
          local sock = net.socket()
          held[#held + 1] = sock
        until not sock
      end
      take_all()
      for _ = 1, 3 do table.remove(held):close() end -- enough for it
      net.spawn(function()
        net.sleep(0.1)
        take_all()
        local cpu = os.clock()
        net.sleep(1)
        print(("%.3f s"):format(os.clock() - cpu))
        listener:close()
      end)
      listener:echo { on_connect = print }]])
    local server <close> = support.start("sh -c 'ulimit -n 60; exec " ..
      support.driver .. " " .. script .. "'")
    local port = tonumber((server:expect "(%d+)\n"))
    for _ = 1, 40 do
      client("127.0.0.1", port)
      net.sleep(0.02)
    end
    local cpu = tonumber((server:expect "([%d.]+) s\n"))
    assert.is_true(cpu < 0.3, cpu)
    server:wait()
  end)

  it("leaves a datagram socket as it was", function()
    local sock, host, port = dgram()
    sock:settimeout(0.05)
    local task = serve(sock)
    local asking = dgram()
    asking:sendto("x", host, port)
    assert.equal("x", (asking:recvfrom(10)))
    assert.equal("EBUSY", select(3, sock:recvfrom(10)))
    assert.equal("EBUSY", select(3, sock:sendto("x", host, port)))
    assert.equal("EBUSY", select(3, sock:echo()))
    task:cancel()
    assert.equal("ETIMEDOUT", select(3, sock:recvfrom(10)))
    asking:sendto("ours", host, port)
    assert.equal("ours", (sock:recvfrom(10)))
  end)

  it("task:cancel ends it and fills the totals", function()
    local listener, host, port = support.listener()
    local task, totals = serve(listener)
    ask(client(host, port), "abc")
    task:cancel()
    assert.same({ 1, 1, 3 },
      { totals.connections, totals.messages, totals.bytes })
  end)

  it("max_connections: closes the next one", function()
    local listener, host, port = support.listener()
    local task = serve(listener, { max_connections = 2 })
    local first, second = client(host, port), client(host, port)
    assert.equal("1", ask(first, "1"))
    assert.equal("2", ask(second, "2"))
    local third <close> = client(host, port)
    assert.is_nil((third:recv(1)))
    first:close()
    support.eventually(function()
      local sock <close> = client(host, port)
      return ask(sock, "4") == "4"
    end)
    listener:close()
    assert.is_true(task:join().refused >= 1)
  end)

  it("idle_timeout: closes silent connections only", function()
    local listener, host, port = support.listener()
    serve(listener, { idle_timeout = 0.3 })
    local silent, busy = client(host, port), client(host, port)
    local done
    net.spawn(function()
      silent:recv(1)
      done = true
    end)
    for _ = 1, 100 do
      assert.equal("x", ask(busy, "x"))
      if done then break end
      net.sleep(0.02)
    end
    assert.is_true(done)
    assert.equal("y", ask(busy, "y"))
  end)

  it("does not answer well-known ports or its own port", function()
    local sock, host, port = dgram()
    local task = serve(sock)
    local same = dgram("inet", "127.0.0.2", port)
    assert(same:sendto("from our port", host, port))
    local known = support.own(net.socket("inet", "dgram"))
    local bound
    for p = 1023, 900, -1 do
      bound = bound or known:bind("127.0.0.1", p)
    end
    if bound then assert(known:sendto("from a service", host, port)) end
    local asking = dgram()
    assert(asking:sendto("a client", host, port))
    assert.equal("a client", (asking:recvfrom(100)))
    sock:close()
    assert.equal(bound and 2 or 1, task:join().refused)
    same:settimeout(0)
    assert.equal("EAGAIN", select(3, same:recvfrom(10)))
  end)

  it("survives clients that reset", function()
    local listener, host, port = support.listener()
    local task = serve(listener)
    for i = 1, 50 do
      local sock <close> = client(host, port)
      assert(sock:setsockopt("SO_LINGER", true, 0))
      assert(sock:sendall(("x"):rep(i * 1000)))
    end
    assert.equal("well", ask(client(host, port), "well"))
    listener:close()
    assert.equal(51, task:join().connections)
  end)

  it("keeps a half-closed connection until all bytes are sent back", function()
    local listener, host, port = support.listener()
    serve(listener)
    for _ = 1, 50 do
      local sock <close> = client(host, port)
      assert(sock:sendall "the end")
      assert(sock:shutdown "SHUT_WR")
      assert.equal("the end", sock:recv_exact(7))
      assert.equal("EOF", select(3, sock:recv(1)))
    end
  end)

  it("reports what is wrong with the socket", function()
    local sock = support.own(net.socket())
    assert.equal("EINVAL", select(3, sock:echo()))
    assert.equal("EINVAL", select(3, support.own(
      net.socket("inet", "dgram")):echo()))
    sock:close()
    assert.equal("EBADF", select(3, sock:echo()))
  end)

  it("raises for unknown options", function()
    local listener = support.listener()
    local datagrams = dgram()
    for _, case in ipairs {
      { listener, 5, "table expected" },
      { listener, { quiet = true }, "no option 'quiet'" },
      { listener, { "once" }, "no option" },
      { listener, { ["once\0"] = true }, "no option" },
      { listener, { workers = 0 }, "workers not in 1..256" },
      { listener, { workers = 257 }, "workers" },
      { listener, { workers = 1.5 }, "workers" },
      { listener, { max_connections = -1 }, "max_connections" },
      { listener, { idle_timeout = 0 }, "idle_timeout" },
      { listener, { idle_timeout = "soon" }, "idle_timeout" },
      { listener, { on_message = 1 }, "on_message: a function" },
      { listener, { totals = 1 }, "totals" },
      { listener, { workers = 2, on_close = print }, "workers = 1" },
      { datagrams, { idle_timeout = 1 }, "no connections" },
      { datagrams, { on_connect = print }, "no connections" },
      { datagrams, { once = true, workers = 2 }, "workers = 1" },
    } do
      local ok, message = pcall(case[1].echo, case[1], case[2])
      assert.is_false(ok)
      assert.matches(case[3], message, 1, true)
    end
  end)

  it("returns the totals at Ctrl-C", function()
    for _, options in ipairs { "", "{on_message = function() end}" } do
      local server <close>, port = program([[
        local totals = sock:echo(]] .. options .. [[)
        print("messages " .. totals.messages)]])
      local sock <close> = client("127.0.0.1", port)
      assert.equal("hello", ask(sock, "hello"))
      server:signal "INT"
      local out, _, status = server:wait()
      assert.matches("messages 1\n", out)
      assert.equal(support.finished, status)
    end
  end)

  it("returns the totals at Ctrl-C in an observer", function()
    local server <close>, port = program [[
      local totals = sock:echo { on_message = function()
        print "observing"
        io.stdout:flush()
        while true do end
      end }
      print("messages " .. totals.messages)]]
    local sock <close> = client("127.0.0.1", port)
    assert(sock:sendall "x")
    server:expect "observing"
    server:signal "INT"
    local out, _, status = server:wait()
    assert.matches("messages 1\n", out)
    assert.equal(support.finished, status)
  end)

  it("counts no error for clients that it refuses", function()
    local server <close>, port = program(
      [[print("errors", sock:echo().errors)]], "ulimit -n 40;")
    for _ = 1, 60 do
      client("127.0.0.1", port) -- which stays open
      net.sleep(0.005)
    end
    server:signal "INT"
    assert.matches("errors\t0\n", (server:wait()))
  end)

  it("does not wait in close(2), though the socket lingers", function()
    local listener, host, port = support.listener()
    assert(listener:setsockopt("SO_LINGER", true, 60))
    serve(listener, { once = true, on_close = function() end })
    local sock = support.own(net.socket())
    assert(sock:setsockopt("SO_RCVBUF", 4096))
    assert(sock:connect(host, port))
    assert(sock:sendall(("x"):rep(60000))) -- the answer is not read
    local worst, last = 0, net.now()
    for _ = 1, 20 do
      net.sleep(0.02)
      worst, last = math.max(worst, net.now() - last), net.now()
    end
    assert.is_true(worst < 30, worst)
  end)

  it("lets tasks run when the script itself calls it", function()
    local out, err, status = support.script [[
      local net = require "net"
      local listener <close> = net.socket()
      listener:bind("127.0.0.1", 0)
      listener:listen(512)
      local socks, seen = {}, 0
      for i = 1, 200 do -- more than are accepted at a time
        socks[i] = net.socket()
        assert(socks[i]:connect(listener:getsockname()))
      end
      net.spawn(function()
        repeat net.sleep(0) until seen == 200
        listener:close()
      end)
      net.sleep(0.01)
      local totals = listener:echo { on_connect = function()
        seen = seen + 1
      end }
      print(totals.connections, seen)]]
    assert.same({ "200\t200\n", "", 0 }, { out, err, status })
  end)

  it("refuses clients when descriptors run out, and recovers", function()
    local server <close>, port = program("sock:echo()", "ulimit -n 40;")
    local socks, refused = {}, 0
    for i = 1, 100 do
      socks[i] = client("127.0.0.1", port)
      if not socks[i]:sendall "x" or not socks[i]:recv(1) then
        refused = refused + 1
      end
    end
    assert.is_true(refused > 50 and refused < 100)
    for _, sock in ipairs(socks) do sock:close() end
    for _ = 1, 20 do
      support.eventually(function()
        local sock <close> = client("127.0.0.1", port)
        return sock:sendall "again" and sock:recv_exact(5) == "again"
      end)
    end
    server:signal "INT"
    server:wait()
  end)
end)
