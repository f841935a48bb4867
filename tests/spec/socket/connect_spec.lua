local net = require "net"
local support = require "tests.support"
local namespace = require "tests.support.namespace"

local private = namespace.possible and it or pending

-- Makes a port of ::1 that answers nothing: one connection fills its backlog,
-- and the kernel drops every further SYN.
local function black_hole(port)
  local hole = support.own(assert(net.listen("::1", port, { backlog = 0 })))
  for _ = 1, 3 do
    local sock = support.own(net.socket "inet6")
    if not sock:settimeout(0.05):connect("::1", port) then return hole end
  end
  error "it answers still"
end

local function message(...) return support.raised(net.connect, ...) end

describe("net.connect", function()
  support.leaves_nothing(before_each, after_each)

  it("returns a connected socket without a timeout, and the attempt", function()
    for _, host in ipairs { "127.0.0.1", "::1" } do
      local listener <close> = assert(net.listen(host, 0))
      local _, port = listener:getsockname()
      local sock <close>, attempts = assert(net.connect(host, port))
      assert.is_nil(sock:gettimeout())
      assert.same({ host, port }, { sock:getpeername() })
      assert.equal(1, #attempts)
      assert.same({ host, port }, { attempts[1].host, attempts[1].port })
      assert.is_true(attempts[1].seconds >= 0)
      assert.is_nil(attempts[1].error)
      assert.is_nil(attempts[1].code)
      local server <close> = assert(listener:accept())
      assert(server:sendall "hello\n")
      assert.equal("hello", sock:recv_line())
      server:close()
      assert.equal(("recv %s: end of stream (EOF)"):format(
        host == "::1" and "[::1]:" .. port or host .. ":" .. port),
        select(2, sock:recv(1)))
    end
  end)

  it("tries the next address at once when one fails", function()
    local _, _, port = support.listener()
    local start = net.now()
    local sock <close>, attempts = assert(net.connect("localhost", port))
    assert.equal("127.0.0.1", (sock:getpeername()))
    assert.equal("inet", tostring(sock):match "%((%w+)")
    assert.equal(2, #attempts)
    assert.equal("::1", attempts[1].host)
    assert.equal("ECONNREFUSED", attempts[1].code)
    assert.equal(("connect [::1]:%d: connection refused (ECONNREFUSED)")
      :format(port), attempts[1].error)
    assert.equal("127.0.0.1", attempts[2].host)
    assert.is_nil(attempts[2].error)
    assert.is_true(net.now() - start < 10)
  end)

  it("reports each failed attempt, and returns the last code", function()
    local port = support.free_port()
    local sock, text, code, attempts = net.connect("localhost", port)
    assert.is_nil(sock)
    assert.equal(("connect localhost:%d: [::1]:%d: connection refused " ..
      "(ECONNREFUSED); 127.0.0.1:%d: connection refused (ECONNREFUSED)")
      :format(port, port, port), text)
    assert.equal("ECONNREFUSED", code)
    assert.equal(2, #attempts)
    assert.equal("ECONNREFUSED", attempts[2].code)
  end)

  it("reports only the attempt if there is a single address", function()
    local port = support.free_port()
    for host, who in pairs { ["127.0.0.1"] = "127.0.0.1", ["::1"] = "[::1]" } do
      local _, text, _, attempts = net.connect(host, port)
      assert.equal(("connect %s:%d: connection refused (ECONNREFUSED)")
        :format(who, port), text)
      assert.equal(text, attempts[1].error)
    end
  end)

  it("causes no traceback if an assert passes its error on", function()
    local _, err, status = support.script(([[
      assert(require("net").connect("localhost", %d))
    ]]):format(support.free_port()))
    assert.equal(1, status)
    assert.matches("connect localhost:%d+: %[::1%]:%d+: ", err)
    if support.hosted then assert.is_nil(err:find "traceback") end
  end)

  it("makes no attempt for an invalid name", function()
    local sock, text, code, attempts = net.connect("no.such.name.invalid", 80)
    assert.is_nil(sock)
    assert.matches("^connect no.such.name.invalid:80: .* %(EAI_%u+%)$", text)
    assert.matches("^EAI_", code)
    assert.same({}, attempts)
  end)

  it("goes on to the next address if one does not answer", function()
    local _, _, port = support.listener()
    black_hole(port)
    local start = net.now()
    local sock <close>, attempts = assert(net.connect("localhost", port))
    local took = net.now() - start
    assert.equal("127.0.0.1", (sock:getpeername()))
    assert.is_true(took >= 0.25 and took < 10, took)
    assert.equal(2, #attempts)
    assert.equal("ECANCELED", attempts[1].code)
    assert.equal(("connect [::1]:%d: operation canceled (ECANCELED)")
      :format(port), attempts[1].error)
    assert.is_true(attempts[1].seconds >= 0.25)
    assert.is_true(attempts[2].seconds < attempts[1].seconds)
  end)

  it("waits for a slow address after the others have failed", function()
    local port = support.free_port()
    local hole = black_hole(port)
    local task = net.spawn(net.connect, "localhost", port, { timeout = 20 })
    net.sleep(0.4) -- 127.0.0.1 has refused by now
    local acceptor <close> = net.spawn(function()
      while true do support.own(hole:accept()) end
    end)
    local sock <close>, attempts = task:join() -- the kernel sends a second SYN
    acceptor:cancel()
    assert.same({ "::1", port }, { sock:getpeername() })
    assert.is_nil(attempts[1].code)
    assert.equal("ECONNREFUSED", attempts[2].code)
  end)

  it("gives up at the timeout, and lists what it tried", function()
    local port = support.free_port()
    black_hole(port)
    local start = net.now()
    local sock, text, code, attempts = net.connect("localhost", port,
      { timeout = 0.4 })
    assert.is_true(net.now() - start >= 0.4)
    assert.is_nil(sock)
    assert.equal("ETIMEDOUT", code)
    assert.equal(("connect localhost:%d: 127.0.0.1:%d: connection refused " ..
      "(ECONNREFUSED); [::1]:%d: timed out (ETIMEDOUT)"):format(port, port,
      port), text)
    assert.equal("ETIMEDOUT", attempts[1].code)
    assert.equal("ECONNREFUSED", attempts[2].code)
    start = net.now()
    text, code, attempts = select(2, net.connect("localhost", port,
      { timeout = 0.05, family = "inet6" }))
    assert.is_true(net.now() - start >= 0.05)
    assert.equal("ETIMEDOUT", code)
    assert.matches("^connect localhost:%d+: %[::1%]:%d+: timed out", text)
    assert.equal(1, #attempts)
  end)

  it("keeps to a net.deadline", function()
    local port = support.free_port()
    black_hole(port)
    local start = net.now()
    local sock, _, code, attempts = net.deadline(0.1, net.connect, "::1", port)
    assert.is_true(net.now() - start >= 0.1)
    assert.is_nil(sock)
    assert.equal("ETIMEDOUT", code)
    assert.equal("ETIMEDOUT", attempts[1].code)
  end)

  it("uses one family if asked", function()
    local listener <close> = assert(net.listen("", 0, { dual_stack = true }))
    local _, port = listener:getsockname()
    for family, host in pairs { inet = "127.0.0.1", inet6 = "::1" } do
      local sock <close>, attempts = assert(net.connect("localhost", port,
        { family = family }))
      assert.equal(host, (sock:getpeername()))
      assert.equal(1, #attempts)
    end
    assert.matches("^EAI_", select(3, net.connect("127.0.0.1", port,
      { family = "inet6" })))
  end)

  it("connects from a given address and port", function()
    local listener <close> = assert(net.listen("", 0, { dual_stack = true }))
    local _, port = listener:getsockname()
    local mine = support.free_port()
    local sock <close> = assert(net.connect("localhost", port,
      { local_host = "127.0.0.9", local_port = mine }))
    assert.same({ "127.0.0.9", mine }, { sock:getsockname() })
    mine = support.free_port()
    local other <close> = assert(net.connect("localhost", port,
      { local_port = mine }))
    assert.same({ "::1", mine }, { other:getsockname() })
    local text, code = select(2, net.connect("127.0.0.1", port,
      { local_host = "192.0.2.1" }))
    assert.equal("EADDRNOTAVAIL", code)
    assert.matches("^connect 127.0.0.1:%d+: .*%(EADDRNOTAVAIL%)$", text)
  end)

  it("sets TCP_NODELAY if asked", function()
    local _, host, port = support.listener()
    local slow <close> = assert(net.connect(host, port))
    local quick <close> = assert(net.connect(host, port, { nodelay = true }))
    assert.equal(0, slow:getsockopt "TCP_NODELAY")
    assert.equal(1, quick:getsockopt "TCP_NODELAY")
  end)

  it("raises for an invalid host, port or option", function()
    assert.matches("#1 .*string expected", message())
    assert.matches("#1 .*NUL byte", message("a\0b", 1))
    assert.matches("#2 .*port", message("x"))
    assert.matches("#2 .*port", message("x", 65536))
    assert.matches("#3 .*table expected", message("x", 1, 5))
    for option, bad in pairs { timeout = 0, nodelay = 1, family = "unix",
      local_port = 65536, local_host = "some.name", what = 1 } do
      assert.matches("#3 .*" .. option, message("x", 1, { [option] = bad }))
    end
    assert.matches("#3 .*timeout", message("x", 1, { timeout = -1 }))
    assert.matches("#3 .*local_host", message("x", 1, { local_host = {} }))
    assert.matches("#3 .*local_host", message("x", 1,
      { local_host = "127.0.0.1\0" }))
    assert.matches("#3 .*other family", message("x", 1,
      { local_host = "::1", family = "inet" }))
  end)

  it("closes every attempt when its task is cancelled", function()
    local port = support.free_port()
    black_hole(port)
    local before = support.descriptors()
    collectgarbage "stop"
    for i = 1, 10 do
      local task = net.spawn(net.connect, "localhost", port)
      net.sleep(i % 2 == 0 and 0 or 0.01)
      task:cancel()
    end
    support.eventually(function() return support.descriptors() <= before end)
    collectgarbage "restart"
  end)

  it("lets other tasks run, and many can call it at once", function()
    local _, _, port = support.listener()
    black_hole(port)
    local tasks = {}
    local start = net.now()
    for i = 1, 50 do
      tasks[i] = net.spawn(function()
        local sock <close> = assert(net.connect("localhost", port))
        return (sock:getpeername())
      end)
    end
    for _, task in ipairs(tasks) do assert.equal("127.0.0.1", task:join()) end
    assert.is_true(net.now() - start < 10) -- not 50 times 250 ms
  end)

  it("returns EMFILE when the process has no descriptor left", function()
    local script = support.write(support.folder() .. "/script.lua", [[
      local net = require "net"
      local listener = assert(net.listen("127.0.0.1", 0))
      local _, port = listener:getsockname()
      local socks = {}
      assert(net.connect("127.0.0.1", port)):close()
      repeat
        local sock = net.socket()
        socks[#socks + 1] = sock
      until not sock
      print(select(3, net.connect("127.0.0.1", port)))
      socks[#socks]:close() -- one is left, for the watcher, and none to connect
      print(select(3, net.connect("127.0.0.1", port)))
      socks[#socks - 1]:close()
      print(net.connect("127.0.0.1", port) ~= nil)
    ]])
    local out, err = support.run(("sh -c 'ulimit -n 40; exec %s %s'"):format(
      support.driver, script))
    assert.equal("", err)
    assert.matches("^EMFILE\ttable: %S+\nEMFILE\ttable: %S+\ntrue\n$", out)
  end)
end)

-- 2001:db8::1 and ::2 are on a link without hosts. Neighbour entries keep the
-- kernel from noticing.
local LINK = [[
PATH=$PATH:/usr/sbin
ip link add here type veth peer name there
ip link set here up
ip link set there up
ip -6 addr add 2001:db8::7/64 dev here nodad
for host in 2001:db8::1 2001:db8::2; do
  ip -6 neigh add $host lladdr 02:00:00:00:00:01 dev here nud permanent
done
]]

local READY = [[
  local net = require "net"
  while not net.gethostbyname "lab.test" do net.sleep(0.02) end
  local function show(list)
    for _, a in ipairs(list) do print(a.host, a.port, a.code) end
  end
]]

describe("net.connect by name", function()
  support.leaves_nothing(before_each, after_each)

  private("reaches IPv4 in spite of dead IPv6", function()
    local out = namespace.lookups(LINK .. namespace.DNSMASQ, READY .. [[
      local listener <close> = assert(net.listen("127.0.0.1", 80))
      local six <close> = net.socket "inet6"
      print(select(3, six:settimeout(0.5):connect("dual.test", 80)))
      local start = net.now()
      local sock <close>, attempts = assert(net.connect("dual.test", 80))
      local took = net.now() - start
      print(took >= 0.25 and took < 5 or took)
      show(attempts)
    ]])
    assert.equal("ETIMEDOUT\ntrue\n2001:db8::1\t80\tECANCELED\n" ..
      "127.0.0.1\t80\tnil\n", out)
  end)

  private("begins one attempt after the other, alternating families",
    function()
      local out = namespace.lookups(LINK .. namespace.DNSMASQ, READY .. [[
        local _, message, code, attempts = net.connect("dead.test", 80,
          { timeout = 0.9 })
        print(code)
        show(attempts)
        local order = attempts[1].seconds > attempts[2].seconds and
          attempts[1].host ~= attempts[2].host
        print(order, (message:gsub("2001:db8::[12]", "IP")))
      ]])
      assert.matches("^ETIMEDOUT\n2001:db8::[12]\t80\tETIMEDOUT\n" ..
        "2001:db8::[12]\t80\tETIMEDOUT\n" ..
        "true\tconnect dead.test:80: %[IP%]:80: timed out %(ETIMEDOUT%); " ..
        "%[IP%]:80: timed out %(ETIMEDOUT%)\n$", out)
    end)

  private("alternates between the families", function()
    local out = namespace.lookups(LINK .. namespace.DNSMASQ, READY .. [[
      local attempts = select(4, net.connect("mixed.test", 80,
        { timeout = 3 }))
      for _, a in ipairs(attempts) do
        print(a.host:find ":" and 6 or 4, a.code)
      end
    ]])
    assert.equal("6\tETIMEDOUT\n4\tECONNREFUSED\n6\tETIMEDOUT\n" ..
      "4\tECONNREFUSED\n", out)
  end)

  private("has a timeout that includes the lookup", function()
    local out = namespace.lookups("", [[
      local net = require "net"
      local server <close> = assert(net.socket("inet", "dgram"))
      assert(server:bind("127.0.0.1", 53)) -- it never answers
      local start = net.now()
      local _, message, code, attempts = net.connect("slow.test", 80,
        { timeout = 0.2 })
      local took = net.now() - start
      print(message, code, #attempts, took >= 0.2 and took < 10)
    ]])
    assert.equal("connect slow.test:80: timed out (ETIMEDOUT)\tETIMEDOUT\t0" ..
      "\ttrue\n", out)
  end)
end)
