-- net.hints, and the hint that netlab prints below an error.
local hints = require "net.hints"
local net = require "net"
local support = require "tests.support"

local CODES = { "EACCES", "EADDRINUSE", "EADDRNOTAVAIL", "EAGAIN",
  "EAI_ADDRFAMILY", "EAI_AGAIN", "EAI_NONAME", "EBADF", "EBUSY", "ECONNREFUSED",
  "ECONNRESET", "EHOSTUNREACH", "EMFILE", "EMSGSIZE", "ENETUNREACH", "ENOTCONN",
  "EOF", "EPIPE", "ETIMEDOUT" }

-- Returns the columns that a text takes: an ideograph takes two.
local function columns(text)
  local n = 0
  for _, c in utf8.codes(text) do n = n + (c >= 0x2E80 and 2 or 1) end
  return n
end

local function is_chinese(text)
  return text:find "[\xE4-\xE9][\x80-\xBF]" ~= nil
end

describe("hints.of", function()
  support.leaves_nothing(before_each, after_each)

  it("returns a line for each code, in English and in Chinese", function()
    for _, code in ipairs(CODES) do
      local english, chinese = hints.of(code, "C"), hints.of(code, "zh_TW")
      assert.not_matches("[\x80-\xFF\n]", english, nil, nil, code)
      assert.is_true(is_chinese(chinese), code)
      for _, text in ipairs { english, chinese } do
        assert.not_matches("\n", text)
        assert.is_true(columns("  hint: " .. text) <= 100, text)
        assert.is_true(columns(text) > 20, text)
      end
    end
  end)

  it("knows only the codes listed here", function()
    local found = {}
    for line in io.lines "lua/net/hints.lua" do
      found[#found + 1] = line:match "^  (E[%u_]+) = {$"
    end
    assert.same(CODES, found)
  end)

  it("returns nil for other codes", function()
    for _, code in ipairs { "", "ENOENT", "econnrefused", "EAI" } do
      assert.is_nil(hints.of(code, "C"))
    end
  end)

  it("speaks the locale's language", function()
    for _, locale in ipairs { "zh_TW.UTF-8", "zh_TW", "zh_HK.utf8", "zh_MO",
      "zh_Hant_TW.UTF-8", "zh-Hant", "zh_CN.UTF-8", "zh", "zh_TW.UTF-8@x" } do
      assert.is_true(is_chinese(hints.of("EOF", locale)), locale)
    end
    for _, locale in ipairs { "", "C", "POSIX", "C.UTF-8", "en_US.UTF-8",
      "de_DE", "en_zh", "zha", "zh_TW.Big5", "zh_CN.GB18030" } do
      assert.is_false(is_chinese(hints.of("EOF", locale)), locale)
    end
  end)

  it("takes the first of LC_ALL, LC_MESSAGES and LANG that is set", function()
    local path = support.write(support.folder() .. "/of.lua",
      "print(require('net.hints').of 'EPIPE')")
    local function of(variables)
      local out, err = support.run(("env -u LC_ALL -u LC_MESSAGES -u LANG " ..
        "%s %s %s"):format(variables, support.driver, path))
      assert.equal("", err)
      return is_chinese(out)
    end
    assert.is_false(of "")
    assert.is_true(of "LANG=zh_TW.UTF-8")
    assert.is_false(of "LANG=zh_TW.UTF-8 LC_MESSAGES=C")
    assert.is_true(of "LANG=C LC_MESSAGES=zh_TW.UTF-8")
    assert.is_true(of "LC_ALL=zh_TW.UTF-8 LC_MESSAGES=C LANG=C")
    assert.is_false(of "LC_ALL=C LC_MESSAGES=zh_TW LANG=zh_TW")
    assert.is_true(of "LC_ALL= LC_MESSAGES= LANG=zh_TW.UTF-8")
  end)

  it("raises for an invalid code or locale", function()
    for _, args in ipairs { { nil }, { 111 }, { {} }, { "EOF", 1 } } do
      local ok, message = pcall(function()
        local text = hints.of(args[1], args[2])
        return text
      end)
      assert.is_false(ok)
      assert.matches("hints_spec.lua:%d+: bad argument #[12] to 'of' %(string",
        message)
    end
  end)

  it("returns a line for errors that really happen", function()
    local function hinted(_, _, code)
      assert.is_string(hints.of(code), code)
    end
    local taken, _, port = support.listener()
    local tcp <close> = net.socket()
    local udp <close> = net.socket("inet", "dgram")
    hinted(tcp:bind("127.0.0.1", port))
    hinted(tcp:bind("192.0.2.1", 0))
    hinted(tcp:recv(1))
    hinted(udp:sendto(("x"):rep(66000), "127.0.0.1", port))
    hinted(udp:sendto("x", "255.255.255.255", port))
    hinted(tcp:connect("127.0.0.1", 1))
    hinted(taken:settimeout(0):accept())
    hinted(taken:settimeout(0.001):accept())
    hinted(net.gethostbyname "no.such.name.invalid")
    tcp:close()
    hinted(tcp:recv(1))
  end)
end)

if not support.hosted then return end

describe("below an uncaught error", function()
  support.leaves_nothing(before_each, after_each)

  local REFUSED = [[
    local net = require "net"
    io.write "data"
    local sock <close> = net.socket()
    assert(sock:connect("127.0.0.1", 1))
  ]]

  local function run(text, variables)
    local path = support.write(support.folder() .. "/script.lua", text)
    local out, err, status = support.run(("env -u LC_MESSAGES -u LANG %s %s %s")
      :format(variables or "LC_ALL=C", support.host, path))
    assert.equal(1, status)
    return err:gsub("netlab: %S+script.lua:%d+: ", "netlab: "), out
  end

  local function hint(code, locale)
    return "  hint: " .. hints.of(code, locale) .. "\n"
  end

  local refused =
    "netlab: connect 127.0.0.1:1: connection refused (ECONNREFUSED)\n"

  it("netlab prints what to try, on standard error", function()
    local err, out = run(REFUSED)
    assert.equal(refused .. hint("ECONNREFUSED", "C"), err)
    assert.equal("data", out)
  end)

  it("netlab prints it in Chinese in a Chinese locale", function()
    assert.equal(refused .. hint("ECONNREFUSED", "zh_TW"),
      (run(REFUSED, "LANG=zh_TW.UTF-8")))
  end)

  it("netlab prints it for a task's error, once per error", function()
    local err = run [[
      local net = require "net"
      local sock = net.socket("inet", "dgram")
      sock:bind("127.0.0.1", 0)
      net.spawn(function() assert(sock:settimeout(0):recv(1)) end)
      net.spawn(function() error((select(2, net.socket():recv(1)))) end)
    ]]
    assert.equal("netlab: recv: resource temporarily unavailable (EAGAIN)\n" ..
      hint("EAGAIN", "C") .. "netlab: recv: socket is not connected " ..
      "(ENOTCONN)\n" .. hint("ENOTCONN", "C"), err)
  end)

  it("says nothing of other errors, and of codes that have no line",
    function()
      assert.not_matches("hint", (run "error 'a bug (EPIPE) of mine'"))
      assert.not_matches("hint", (run "error {}"))
      assert.equal("netlab: connect /no/such: no such file or directory " ..
        "(ENOENT)\n", (run [[
          assert(require "net".socket "unix":connect "/no/such")
        ]]))
    end)

  it("nothing follows if the hint fails", function()
    for _, harm in ipairs {
      "package.preload['net.hints'] = nil",
      "package.preload['net.hints'] = error",
      "package.preload['net.hints'] = function() return {} end",
      "os.getenv = nil", "string.match = nil", "ipairs = error",
      "getmetatable('').__index = nil",
      "setmetatable(_G, { __index = error }) string = nil os = nil",
    } do
      assert.equal(refused, (run(harm .. "\n" .. REFUSED)), harm)
    end
  end)
end)
