local net = require "net"

describe("addresses", function()
  it("packs IPv4 text into four bytes in network byte order", function()
    assert.equal("\127\0\0\1", net.inet_aton "127.0.0.1")
    assert.equal("\192\168\0\1", net.inet_aton "192.168.0.1")
    assert.equal("\127\0\0\1", net.inet_aton "127.1") -- inet_aton(3)
    assert.equal("\255\255\255\255", net.inet_aton "255.255.255.255")
  end)

  it("returns EINVAL for what is no address", function()
    for _, text in ipairs { "", "256.1.1.1", "a.b.c.d", "1.2.3.4.5", "::1",
                            "127.0.0.1\0" } do
      local bytes, message, code = net.inet_aton(text)
      assert.is_nil(bytes, text)
      assert.equal("EINVAL", code)
      assert.matches("^inet_aton.*: invalid argument %(EINVAL%)$", message)
    end
  end)

  it("unpacks four bytes, and raises for any other number of them", function()
    assert.equal("127.0.0.1", net.inet_ntoa "\127\0\0\1")
    assert.equal("255.254.253.252", net.inet_ntoa "\255\254\253\252")
    for _, bytes in ipairs { "", "\1\2\3", "\1\2\3\4\5" } do
      assert.has_error(function() net.inet_ntoa(bytes) end)
    end
  end)

  it("goes there and back for every kind of byte", function()
    for i = 0, 255 do
      local bytes = string.char(i, 255 - i, 0, i)
      assert.equal(bytes, net.inet_aton(net.inet_ntoa(bytes)))
    end
  end)
end)

describe("byte order", function()
  local little = string.pack("=I2", 1) == "\1\0"

  it("gives the slide's numbers", function()
    assert.equal(little and 3523477504 or 1234, net.htonl(1234))
    assert.equal(little and 3523477504 or 1234, net.ntohl(1234))
    assert.equal(little and 53764 or 1234, net.htons(1234))
    assert.equal(little and 53764 or 1234, net.ntohs(1234))
  end)

  it("is string.pack's, at every edge", function()
    for _, n in ipairs { 0, 1, 255, 256, 65535, 65536, 0x7fffffff, 0x80000000,
                         0xffffffff } do
      assert.equal(string.unpack("=I4", string.pack(">I4", n)), net.htonl(n))
      assert.equal(n, net.ntohl(net.htonl(n)))
      if n < 65536 then
        assert.equal(string.unpack("=I2", string.pack(">I2", n)), net.htons(n))
        assert.equal(n, net.ntohs(net.htons(n)))
      end
    end
  end)

  it("raises for what does not fit", function()
    for _, bad in ipairs { -1, 1 << 32, 1.5, "x", math.huge } do
      assert.has_error(function() net.htonl(bad) end)
      assert.has_error(function() net.ntohl(bad) end)
    end
    assert.has_error(function() net.htons(65536) end)
    assert.has_error(function() net.ntohs(65536) end)
    assert.has_error(function() net.ntohs(-1) end)
  end)
end)

describe("bytes as text", function()
  it("hexlify gives two digits a byte", function()
    assert.equal("", net.hexlify "")
    assert.equal("7f000001", net.hexlify "\127\0\0\1")
    assert.equal("00ff0a", net.hexlify "\0\255\n")
  end)

  it("escape leaves printable ASCII and nothing else", function()
    assert.equal("Test message.", net.escape "Test message.")
    assert.equal("\\x1b[2J\\x00\\x0a\\xff\\\\", net.escape "\27[2J\0\n\255\\")
    for i = 0, 255 do
      assert.matches("^[ -~]+$", net.escape(string.char(i)))
    end
  end)
end)
