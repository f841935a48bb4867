-- make install and LuaRocks, with folders of their own.
local support = require "tests.support"

if not support.hosted then return end -- one build is enough

local function sh(text)
  local out, err, status = support.run("sh -c '" .. text .. "'", nil, 120)
  assert.equal(0, status, out .. err)
  return out
end

local SOURCES = "Makefile README.md LICENSE src lua labs tests " ..
  "netlab-scm-1.rockspec"
local BUILT = "netlab net.so build/*/*.o build/lua build/embed.inc " ..
  "build/net.3lua"

-- Makes a folder with these files, where one source is newer than its object.
local function checkout(files)
  local folder = support.folder()
  sh(("cp -rp --parents %s %s && touch %s/src/lib/module.c"):format(files,
    folder, folder))
  return folder
end

describe("installed", function()
  support.leaves_nothing(before_each, after_each)

  it("by make lists its labs, and is removed by make uninstall",
    function()
      local source, to = checkout(SOURCES .. " " .. BUILT), support.folder()
      local make = ("make -s -C %s PREFIX=/usr DESTDIR=%s "):format(source, to)
      sh(make .. "install")
      local list = sh(to .. "/usr/bin/netlab --list")
      assert.matches("tcp_echo_server.lua +Lab 12", list)
      assert.matches("in [^\n]*/labs/more:\nbuffer_size.lua +More", list)
      assert.equal("1.2 k\n", sh("cd / && LUA_PATH=" .. to ..
        "/usr/share/lua/5.4/?.lua lua5.4 -e " ..
        "\"print(require [[net.plot]].si(1200))\""))
      assert.equal("1234\n", sh("cd / && LUA_CPATH=" .. to ..
        "/usr/lib/lua/5.4/?.so lua5.4 -e " ..
        "\"print(require [[net]].ntohs(require [[net]].htons(1234)))\""))
      for _, name in ipairs { "netlab/meta/net.lua", "man/man1/netlab.1",
        "man/man3/net.3lua", "bash-completion/completions/netlab",
        "zsh/site-functions/_netlab" } do
        sh("test -s " .. to .. "/usr/share/" .. name)
      end
      sh(make .. "uninstall")
      assert.equal("", sh("find " .. to .. " -type f"))
    end)

  it("by LuaRocks is built, tested, packed, and installed elsewhere", function()
    local source = checkout(SOURCES .. " " .. BUILT)
    local made, tree = support.folder(), support.folder()
    local rocks = ("cd %s && luarocks-5.4 --tree=%s "):format(source, made)
    sh(rocks .. "lint netlab-scm-1.rockspec")
    sh(rocks .. "make")
    local tested = sh(rocks ..
      "test -- SPECS=tests/spec/socket/address_spec.lua")
    assert.matches("\n(%d+) passed, 0 failed\n", tested)
    sh(rocks .. "pack netlab")
    sh(("cd / && luarocks-5.4 --tree=%s install %s/netlab-scm-1.*.rock")
      :format(tree, source))
    local env = ("env LUA_PATH='%s/share/lua/5.4/?.lua;;' " ..
      "LUA_CPATH='%s/lib/lua/5.4/?.so;;' "):format(tree, tree)
    local script = support.write(source .. "/echo.lua", [[
      local net, ntp = require "net", require "net.ntp"
      require "net.plot"
      require "net.json"
      require "net.hints"
      require "net.trace.html"
      local listener <close> = net.socket()
      assert(listener:bind("localhost", 0))
      assert(listener:listen())
      net.spawn(function()
        local conn <close> = listener:accept()
        conn:sendall(conn:recv(100))
      end)
      local sock <close> = net.socket()
      assert(sock:connect(listener:getsockname()))
      sock:sendall "from the rock"
      print(sock:recv(100), type(ntp.request))
    ]])
    local out, err, status = support.run(env .. "lua5.4 " .. script)
    assert.equal(0, status, err)
    assert.equal("from the rock\tfunction\n", out)
    out, err, status = support.run("env -u LUA_PATH -u LUA_CPATH " .. tree ..
      "/bin/netlab " .. source .. "/labs/integer_conversion.lua")
    assert.equal(0, status, err)
    assert.matches("^Original: 1234 => Long host byte order: ", out)
    local list = sh(tree .. "/bin/netlab --list")
    assert.matches("socket_errors.lua +Lab 7", list)
    assert.matches("echo_load.lua +More", list)
    local rock = tree .. "/lib/luarocks/rocks-5.4/netlab/scm-1/"
    for _, name in ipairs { "meta/net.lua", "doc/man1/netlab.1",
      "doc/man3/net.3lua" } do
      sh("test -s " .. rock .. name)
    end
    sh(("cd / && luarocks-5.4 --tree=%s remove netlab"):format(tree))
    assert.equal("", sh("find " .. tree .. " -name \"*net*\""))
  end)

  it("by LuaRocks names what a build lacks, and builds nothing", function()
    local source, tree = checkout(SOURCES), support.folder()
    for lack, message in pairs {
      LIBUV_DIR = "Could not find header file for LIBUV\n%s+No file uv.h",
      LUA_INCDIR = "Failed finding Lua header",
    } do
      local _, err, status = support.run(
        ("sh -c 'cd %s && luarocks-5.4 --tree=%s make %s=%s'"):format(source,
          tree, lack, tree))
      assert.equal(1, status)
      assert.matches("^\nError: " .. message, err)
    end
    assert.equal("", sh("find " .. source .. " -name build"))
  end)
end)
