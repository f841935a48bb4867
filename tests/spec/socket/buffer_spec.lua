-- net.buffer: bytes that a socket receives into and sends from.
local net = require "net"
local support = require "tests.support"

describe("net.buffer", function()
  support.leaves_nothing(before_each, after_each)

  it("has the length asked for, and zero bytes", function()
    local buffer = net.buffer(5)
    assert.equal(5, #buffer)
    assert.equal("\0\0\0\0\0", tostring(buffer))
    for _, size in ipairs { 0, -1, (1 << 30) + 1, 1.5, "x" } do
      assert.is_false(pcall(net.buffer, size))
    end
  end)

  it("takes text and returns it", function()
    local buffer = net.buffer(8)
    assert.equal(buffer, buffer:put "abc")
    buffer:put("xyz", 6)
    assert.equal("abc\0\0xyz", tostring(buffer))
    buffer:put("", 9)
    for _, case in ipairs {
      { "too long for it" }, { "x", 9 }, { "x", 0 }, { "xy", 8 }, { "x", 10 },
      { "x", math.mininteger }, { "x", math.maxinteger }, { {} },
    } do
      assert.is_false(pcall(buffer.put, buffer, table.unpack(case)))
    end
    assert.equal("abc\0\0xyz", tostring(buffer))
  end)

  it("has slices as string.sub has", function()
    local text = "0123456789"
    local buffer = net.buffer(#text):put(text)
    local ends = { math.mininteger, -11, -10, -3, -1, 0, 1, 2, 9, 10, 11,
      math.maxinteger }
    for _, first in ipairs(ends) do
      assert.equal(text:sub(first), buffer:sub(first))
      for _, last in ipairs(ends) do
        assert.equal(text:sub(first, last), buffer:sub(first, last))
      end
    end
  end)

  it("is filled by recv_into, and taken by send and sendall", function()
    local client, server = support.pair()
    local buffer = net.buffer(10)
    assert(client:sendall "hello")
    assert.equal(5, server:recv_into(buffer))
    assert.equal("hello", buffer:sub(1, 5))
    assert.equal(server, server:sendall(buffer, 2, 4))
    assert.equal("ell", client:recv(100))
    assert.equal(2, server:send(buffer, 4, 5))
    assert.equal("lo", client:recv(100))
    assert(server:sendall(buffer))
    assert.equal("hello\0\0\0\0\0", client:recv_exact(10))
    assert(client:sendall("a string has slices, too", 3, 8))
    assert.equal(3, server:recv_into(buffer, 8))
    assert.equal(2, server:recv_into(buffer, 1, 2))
    assert.equal("inllo\0\0str", tostring(buffer))
  end)

  it("first gets what an earlier call left over", function()
    local client, server = support.pair()
    assert(client:sendall "one\ntwo")
    assert.equal("one", server:recv_line())
    local buffer = net.buffer(2)
    assert.equal(2, server:recv_into(buffer))
    assert.equal("tw", tostring(buffer))
    assert.equal(1, server:recv_into(buffer))
    assert.equal("ow", tostring(buffer))
  end)

  it("waits, times out and ends as recv does", function()
    local client, server = support.pair()
    local buffer = net.buffer(4)
    server:settimeout(0)
    local _, message, code = server:recv_into(buffer)
    assert.equal("EAGAIN", code)
    assert.matches("^recv_into 127", message)
    server:settimeout(0.02)
    assert.equal("ETIMEDOUT", select(3, server:recv_into(buffer)))
    server:settimeout(20)
    net.spawn(function() net.sleep(0.02) client:sendall "late" end)
    assert.equal(4, server:recv_into(buffer))
    client:shutdown "SHUT_WR"
    assert.equal("EOF", select(3, server:recv_into(buffer)))
  end)

  it("raises if it has no room, or for another type", function()
    local client = support.pair()
    local buffer = net.buffer(4)
    for _, case in ipairs {
      {}, { "text" }, { io.stdout }, { client }, { buffer, 5 },
      { buffer, 3, 2 }, { buffer, "x" }, { buffer, 1, 0 },
    } do
      assert.is_false(pcall(client.recv_into, client, table.unpack(case)))
    end
    assert.is_false(pcall(client.sendall, client, io.stdout))
    assert.is_false(pcall(client.send, client, client))
    assert.is_false(pcall(buffer.sub, "text"))
  end)

  it("echoes 16 MiB in order, through all waits", function()
    local client, server = support.pair()
    local block = {}
    for i = 1, 65536 do block[i] = ("%016d"):format(i) end
    block = table.concat(block) -- 1 MiB
    net.spawn(function()
      local buffer = net.buffer(100000)
      while true do
        local n = server:recv_into(buffer)
        if not n then return server:close() end
        assert(server:sendall(buffer, 1, n))
      end
    end)
    local writer = net.spawn(function()
      for _ = 1, 16 do assert(client:sendall(block)) end
      client:shutdown "SHUT_WR"
      return true
    end)
    for _ = 1, 16 do assert.is_true(client:recv_exact(#block) == block) end
    assert.equal("EOF", select(3, client:recv(1)))
    assert.is_true(writer:join())
  end)

  it("reports how much was sent when the peer leaves", function()
    local client, server = support.pair()
    local buffer = net.buffer(8 << 20)
    net.spawn(function()
      server:recv(1000)
      server:setsockopt("SO_LINGER", true, 0)
      server:close()
    end)
    local ok, _, code, sent = client:sendall(buffer, 1, -2)
    assert.is_nil(ok)
    assert.is_true(code == "ECONNRESET" or code == "EPIPE")
    assert.is_true(sent > 0 and sent < #buffer)
  end)

  it("carries datagrams", function()
    local a, b = net.socket("inet", "dgram"), net.socket("inet", "dgram")
    support.own(a)
    support.own(b)
    assert(a:bind("127.0.0.1", 0))
    assert(b:bind("127.0.0.1", 0))
    assert(a:connect(b:getsockname()))
    assert(b:connect(a:getsockname()))
    local buffer = net.buffer(100)
    assert(a:send "letter")
    assert.equal(6, b:recv_into(buffer, 11))
    assert(b:send(buffer, 11, 16))
    assert.equal("letter", (a:recv(100)))
    assert(a:send "")
    assert.equal(0, b:recv_into(buffer))
  end)
end)
