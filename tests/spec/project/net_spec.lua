-- The module as a whole, and the rules for its object files.
local net = require "net"
local objects = require "tests.support.objects"
local support = require "tests.support"

local keys = support.keys

describe("the module", function()
  support.leaves_nothing(before_each, after_each)

  it("is the same when it is required again", function()
    assert.equal(net, require "net")
    assert.equal("string", type(net._VERSION))
  end)

  it("shares one loop if it is loaded twice", function()
    package.loaded.net = nil
    local again = require "net"
    package.loaded.net = net
    local task = again.spawn(function() again.sleep(0) return "shared" end)
    assert.equal("shared", task:join())
  end)
end)

describe("the page of the tests", function()
  it("names existing specs", function()
    local count = 0
    for name in support.read "tests/README.md":gmatch "`([%w_/]*_spec%.lua)`" do
      local path = name:find "^tests/" and name or "tests/spec/" .. name
      assert.not_equal("", support.read(path), path)
      count = count + 1
    end
    assert.is_true(count > 20)
  end)
end)

describe("the object files", function()
  -- Returns those that need one of these symbols.
  local function needing(...)
    local found = {}
    for file, symbols in pairs(objects) do
      for _, symbol in ipairs { ... } do
        if symbols.needs[symbol] then found[file] = true end
      end
    end
    return keys(found)
  end

  it("yield and resume in one file, and run libuv's loop in one", function()
    assert.same({ "core/coro", "core/loop" }, needing("lua_yieldk",
      "lua_resume", "uv_run"))
  end)

  it("set and get options in the engines, in os and in one more", function()
    assert.same({ "engine/echo", "engine/echo_dgram", "engine/echo_stream",
      "engine/load_dgram", "engine/load_stream", "os/os", "socket/option" },
      needing("setsockopt", "getsockopt"))
  end)

  it("turn addresses into text in one file", function()
    assert.same({ "socket/address" }, needing("inet_pton", "inet_ntop",
      "inet_aton", "inet_ntoa", "if_nametoindex", "if_indextoname"))
  end)

  it("make errors in one file", function()
    assert.same({ "core/error" }, needing("uv_strerror_r", "uv_err_name_r"))
  end)

  it("export luaopen_net from the module, and nothing else", function()
    local folder = support.host:match "^(.*)/"
    local pipe <close> = io.popen(
      "nm -D --defined-only " .. folder .. "/net.so")
    local names = {}
    for name in pipe:read "a":gmatch " T ([%w_]+)" do
      names[#names + 1] = name
    end
    assert.same({ "luaopen_net" }, names)
  end)
end)
