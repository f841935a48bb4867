local net = require "net"
local support = require "tests.support"

describe("socket options", function()
  support.leaves_nothing(before_each, after_each)

  -- name, socket, the value to set, the value that the kernel returns
  local both = {
    { "SO_REUSEADDR", "stream", 1, 1 },
    { "SO_REUSEPORT", "stream", 1, 1 },
    { "SO_KEEPALIVE", "stream", 1, 1 },
    { "SO_BROADCAST", "dgram", 1, 1 },
    { "SO_SNDBUF", "stream", 4096, 8192 },
    { "SO_RCVBUF", "stream", 4096, 8192 },
    { "TCP_NODELAY", "stream", 1, 1 },
    { "TCP_KEEPIDLE", "stream", 33, 33 },
    { "TCP_KEEPINTVL", "stream", 7, 7 },
    { "TCP_KEEPCNT", "stream", 3, 3 },
    { "TCP_MAXSEG", "stream", 1000, nil },
    { "IP_TTL", "dgram", 42, 42 },
    { "IP_MULTICAST_TTL", "dgram", 7, 7 },
    { "IP_MULTICAST_LOOP", "dgram", 0, 0 },
    { "IP_TOS", "stream", 16, 16 },
  }

  for _, row in ipairs(both) do
    local name, kind, value, back = table.unpack(row, 1, 4)
    it(name .. " can be set and read", function()
      local sock <close> = assert(net.socket("inet", kind))
      assert.equal("integer", math.type(sock:getsockopt(name)))
      assert.equal(sock, sock:setsockopt(name, value))
      if back then assert.equal(back, sock:getsockopt(name)) end
    end)
  end

  it("IPV6_V6ONLY belongs to inet6", function()
    local six <close> = net.socket "inet6"
    assert(six:setsockopt("IPV6_V6ONLY", 1))
    assert.equal(1, six:getsockopt "IPV6_V6ONLY")
    local four <close> = net.socket()
    local ok, message, code = four:setsockopt("IPV6_V6ONLY", 1)
    assert.is_nil(ok)
    assert.matches("^setsockopt IPV6_V6ONLY: ", message)
    assert.equal("ENOPROTOOPT", code)
  end)

  it("for IPv6 multicast have names of their own", function()
    local six <close> = net.socket("inet6", "dgram")
    assert(six:setsockopt("IPV6_MULTICAST_HOPS", 7))
    assert.equal(7, six:getsockopt "IPV6_MULTICAST_HOPS")
    assert(six:setsockopt("IPV6_MULTICAST_LOOP", false))
    assert.equal(0, six:getsockopt "IPV6_MULTICAST_LOOP")
  end)

  it("for a multicast interface take a name, an index or an address",
    function()
      local four <close> = net.socket("inet", "dgram")
      local six <close> = net.socket("inet6", "dgram")
      assert.equal(four, four:setsockopt("IP_MULTICAST_IF", "lo"))
      assert.equal(four, four:setsockopt("IP_MULTICAST_IF", "127.0.0.1"))
      assert.equal("127.0.0.1", four:getsockopt "IP_MULTICAST_IF")
      assert.equal(six, six:setsockopt("IPV6_MULTICAST_IF", "lo"))
      assert.equal(1, six:getsockopt "IPV6_MULTICAST_IF")
      for sock, name in pairs { [four] = "IP_MULTICAST_IF",
        [six] = "IPV6_MULTICAST_IF" } do
        assert(sock:setsockopt(name, 1))
        assert(sock:setsockopt(name, nil)) -- back to the kernel's choice
        local ok, message, code = sock:setsockopt(name, "nosuch0")
        assert.is_nil(ok)
        assert.matches("^setsockopt " .. name .. ": no such device", message)
        assert.equal("ENODEV", code)
        for _, bad in ipairs { "", "l\0o", 1.5, 1 << 40, {}, true } do
          assert.has_error(function() sock:setsockopt(name, bad) end)
        end
        assert.has_error(function() sock:setsockopt(name) end)
      end
      assert.equal(0, six:getsockopt "IPV6_MULTICAST_IF")
      assert.equal("0.0.0.0", four:getsockopt "IP_MULTICAST_IF")
    end)

  it("SO_PEERCRED identifies the process at the other end of a UNIX socket",
    function()
      local path = support.folder() .. "/s"
      local listener = support.own(net.socket "unix")
      assert(listener:bind(path))
      assert(listener:listen())
      local peer <close> = support.start(support.python(([[
import os, socket
s = socket.socket(socket.AF_UNIX)
s.connect("%s")
s.sendall(b"%%d %%d %%d\n" %% (os.getpid(), os.getuid(), os.getgid()))
s.recv(1)
]]):format(path)))
      local sock <close> = assert(listener:accept())
      local pid, uid, gid = sock:getsockopt "SO_PEERCRED"
      assert.equal(sock:recv_line(), ("%d %d %d"):format(pid, uid, gid))
      sock:close()
      peer:wait()
      local tcp <close> = net.socket()
      local lone <close> = net.socket "unix"
      assert.equal("ENOTCONN", select(3, tcp:getsockopt "SO_PEERCRED"))
      assert.equal("ENOTCONN", select(3, lone:getsockopt "SO_PEERCRED"))
      assert.equal("ENOPROTOOPT", select(3, tcp:setsockopt("SO_PEERCRED", 1)))
    end)

  it("SO_LINGER takes and returns two integers", function()
    local sock <close> = net.socket()
    assert.same({ 0, 0 }, { sock:getsockopt "SO_LINGER" })
    assert(sock:setsockopt("SO_LINGER", true, 5))
    assert.same({ 1, 5 }, { sock:getsockopt "SO_LINGER" })
    assert.has_error(function() sock:setsockopt("SO_LINGER", true) end)
    assert(sock:setsockopt("SO_LINGER", false, 0)) -- else a thread closes it
  end)

  it("SO_ERROR and SO_TYPE can be read", function()
    local sock <close> = net.socket("inet", "dgram")
    assert.equal(0, sock:getsockopt "SO_ERROR")
    assert.equal(2, sock:getsockopt "SO_TYPE")
  end)

  it("take a boolean as 1 or 0", function()
    local sock <close> = net.socket()
    assert(sock:setsockopt("SO_REUSEADDR", true))
    assert.equal(1, sock:getsockopt "SO_REUSEADDR")
    assert(sock:setsockopt("SO_REUSEADDR", false))
    assert.equal(0, sock:getsockopt "SO_REUSEADDR")
  end)

  it("raise for an unknown name and a value beyond a C int", function()
    local sock <close> = net.socket()
    assert.error_matches(function() sock:getsockopt "SO_NONSENSE" end,
      "no socket option 'SO_NONSENSE'")
    assert.has_error(function() sock:setsockopt("SO_NONSENSE", 1) end)
    for _, bad in ipairs { 1 << 31, -(1 << 31) - 1, 1.5, "x" } do
      assert.has_error(function() sock:setsockopt("SO_SNDBUF", bad) end)
    end
    assert.has_error(function() sock:setsockopt "SO_SNDBUF" end)
  end)

  it("SO_LINGER lets other tasks run while a close lingers", function()
    local client, server = support.pair()
    assert(client:setsockopt("SO_LINGER", true, 60))
    client:settimeout(0)
    repeat until not client:send(("x"):rep(65536)) -- until the buffers are full
    local start = net.now()
    client:close()
    assert.is_true(net.now() - start < 30)
    local total = 0
    for _ = 1, 1000000 do
      local data = server:recv(65536)
      if not data then break end
      total = total + #data
    end
    assert.is_true(total > 65536)
    net.sleep(0.05) -- the pool's thread closes the descriptor
  end)
end)
