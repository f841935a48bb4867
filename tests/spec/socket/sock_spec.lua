local net = require "net"
local support = require "tests.support"

local methods = {
  bind = { "127.0.0.1", 0 }, listen = {}, accept = {},
  connect = { "127.0.0.1", 1 }, shutdown = { "SHUT_WR" },
  settimeout = { 1 }, gettimeout = {}, setblocking = { true },
  getblocking = {}, setsockopt = { "SO_REUSEADDR", 1 },
  getsockopt = { "SO_REUSEADDR" }, getsockname = {}, getpeername = {},
  fileno = {}, echo = {}, recv = { 1 }, recv_exact = { 1 }, recv_line = {},
  recv_all = {}, info = {}, recv_into = { net.buffer(1) },
  send = { "x" }, sendall = { "x" }, sendto = { "x", "127.0.0.1", 1 },
}

local dgram = {
  recvfrom = { 1 }, join_group = { "224.0.0.1" }, leave_group = { "224.0.0.1" },
}

local large = ("x"):rep(1024):rep(32 << 10) -- more than a socket's buffers take

describe("socket", function()
  support.leaves_nothing(before_each, after_each)

  it("is an inet stream socket by default", function()
    local sock <close> = assert(net.socket())
    assert.equal(1, sock:getsockopt "SO_TYPE")
    assert.matches("^socket %(inet stream, descriptor %d+%)$", tostring(sock))
    sock:close()
    assert.equal("socket (inet stream, closed)", tostring(sock))
  end)

  it("has three families and two types", function()
    for _, family in ipairs { "inet", "inet6", "unix" } do
      for number, kind in ipairs { "stream", "dgram" } do
        local sock <close> = assert(net.socket(family, kind))
        assert.equal(number, sock:getsockopt "SO_TYPE")
      end
    end
    assert.has_error(function() net.socket "inet5" end)
    assert.has_error(function() net.socket("inet", "raw") end)
  end)

  it("can be closed twice: by close, <close> and the collector", function()
    local sock <close> = net.socket()
    assert.is_true(sock:close())
    assert.is_true(sock:close())
  end)

  it("returns EBADF from every method once it is closed", function()
    local used_udp = net.socket("inet", "dgram")
    assert(used_udp:bind("127.0.0.1", 0))
    local count = 0
    for _, sock in ipairs { net.socket(), (support.pair()),
      net.socket("inet", "dgram"), used_udp } do
      local known = tostring(sock):find "dgram" and dgram or methods
      assert.is_true(sock:close())
      for name in pairs(getmetatable(sock).__index) do
        assert(methods[name] or dgram[name] or name == "close"
          or name == "lines", "no arguments for " .. name)
        if known[name] then
          local ok, message, code = sock[name](sock, table.unpack(known[name]))
          assert.is_nil(ok, name)
          assert.equal("EBADF", code, name)
          assert.matches("^" .. name .. ": bad file descriptor", message)
          count = count + 1
        end
      end
      assert.is_true(sock:close())
    end
    local sock <close> = net.socket()
    sock:close()
    local lines = sock:lines()
    assert.error_matches(lines, "recv_line: bad file descriptor %(EBADF%)")
    support.figure(19, "%d methods x 2 states: EBADF", count // 2 + 1)
  end)

  it("is collected with its descriptor at every stage of life", function()
    local listener, host, port = support.listener()
    for stage = 1, 4 do
      for _ = 1, 50 do
        local sock = net.socket()
        if stage > 1 then sock:settimeout(0.001) end
        if stage > 2 then assert(sock:connect(host, port)) end
        if stage > 3 then sock:recv(1) end -- it waited and gave up
        if stage > 2 then listener:accept():close() end
      end
      collectgarbage()
      collectgarbage()
      net.sleep(0)
    end
  end)
end)

describe("socketpair", function()
  support.leaves_nothing(before_each, after_each)

  it("is two connected UNIX stream sockets", function()
    local a <close>, b = assert(net.socketpair())
    support.own(b)
    assert.matches("^socket %(unix stream, ", tostring(b))
    local task = net.spawn(function() return a:recv_line() end)
    b:sendall "ping\n"
    assert.equal("ping", task:join())
    a:sendall "pong"
    a:close()
    assert.equal("pong", b:recv_all())
  end)

  it("of datagrams keeps them apart", function()
    local a, b = assert(net.socketpair("unix", "dgram"))
    support.own(a)
    support.own(b)
    a:send "one"
    a:send ""
    assert.same({ "one", "" }, { b:recvfrom(9) })
    assert.equal("", b:recv(9))
    b:settimeout(0)
    assert.equal("EAGAIN", select(3, b:recv(9)))
  end)

  it("is for UNIX sockets only", function()
    local a, message, code = net.socketpair "inet"
    assert.is_nil(a)
    assert.matches("^socketpair: ", message)
    assert.equal("ENOTSUP", code)
    assert.has_error(function() net.socketpair "inet5" end)
    assert.has_error(function() net.socketpair("unix", "raw") end)
  end)
end)

describe("bind, listen, accept, connect", function()
  support.leaves_nothing(before_each, after_each)

  it("make a connection; each side knows the other's address", function()
    for _, family in ipairs { "inet", "inet6" } do
      local listener <close> = net.socket(family)
      assert.equal(listener, listener:bind("localhost", 0))
      assert.equal(listener, listener:listen(5))
      local host, port = listener:getsockname()
      assert.equal(family == "inet" and "127.0.0.1" or "::1", host)
      local client <close> = net.socket(family)
      assert.equal(client, client:connect(host, port))
      local server <close>, from, number = listener:accept()
      assert.same({ client:getsockname() }, { from, number })
      assert.same({ host, port }, { client:getpeername() })
      assert.same({ from, number }, { server:getpeername() })
    end
  end)

  it("work over a UNIX socket, by path", function()
    local path = support.folder() .. "/sock"
    local listener <close> = net.socket "unix"
    assert(listener:bind(path))
    assert(listener:listen())
    assert.equal(path, listener:getsockname())
    local client <close> = net.socket "unix"
    assert(client:connect(path))
    local server <close>, from = listener:accept()
    assert.equal("", from)
    client:sendall "hello"
    assert.equal("hello", server:recv(10))
    assert.equal("EADDRINUSE", select(3, net.socket("unix"):bind(path)))
  end)

  it("work over an abstract UNIX name", function()
    local name = "\0netlab spec " .. net.now()
    local listener <close> = net.socket "unix"
    assert(listener:bind(name))
    assert(listener:listen())
    assert.equal(name, listener:getsockname())
    local client <close> = net.socket "unix"
    assert(client:connect(name))
    listener:accept():close()
  end)

  it("wait for a UNIX listener with a full backlog", function()
    local path = support.folder() .. "/sock"
    local listener <close> = net.socket "unix"
    assert(listener:bind(path))
    assert(listener:listen(0))
    local first <close> = net.socket "unix"
    assert(first:connect(path))
    local second <close> = net.socket "unix"
    second:settimeout(0.05)
    assert.equal("ETIMEDOUT", select(3, second:connect(path)))
    second:settimeout(5)
    local task = net.spawn(function() return second:connect(path) end)
    net.sleep(0)
    listener:accept():close()
    assert.equal(second, task:join())
  end)

  it("continue a connect that timed out in the next connect", function()
    local listener <close> = net.listen("127.0.0.1", 0, { backlog = 0 })
    local host, port = listener:getsockname()
    local first <close> = net.connect(host, port) -- which fills the backlog
    local second <close> = net.socket():settimeout(0.05)
    assert.equal("ETIMEDOUT", select(3, second:connect(host, port)))
    assert.equal("EALREADY", select(3, second:settimeout(0):connect(host,
      port)))
    second:settimeout(20) -- a SYN is sent again after a second
    local task = net.spawn(function() return second:connect(host, port) end)
    net.sleep(0)
    listener:accept():close()
    assert.equal(second, task:join())
    assert.equal(port, select(2, second:getpeername()))
    assert.is_truthy(first)
  end)

  it("hand a listener's SO_LINGER to its connection, which closes at once",
    function()
      local listener, host, port = support.listener()
      assert(listener:setsockopt("SO_LINGER", true, 60))
      local client <close> = net.socket()
      assert(client:connect(host, port))
      local server = listener:accept()
      server:settimeout(0)
      repeat until not server:send(("x"):rep(65536))
      local start = net.now()
      server:close()
      assert.is_true(net.now() - start < 30)
      client:close()
      net.sleep(0.05)
    end)

  it("name an address that is in use or not local", function()
    local _, host, port = support.listener()
    local sock <close> = net.socket()
    local ok, message, code = sock:bind(host, port)
    assert.is_nil(ok)
    assert.equal(("bind %s:%d: address already in use (EADDRINUSE)"):format(
      host, port), message)
    assert.equal("EADDRINUSE", code)
    assert.equal("EADDRNOTAVAIL", select(3, sock:bind("192.0.2.1", 0)))
  end)

  it("take an empty host for every address", function()
    local sock <close> = net.socket()
    assert(sock:bind("", 0))
    assert.equal("0.0.0.0", (sock:getsockname()))
  end)

  it("are needed by getpeername: ENOTCONN before", function()
    local sock <close> = net.socket()
    assert.equal("ENOTCONN", select(3, sock:getpeername()))
  end)

  it("raise for wrong arguments before any system call", function()
    local sock <close> = net.socket()
    for _, port in ipairs { -1, 65536, (1 << 32) + 80, 1.5, "x", {}, true } do
      assert.has_error(function() sock:bind("127.0.0.1", port) end)
      assert.has_error(function() sock:connect("127.0.0.1", port) end)
    end
    for _, host in ipairs { "a\0b", ("x"):rep(300), {}, true } do
      assert.has_error(function() sock:bind(host, 0) end)
      assert.has_error(function() sock:connect(host, 1) end)
    end
    for _, backlog in ipairs { -1, 1.5, "x", 1 << 40 } do
      assert.has_error(function() sock:listen(backlog) end)
    end
    local unix <close> = net.socket "unix"
    for _, path in ipairs { "", "a\0b", ("x"):rep(300) } do
      assert.has_error(function() unix:bind(path) end)
    end
    assert.has_error(function() sock:shutdown "WR" end)
    assert.has_error(function() sock.recv({}, 1) end)
    local ok, message = pcall(function() sock:bind("127.0.0.1", 65536) end)
    assert.is_false(ok)
    assert.matches("^%S*socket/sock_spec.lua:%d+: bad argument #2 to 'bind' " ..
      "%(port must be 0 to 65535 or a service name, got '65536'%)$", message)
  end)

  it("accept 50 clients at once", function()
    local listener, host, port = support.listener(128)
    local tasks = {}
    for i = 1, 50 do
      tasks[i] = net.spawn(function()
        local sock <close> = net.socket()
        assert(sock:connect(host, port))
        assert(sock:sendall("client " .. i))
        return sock:recv_exact(#("client " .. i))
      end)
    end
    for _ = 1, 50 do
      net.spawn(function(conn)
        local server <close> = conn
        server:sendall(server:recv(100))
      end, assert(listener:accept()))
    end
    for i = 1, 50 do assert.equal("client " .. i, tasks[i]:join()) end
  end)

  it("keep one direction when shutdown ends the other", function()
    local a, b = support.pair()
    a:sendall "last"
    assert.equal(a, a:shutdown "SHUT_WR")
    assert.equal("last", b:recv(100))
    assert.equal("EOF", select(3, b:recv(100)))
    b:sendall "reply"
    assert.equal("reply", a:recv(100))
    assert.equal("EPIPE", select(3, a:send "x"))
  end)
end)

describe("blocking modes", function()
  support.leaves_nothing(before_each, after_each)

  it("are those of Python: no timeout, 0 and a time", function()
    local sock <close> = net.socket()
    assert.is_nil(sock:gettimeout())
    assert.is_true(sock:getblocking())
    assert.equal(sock, sock:settimeout(100))
    assert.equal("100.0", tostring(sock:gettimeout()))
    assert.is_true(sock:getblocking())
    sock:settimeout(0)
    assert.is_false(sock:getblocking())
    assert.equal(sock, sock:setblocking(true))
    assert.is_nil(sock:gettimeout())
    sock:setblocking(false)
    assert.equal(0.0, sock:gettimeout())
    sock:settimeout(nil)
    assert.is_true(sock:getblocking())
  end)

  it("raise for an invalid time", function()
    local sock <close> = net.socket()
    for _, bad in ipairs { -1, 0 / 0, "x", {}, true } do
      assert.has_error(function() sock:settimeout(bad) end)
    end
    assert.has_error(function() sock:settimeout() end)
    assert.has_error(function() sock:setblocking(0) end) -- 0 is true in Lua
  end)

  it("0: never waits, but EAGAIN, or EINPROGRESS in connect", function()
    local listener, host, port = support.listener()
    listener:setblocking(false)
    assert.equal("EAGAIN", select(3, listener:accept()))
    local sock <close> = net.socket()
    sock:setblocking(false)
    local code = select(3, sock:connect(host, port))
    assert.is_true(code == "EINPROGRESS" or code == nil, code)
    local server <close> = support.eventually(function()
      return (listener:accept())
    end)
    assert.equal("EAGAIN", select(3, sock:recv(1)))
    server:sendall "x"
    assert.equal("x", support.eventually(function() return sock:recv(1) end))
  end)

  it("of a new connection are blocking, as is no listener", function()
    local listener, host, port = support.listener()
    local client <close> = net.socket()
    client:connect(host, port)
    listener:settimeout(5)
    local server <close> = listener:accept()
    assert.is_nil(server:gettimeout())
  end)

  it("with a timeout give ETIMEDOUT, never early", function()
    local a = support.pair()
    local listener = support.listener()
    local udp <close> = net.socket("inet", "dgram")
    udp:bind("localhost", 0)
    local calls = {
      recv = function() return a:recv(1) end,
      recv_exact = function() return a:recv_exact(1) end,
      recv_line = function() return a:recv_line() end,
      sendall = function() return a:sendall(large) end,
      accept = function() return listener:accept() end,
      recvfrom = function() return udp:recvfrom(1) end,
    }
    a:settimeout(0.05)
    listener:settimeout(0.05)
    udp:settimeout(0.05)
    for name, call in pairs(calls) do
      local start = net.now()
      local ok, message, code = call()
      assert.is_nil(ok)
      assert.equal("ETIMEDOUT", code, name)
      assert.matches("^" .. name, message)
      assert.is_true(net.now() - start >= 0.05, name)
    end
  end)

  it("are not affected by time spent elsewhere", function()
    local a = support.pair()
    a:settimeout(0.05)
    local busy = net.now() + 0.1
    repeat until net.now() > busy
    local start = net.now()
    assert.equal("ETIMEDOUT", select(3, a:recv(1)))
    assert.is_true(net.now() - start >= 0.05)
  end)

  it("accept what arrived in time, even if it is read late", function()
    local a, b = support.pair()
    b:settimeout(0.02)
    net.spawn(function()
      a:sendall "in time"
      local busy = net.now() + 0.1
      repeat until net.now() > busy
    end)
    assert.equal("in time", b:recv(100))
  end)
end)

describe("two calls on one socket", function()
  support.leaves_nothing(before_each, after_each)

  it("give EBUSY to a second reader, and do not disturb the first", function()
    local a, b = support.pair()
    local first = net.spawn(function() return b:recv(10) end)
    net.sleep(0)
    assert.equal("EBUSY", select(3, b:recv(10)))
    assert.equal("EBUSY", select(3, b:recv_line()))
    assert.equal(5, b:send "other") -- the other direction is free
    a:sendall "first"
    assert.equal("first", first:join())
  end)

  it("give EBUSY to a second writer, and never mix bytes", function()
    local a, b = support.pair()
    local text = ("a"):rep(1024):rep(16 << 10)
    local first = net.spawn(function() return a:sendall(text) end)
    net.sleep(0)
    assert.equal("EBUSY", select(3, a:sendall "b"))
    local refused, mixed = 0, 0
    for _ = 1, 63 do -- all but the last part, which may leave room
      if select(3, a:send "b") == "EBUSY" then refused = refused + 1 end
      if b:recv_exact(1 << 18):find "b" then mixed = mixed + 1 end
    end
    first:cancel()
    assert.equal(0, mixed)
    assert.is_true(refused > 0)
    support.figure(22, "interleaved writes %d", mixed)
  end)

  it("end with ECANCELED when the socket is closed", function()
    local a = support.pair()
    local _, b = support.pair()
    local listener = support.listener()
    local tasks = {
      net.spawn(function() return select(3, b:recv(1)) end),
      net.spawn(function()
        return (select(3, a:sendall(large)))
      end),
      net.spawn(function() return select(3, listener:accept()) end),
    }
    net.sleep(0.01)
    a:close()
    b:close()
    listener:close()
    for _, task in ipairs(tasks) do
      assert.equal("ECANCELED", (task:join()))
    end
  end)

  it("get no stale event when a descriptor's number is reused", function()
    for _ = 1, 200 do
      local a, b = support.pair()
      local waiting = net.spawn(function() return select(3, b:recv(1)) end)
      net.sleep(0)
      a:sendall "x" -- an event for b's number is on its way
      b:close()
      local c, d = support.pair()
      d:settimeout(0)
      assert.equal("EAGAIN", select(3, d:recv(1)))
      local code = waiting:join()
      assert.is_true(code == "ECANCELED" or code == nil)
      a:close()
      c:close()
      d:close()
    end
  end)
end)
