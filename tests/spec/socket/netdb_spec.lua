-- Names of addresses and services, and the machine's own addresses.
local net = require "net"
local support = require "tests.support"
local namespace = require "tests.support.namespace"

local raises = support.raises
local private = namespace.possible and it or pending
local lookups, DNSMASQ = namespace.lookups, namespace.DNSMASQ

describe("getservbyname", function()
  support.leaves_nothing(before_each, after_each)

  it("returns the port of a service, a TCP service by default",
    function()
      assert.equal(80, net.getservbyname "http")
      assert.equal(80, net.getservbyname("http", "tcp"))
      assert.equal(123, net.getservbyname("ntp", "udp"))
      assert.equal("integer", math.type(net.getservbyname "domain"))
    end)

  it("keeps the protocols apart", function()
    assert.equal(69, net.getservbyname("tftp", "udp"))
    local port, message, code = net.getservbyname "tftp"
    assert.is_nil(port)
    assert.equal("getservbyname tftp/tcp: no such service (ENOENT)", message)
    assert.equal("ENOENT", code)
    assert.equal("ENOENT", select(3, net.getservbyname ""))
  end)

  it("is the inverse of getservbyport", function()
    for _, name in ipairs { "http", "domain", "smtp", "ssh" } do
      assert.equal(name, net.getservbyport(net.getservbyname(name)))
    end
  end)

  it("raises for an invalid name or protocol", function()
    raises("bad argument #1", net.getservbyname)
    raises("bad argument #1", net.getservbyname, {})
    raises("bad argument #1 .*NUL byte", net.getservbyname, "http\0")
    raises("bad argument #2", net.getservbyname, "http", "sctp")
  end)
end)

describe("getnameinfo", function()
  support.leaves_nothing(before_each, after_each)

  local digits = { "NI_NUMERICHOST", "NI_NUMERICSERV" }

  it("returns digits if asked", function()
    assert.same({ "192.0.2.7", "80" },
      { net.getnameinfo("192.0.2.7", 80, { flags = digits }) })
    assert.same({ "2001:db8::7", "80" },
      { net.getnameinfo("2001:DB8:0::7", "http", { flags = digits }) })
    assert.same({ "fe80::1%lo", "0" },
      { net.getnameinfo("fe80::1%1", 0, { flags = digits }) })
  end)

  it("names the service of the given protocol", function()
    local flags = { "NI_NUMERICHOST" }
    assert.equal("http",
      select(2, net.getnameinfo("::1", 80, { flags = flags })))
    assert.equal("shell",
      select(2, net.getnameinfo("::1", 514, { flags = flags })))
    flags[2] = "NI_DGRAM"
    assert.equal("syslog",
      select(2, net.getnameinfo("::1", 514, { flags = flags })))
  end)

  it("of the loopback is localhost", function()
    assert.same({ "localhost", "http" }, { net.getnameinfo("127.0.0.1", 80) })
    assert.same({ "localhost", "http" },
      { net.getnameinfo("127.0.0.1", 80, {}) })
  end)

  it("refuses a host that is not an address, without a lookup", function()
    for _, host in ipairs { "", "localhost", "lab.test", "1.2.3", "::1::" } do
      local name, message, code = net.getnameinfo(host, 80)
      assert.is_nil(name, host)
      assert.matches("^getnameinfo.*: invalid argument %(EINVAL%)$", message)
      assert.equal("EINVAL", code)
    end
    assert.equal("ENODEV", select(3, net.getnameinfo("fe80::1%nope", 80)))
  end)

  it("raises for wrong arguments", function()
    local f = net.getnameinfo
    raises("bad argument #1", f)
    raises("bad argument #1", f, {}, 80)
    raises("bad argument #1 .*NUL byte", f, "::1\0", 80)
    for _, port in ipairs { -1, 65536, 1.5, "x", {}, true } do
      raises("bad argument #2 .*port", f, "::1", port)
    end
    raises("bad argument #2 .*port", f, "::1")
    raises("bad argument #3", f, "::1", 80, "NI_DGRAM")
    raises("bad argument #3 .*no option 'flag'", f, "::1", 80, { flag = {} })
    raises("bad argument #3 .*flags: a list", f, "::1", 80, { flags = true })
    raises("bad argument #3 .*no flag 'NI_X'", f, "::1", 80,
      { flags = { "NI_DGRAM", "NI_X" } })
    raises("bad argument #3 .*no flag 'table", f, "::1", 80,
      { flags = { {} } })
  end)
end)

describe("gethostbyaddr", function()
  support.leaves_nothing(before_each, after_each)

  it("of the loopback is localhost", function()
    assert.equal("localhost", net.gethostbyaddr "127.0.0.1")
    assert.equal(1, select("#", net.gethostbyaddr "127.0.0.1"))
  end)

  it("refuses what is not an address", function()
    local name, message, code = net.gethostbyaddr "localhost"
    assert.is_nil(name)
    assert.equal("gethostbyaddr localhost: invalid argument (EINVAL)", message)
    assert.equal("EINVAL", code)
  end)

  it("raises unless it gets a string", function()
    raises("bad argument #1", net.gethostbyaddr)
    raises("bad argument #1", net.gethostbyaddr, {})
    raises("bad argument #1 .*NUL byte", net.gethostbyaddr, "127.0.0.1\0")
  end)
end)

local WITH_DNSMASQ = [[
local net = require "net"
while not net.gethostbyname "lab.test" do net.sleep(0.02) end
]]

describe("a lookup of an address", function()
  support.leaves_nothing(before_each, after_each)

  private("finds the name that the name server has, in both families",
    function()
      local out = lookups(DNSMASQ, WITH_DNSMASQ .. [[
print(net.gethostbyaddr "192.0.2.7")
print(net.gethostbyaddr "2001:db8::9")
print(net.getnameinfo("192.0.2.7", 53))
]])
      assert.equal("lab.test\nptr6.test\nlab.test\tdomain\n", out)
    end)

  private("reports that there is no name, or returns digits", function()
    local out = lookups(DNSMASQ, WITH_DNSMASQ .. [[
print(net.gethostbyaddr "192.0.2.8")
print(net.getnameinfo("192.0.2.8", 80))
print(net.getnameinfo("192.0.2.8", 80, { flags = { "NI_NAMEREQD" } }))
]])
    local reason = " 192.0.2.8: no such name (EAI_NONAME)\tEAI_NONAME\n"
    assert.equal("nil\tgethostbyaddr" .. reason .. "192.0.2.8\thttp\n" ..
      "nil\tgetnameinfo" .. reason, out)
  end)

  private("returns EAI_AGAIN if there is no name server", function()
    local out = lookups("", [[
local net = require "net"
print(net.gethostbyaddr "192.0.2.7")
]])
    assert.equal("nil\tgethostbyaddr 192.0.2.7: temporary failure " ..
      "(EAI_AGAIN)\tEAI_AGAIN\n", out)
  end)

  private("lets other tasks run, and many can be under way", function()
    local out = lookups(DNSMASQ, WITH_DNSMASQ .. [[
local tasks, count = {}, 0
for i = 1, 40 do
  tasks[i] = net.spawn(function()
    collectgarbage()
    return net.gethostbyaddr(i % 2 == 0 and "192.0.2.7" or "2001:db8::9")
  end)
end
for i, task in ipairs(tasks) do
  local name = task:join()
  if name == (i % 2 == 0 and "lab.test" or "ptr6.test") then
    count = count + 1
  end
end
print(count)
]])
    assert.equal("40\n", out)
  end)
end)

-- The resolver gives up after 30 s; nothing may wait for that.
local SLOW = namespace.silent "\1\55\1\50\1\48\3\49\57\50"

describe("a slow lookup of an address", function()
  support.leaves_nothing(before_each, after_each)

  private("ends when its task is cancelled", function()
    local out, took = lookups("", SLOW .. [[
local task = net.spawn(function()
  local _ <close> = setmetatable({}, { __close = function() print "end" end })
  net.gethostbyaddr "192.0.2.7"
  print "never"
end)
asked()
task:cancel()
print(select(3, task:join()))
collectgarbage()
]])
    assert.equal("end\nECANCELED\n", out)
    assert.is_true(took < 10, took)
  end)

  private("ends when it is cancelled before the pool begins it", function()
    local out, took = lookups("", SLOW .. [[
local tasks = {}
for i = 1, 50 do
  tasks[i] = net.spawn(function() net.getnameinfo("192.0.2.7", 80) end)
end
asked()
for _, task in ipairs(tasks) do task:cancel() end
tasks = nil
collectgarbage()
net.sleep(0.05)
print "over"
]])
    assert.equal("over\n", out)
    assert.is_true(took < 10, took)
  end)

  private("ends with a deadline", function()
    local out, took = lookups("", SLOW .. [[
print(under_way(net.deadline, 0.05, net.gethostbyaddr, "192.0.2.7"))
]])
    assert.equal("nil\tgethostbyaddr 192.0.2.7: timed out (ETIMEDOUT)" ..
      "\tETIMEDOUT\n", out)
    assert.is_true(took < 10, took)
  end)

  private("is answered even if no task waits for it any more", function()
    local out = lookups(DNSMASQ, WITH_DNSMASQ .. [[
local tasks = {}
for i = 1, 50 do
  tasks[i] = net.spawn(function() net.gethostbyaddr "192.0.2.7" end)
end
net.sleep(0)
for _, task in ipairs(tasks) do task:cancel() end
tasks = nil
for _ = 1, 10 do net.deadline(0, net.gethostbyaddr, "192.0.2.7") end
collectgarbage()
print(net.gethostbyaddr "192.0.2.7")
net.sleep(0.1)
]])
    assert.equal("lab.test\n", out) -- make asan would report a leak, too
  end)

  private("ends with the program", function()
    local out, took = lookups("", SLOW .. [[
net.spawn(function() net.gethostbyaddr "192.0.2.7" end)
asked()
print "over"
os.exit(0, true)
]])
    assert.equal("over\n", out)
    assert.is_true(took < 10, took)
  end)
end)

describe("interfaces", function()
  support.leaves_nothing(before_each, after_each)

  it("include the loopback", function()
    local found
    for _, i in ipairs(net.interfaces()) do
      if i.address == "127.0.0.1" then found = i end
    end
    assert.same({ name = "lo", index = 1, family = "inet", internal = true,
      address = "127.0.0.1", netmask = "255.0.0.0",
      mac = "00:00:00:00:00:00" }, found)
  end)

  it("have addresses that can be bound as they are", function()
    for _, i in ipairs(net.interfaces()) do
      local sock <close> = net.socket(i.family, "dgram")
      assert(sock:bind(i.address, 0))
      assert.equal(i.address, (sock:getsockname()))
      local bytes, scope = net.inet_pton(i.family, i.address)
      assert.equal(i.address, net.inet_ntop(i.family, bytes, scope))
      assert.equal(i.scope, scope)
    end
  end)

  private("are those that ip(8) has made", function()
    local out = lookups([[
ip link add left address 02:00:00:00:00:0a type veth peer name right
ip link set left addrgenmode none
ip link set right addrgenmode none
ip addr add 192.0.2.7/28 dev left
ip addr add fe80::7/64 dev right nodad
ip addr add 2001:db8::7/48 dev right nodad
ip link set left up
ip link set right up
]], [[
local net = require "net"
local list, count
repeat -- the kernel needs a while to set up a cable
  net.sleep(0.01)
  list, count = net.interfaces(), 0
  for _, i in ipairs(list) do count = count + (i.internal and 0 or 1) end
until count == 3
for _, i in ipairs(list) do
  if not i.internal then
    print(i.name, i.family, i.address, i.netmask, i.scope == i.index)
    if i.name == "left" then print(i.mac) end
  end
end
]])
    assert.equal([[
left	inet	192.0.2.7	255.255.255.240	false
02:00:00:00:00:0a
right	inet6	2001:db8::7	ffff:ffff:ffff::	false
right	inet6	fe80::7%right	ffff:ffff:ffff:ffff::	true
]], out)
  end)
end)
