local net = require "net"

describe("addresses", function()
  it("are packed from text into four bytes in network order", function()
    assert.equal("\127\0\0\1", net.inet_aton "127.0.0.1")
    assert.equal("\192\168\0\1", net.inet_aton "192.168.0.1")
    assert.equal("\127\0\0\1", net.inet_aton "127.1") -- inet_aton(3)
    assert.equal("\255\255\255\255", net.inet_aton "255.255.255.255")
  end)

  it("give EINVAL for an invalid address", function()
    for _, text in ipairs { "", "256.1.1.1", "a.b.c.d", "1.2.3.4.5", "::1",
                            "127.0.0.1\0", "127.0.0.1 ", "127.0.0.1\n",
                            "127.0.0.1 and more" } do
      local bytes, message, code = net.inet_aton(text)
      assert.is_nil(bytes, text)
      assert.equal("EINVAL", code)
      assert.matches("^inet_aton.*: invalid argument %(EINVAL%)$", message)
    end
  end)

  it("are unpacked from four bytes; any other number raises", function()
    assert.equal("127.0.0.1", net.inet_ntoa "\127\0\0\1")
    assert.equal("255.254.253.252", net.inet_ntoa "\255\254\253\252")
    for _, bytes in ipairs { "", "\1\2\3", "\1\2\3\4\5" } do
      assert.has_error(function() net.inet_ntoa(bytes) end)
    end
  end)

  it("survive packing and unpacking, whatever their bytes", function()
    for i = 0, 255 do
      local bytes = string.char(i, 255 - i, 0, i)
      assert.equal(bytes, net.inet_aton(net.inet_ntoa(bytes)))
    end
  end)
end)

describe("addresses of two families", function()
  local function pack(words)
    return string.pack(">" .. ("I2"):rep(8), table.unpack(words))
  end

  local cases = {
    { "inet", "127.0.0.1", "\127\0\0\1" },
    { "inet", "255.254.253.252", "\255\254\253\252" },
    { "inet6", "::", ("\0"):rep(16) },
    { "inet6", "::1", ("\0"):rep(15) .. "\1" },
    { "inet6", "2001:db8::7", pack { 0x2001, 0xdb8, 0, 0, 0, 0, 0, 7 } },
    { "inet6", "1:2:3:4:5:6:7:8", pack { 1, 2, 3, 4, 5, 6, 7, 8 } },
    { "inet6", "::ffff:192.0.2.7", ("\0"):rep(10) .. "\255\255\192\0\2\7" },
  }

  it("survive packing and unpacking", function()
    for _, case in ipairs(cases) do
      local family, text, bytes = table.unpack(case)
      assert.same({ bytes }, { net.inet_pton(family, text) })
      assert.equal(text, net.inet_ntop(family, bytes))
    end
    local bytes = net.inet_pton("inet6", "2001:DB8:0:0::7") -- RFC 5952
    assert.equal("2001:db8::7", net.inet_ntop("inet6", bytes))
  end)

  it("have a zone: an interface's name or index", function()
    local bytes = pack { 0xfe80, 0, 0, 0, 0, 0, 0, 1 }
    assert.same({ bytes, 1 }, { net.inet_pton("inet6", "fe80::1%lo") })
    assert.same({ bytes, 1 }, { net.inet_pton("inet6", "fe80::1%1") })
    assert.same({ bytes, 4294967295 },
      { net.inet_pton("inet6", "fe80::1%4294967295") })
    assert.equal("fe80::1%lo", net.inet_ntop("inet6", bytes, 1))
    assert.equal("fe80::1%4294967295",
      net.inet_ntop("inet6", bytes, 4294967295))
    assert.equal("fe80::1", net.inet_ntop("inet6", bytes, 0))
    assert.equal("127.0.0.1", net.inet_ntop("inet", "\127\0\0\1", 0))
    local longest = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%4294967295"
    assert.same({ ("\xff"):rep(16), 4294967295 },
      { net.inet_pton("inet6", longest) })
  end)

  it("give ENODEV for the zone of no interface", function()
    for _, zone in ipairs { "nope", "", "0", "4294967296", "-1", "lo ", "1x",
      "%lo", ("1"):rep(15), ("9"):rep(100) } do
      local text = "fe80::1%" .. zone
      local bytes, message, code = net.inet_pton("inet6", text)
      assert.is_nil(bytes, zone)
      assert.equal("inet_pton " .. text .. ": no such device (ENODEV)",
        message)
      assert.equal("ENODEV", code)
    end
  end)

  it("give EINVAL for an address of another family", function()
    local bad = {
      inet = { "", "127.1", "::1", "127.0.0.1%lo", "1.2.3.4.5", "localhost",
        "127.0.0.1\0" },
      inet6 = { "", "127.0.0.1", ":::", "1::2::3", "x%lo", "%lo", "::1\0",
        "localhost", ("1"):rep(100) .. "%lo" },
    }
    for family, texts in pairs(bad) do
      for _, text in ipairs(texts) do
        local bytes, message, code = net.inet_pton(family, text)
        assert.is_nil(bytes, text)
        assert.matches("^inet_pton.*: invalid argument %(EINVAL%)$", message)
        assert.equal("EINVAL", code)
      end
    end
  end)

  it("raise for wrong arguments", function()
    for _, bytes in ipairs { "", "123", "12345", ("x"):rep(15),
      ("x"):rep(17) } do
      assert.has_error(function() net.inet_ntop("inet", bytes) end)
      assert.has_error(function() net.inet_ntop("inet6", bytes) end)
    end
    assert.has_error(function() net.inet_ntop("inet6", "1234") end)
    assert.has_error(function() net.inet_ntop("inet", "1234", 1) end)
    for _, scope in ipairs { -1, 1 << 32, 1.5, "x", {} } do
      local bytes = ("x"):rep(16)
      assert.has_error(function() net.inet_ntop("inet6", bytes, scope) end)
    end
    for _, family in ipairs { "unix", "", 4, {} } do
      assert.has_error(function() net.inet_pton(family, "::1") end)
      assert.has_error(function() net.inet_ntop(family, "1234") end)
    end
    assert.has_error(function() net.inet_pton "inet6" end)
    assert.has_error(function() net.inet_pton() end)
  end)
end)

describe("byte order", function()
  local little = string.pack("=I2", 1) == "\1\0"

  it("gives the numbers on the slide", function()
    assert.equal(little and 3523477504 or 1234, net.htonl(1234))
    assert.equal(little and 3523477504 or 1234, net.ntohl(1234))
    assert.equal(little and 53764 or 1234, net.htons(1234))
    assert.equal(little and 53764 or 1234, net.ntohs(1234))
  end)

  it("agrees with string.pack at every limit", function()
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

  it("raises for numbers that do not fit", function()
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
  it("hexlify returns two digits per byte", function()
    assert.equal("", net.hexlify "")
    assert.equal("7f000001", net.hexlify "\127\0\0\1")
    assert.equal("00ff0a", net.hexlify "\0\255\n")
  end)

  it("unhexlify is the inverse of hexlify", function()
    assert.equal("", net.unhexlify "")
    assert.equal("\0\255\171", net.unhexlify "00FfaB")
    local all = {}
    for i = 0, 255 do all[i + 1] = string.char(i) end
    local bytes = table.concat(all):rep(40)
    assert.equal(bytes, net.unhexlify(net.hexlify(bytes)))
  end)

  it("unhexlify returns EINVAL for any other text", function()
    for _, text in ipairs { "0", "000", "0g", "g0", " 00", "0x00", "00\0\0",
      "0:" } do
      local bytes, message, code = net.unhexlify(text)
      assert.is_nil(bytes, text)
      assert.equal("unhexlify: each byte needs two hexadecimal digits (EINVAL)",
        message)
      assert.equal("EINVAL", code)
    end
    assert.has_error(function() net.unhexlify {} end)
    assert.has_error(function() net.unhexlify() end)
  end)

  it("escape leaves only printable ASCII as it is", function()
    assert.equal("Test message.", net.escape "Test message.")
    assert.equal("\\x1b[2J\\x00\\x0a\\xff\\\\", net.escape "\27[2J\0\n\255\\")
    for i = 0, 255 do
      assert.matches("^[ -~]+$", net.escape(string.char(i)))
    end
  end)
end)
