local net = require "net"
local support = require "tests.support"
local waits = require "tests.support.waits"

local prelude = waits.prelude

-- What Ctrl-C prints: one line, in the host's or in plain Lua's words.
local line = support.hosted and "^netlab: interrupted\n$"
  or "^%S*lua[%d.-]*: interrupted\n$"

local function start(text)
  local path = support.write(support.folder() .. "/script.lua", prelude .. text)
  return support.start(support.driver .. " " .. path)
end

--- Runs a script and presses Ctrl-C when it is ready. Returns what it printed.
local function interrupt(text)
  local process <close> = start(text)
  process:expect "ready\n"
  process:signal "INT"
  return process:wait()
end

local function assert_interrupted(expected, text)
  local out, err, status = interrupt(text)
  assert.matches(line, err)
  assert.equal(expected, out)
  assert.equal(support.interrupted, status)
end

describe("Ctrl-C in the script", function()
  support.leaves_nothing(before_each, after_each)

  for _, wait in ipairs(waits.calls) do
    it("ends " .. wait[1], function()
      assert_interrupted("ready\nclosed\n", [[
        local _ <close> = closing "closed"
        spawn_ready()
        ]] .. wait[2] .. [[

        say "went on"
      ]])
    end)
  end

  it("ends a busy loop", function()
    assert_interrupted("ready\nclosed\n", [[
      local _ <close> = closing "closed"
      spawn_ready()
      net.sleep(0)
      while true do end
    ]])
  end)

  it("ends a busy loop that calls functions", function()
    assert_interrupted("ready\nclosed\n", [[
      local _ <close> = closing "closed"
      spawn_ready()
      net.sleep(0)
      local function f(x) return x + 1 end
      local x = 0
      while true do x = f(x) end
    ]])
  end)

  it("ends a busy loop in a coroutine that the script made", function()
    assert_interrupted("ready\nclosed\n", [[
      local _ <close> = closing "closed"
      spawn_ready()
      net.sleep(0)
      net.coroutine.wrap(function() while true do end end)()
    ]])
  end)

  it("ends a wait in a coroutine that the script made", function()
    assert_interrupted("ready\ninner\nclosed\n", [[
      local _ <close> = closing "closed"
      spawn_ready()
      net.coroutine.wrap(function()
        local _ <close> = closing "inner"
        net.sleep(600)
      end)()
    ]])
  end)

  it("ends an endless sort", function()
    assert_interrupted("ready\nclosed\n", [[
      local _ <close> = closing "closed"
      spawn_ready()
      net.sleep(0)
      local t = {}
      for i = 1, 10000 do t[i] = i * 7919 % 9973 end
      while true do table.sort(t, function(x, y) return x < y end) end
    ]])
  end)

  it("ends the script although a __close tries to wait", function()
    assert_interrupted("ready\nclosing\nclosed\n", [[
      local _ <close> = setmetatable({}, {
        __close = function()
          say "closing"
          pcall(net.sleep, 0.001)
          say "closed"
        end,
      })
      spawn_ready()
      net.sleep(600)
    ]])
  end)

  it("ends a loop of short sleeps", function()
    assert_interrupted("ready\nclosed\n", [[
      local _ <close> = closing "closed"
      spawn_ready()
      while true do net.sleep(0) end
    ]])
  end)
end)

describe("Ctrl-C in a task", function()
  support.leaves_nothing(before_each, after_each)

  for _, wait in ipairs(waits.calls) do
    it("ends " .. wait[1], function()
      assert_interrupted("ready\nclosed\n", [[
        net.spawn(function()
          local _ <close> = closing "closed"
          spawn_ready()
          ]] .. wait[2] .. [[

          say "went on"
        end)
        net.run()
        say "the script went on"
      ]])
    end)
  end

  it("ends a busy loop", function()
    assert_interrupted("ready\nclosed\n", [[
      net.spawn(function()
        local _ <close> = closing "closed"
        say "ready"
        while true do end
      end)
      net.run()
    ]])
  end)

  it("ends a loop that only yields", function()
    assert_interrupted("ready\nclosed\n", [[
      net.spawn(function()
        local _ <close> = closing "closed"
        spawn_ready()
        while true do coroutine.yield() end
      end)
      net.run()
    ]])
  end)

  it("ends the script that joins it, and all other tasks", function()
    local out, err, status = interrupt [[
      local _ <close> = closing "script"
      local task
      for i = 1, 3 do
        task = net.spawn(function()
          local _ <close> = closing("task " .. i)
          net.sleep(600)
        end)
      end
      spawn_ready()
      task:join()
    ]]
    assert.matches(line, err)
    for _, who in ipairs { "script", "task 1", "task 2", "task 3" } do
      assert.equal(1, select(2, out:gsub("%f[%w]" .. who .. "\n", "")), who)
    end
    assert.equal(support.interrupted, status)
  end)

  it("ends waiting tasks while the script is busy", function()
    local out, err, status = interrupt [[
      local _ <close> = closing "script"
      net.spawn(function()
        local _ <close> = closing "task"
        net.sleep(600)
      end)
      spawn_ready()
      net.sleep(0)
      while true do end
    ]]
    assert.matches(line, err)
    assert.matches("task\n", out)
    assert.matches("script\n", out)
    assert.equal(support.interrupted, status)
  end)

  -- Every 64th call that succeeds at once gives way to other tasks.
  local gives_way = [[
    local a, b = net.socketpair("unix", "stream")
    local pressed
    local function press()
      pressed = true
      io.popen("kill -INT $PPID"):close()
    end
    net.sleep(0)
    local function work()
      local _ <close> = closing "closed"
      while not pressed do assert(a:send "x" and b:recv(1)) end
      while true do end
    end
  ]]

  it("ends a task that gave way before it became busy", function()
    local _, err, status = support.script(prelude .. gives_way .. [[
      net.spawn(work)
      net.spawn(press)
      net.run()
    ]])
    assert.matches(line, err)
    assert.equal(support.interrupted, status)
  end)

  it("ends a script that gave way before it became busy", function()
    local out, err, status = support.script(prelude .. gives_way .. [[
      net.spawn(press)
      work()
    ]])
    assert.equal("closed\n", out)
    assert.matches(line, err)
    assert.equal(support.interrupted, status)
  end)

  it("ends waiting tasks while another task is busy", function()
    local out, err, status = support.script(prelude .. [[
      net.spawn(function()
        local _ <close> = closing "closed"
        net.sleep(600)
      end)
      net.spawn(function()
        io.popen "kill -INT $PPID":close()
        while true do end
      end)
      net.run()
      say "the script went on"
    ]])
    assert.matches(line, err)
    assert.same({ "closed\n", support.interrupted }, { out, status })
  end)

  it("closes the task's sockets before the program ends", function()
    local process <close> = start [[
      net.spawn(function()
        local listener <close> = bound "stream"
        assert(listener:listen(1))
        local port = select(2, listener:getsockname())
        local s <close> = listener:accept(say(port))
        assert(s:sendall "hello")
        s:recv(1)
      end)
      net.run()
    ]]
    local port = tonumber((process:expect "^(%d+)\n"))
    local sock <close> = net.socket()
    assert(sock:connect("127.0.0.1", port))
    assert.equal("hello", sock:recv(10))
    process:signal "INT"
    assert.equal("EOF", select(3, sock:recv(10)))
    assert.equal(support.interrupted, select(3, process:wait()))
  end)
end)

if support.hosted then
  describe("Ctrl-C in the host", function()
    support.leaves_nothing(before_each, after_each)

    it("ends a script that has never waited", function()
      assert_interrupted("ready\nclosed\n", [[
        local _ <close> = closing "closed"
        say "ready"
        while true do end
      ]])
    end)

    it("ends the tasks that outlive the script", function()
      assert_interrupted("ready\nclosed\n", [[
        net.spawn(function()
          local _ <close> = closing "closed"
          spawn_ready()
          net.sleep(600)
        end)
      ]])
    end)
  end)
end

describe("Ctrl-C that a pcall catches", function()
  support.leaves_nothing(before_each, after_each)

  it("is an error with the text 'interrupted'", function()
    local out, err, status = interrupt [[
      spawn_ready()
      local ok, message = pcall(net.sleep, 600)
      say(tostring(ok) .. " " .. tostring(message))
    ]]
    assert.equal("ready\nfalse interrupted\n", out)
    assert.same({ "", 0 }, { err, status })
  end)

  it("lets the script go on and wait again", function()
    local out, err, status = interrupt [[
      local a, b = pair()
      spawn_ready()
      pcall(a.recv, a, 1)
      b:sendall "x"
      say(a:recv(1))
      net.sleep(0.01)
      say(net.spawn(function() net.sleep(0) return "new task" end):join())
    ]]
    assert.equal("ready\nx\nnew task\n", out)
    assert.same({ "", 0 }, { err, status })
  end)

  it("lets a busy script go on", function()
    local out, err, status = interrupt [[
      spawn_ready()
      net.sleep(0)
      pcall(function() while true do end end)
      net.sleep(0.01)
      say "went on"
    ]]
    assert.equal("ready\nwent on\n", out)
    assert.same({ "", 0 }, { err, status })
  end)

  it("lets a task go on", function()
    local out, err, status = interrupt [[
      local task = net.spawn(function()
        spawn_ready()
        pcall(net.sleep, 600)
        net.sleep(0.01)
        say "went on"
      end)
      pcall(task.join, task)
      pcall(task.join, task)
    ]]
    assert.equal("ready\nwent on\n", out)
    assert.same({ "", 0 }, { err, status })
  end)

  it("is forgotten: a later error has the usual exit status", function()
    local out, err, status = interrupt [[
      spawn_ready()
      pcall(net.sleep, 600)
      error "went wrong"
    ]]
    assert.equal("ready\n", out)
    assert.matches("script.lua:%d+: went wrong\nstack traceback:\n", err)
    assert.equal(1, status)
  end)

  it("is forgotten: os.exit(1) exits with 1", function()
    local out, err, status = interrupt [[
      spawn_ready()
      pcall(net.sleep, 600)
      os.exit(1, true)
    ]]
    assert.same({ "ready\n", "", 1 }, { out, err, status })
  end)
end)

describe("SIGINT", function()
  support.leaves_nothing(before_each, after_each)

  -- Plain Lua handles the signal before the module is loaded.
  if support.hosted then
    it("stays ignored if it was ignored at the start", function()
      local folder = support.folder()
      local path = support.write(folder .. "/script.lua", prelude .. ([[
        spawn_ready()
        for _ = 1, 3000 do
          local file = io.open "GO"
          if file then break end
          net.sleep(0.01)
        end
        say "went on"
      ]]):gsub("GO", folder .. "/go"))
      local process <close> = support.start(
        ("sh -c 'trap \"\" INT; exec %s %s'"):format(support.driver, path))
      process:expect "ready\n"
      process:signal "INT"
      support.write(folder .. "/go", "")
      assert.same({ "ready\nwent on\n", "", 0 }, { process:wait() })
    end)
  end

  it("ends what no error can end, if it comes twice", function()
    local process <close> = start [[
      spawn_ready()
      net.sleep(0)
      print((("a"):rep(60)):find(("a-"):rep(40) .. "b"))
    ]]
    process:expect "ready\n"
    support.eventually(function()
      process:signal "INT"
      return process:status() ~= nil
    end)
    assert.same({ "ready\n", "", 130 }, { process:wait() })
  end)

  it("does no harm to a program that is just ending", function()
    local process <close> = start "say 'ready'"
    process:wait()
    process:signal "INT"
    assert.same({ "ready\n", "", 0 }, { process:wait() })
  end)
end)
