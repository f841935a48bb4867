local net = require "net"
local support = require "tests.support"
local namespace = require "tests.support.namespace"

local private = namespace.possible and it or pending

local function message(...) return support.raised(net.getaddrinfo, ...) end

local function row(family, kind, host, port, canonname)
  return { family = family, type = kind, host = host, port = port,
    canonname = canonname }
end

describe("getaddrinfo", function()
  support.leaves_nothing(before_each, after_each)

  it("of an address returns that address, once for each type", function()
    assert.same({ row("inet", "stream", "192.0.2.7", 80),
      row("inet", "dgram", "192.0.2.7", 80) },
      net.getaddrinfo("192.0.2.7", 80))
    assert.same({ row("inet6", "dgram", "2001:db8::7", 0) },
      net.getaddrinfo("2001:db8::7", nil, { type = "dgram" }))
  end)

  it("returns what socket, bind and connect take", function()
    local listener, host, port = support.listener()
    local list = net.getaddrinfo(host, port, { type = "stream" })
    assert.equal(1, #list)
    local sock <close> = net.socket(list[1].family, list[1].type)
    assert(sock:connect(list[1].host, list[1].port))
    listener:accept():close()
  end)

  it("takes a port as a number, digits or a service name", function()
    for _, port in ipairs { 80, 80.0, "80", "http" } do
      local list = net.getaddrinfo("127.0.0.1", port, { type = "stream" })
      assert.same({ row("inet", "stream", "127.0.0.1", 80) }, list)
      assert.equal("integer", math.type(list[1].port))
    end
    assert.same({ row("inet", "dgram", "127.0.0.1", 69) },
      net.getaddrinfo("127.0.0.1", "tftp")) -- TCP has no such service
  end)

  it("without a host returns the loopback, or any address", function()
    local hints = { family = "inet6", type = "stream" }
    assert.same({ row("inet6", "stream", "::1", 53) },
      net.getaddrinfo(nil, "domain", hints))
    hints.flags = { "AI_PASSIVE" }
    assert.same({ row("inet6", "stream", "::", 53) },
      net.getaddrinfo(nil, "domain", hints))
    hints.family = "inet"
    assert.same({ row("inet", "stream", "0.0.0.0", 53) },
      net.getaddrinfo(nil, 53, hints))
  end)

  it("follows its flags", function()
    assert.same({ row("inet6", "dgram", "::ffff:192.0.2.7", 9) },
      net.getaddrinfo("192.0.2.7", 9, { family = "inet6", type = "dgram",
        flags = { "AI_V4MAPPED", "AI_ADDRCONFIG" } }))
    local list, text, code = net.getaddrinfo("localhost", 9,
      { flags = { "AI_NUMERICHOST" } })
    assert.is_nil(list)
    assert.equal("getaddrinfo localhost:9: no such name (EAI_NONAME)", text)
    assert.equal("EAI_NONAME", code)
    assert.equal("EAI_NONAME", select(3, net.getaddrinfo("127.0.0.1", "http",
      { flags = { "AI_NUMERICHOST", "AI_NUMERICSERV" } })))
    assert.equal("127.0.0.1", net.getaddrinfo("127.0.0.1", nil,
      { flags = { "AI_CANONNAME" } })[1].canonname)
    assert.equal("EAI_BADFLAGS", select(3, net.getaddrinfo(nil, 80,
      { flags = { "AI_CANONNAME" } })))
  end)

  it("reports what it does not find", function()
    local list, text, code = net.getaddrinfo("127.0.0.1", "no service")
    assert.is_nil(list)
    assert.matches("^getaddrinfo 127.0.0.1:no service: .* %(EAI_SERVICE%)$",
      text)
    assert.equal("EAI_SERVICE", code)
    assert.matches("^getaddrinfo no service: .* %(EAI_SERVICE%)$",
      select(2, net.getaddrinfo(nil, "no service")))
    assert.matches("^getaddrinfo no.such.name.invalid: .* %(EAI_%u+%)$",
      select(2, net.getaddrinfo "no.such.name.invalid"))
    assert.matches("^EAI_", select(3, net.getaddrinfo("127.0.0.1", 80,
      { family = "inet6" })))
    local sock <close> = net.socket()
    for who, f in pairs { -- whose colons are not the port's
      ["getaddrinfo [::1]:80"] = function()
        return net.getaddrinfo("::1", 80, { family = "inet" })
      end,
      ["getaddrinfo ::1"] = function()
        return net.getaddrinfo("::1", nil, { family = "inet" })
      end,
      ["connect [::1]:80"] = function() return sock:connect("::1", 80) end,
      ["bind ::1"] = function() return sock:bind("::1", 0) end,
    } do
      list, text, code = f()
      assert.is_nil(list)
      assert.equal(who .. ": address family not supported (EAI_ADDRFAMILY)",
        text)
      assert.equal("EAI_ADDRFAMILY", code)
    end
  end)

  it("raises for an invalid host, service or hint", function()
    assert.matches("#1 .*host or service expected", message())
    assert.matches("#1 .*string expected", message {})
    assert.matches("#1 .*NUL byte", message "local\0host")
    assert.matches("#1 .*longer than 253 bytes", message(("x"):rep(254)))
    for _, port in ipairs { -1, 65536, 2 ^ 32 + 80, "-1", "65536", 1.5, {},
      true, print } do
      assert.matches("#2 .*port must be 0 to 65535 or a service name, got '",
        message("x", port))
    end
    assert.matches("#2 .*NUL byte", message("x", "http\0"))
    assert.matches("#3 .*table expected", message("x", 1, "inet"))
    assert.matches("#3 .*no option 'famly'", message("x", 1, { famly = 1 }))
    assert.matches("#3 .*family: ", message("x", 1, { family = "unix" }))
    assert.matches("#3 .*type: ", message("x", 1, { type = "raw" }))
    assert.matches("#3 .*flags: a list", message("x", 1, { flags = 1 }))
    for _, flag in ipairs { "AI_NONE", "ai_passive", "AI_PASSIVE\0x", 1, {} } do
      assert.matches("#3 .*flags: no flag ", message("x", 1,
        { flags = { flag } }))
    end
  end)

  it("lets other tasks run meanwhile", function()
    local tasks = {}
    for i = 1, 20 do
      tasks[i] = net.spawn(net.getaddrinfo, "127.0.0." .. i, i,
        { type = "stream" })
    end
    for i, task in ipairs(tasks) do
      assert.same({ row("inet", "stream", "127.0.0." .. i, i) }, task:join())
    end
  end)

  it("leaves nothing behind when its task is cancelled", function()
    for _ = 1, 20 do
      local task = net.spawn(net.getaddrinfo, "localhost", 80)
      net.sleep(0)
      task:cancel()
    end
  end)

  private("returns every address, in the resolver's order", function()
    local out = namespace.lookups(namespace.DNSMASQ, [[
      local net = require "net"
      local function show(...)
        local list, message = net.getaddrinfo(...)
        for _, a in ipairs(list or {}) do
          print(a.family, a.type, a.host, a.port, a.canonname)
        end
        if not list then print(message) end
      end
      while not net.gethostbyname "lab.test" do net.sleep(0.02) end
      show("here.test", "http", { type = "stream" })
      show("here.test", 7, { family = "inet" })
      show("alias.test", 9, { type = "dgram", flags = { "AI_CANONNAME" } })
      show("nope.test", 9)
      show("nope.test")
    ]])
    assert.equal(table.concat({
      "inet6\tstream\t::1\t80\tnil",
      "inet\tstream\t127.0.0.1\t80\tnil",
      "inet\tstream\t127.0.0.1\t7\tnil",
      "inet\tdgram\t127.0.0.1\t7\tnil",
      "inet6\tdgram\t2001:db8::9\t9\tptr6.test",
      "getaddrinfo nope.test:9: no such name (EAI_NONAME)",
      "getaddrinfo nope.test: no such name (EAI_NONAME)", "" }, "\n"), out)
  end)
end)
