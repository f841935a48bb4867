-- IPv6 addresses with a zone: "fe80::1%eth0" (RFC 4007).
local net = require "net"
local support = require "tests.support"
local namespace = require "tests.support.namespace"

local private = namespace.possible and it or pending

-- Two interfaces with a cable between them, each with a link-local address.
local CABLE = [[
ip link add left type veth peer name right
ip addr add fe80::1/64 dev left nodad
ip addr add fe80::2/64 dev right nodad
ip link set left up
ip link set right up
]]

local function with_cable(script)
  return (namespace.lookups(CABLE, [[
local net = require "net"
local index = {}
repeat -- the kernel needs a while to set up a cable
  net.sleep(0.01)
  for _, i in ipairs(net.interfaces()) do index[i.name] = i.index end
until index.left and index.right
]] .. script))
end

describe("an address with a zone", function()
  support.leaves_nothing(before_each, after_each)

  private("is bound, connected to and printed with the interface's name",
    function()
      assert.equal([[
fe80::2%right
fe80::1%left
fe80::2%left
fe80::1%right
fe80::1%right
hello
]], with_cable [[
local listener <close> = assert(net.socket "inet6")
assert(listener:bind("fe80::2%right", 0))
assert(listener:listen())
local host, port = listener:getsockname()
print(host)
local client <close> = assert(net.socket "inet6")
assert(client:settimeout(5):connect("fe80::2%left", port))
print((client:getsockname()))
print((client:getpeername()))
local server <close>, from = assert(listener:accept())
print(from)
print((server:getpeername()))
assert(client:sendall "hello")
print(server:recv_exact(5))
]])
    end)

  private("may have the interface's index", function()
    assert.equal("fe80::2%right\nfe80::2%left\n", with_cable [[
local listener <close> = assert(net.socket "inet6")
assert(listener:bind("fe80::2%" .. index.right, 0))
assert(listener:listen())
local host, port = listener:getsockname()
print(host)
local client <close> = assert(net.socket "inet6")
assert(client:settimeout(5):connect("fe80::2%" .. index.left, port))
print((client:getpeername()))
]])
  end)

  private("is a datagram's destination and source, and can be answered",
    function()
      assert.equal([[
ping	fe80::1%left
pong	fe80::2%right
]], with_cable [[
local a <close> = assert(net.socket("inet6", "dgram")):settimeout(5)
local b <close> = assert(net.socket("inet6", "dgram")):settimeout(5)
assert(a:bind("fe80::1%left", 0))
assert(b:bind("fe80::2%right", 0))
local _, port = b:getsockname()
assert(a:sendto("ping", "fe80::2%left", port))
local data, host, from = b:recvfrom(100)
print(data, (host:gsub("right", "left")))
assert(b:sendto("pong", host, from))
data, host = a:recvfrom(100)
print(data, (host:gsub("left", "right")))
]])
    end)

  private("has its zone in error messages", function()
    local out = with_cable [[
local sock <close> = net.socket "inet6"
print(sock:settimeout(5):connect("fe80::2%left", 9))
print(sock:bind("fe80::1%right", 9))
local other <close> = net.socket "inet6"
print(other:connect("fe80::1", 9)) -- which of the two interfaces?
]]
    assert.equal([[
nil	connect [fe80::2%left]:9: connection refused (ECONNREFUSED)	ECONNREFUSED
nil	bind [fe80::1%right]:9: address not available (EADDRNOTAVAIL)	EADDRNOTAVAIL
nil	connect [fe80::1]:9: invalid argument (EINVAL)	EINVAL
]], out)
  end)

  private("keeps its index when the interface is gone", function()
    assert.equal("true\n", with_cable [[
local sock <close> = assert(net.socket("inet6", "dgram"))
assert(sock:bind("fe80::1%left", 0))
os.execute "ip link del left"
print((sock:getsockname()) == "fe80::1%" .. index.left)
]])
  end)

  it("that no interface has is ENODEV without a lookup", function()
    for _, zone in ipairs { "nope", "", "0", ("x"):rep(200) } do
      local host = "fe80::1%" .. zone
      for _, timeout in ipairs { 0, 5 } do
        local sock <close> = net.socket("inet6", "dgram"):settimeout(timeout)
        local ok, message, code = sock:connect(host, 9)
        assert.is_nil(ok, host)
        assert.equal(("connect [%s]:9: no such device (ENODEV)"):format(host),
          message)
        assert.equal("ENODEV", code)
        assert.equal("ENODEV", select(3, sock:sendto("x", host, 9)))
        assert.equal("ENODEV", select(3, sock:bind(host, 0)))
      end
    end
  end)

  it("with an index that no interface has is refused by the kernel", function()
    local sock <close> = net.socket("inet6", "dgram")
    local _, message, code = sock:bind("fe80::1%4294967295", 9)
    assert.equal("bind [fe80::1%4294967295]:9: no such device (ENODEV)",
      message)
    assert.equal("ENODEV", code)
  end)

  it("is not an address for an inet socket", function()
    local sock <close> = net.socket("inet", "dgram"):settimeout(0)
    assert.equal("EAGAIN", select(3, sock:bind("fe80::1%lo", 0)))
  end)

  it("of a wider scope needs no zone, and drops it", function()
    local sock <close> = net.socket("inet6", "dgram")
    assert(sock:bind("::1%lo", 0))
    assert.equal("::1", (sock:getsockname()))
  end)
end)
