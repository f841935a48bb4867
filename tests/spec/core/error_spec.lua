local net = require "net"
local support = require "tests.support"

describe("a network error", function()
  support.leaves_nothing(before_each, after_each)

  it("is nil, a complete message, and a code", function()
    local sock <close> = net.socket()
    local ok, message, code = sock:connect("127.0.0.1", 1)
    assert.is_nil(ok)
    assert.equal("connect 127.0.0.1:1: connection refused (ECONNREFUSED)",
      message)
    assert.equal("ECONNREFUSED", code)
  end)

  it("shows an IPv6 peer in brackets and a UNIX peer by its path", function()
    local six <close> = net.socket "inet6"
    assert.matches("^connect %[::1%]:1: ", select(2, six:connect("::1", 1)))
    local unix <close> = net.socket "unix"
    assert.equal("connect /no/such: no such file or directory (ENOENT)",
      select(2, unix:connect "/no/such"))
    assert.matches("^connect @no such: ", select(2, unix:connect "\0no such"))
  end)

  it("escapes a name that contains terminal commands", function()
    local folder = support.folder()
    local unix = support.own(net.socket "unix")
    assert(unix:bind(folder .. "/s"))
    assert(unix:listen())
    local peer <close> = net.socket "unix"
    assert(peer:bind(folder .. "/\27[2J\r\n\127\u{9b}2J 學生"))
    assert(peer:connect(folder .. "/s"))
    local sock <close> = unix:accept()
    peer:close()
    assert.equal("recv " .. folder ..
      "/\\x1b[2J\\x0d\\x0a\\x7f\\xc2\\x9b2J 學生: end of stream (EOF)",
      select(2, sock:recv(1)))
    for _, call in ipairs { net.connect, net.getaddrinfo } do
      local _, message = call("\27[2J", 80)
      assert.matches("^%l+ \\x1b%[2J:80: [%g ]+$", message)
    end
  end)

  it("calls the end of a stream EOF", function()
    local client, server = support.pair()
    server:close()
    local data, message, code = client:recv(16)
    assert.is_nil(data)
    assert.matches("^recv 127.0.0.1:%d+: end of stream %(EOF%)$", message)
    assert.equal("EOF", code)
  end)

  it("keeps its code through assert, in the message", function()
    local sock <close> = net.socket()
    local ok, message = pcall(function()
      assert(sock:connect("127.0.0.1", 1))
    end)
    assert.is_false(ok)
    assert.matches("connect 127.0.0.1:1: connection refused %(ECONNREFUSED%)$",
      message)
  end)
end)
