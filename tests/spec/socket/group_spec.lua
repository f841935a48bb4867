-- Multicast and broadcast, on the loopback.
local net = require "net"
local support = require "tests.support"
local namespace = require "tests.support.namespace"

local function udp(family)
  return support.own(assert(net.socket(family or "inet", "dgram")))
end

-- Returns a socket that is bound to every address, and its port.
local function receiver(family)
  local sock = assert(udp(family):bind("", 0))
  sock:settimeout(5)
  return sock, select(2, sock:getsockname())
end

describe("a multicast group", function()
  support.leaves_nothing(before_each, after_each)

  it("delivers to its members only", function()
    for _, interface in ipairs { "lo", "127.0.0.1", 1 } do
      local a, b, port = udp(), receiver()
      assert(a:setsockopt("IP_MULTICAST_IF", interface))
      assert.equal(b, b:join_group("239.1.2.3", interface))
      assert(a:sendto("one", "239.1.2.3", port))
      assert.equal("one", b:recv(9))
      assert.equal(b, b:leave_group("239.1.2.3", interface))
      assert(a:sendto("two", "239.1.2.3", port))
      b:settimeout(0.05)
      assert.equal("ETIMEDOUT", select(3, b:recv(9)))
    end
  end)

  it("carries datagrams from and to Python", function()
    local peer <close> = support.start(support.python [[
import socket
lo = socket.inet_aton("127.0.0.1")
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 0))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
             socket.inet_aton("239.1.2.4") + lo)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, lo)
print(s.getsockname()[1], flush=True)
port = int(s.recv(9))
s.sendto(b"from Python", ("239.1.2.5", port))
]])
    local theirs = math.tointeger(peer:expect "(%d+)\n")
    local sock, port = receiver()
    assert(sock:join_group("239.1.2.5", "lo"))
    assert(sock:setsockopt("IP_MULTICAST_IF", "lo"))
    assert(sock:sendto(tostring(port), "239.1.2.4", theirs))
    assert.equal("from Python", sock:recv(99))
    assert.equal(0, select(3, peer:wait()))
  end)

  it("can be joined once, and left by members only", function()
    for family, group in pairs { inet = "239.1.2.3", inet6 = "ff15::77" } do
      local sock = udp(family)
      assert(sock:join_group(group, "lo"))
      local ok, message, code = sock:join_group(group, "lo")
      assert.is_nil(ok)
      assert.matches("^join_group " .. group .. ": address already in use",
        message)
      assert.equal("EADDRINUSE", code)
      assert(sock:leave_group(group, "lo"))
      assert.equal("EADDRNOTAVAIL",
        select(3, sock:leave_group(group, "lo")))
      ok, message, code = sock:join_group(group, "nosuch0")
      assert.is_nil(ok)
      assert.equal("join_group nosuch0: no such device (ENODEV)", message)
      assert.equal("ENODEV", code)
    end
    local six = udp "inet6"
    assert.equal("ENODEV", select(3, six:join_group "ff15::77%nosuch0"))
    assert(six:join_group "ff15::77%lo")
    assert(six:leave_group("ff15::77", "lo"))
  end)

  it("raises for an address that is no group", function()
    local four, six = udp(), udp "inet6"
    for _, group in ipairs { "10.0.0.1", "ff15::77", "name", "", "239.1.1.1\0",
      1, {}, false } do
      assert.has_error(function() four:join_group(group, "lo") end)
      assert.has_error(function() four:leave_group(group, "lo") end)
    end
    assert.error_matches(function() six:join_group("239.1.1.1", "lo") end,
      "not a multicast address of the socket's family")
    for _, interface in ipairs { "", "l\0o", 1.5, -1 << 40, true, {} } do
      assert.has_error(function() four:join_group("239.1.1.1", interface) end)
    end
    local unix <close> = net.socket("unix", "dgram")
    local tcp <close> = net.socket()
    for _, sock in ipairs { unix, tcp } do
      assert.error_matches(function() sock:join_group("239.1.1.1", "lo") end,
        "datagram socket expected")
    end
  end)
end)

-- The loopback routes no IPv6 multicast, and receives all that it sends. So
-- these specs run in a network of their own, which only root may make.
local CABLE = [[
ip link add v0 type veth peer name v1 &&
ip link set v0 up && ip link set v1 up &&
ip addr add 192.0.2.9/24 dev v0 && ip addr add fd00::9/64 dev v0 nodad
]]
local private = namespace.possible and it or pending

describe("a multicast group on a cable", function()
  support.leaves_nothing(before_each, after_each)

  private("can be joined by name, by index, and over IPv6", function()
    assert.equal(("one\tETIMEDOUT\n"):rep(4), namespace.lookups(CABLE, [[
local net = require "net"
local six = assert(net.socket("inet6", "dgram"))
assert(six:setsockopt("IPV6_MULTICAST_IF", "v0"))
local index = six:getsockopt "IPV6_MULTICAST_IF"
local function try(family, option, group, interface)
  local a <close> = assert(net.socket(family, "dgram"))
  local b <close> = assert(net.socket(family, "dgram"))
  assert(b:bind("", 0))
  b:settimeout(5)
  local _, port = b:getsockname()
  assert(a:setsockopt(option, interface))
  assert(b:join_group(group, interface))
  assert(a:sendto("one", group, port))
  local one = b:recv(9)
  assert(b:leave_group(group, interface))
  assert(a:sendto("two", group, port))
  b:settimeout(0.05)
  print(one, (select(3, b:recv(9))))
end
for _, interface in ipairs { "v0", index } do
  try("inet", "IP_MULTICAST_IF", "239.1.2.3", interface)
  try("inet6", "IPV6_MULTICAST_IF", "ff15::77", interface)
end
]]))
  end)

  private("reaches the sender's own host unless LOOP is 0", function()
    assert.equal("heard\nheard\n", namespace.lookups(CABLE, [[
local net = require "net"
local function try(family, prefix, group)
  local a <close> = assert(net.socket(family, "dgram"))
  local b <close> = assert(net.socket(family, "dgram"))
  assert(b:bind("", 0))
  b:settimeout(5)
  local _, port = b:getsockname()
  assert(b:join_group(group, "v0"))
  assert(a:setsockopt(prefix .. "_MULTICAST_IF", "v0"))
  for _, text in ipairs { "silent", "heard" } do
    assert(a:setsockopt(prefix .. "_MULTICAST_LOOP", text == "heard"))
    assert(a:sendto(text, group, port))
  end
  print(b:recv(9))
end
try("inet", "IP", "239.1.2.3")
try("inet6", "IPV6", "ff15::77")
]]))
  end)
end)

describe("a broadcast", function()
  support.leaves_nothing(before_each, after_each)

  it("needs SO_BROADCAST, and then arrives", function()
    local a, b, port = udp(), receiver()
    local code = select(3, a:sendto("x", "127.255.255.255", port))
    assert.equal("EACCES", code)
    assert(a:setsockopt("SO_BROADCAST", true))
    assert.equal(5, a:sendto("heard", "127.255.255.255", port))
    assert.equal("heard", b:recv(9))
  end)
end)
