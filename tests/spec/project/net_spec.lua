-- The module as a whole, and the rules that its object files keep.
local net = require "net"
local support = require "tests.support"

local keys = support.keys

describe("the module", function()
  support.leaves_nothing(before_each, after_each)

  it("is the same one when it is required again", function()
    assert.equal(net, require "net")
    assert.equal("string", type(net._VERSION))
  end)

  it("loaded twice shares one loop", function()
    package.loaded.net = nil
    local again = require "net"
    package.loaded.net = net
    local task = again.spawn(function() again.sleep(0) return "shared" end)
    assert.equal("shared", task:join())
  end)
end)

describe("the page of the tests", function()
  it("names specs that are there", function()
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
  local function needs(symbols)
    local files = {}
    local pipe <close> = io.popen("cd src && for d in *; do nm -Au ../" ..
      support.build .. "/$d/*.o 2>/dev/null; done")
    for line in pipe:lines() do
      local file, symbol = line:match "([%w_]+)%.o:%s+U ([%w_]+)"
      if symbols[symbol] then files[file] = true end
    end
    return keys(files)
  end

  local function set(...)
    local s = {}
    for _, name in ipairs { ... } do s[name] = true end
    return s
  end

  it("yield and resume in one file, and turn libuv's loop in one", function()
    assert.same({ "coro", "loop" }, needs(set("lua_yieldk", "lua_resume",
      "uv_run")))
  end)

  it("set and get options in the engines, in os and in one more", function()
    assert.same({ "echo", "echo_dgram", "echo_stream", "load_dgram",
      "load_stream", "option", "os" }, needs(set("setsockopt", "getsockopt")))
  end)

  it("turn addresses into text in one file", function()
    assert.same({ "address" }, needs(set("inet_pton", "inet_ntop", "inet_aton",
      "inet_ntoa", "if_nametoindex", "if_indextoname")))
  end)

  it("make errors in one file", function()
    assert.same({ "error" }, needs(set("uv_strerror_r", "uv_err_name_r")))
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
