local net = require "net"
local support = require "tests.support"
local namespace = require "tests.support.namespace"

local private = namespace.possible and it or pending

local function message(...) return support.raised(net.listen, ...) end

describe("net.listen", function()
  support.leaves_nothing(before_each, after_each)

  it("returns a listening socket without a timeout", function()
    local listener <close> = assert(net.listen("localhost", 0))
    local host, port = listener:getsockname()
    assert.equal("127.0.0.1", host)
    assert.is_true(port > 0)
    assert.is_nil(listener:gettimeout())
    assert.equal(1, listener:getsockopt "SO_ACCEPTCONN")
    assert.equal(1, listener:getsockopt "SO_REUSEADDR")
    assert.equal(0, listener:getsockopt "SO_REUSEPORT")
    local client <close> = assert(net.connect(host, port))
    local server <close>, from, number = assert(listener:accept())
    assert.same({ client:getsockname() }, { from, number })
    assert.is_nil(server:gettimeout())
  end)

  it("listens on one address, or on every one", function()
    for host, at in pairs { ["127.0.0.9"] = "127.0.0.9", ["::1"] = "::1",
      [""] = "0.0.0.0", ["::"] = "::", ["x.localhost"] = "127.0.0.1" } do
      local listener <close> = assert(net.listen(host, 0))
      assert.equal(at, (listener:getsockname()))
    end
  end)

  it("accepts both families only with dual_stack", function()
    local both <close> = assert(net.listen("", 0, { dual_stack = true }))
    local host, port = both:getsockname()
    assert.equal("::", host)
    for _, to in ipairs { "127.0.0.1", "::1" } do
      local client <close> = assert(net.connect(to, port))
      assert(both:accept()):close()
      client:close()
    end
    local six <close> = assert(net.listen("::", 0))
    local free = select(2, six:getsockname())
    assert.equal("ECONNREFUSED", select(3, net.connect("127.0.0.1", free)))
    local beside <close> = assert(net.listen("127.0.0.1", free))
    assert.equal(free, select(2, beside:getsockname()))
    local four <close> = assert(net.listen("127.0.0.1", 0,
      { dual_stack = true }))
    assert.equal("127.0.0.1", (four:getsockname()))
  end)

  it("has the backlog asked for", function()
    local listener <close> = assert(net.listen("127.0.0.1", 0, { backlog = 0 }))
    local host, port = listener:getsockname()
    local codes = {}
    for i = 1, 3 do
      local sock, _, code = net.connect(host, port, { timeout = 0.1 })
      if sock then support.own(sock) end
      codes[i] = code or "connected"
    end
    assert.equal("connected", codes[1])
    assert.equal("ETIMEDOUT", codes[3])
  end)

  it("works while an old connection is in TIME_WAIT", function()
    local listener = assert(net.listen("127.0.0.1", 0))
    local host, port = listener:getsockname()
    local client <close> = assert(net.connect(host, port))
    local server = assert(listener:accept())
    server:close() -- first, so that TIME_WAIT is on this side
    listener:close()
    assert.equal("EOF", select(3, client:recv(1)))
    client:close()
    local ok, text, code = net.listen(host, port, { reuseaddr = false })
    assert.is_nil(ok)
    assert.equal("EADDRINUSE", code)
    assert.equal(("listen 127.0.0.1:%d: address already in use (EADDRINUSE)")
      :format(port), text)
    local again <close> = assert(net.listen(host, port))
    assert.equal(port, select(2, again:getsockname()))
  end)

  it("shares a port only with reuseport", function()
    local one <close> = assert(net.listen("::1", 0, { reuseport = true }))
    local _, port = one:getsockname()
    local two <close> = assert(net.listen("::1", port, { reuseport = true }))
    assert.equal(1, two:getsockopt "SO_REUSEPORT")
    local ok, text, code = net.listen("::1", port)
    assert.is_nil(ok)
    assert.equal("EADDRINUSE", code)
    assert.equal(("listen [::1]:%d: address already in use (EADDRINUSE)")
      :format(port), text)
  end)

  it("reports an address that it cannot have", function()
    assert.equal("listen 192.0.2.1:80: address not available (EADDRNOTAVAIL)",
      select(2, net.listen("192.0.2.1", 80)))
    assert.matches("^listen no.such.name.invalid:80: .* %(EAI_%u+%)$",
      select(2, net.listen("no.such.name.invalid", 80)))
  end)

  it("needs no task if it needs no lookup", function()
    local listener <close> = coroutine.wrap(function()
      return net.listen("localhost", 0)
    end)()
    assert.equal("127.0.0.1", (listener:getsockname()))
  end)

  it("raises for an invalid host, port or option", function()
    assert.matches("#1 .*string expected", message())
    assert.matches("#1 .*NUL byte", message("a\0b", 0))
    assert.matches("#2 .*port", message("localhost"))
    assert.matches("#2 .*port", message("localhost", -1))
    assert.matches("#3 .*table expected", message("localhost", 0, 5))
    for option, bad in pairs { backlog = -1, reuseaddr = 1, reuseport = 0,
      dual_stack = "yes", what = 1 } do
      assert.matches("#3 .*" .. option,
        message("localhost", 0, { [option] = bad }))
    end
  end)

  private("binds the first address of a name that it can", function()
    local out = namespace.lookups(namespace.DNSMASQ, [[
      local net = require "net"
      while not net.gethostbyname "lab.test" do net.sleep(0.02) end
      local here <close> = assert(net.listen("here.test", 80))
      print(here:getsockname())
      local half <close> = assert(net.listen("dual.test", 80))
      print(half:getsockname())
      local none, message = net.listen("dead.test", 80)
      print(none, (message:gsub("2001:db8::[12]", "IP")))
    ]])
    local reason = "[IP]:80: address not available (EADDRNOTAVAIL)"
    assert.equal("::1\t80\n127.0.0.1\t80\nnil\tlisten dead.test:80: " ..
      reason .. "; " .. reason .. "\n", out)
  end)
end)
