local support = require "tests.support"

local host = os.getenv "NETLAB_HOST" or "./netlab"
local lua = "lua5.4"

--- Quotes a text for the shell.
local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function script(text)
  return support.write(support.folder() .. "/script.lua", text)
end

--- Runs a program with a command line; `before` may set variables.
local function run(program, args, input, before)
  local command = ("env %s %s %s"):format(before or "", program, args)
  local out, err, status = support.run(command, input)
  return { out = out, err = err, status = status }
end

--- Returns the first line of an error, without the program's name.
local function first(err)
  return (err:match "^[^\n]*":gsub("^%S-lua[%d.]*: ", "")
    :gsub("^netlab: ", ""))
end

--- Compares the host with plain Lua: output, status and first line of error.
local function same(args, input, before)
  local a = run(host, args, input, before)
  local b = run(lua, args, input, before)
  assert.equal(b.out, a.out)
  assert.equal(first(b.err), first(a.err))
  assert.equal(b.status, a.status)
  return a, b
end

--- Compares the errors, and that both or none has a traceback of Lua code.
local function fails(args, input, before)
  local a, b = same(args, input, before)
  assert.equal(1, a.status)
  assert.matches("^netlab: ", a.err)
  assert.equal(b.err:find "\nstack traceback:\n.* in main chunk" ~= nil,
    a.err:find "\nstack traceback:\n" ~= nil)
  return a
end

local function lines(text)
  return select(2, text:gsub("\n", ""))
end

describe("the command line", function()
  support.leaves_nothing(before_each, after_each)

  -- The program's own name, at the lowest index, differs.
  local show = [[
    local low = 0
    while arg[low - 1] do low = low - 1 end
    for i = low + 1, #arg do print(i, arg[i]) end
    print(low, select("#", ...), ...)
  ]]

  it("is in arg: options below the script, arguments above", function()
    local path = script(show)
    local got = same("-W -e 'x = 1' " .. path .. " one '' -e three").out
    assert.matches("^%-3\t%-W\n%-2\t%-e\n%-1\tx = 1\n0\t%S+script.lua\n", got)
    assert.matches("\n%-4\t4\tone\t\t%-e\tthree\n$", got)
  end)

  it("names the program at the lowest index of arg", function()
    local got = run(host, script "print(arg[-1])")
    assert.equal(host .. "\n", got.out)
  end)

  it("counts from the program if there is no script", function()
    local got = same("-e 'print(arg[1], arg[2], #arg, arg[-1])'")
    assert.equal("-e\tprint(arg[1], arg[2], #arg, arg[-1])\t2\tnil\n", got.out)
  end)

  it("-e runs a string, and several in their order", function()
    assert.equal("1\n2\n3\n", same("-e 'x = 1 print(x)' " ..
      "-e 'print(x + 1)' -e'print(x + 2)'").out)
  end)

  it("-e comes before the script and has no arguments", function()
    local path = script "print(x, ...)"
    assert.equal("0\n2\ta\tb\n",
      same("-e 'print(select(\"#\", ...)) x = 2' " .. path .. " a b").out)
  end)

  it("-l requires a module into a global of its name", function()
    local folder = support.folder()
    support.write(folder .. "/mine.lua", "return { name = ... }")
    local path = "LUA_PATH=" .. folder .. "/?.lua"
    assert.equal("mine\n", same("-l mine -e 'print(mine.name)'", "", path).out)
    assert.equal("mine\n", same("-lmine -e 'print(mine.name)'", "", path).out)
  end)

  it("-l g=mod requires it into global g", function()
    assert.equal("true\ttrue\n",
      same("-l s=string -e 'print(s == string, s ~= nil)'").out)
  end)

  it("-l and -e run in the order given", function()
    assert.equal("nil\nfrom mod\n", same("-e 'print(m)' " ..
      "-e 'package.preload.m = function() return \"from mod\" end' " ..
      "-l m -e 'print(m)'").out)
  end)

  it("-l net and -l net.ntp find the built-in modules", function()
    local none = "-u LUA_PATH -u LUA_CPATH"
    local got = run(host, "-l net -l ntp=net.ntp " ..
      "-e 'print(type(net.socket), type(ntp.request))'", "", none)
    assert.equal("function\tfunction\n", got.out)
  end)

  it("-l of a missing module lists where it looked", function()
    local got = fails "-l no.such.module"
    assert.matches("module 'no.such.module' not found:\n", got.err)
  end)

  it("-v prints the version, and goes on", function()
    local got = run(host, "-v -e 'print(1)'")
    assert.matches("^netlab %S+ .*Lua 5%.%d.*\n1\n$", got.out)
    assert.equal(2, lines(got.out))
    assert.equal(0, got.status)
    assert.equal(1, lines(run(host, "-v", "error 'not run'").out))
  end)

  it("-W turns warnings on, which are off by default", function()
    assert.equal("Lua warning: careful\n",
      same("-W -e 'warn \"careful\"'").err)
    assert.equal("", same("-e 'warn \"careful\"'").err)
  end)

  it("-- ends the options", function()
    local path = script(show)
    assert.matches("\n%-2\t1\t%-v\n$", same("-- " .. path .. " -v").out)
    assert.matches("cannot open %-x", fails("-- -x").err)
  end)

  it("stops at the first chunk that fails", function()
    local path = script "print 'went on'"
    for _, word in ipairs { "-e 'error(1)'", "-e 'x ='", "-l no.such" } do
      assert.equal("", fails(word .. " -e 'print(1)' " .. path).out)
    end
  end)

  it("- runs the standard input, with arguments", function()
    assert.equal("-\ta\t-v\n", same("- a -v", "print(arg[0], ...)").out)
  end)

  it("-- - is a script whose name is -", function()
    assert.matches("cannot open %-", fails("-- -", "print 'not run'").err)
  end)

  it("- runs the standard input after a module named --", function()
    local folder = support.folder()
    support.write(folder .. "/--.lua", "")
    local got = run(host, "-l -- -", "print(arg[0])",
      "LUA_PATH='" .. folder .. "/?.lua'")
    assert.same({ out = "-\n", err = "", status = 0 }, got)
  end)

  it("without a script runs the standard input, if a pipe", function()
    for _, program in ipairs { host, lua } do
      local out, err, status = support.run(
        "sh -c 'echo \"print(1, ...) return 2\" | " .. program .. "'")
      assert.same({ "1\n", "", 0 }, { out, err, status })
    end
    assert.equal("1\n", same("", "#!/bin/lua\nprint(1)").out)
  end)

  it("takes a script whose first line is #!", function()
    local path = script "#!/bin/netlab\nprint(debug.getinfo(1).currentline)"
    assert.equal("2\n", same(path).out)
  end)

  it("shows the usage for an unknown option", function()
    for _, option in ipairs { "-x", "-vx", "--nothing" } do
      local got = same(option)
      assert.matches("^netlab: unrecognized option '" ..
        option:gsub("%-", "%%-") .. "'\nusage: netlab ", got.err)
      assert.equal(1, got.status)
    end
  end)

  it("reports an option that lacks its argument", function()
    for _, option in ipairs { "-e", "-l" } do
      local got = same(option)
      assert.matches("^netlab: '" .. option:gsub("%-", "%%-") ..
        "' needs argument\nusage: netlab ", got.err)
      assert.equal(1, got.status)
    end
  end)

  it("reports a missing script in one line", function()
    local got = fails "/no/such.lua"
    assert.equal(
      "netlab: cannot open /no/such.lua: No such file or directory\n", got.err)
  end)
end)

describe("LUA_INIT", function()
  support.leaves_nothing(before_each, after_each)

  it("runs before everything else", function()
    assert.equal("init\n1\n",
      same("-e 'print(x)'", "", [[LUA_INIT='x = 1 print "init"']]).out)
  end)

  it("as @file runs a file", function()
    local path = script "x = 'from the file'"
    assert.equal("from the file\n",
      same("-e 'print(x)'", "", "LUA_INIT=@" .. path).out)
  end)

  it("gives way to LUA_INIT_5_4", function()
    local name = "LUA_INIT" .. _VERSION:gsub("Lua (%d).(%d)", "_%1_%2")
    assert.equal("versioned\n", same("-e 'print(x)'", "",
      [[LUA_INIT='x = "plain"' ]] .. name .. [[='x = "versioned"']]).out)
  end)

  it("is ignored with -E, as is LUA_PATH", function()
    local got = same("-E -e 'print(x, package.path:find \"/mine/\")'", "",
      "LUA_INIT='x = 1' LUA_PATH='/mine/?.lua'")
    assert.equal("nil\tnil\n", got.out)
  end)

  it("may be unset", function()
    local none = "-u LUA_INIT -u LUA_INIT_5_4"
    assert.equal("1\n", same("-e 'print(1)'", "", none).out)
    assert.equal("1\n", same("-E -e 'print(1)'", "", none).out)
  end)

  it("that fails ends the program", function()
    for _, init in ipairs { "error 'x'", "x = =", "@/no/such.lua" } do
      local got = fails("-e 'print(1)'", "", "LUA_INIT=" .. quoted(init))
      assert.equal("", got.out)
    end
  end)
end)

describe("the exit status", function()
  support.leaves_nothing(before_each, after_each)

  it("is 0, or that of os.exit", function()
    assert.equal(0, same("-e 'return 5'").status)
    assert.equal(3, same("-e 'os.exit(3)'").status)
    assert.equal(3, same("-e 'os.exit(3, true)'").status)
    assert.equal(1, same("-e 'os.exit(false)'").status)
    assert.equal(0, same("-e 'os.exit(true, true)'").status)
  end)

  it("is that of os.exit in a task, too", function()
    local got = run(host, script [[
      local net = require "net"
      net.spawn(function() net.sleep(0) os.exit(3, true) end)
      net.sleep(60)
    ]])
    assert.same({ out = "", err = "", status = 3 }, got)
  end)

  it("is 1 after an error, with file, line and traceback", function()
    local got = fails(script "local x\nerror 'went wrong'")
    assert.matches("^netlab: %S*script.lua:2: went wrong\nstack traceback:\n",
      got.err)
    assert.matches("script.lua:2: in main chunk", got.err)
  end)

  it("is 1 after an error that is a table, or nil", function()
    assert.matches("^netlab: %(error object is a table value%)\n",
      fails("-e 'error {}'").err)
    assert.matches("^netlab: %(error object is a nil value%)\n",
      fails("-e 'error(nil)'").err)
  end)

  it("is 1 after an error that has __tostring: its text only", function()
    local got = fails(script [[
      error(setmetatable({}, { __tostring = function() return "my own" end }))
    ]])
    assert.equal("netlab: my own\n", got.err)
  end)

  it("is 1 after a syntax error: one line with file and line", function()
    local got = fails(script "local x\nx = = 1\n")
    assert.matches("^netlab: %S*script.lua:2: unexpected symbol near '='\n$",
      got.err)
  end)

  it("is 1 after a failing assert, with file, line and traceback", function()
    local got = fails(script "local x\n\nassert(x)")
    assert.matches("^netlab: %S*script.lua:3: assertion failed!\nstack trace",
      got.err)
    got = fails(script "local x\n\nassert(x, 'my message')")
    assert.matches("^netlab: [^\n]*my message\nstack traceback:\n", got.err)
    assert.matches("script.lua:3: in main chunk", got.err)
  end)

  it("is 1 for a script in bytecode", function()
    local path = script(string.dump(load "print 'it ran'"))
    local got = run(host, path)
    assert.equal("", got.out)
    assert.matches("^netlab: [^\n]*binary chunk[^\n]*\n$", got.err)
    assert.equal(1, got.status)
    got = run(host, "-", string.dump(load "print 'it ran'"))
    assert.equal("", got.out)
    assert.equal(1, got.status)
  end)
end)

describe("netlab's own options", function()
  support.leaves_nothing(before_each, after_each)

  it("--help explains all options and succeeds", function()
    local got = run(host, "--help")
    assert.matches("^usage: netlab ", got.out)
    for _, option in ipairs { "-i", "-e", "-l", "-v", "-E", "-W", "--", "-",
      "--help", "--version", "--list" } do
      assert.matches("\n  " .. option:gsub("%-", "%%-") .. " ", got.out)
    end
    assert.same({ "", 0 }, { got.err, got.status })
  end)

  it("--version names netlab, Lua and libuv", function()
    local got = run(host, "--version")
    assert.matches("^netlab [%d.]+ %(Lua 5%.%d%.%d+, libuv [%d.]+%)\n$",
      got.out)
    assert.same({ "", 0 }, { got.err, got.status })
  end)

  it("--list names every lab and its slide, from anywhere", function()
    local names = {}
    for path in run("ls", "labs").out:gmatch "([%w_]+)%.lua\n" do
      names[#names + 1] = path
    end
    assert.equal(15, #names)
    local folder = support.folder()
    run("cp", ("-r %s labs %s"):format(host, folder))
    for _, before in ipairs { "", "-C /" } do
      local got = run(folder .. "/netlab", "--list", "", before)
      assert.same({ "", 0 }, { got.err, got.status })
      for _, name in ipairs(names) do
        local line = support.read("labs/" .. name .. ".lua"):match "^[^\n]+"
        local slide = line:match 'slide: "([%w_ ]+)"$'
        assert.truthy(slide, name .. " names no slide")
        assert.matches("\n" .. name .. "%.lua +Lab [^\n]*\"" .. slide ..
          "\"\n", got.out)
      end
    end
  end)

  it("--list reports that there are no labs", function()
    local folder = support.folder()
    run("cp", host .. " " .. folder)
    local got = run(folder .. "/netlab", "--list")
    assert.same({ "", "netlab: no labs found next to this program\n", 1 },
      { got.out, got.err, got.status })
  end)

  it("precede the script; after it they are the script's", function()
    local path = script "print(...)"
    for _, option in ipairs { "--help", "--version", "--list" } do
      assert.equal(option .. "\n", run(host, path .. " " .. option).out)
    end
  end)
end)

describe("a script", function()
  support.leaves_nothing(before_each, after_each)

  it("runs its current text: nothing is compiled ahead", function()
    local path = script "print 'one'"
    assert.equal("one\n", run(host, path).out)
    support.write(path, "print 'two'")
    assert.equal("two\n", run(host, path).out)
  end)

  it("finds net and net.ntp from any folder, with no LUA_PATH", function()
    local absolute = run("realpath", host).out:match "[^\n]+"
    local got = run(absolute, script [[
      print(type(require "net".socket), type(require "net.ntp".request))
    ]], "", "-C / -u LUA_PATH -u LUA_CPATH -u LUA_INIT")
    assert.same({ out = "function\tfunction\n", err = "", status = 0 }, got)
  end)

  it("prints lines at once through a pipe", function()
    local go = support.folder() .. "/go"
    local path = script([[
      local net = require "net"
      print "ready"
      for _ = 1, 3000 do
        local file = io.open "GO"
        if file then break end
        net.sleep(0.01)
      end
      print "done"
    ]])
    support.write(path, (support.read(path):gsub("GO", go)))
    local process <close> = support.start(
      ("sh -c '%s %s | cat'"):format(host, path))
    process:expect "^ready\n"
    assert.equal("ready\n", (process:output()))
    support.write(go, "")
    assert.equal("ready\ndone\n", (process:wait()))
  end)
end)

describe("tasks in the host", function()
  support.leaves_nothing(before_each, after_each)

  it("are awaited after the script", function()
    local got = run(host, script [[
      local net = require "net"
      net.spawn(function()
        net.sleep(0.02)
        net.spawn(function() net.sleep(0.02) print "grandchild" end)
        print "task"
      end)
      print "script"
    ]])
    assert.same(
      { out = "script\ntask\ngrandchild\n", err = "", status = 0 }, got)
  end)

  it("with an error that nothing joins: traceback, others go on, 1", function()
    local got = run(host, script [[
      local net = require "net"
      net.spawn(function() net.sleep(0.02) print "finished" end)
      net.spawn(function()
        local function deep() error "went wrong" end
        deep()
      end)
      net.sleep(0.01)
      print "script"
    ]])
    assert.equal("script\nfinished\n", got.out)
    assert.matches("^netlab: %S+script.lua:4: went wrong\nstack traceback:\n",
      got.err)
    assert.matches("script.lua:4: in %S+ 'deep'\n", got.err)
    assert.matches("script.lua:5: in function <%S+script.lua:3>", got.err)
    assert.equal(1, got.status)
  end)

  it("with a table as error: it is named", function()
    local got = run(host, script [[
      require "net".spawn(function() error {} end)
    ]])
    assert.matches("^netlab: %(error object is a table value%)\n", got.err)
    assert.equal(1, got.status)
  end)

  it("pass their error to join, if joined", function()
    local got = run(host, script [[
      local net = require "net"
      local task = net.spawn(function() error("mine", 0) end)
      print(pcall(task.join, task))
      task = net.spawn(function() net.sleep(0.01) error("late", 0) end)
      print(pcall(task.join, task))
    ]])
    assert.same(
      { out = "false\tmine\nfalse\tlate\n", err = "", status = 0 }, got)
  end)

  it("with a network error: one line and a hint, 1", function()
    local connect = 'assert(net.socket():connect("127.0.0.1", 1))\n'
    for _, text in ipairs {
      connect,
      "net.spawn(function()\n" .. connect .. "end)",
    } do
      local got = run(host, script("local net = require 'net'\n" .. text))
      assert.matches("^netlab: [^\n]*connect 127%.0%.0%.1:1: " ..
        "connection refused %(ECONNREFUSED%)\n  hint: [^\n]*\n$", got.err)
      assert.same({ "", 1 }, { got.out, got.status })
    end
  end)

  it("end with the script if it fails, and close their variables", function()
    local got = run(host, script [[
      local net = require "net"
      net.spawn(function()
        local _ <close> = setmetatable({}, {
          __close = function() print "closed" end,
        })
        net.sleep(60)
        print "went on"
      end)
      net.sleep(0)
      error "went wrong"
    ]])
    assert.equal("closed\n", got.out)
    assert.matches("^netlab: %S+script.lua:10: went wrong\nstack traceback:",
      got.err)
    assert.equal(1, got.status)
  end)

  it("that wait for each other: a message, 1", function()
    local got = run(host, script [[
      local net = require "net"
      local a, b
      a = net.spawn(function() b:join() end)
      b = net.spawn(function() a:join() end)
    ]])
    assert.matches("^netlab: deadlock: [^\n]+\n$", got.err)
    assert.same({ "", 1 }, { got.out, got.status })
  end)

  it("that fail while they are closed are reported in any case", function()
    local got = run(host, script [[
      local net = require "net"
      local shown = setmetatable({}, { __tostring = function()
        collectgarbage()
        local t = {}
        for i = 1, 5000 do t[i] = ("\255"):rep(100 + i % 300) end
        return "from __close"
      end })
      net.spawn(function()
        local _ <close> = setmetatable({}, {
          __close = function() error(shown) end,
        })
        net.sleep(60)
      end)
      net.sleep(0)
      error("script", 0)
    ]])
    assert.matches("netlab: from __close\n$", got.err)
    assert.same({ "", 1 }, { got.out, got.status })
  end)

  it("that wait for each other while the script waits for them", function()
    local got = run(host, script [[
      local net = require "net"
      local a, b
      a = net.spawn(function() b:join() end)
      b = net.spawn(function() a:join() end)
      a:join()
      print "went on"
    ]])
    assert.matches("^netlab: deadlock: [^\n]+\n$", got.err)
    assert.same({ "", 1 }, { got.out, got.status })
  end)
end)
