local net = require "net"
local support = require "tests.support"
local namespace = require "tests.support.namespace"

local raises = support.raises

local function shell(command)
  local pipe <close> = io.popen(command)
  return pipe:read "l"
end

describe("gethostname", function()
  support.leaves_nothing(before_each, after_each)

  it("returns what uname prints", function()
    assert.equal(shell "uname -n", net.gethostname())
  end)
end)

describe("gethostbyname", function()
  support.leaves_nothing(before_each, after_each)

  it("of an address returns that address", function()
    for _, ip in ipairs { "127.0.0.1", "192.0.2.7", "255.255.255.255" } do
      assert.equal(ip, net.gethostbyname(ip))
    end
    assert.equal(1, select("#", net.gethostbyname "127.0.0.1"))
  end)

  it("of localhost and names below it returns the loopback", function()
    for _, name in ipairs { "localhost", "LocalHost", "x.localhost",
      "localhost.", "a.b.localhost" } do
      assert.equal("127.0.0.1", net.gethostbyname(name))
    end
  end)

  it("reports a name that does not exist", function()
    local ip, message, code = net.gethostbyname "no.such.name.invalid"
    assert.is_nil(ip)
    assert.matches("^EAI_%u+$", code)
    assert.matches("^gethostbyname no%.such%.name%.invalid: [%l ]+ %(" ..
      code .. "%)$", message)
  end)

  it("raises for an invalid name", function()
    raises("string expected", net.gethostbyname)
    for _, name in ipairs { {}, true, print } do
      raises("string expected", net.gethostbyname, name)
    end
    raises("NUL byte", net.gethostbyname, "local\0host")
    raises("NUL byte", net.gethostbyname, "localhost\0")
    raises("longer than 253 bytes", net.gethostbyname, ("x"):rep(254))
    raises("longer than 253 bytes", net.gethostbyname, ("x"):rep(1 << 20))
  end)
end)

describe("getservbyport", function()
  support.leaves_nothing(before_each, after_each)

  it("names a TCP service by default", function()
    assert.equal("http", net.getservbyport(80))
    assert.equal("http", net.getservbyport(80, "tcp"))
    assert.equal("domain", net.getservbyport(53, "tcp"))
  end)

  it("names a UDP service", function()
    assert.equal("ntp", net.getservbyport(123, "udp"))
    assert.equal("domain", net.getservbyport(53, "udp"))
  end)

  it("keeps the protocols apart", function()
    assert.equal("tftp", net.getservbyport(69, "udp"))
    assert.equal("ENOENT", select(3, net.getservbyport(69, "tcp")))
  end)

  it("reports a port without a name", function()
    local name, message, code = net.getservbyport(65535, "udp")
    assert.is_nil(name)
    assert.equal(
      "getservbyport 65535/udp: no such service (ENOENT)", message)
    assert.equal("ENOENT", code)
  end)

  it("raises for an invalid port or protocol", function()
    for _, port in ipairs { -1, 65536, 2 ^ 32 + 80, 1.5, "x", {} } do
      raises("bad argument #1", net.getservbyport, port)
    end
    raises("bad argument #1", net.getservbyport)
    raises("bad argument #2", net.getservbyport, 80, "sctp")
    raises("bad argument #2", net.getservbyport, 80, {})
  end)
end)

describe("net.port", function()
  support.leaves_nothing(before_each, after_each)

  it("takes a number, digits or a service name", function()
    for _, port in ipairs { 0, 1, 80, 65535 } do
      assert.equal(port, net.port(port))
      assert.equal(port, net.port(tostring(port)))
    end
    assert.equal("integer", math.type(net.port(80.0)))
    assert.equal("integer", math.type(net.port "80"))
    assert.equal(80, net.port "http")
    assert.equal(53, net.port "domain")
    assert.equal(123, net.port "ntp")
  end)

  it("reports what is neither a port nor a service", function()
    for _, port in ipairs { -1, 65536, 2 ^ 32 + 80, "-1", "65536", 1.5, "x", "",
      "80x", true, {}, print } do
      local got, message, code = net.port(port)
      assert.is_nil(got)
      assert.equal("port must be 0 to 65535 or a service name, got '" ..
        tostring(port) .. "'", message)
      assert.equal("EINVAL", code)
    end
    assert.equal("EINVAL", select(3, net.port(nil)))
  end)

  it("raises without an argument", function()
    raises("value expected", net.port)
  end)
end)

describe("a port of an address", function()
  support.leaves_nothing(before_each, after_each)

  it("may be a service name", function()
    local tcp <close> = net.socket()
    local ok, message, code = tcp:connect("127.0.0.1", "http")
    assert.is_nil(ok)
    assert.equal("connect 127.0.0.1:80: connection refused (ECONNREFUSED)",
      message)
    assert.equal("ECONNREFUSED", code)
    local udp <close> = net.socket("inet", "dgram")
    assert.equal(1, udp:sendto("x", "127.0.0.1", "discard"))
    assert(udp:connect("127.0.0.1", "ntp"))
    assert.equal(123, select(2, udp:getpeername()))
  end)

  it("may be digits in a string", function()
    local _, host, port = support.listener()
    local tcp <close> = net.socket()
    assert(tcp:connect(host, tostring(port)))
  end)

  local bad_ports = { -1, 65536, 70000, 2 ^ 32 + 80, (1 << 32) + 80, 1.5,
    0 / 0, math.mininteger, "x", "", "-1", "65536", "http\0", true, {}, print }

  it("out of range raises before bind(2)", function()
    for _, port in ipairs(bad_ports) do
      local sock <close> = net.socket()
      raises("bad argument #3 .*port", sock.bind, sock, "127.0.0.1", port)
      assert.equal(0, select(2, sock:getsockname()))
    end
  end)

  it("out of range raises before connect(2)", function()
    for _, port in ipairs(bad_ports) do
      local sock <close> = net.socket("inet", "dgram")
      raises("bad argument #3 .*port", sock.connect, sock, "127.0.0.1", port)
      assert.equal("ENOTCONN", select(3, sock:getpeername()))
    end
  end)

  it("out of range raises before sendto(2)", function()
    for _, port in ipairs(bad_ports) do
      local sock <close> = net.socket("inet", "dgram")
      raises("bad argument #4 .*port", sock.sendto, sock, "x", "127.0.0.1",
        port)
      assert.equal(0, select(2, sock:getsockname()))
    end
  end)

  it("is required", function()
    local sock <close> = net.socket("inet", "dgram")
    raises("bad argument #3", sock.bind, sock, "127.0.0.1")
    raises("bad argument #3", sock.connect, sock, "127.0.0.1")
    raises("bad argument #4", sock.sendto, sock, "x", "127.0.0.1")
  end)
end)

describe("a host of an address", function()
  support.leaves_nothing(before_each, after_each)

  it("that is invalid raises before any call", function()
    local bad = { "a\0b", "127.0.0.1\0", ("x"):rep(254), ("x"):rep(300), true,
      {}, print }
    for _, host in ipairs(bad) do
      local sock <close> = net.socket("inet", "dgram")
      raises("bad argument #2", sock.bind, sock, host, 0)
      raises("bad argument #2", sock.connect, sock, host, 80)
      raises("bad argument #3", sock.sendto, sock, "x", host, 80)
      assert.equal(0, select(2, sock:getsockname()))
    end
  end)

  it("that is localhost is 127.0.0.1, or ::1 for inet6", function()
    for family, ip in pairs { inet = "127.0.0.1", inet6 = "::1" } do
      for _, name in ipairs { "localhost", "LOCALHOST", "x.localhost" } do
        local sock <close> = net.socket(family, "dgram")
        assert(sock:bind(name, 0))
        assert.equal(ip, (sock:getsockname()))
      end
    end
  end)

  it("that is localhost works on a non-blocking socket", function()
    local sock <close> = net.socket("inet", "dgram")
    assert(sock:settimeout(0):connect("x.localhost", 9))
    assert.equal("127.0.0.1", (sock:getpeername()))
  end)

  it("that needs a lookup is EAGAIN on a non-blocking socket", function()
    local longest = ("a."):rep(126) .. "a" -- 253 bytes
    for _, name in ipairs { "lab.test", "notlocalhost", "::1", longest } do
      local sock <close> = net.socket("inet", "dgram"):settimeout(0)
      local ok, message, code = sock:connect(name, 9)
      assert.is_nil(ok)
      assert.equal("EAGAIN", code)
      assert.equal(("connect %s:9: resource temporarily unavailable (EAGAIN)")
        :format(name == "::1" and "[::1]" or name), message)
      assert.equal("EAGAIN", select(3, sock:bind(name, 0)))
      assert.equal("EAGAIN", select(3, sock:sendto("x", name, 9)))
    end
  end)
end)

-- The specs of real lookups run with a network and an /etc of their own.
local private = namespace.possible and it or pending
local lookups, DNSMASQ = namespace.lookups, namespace.DNSMASQ

local WITH_DNSMASQ = [[
local net = require "net"
while not net.gethostbyname "lab.test" do net.sleep(0.02) end
]]

describe("a lookup", function()
  support.leaves_nothing(before_each, after_each)

  private("finds a name that exists", function()
    assert.equal("192.0.2.7\n", lookups(DNSMASQ, WITH_DNSMASQ .. [[
print(net.gethostbyname "lab.test")
]]))
  end)

  private("reports a name that does not exist", function()
    local out = lookups(DNSMASQ, WITH_DNSMASQ .. [[
print(net.gethostbyname "nope.test")
local sock <close> = net.socket()
print(sock:connect("nope.test", 80))
]])
    local reason = "no such name (EAI_NONAME)\tEAI_NONAME\n"
    assert.equal("nil\tgethostbyname nope.test: " .. reason ..
      "nil\tconnect nope.test:80: " .. reason, out)
  end)

  private("reports a name without an address of the family", function()
    local out = lookups(DNSMASQ, WITH_DNSMASQ .. [[
print(net.gethostbyname "six.test")
local sock <close> = net.socket "inet6"
print(sock:connect("lab.test", 80))
]])
    assert.matches("^nil\tgethostbyname six.test: .-%(EAI_%u+%)\tEAI_%u+\n" ..
      "nil\tconnect lab.test:80: .-%(EAI_%u+%)\tEAI_%u+\n$", out)
  end)

  private("happens in bind, connect and sendto, for the socket's family",
    function()
      local out = lookups(DNSMASQ, WITH_DNSMASQ .. [[
for _, family in ipairs { "inet", "inet6" } do
  local a <close> = net.socket(family, "dgram")
  local b <close> = net.socket(family, "dgram")
  assert(a:bind("here.test", 0))
  local host, port = a:getsockname()
  assert(b:sendto("one ", "here.test", port))
  assert(b:connect("here.test", port))
  assert(b:send "two")
  print(host, a:recv(10) .. a:recv(10))
end
local listener <close> = net.socket()
assert(listener:bind("here.test", 0))
assert(listener:listen())
local client <close> = net.socket()
print(client:connect("here.test", select(2, listener:getsockname())) == client)
]])
      assert.equal("127.0.0.1\tone two\n::1\tone two\ntrue\n", out)
    end)

  private("returns EAI_AGAIN if there is no name server", function()
    local out = lookups("", [[
local net = require "net"
print(net.gethostbyname "lab.test")
print(net.gethostbyname "x.localhost")
]])
    assert.equal("nil\tgethostbyname lab.test: temporary failure " ..
      "(EAI_AGAIN)\tEAI_AGAIN\n127.0.0.1\n", out)
  end)
end)

local SLOW = namespace.silent "\4slow\4test" .. [[
local sock <close> = assert(net.socket())
]]

-- The resolver gives up after 30 s; nothing here may wait for that.
local function slow_lookups(script)
  local out, took = lookups("", SLOW .. script)
  assert.is_true(took < 10, took)
  return out
end

describe("a slow lookup", function()
  support.leaves_nothing(before_each, after_each)

  private("ends at the socket's timeout, and lets other tasks run meanwhile",
    function()
      local out = slow_lookups [[
local ticks, took
local ticker = net.spawn(function()
  while true do
    net.sleep(0.005)
    ticks = ticks + 1
    collectgarbage()
  end
end)
print(under_way(function()
  ticks = 0
  local start = net.now()
  local ok, message, code = sock:settimeout(0.1):connect("slow.test", 80)
  took = net.now() - start
  return ok, message, code
end))
print(took >= 0.1, took < 5, ticks > 3)
ticker:cancel()
]]
      assert.matches("^nil\tconnect slow.test:80: [%l ]*timed out " ..
        "%(ETIMEDOUT%)\tETIMEDOUT\ntrue\ttrue\ttrue\n$", out)
    end)

  private("never ends before the timeout, though other tasks wake", function()
    local out = slow_lookups [[
local ticker = net.spawn(function() while true do net.sleep(0.0007) end end)
local early = 0
for _ = 1, 100 do
  local one <close> = net.socket()
  local start = net.now()
  local code = select(3, one:settimeout(0.005):connect("slow.test", 80))
  if code ~= "ETIMEDOUT" or net.now() - start < 0.005 then early = early + 1 end
end
print(early)
ticker:cancel()
]]
    assert.equal("0\n", out)
  end)

  private("ends at the timeout in bind and sendto, too", function()
    local out = slow_lookups [[
local udp <close> = net.socket("inet", "dgram")
udp:settimeout(0.05)
print(udp:bind("slow.test", 80))
print(udp:sendto("x", "slow.test", 80))
]]
    local reason = " slow.test:80: [%l ]*timed out %(ETIMEDOUT%)\tETIMEDOUT\n"
    assert.matches("^nil\tbind" .. reason .. "nil\tsendto" .. reason .. "$",
      out)
  end)

  private("counts against the timeout of an NTP request", function()
    local out = slow_lookups [[
print(require("net.ntp").request("slow.test", { timeout = 0.1 }))
]]
    assert.matches("^nil\t.*slow.test:123: .*%(ETIMEDOUT%)\tETIMEDOUT\n$", out)
  end)

  private("ends at the timeout among many", function()
    local out = slow_lookups [[
local tasks, count = {}, 0
for i = 1, 50 do
  tasks[i] = net.spawn(function()
    local one <close> = net.socket()
    return select(3, one:settimeout(0.1):connect(i .. ".test", 80))
  end)
end
for _, task in ipairs(tasks) do
  if task:join() == "ETIMEDOUT" then count = count + 1 end
end
print(count)
]]
    assert.equal("50\n", out)
  end)

  private("ends when its task is cancelled", function()
    local out = slow_lookups [[
local task = net.spawn(function()
  local _ <close> = setmetatable({}, { __close = function() print "end" end })
  net.gethostbyname "slow.test"
  print "never"
end)
asked()
task:cancel()
print(select(3, task:join()))
collectgarbage()
]]
    assert.equal("end\nECANCELED\n", out)
  end)

  private("ends when the socket is closed", function()
    local out = slow_lookups [[
local task = net.spawn(function() return sock:connect("slow.test", 80) end)
asked()
sock:close()
print(task:join())
]]
    assert.equal("nil\tconnect slow.test:80: operation canceled " ..
      "(ECANCELED)\tECANCELED\n", out)
  end)

  private("makes a second connect or a bind EBUSY", function()
    local out = slow_lookups [[
local task = net.spawn(function() return sock:connect("slow.test", 80) end)
asked()
print(select(3, sock:connect("127.0.0.1", 1)))
print(select(3, sock:bind("slow.test", 80))) -- close ends one lookup
print(select(3, sock:bind("127.0.0.1", 0)))
task:cancel()
]]
    assert.equal("EBUSY\nEBUSY\nEBUSY\n", out)
  end)

  private("ends with the program", function()
    local out = slow_lookups [[
net.spawn(function() net.gethostbyname "slow.test" end)
asked()
print "over"
os.exit(0, true)
]]
    assert.equal("over\n", out)
  end)
end)
