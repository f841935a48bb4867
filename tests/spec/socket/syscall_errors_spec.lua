-- System calls that hardly ever fail: strace(1) makes them fail. Each becomes
-- an error that names the call, and the script goes on.
local support = require "tests.support"

-- Runs a script under strace, which makes calls fail as `inject` says.
local function with(inject, script)
  local folder = support.folder()
  local path = support.write(folder .. "/script.lua", script)
  local trace = inject:match "^[^:]+"
  local out, err = support.run(support.strace(
    ("-e trace=%s -e inject=%s"):format(trace, inject), folder .. "/trace",
    support.driver .. " " .. path))
  return out, err
end

-- What the scripts of datagrams share.
local DGRAMS = [[
  local net = require "net"
  local function bound()
    local sock = net.socket("inet", "dgram")
    assert(sock:bind("127.0.0.1", 0))
    return sock
  end
  local server, client = bound(), bound()
  local host, port = server:getsockname()

  -- n datagrams that are there when the echo begins, then one more
  local function echo(n, more)
    for i = 1, n do client:sendto(tostring(i), host, port) end
    net.spawn(function()
      if more then
        net.sleep(0.2)
        client:sendto(more, host, port)
        n = 1
      end
      for _ = 1, n do print((client:recvfrom(9))) end
      server:close()
    end)
    local totals = server:echo()
    print(("%d messages, %d errors"):format(totals.messages, totals.errors))
  end

  local function answer()
    for data, from, at in function() return server:recvfrom(99) end do
      server:sendto(data, from, at)
    end
  end

  -- Two sockets with `depth` messages each. A single one is sent by sendto(2),
  -- and the engine answers by sendmmsg(2); with more it is the other way.
  local function load(depth)
    net.spawn(depth == 1 and server.echo or answer, server)
    local report = net.load { type = "dgram", host = host, port = port,
      connections = 2, depth = depth, messages = 10, timeout = 0.2 }
    print(("%d messages, %d lost%s"):format(report.messages, report.lost,
      report.errors.EPERM and ", EPERM " .. report.errors.EPERM or ""))
    server:close()
  end
]]

-- What fails, how, and what the script then prints.
local cases = {
  { "a wait that the kernel cannot watch", "epoll_ctl:error=ENOSPC:when=4+", [[
      local net = require "net"
      local a, b = net.socketpair()
      print(select(2, pcall(a.recv, a, 1)))
      b:send "x"
      a:settimeout(0)
      print(a:recv(1))
    ]], "[^\n]*cannot watch descriptor %d+: no space left on device\nx\n" },
  { "getsockopt", "getsockopt:error=ENOBUFS", [[
      print(select(2, require "net".socket():getsockopt "SO_TYPE"))
    ]], "getsockopt SO_TYPE: no buffer space available %(ENOBUFS%)\t" },
  { "setsockopt", "setsockopt:error=ENOMEM", [[
      local sock = require "net".socket()
      print(select(2, sock:setsockopt("SO_KEEPALIVE", true)))
    ]], "setsockopt SO_KEEPALIVE: not enough memory %(ENOMEM%)\t" },
  { "listen", "listen:error=EADDRINUSE", [[
      print(select(2, require "net".listen("127.0.0.1", 0)))
    ]], "listen 127.0.0.1:0: address already in use %(EADDRINUSE%)\t" },
  { "getsockname", "getsockname:error=ENOBUFS", [[
      print(select(3, require "net".socket():getsockname()))
    ]], "ENOBUFS\n" },
  { "a load generator's thread", "clone3,clone:error=EAGAIN", [[
      local net = require "net"
      print(select(3, net.load { port = 9, messages = 1 }))
    ]], "EAGAIN\n" },
  { "the echo engine's threads", "clone3,clone:error=EAGAIN", [[
      local net = require "net"
      local sock = assert(net.listen("127.0.0.1", 0))
      print(select(3, sock:echo { workers = 2 }))
      print(sock:getsockname())
    ]], "EAGAIN\n127.0.0.1\t%d+\n" },
  { "a load generator's own watch", "epoll_create1:error=EMFILE:when=3+", [[
      local net = require "net"
      print(select(3, net.load { port = 9, messages = 1 }))
    ]], "EMFILE\n" },
  { "a UDP echo of many at once: they leave one by one",
    "sendmmsg:error=EIO:when=1", DGRAMS .. "echo(3)",
    "1\n2\n3\n3 messages, 0 errors\n" },
  { "a UDP echo's answer is lost, and it goes on",
    "sendmmsg:error=EPERM:when=1", DGRAMS .. "echo(1, 'again')",
    "again\n2 messages, 1 errors\n" },
  { "a UDP echo's answer is interrupted",
    "sendmmsg:error=EINTR:when=1", DGRAMS .. "echo(1)",
    "1\n1 messages, 0 errors\n" },
  { "a UDP echo cannot receive, for once",
    "recvmmsg:error=ENOMEM:when=1", DGRAMS .. "echo(1)",
    "1\n1 messages, 1 errors\n" },
  { "a datagram of a load: it is lost", "sendto:error=EPERM:when=1",
    DGRAMS .. "load(1)", "9 messages, 1 lost, EPERM 1\n" },
  { "many datagrams of a load: the first is lost",
    "sendmmsg:error=EPERM:when=1", DGRAMS .. "load(4)",
    "9 messages, 1 lost, EPERM 1\n" },
  { "a load finds the device full, and waits",
    "sendmmsg:error=ENOBUFS:when=1", DGRAMS .. "load(4)",
    "10 messages, 0 lost\n" },
  { "a name for a load's UNIX socket", "bind:error=ENOMEM:when=1", [[
      print(require "net".load { family = "unix", type = "dgram",
        path = "/nobody", messages = 1 }.errors.ENOMEM)
    ]], "1\n" },
}

describe("a failing system call:", function()
  support.leaves_nothing(before_each, after_each)

  for _, case in ipairs(cases) do
    local name, inject, script, expected = table.unpack(case)
    it(name, function()
      local out, err = with(inject, script)
      assert.matches("^" .. expected, out, err)
    end)
  end

  it("keeps the loop from starting, with a reason", function()
    for _, nth in ipairs { "epoll_create1:error=EMFILE:when=1",
      "epoll_create1:error=EMFILE:when=2", "epoll_ctl:error=ENOSPC:when=3" } do
      local _, err = with(nth, "require 'net'")
      assert.matches("cannot start the event loop: ", err)
    end
  end)
end)
