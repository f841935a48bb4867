local net = require "net"
local support = require "tests.support"

describe("spawn and join", function()
  support.leaves_nothing(before_each, after_each)

  it("run f with its arguments and return its results", function()
    local task = net.spawn(function(...) net.sleep(0) return ... end, 1, nil, 3)
    assert.same({ 1, nil, 3 }, { task:join() })
    assert.same({ 1, nil, 3 }, { task:join() }) -- again
    assert.equal(0, select("#", net.spawn(function() end):join()))
  end)

  it("start the task when the running one waits", function()
    local log = {}
    local task = net.spawn(function() log[#log + 1] = "task" end)
    log[#log + 1] = "script"
    task:join()
    assert.same({ "script", "task" }, log)
  end)

  it("raise a task's error, of any type, in every join", function()
    for _, value in ipairs { "text", { "table" }, false } do
      local task = net.spawn(function() net.sleep(0) error(value, 0) end)
      local ok, err = pcall(task.join, task)
      assert.is_false(ok)
      assert.equal(value, err)
      assert.is_false((pcall(task.join, task))) -- again
    end
  end)

  it("return the results to several joiners", function()
    local task = net.spawn(function() net.sleep(0.01) return "done" end)
    local others = {}
    for i = 1, 5 do
      others[i] = net.spawn(function() return task:join() end)
    end
    for i = 1, 5 do assert.equal("done", others[i]:join()) end
  end)

  it("raise unless given a function, and when a task joins itself", function()
    assert.has_error(function() net.spawn() end)
    assert.has_error(function() net.spawn "f" end)
    local task
    task = net.spawn(function() return pcall(task.join, task) end)
    local ok, message = task:join()
    assert.is_false(ok)
    assert.matches("cannot join itself", message)
  end)

  it("run a thousand tasks in turn", function()
    local sum, tasks = 0, {}
    for i = 1, 1000 do
      tasks[i] = net.spawn(function()
        net.sleep(0)
        sum = sum + i
      end)
    end
    for i = 1, 1000 do tasks[i]:join() end
    assert.equal(500500, sum)
  end)

  it("let other tasks run at coroutine.yield", function()
    local log = {}
    local a = net.spawn(function()
      for _ = 1, 3 do log[#log + 1] = "a" coroutine.yield() end
    end)
    local b = net.spawn(function()
      for _ = 1, 3 do log[#log + 1] = "b" coroutine.yield() end
    end)
    a:join()
    b:join()
    assert.equal("ababab", table.concat(log))
  end)

  it("keep a task alive that nothing refers to", function()
    local done = 0
    for _ = 1, 50 do
      net.spawn(function() net.sleep(0.01) done = done + 1 end)
    end
    collectgarbage()
    collectgarbage()
    net.sleep(0.05)
    net.run()
    assert.equal(50, done)
  end)
end)

describe("cancel", function()
  support.leaves_nothing(before_each, after_each)

  local function waits()
    local a = support.pair()
    local _, b = support.pair()
    local listener = support.listener()
    local udp = support.own(net.socket("inet", "dgram"))
    udp:bind("localhost", 0)
    local other = net.spawn(function() net.sleep(60) end)
    return {
      recv = function() b:recv(1) end,
      recv_exact = function() b:recv_exact(1) end,
      recv_line = function() b:recv_line() end,
      lines = function() for _ in b:lines() do end end,
      sendall = function() a:sendall(("x"):rep(32 << 20)) end,
      accept = function() listener:accept() end,
      recvfrom = function() udp:recvfrom(1) end,
      sleep = function() net.sleep(60) end,
      join = function() other:join() end,
      run = function() net.run() end,
      yield = function() while true do coroutine.yield() end end,
    }, other
  end

  it("ends every kind of wait, and runs only <close>", function()
    local all, other = waits()
    for name, wait in pairs(all) do
      local closed, went_on = 0, false
      local task = net.spawn(function()
        local _ <close> = setmetatable({}, {
          __close = function() closed = closed + 1 end,
        })
        wait()
        went_on = true
      end)
      net.sleep(0)
      assert.is_true(task:cancel())
      assert.equal(1, closed, name)
      net.sleep(0.002)
      assert.is_false(went_on, name)
      local ok, message, code = task:join()
      assert.is_nil(ok)
      assert.equal("join: operation canceled (ECANCELED)", message)
      assert.equal("ECANCELED", code)
    end
    other:cancel()
  end)

  it("leaves the socket free for the next call", function()
    local a, b = support.pair()
    for i = 1, 200 do
      local task = net.spawn(function() b:recv(1) end)
      net.sleep(0)
      task:cancel()
      a:sendall(tostring(i))
      assert.equal(tostring(i), b:recv(10))
    end
  end)

  it("does what coroutine.close of the task's coroutine does", function()
    local _, b = support.pair()
    for _ = 1, 100 do
      local closed, co = false, nil
      local task = net.spawn(function()
        co = coroutine.running()
        local _ <close> = setmetatable({}, {
          __close = function() closed = true end,
        })
        b:recv(1)
      end)
      net.sleep(0)
      assert.is_true(coroutine.close(co))
      assert.is_true(closed)
      assert.equal("ECANCELED", select(3, task:join()))
    end
    b:settimeout(0)
    assert.equal("EAGAIN", select(3, b:recv(1))) -- and not EBUSY
  end)

  it("does nothing to a task that has not begun or has ended", function()
    local ran = false
    local task = net.spawn(function() ran = true end)
    task:cancel()
    net.sleep(0)
    assert.is_false(ran)
    task:cancel()
    task = net.spawn(function() return "kept" end)
    assert.equal("kept", task:join())
    task:cancel()
    assert.equal("kept", task:join())
  end)

  it("happens at the end of a <close> variable's block", function()
    local closed = false
    do
      local _ <close> = net.spawn(function()
        local _ <close> = setmetatable({}, {
          __close = function() closed = true end,
        })
        net.sleep(60)
      end)
      net.sleep(0)
    end
    assert.is_true(closed)
  end)

  it("does nothing within the task's own __close", function()
    local task, after
    task = net.spawn(function()
      local _ <close> = setmetatable({}, {
        __close = function() after = task:cancel() end,
      })
      net.sleep(60)
    end)
    net.sleep(0)
    assert.is_true(task:cancel())
    assert.is_true(after)
  end)

  it("raises if the script has resumed the task's coroutine", function()
    local co, task
    task = net.spawn(function()
      co = coroutine.running()
      coroutine.yield()
      return pcall(task.cancel, task)
    end)
    net.sleep(0)
    local _, ok, message = coroutine.resume(co)
    assert.is_false(ok)
    assert.matches("cannot cancel a task that is running", message)
  end)

  it("raises if the task waits inside another that resumed its coroutine",
    function()
      local co, go
      local task = net.spawn(function()
        co = coroutine.running()
        while not go do coroutine.yield() end
        return net.sleep(0.01)
      end)
      net.sleep(0)
      local other = net.spawn(function()
        go = true
        return net.coroutine.resume(co)
      end)
      while not go do net.sleep(0) end
      assert.equal("normal", net.coroutine.status(co))
      assert.error_matches(function() task:cancel() end,
        "cannot cancel a task that is running")
      assert.same({ true, true }, { other:join() })
    end)

  it("of a task that gave way leaves other tasks' coroutines alone",
    function()
      local task = net.spawn(function()
        for _ = 1, 20 do
          net.coroutine.wrap(function() net.sleep(0) end)()
        end
        while true do coroutine.yield() end
      end)
      net.sleep(0.01)
      collectgarbage()
      collectgarbage() -- new ones reuse the memory of the old
      local others = {}
      for i = 1, 50 do
        others[i] = net.spawn(net.coroutine.wrap(function()
          return net.sleep(0.01)
        end))
      end
      net.sleep(0)
      assert.is_true(task:cancel())
      for _, other in ipairs(others) do assert.is_true(other:join()) end
    end)

  it("raises in a long chain of tasks that cancel each other",
    function()
      local tasks = {}
      for i = 1, 2000 do
        tasks[i] = net.spawn(function()
          local _ <close> = setmetatable({}, {
            __close = function() if tasks[i + 1] then tasks[i + 1]:cancel() end
            end,
          })
          net.sleep(60)
        end)
      end
      net.sleep(0)
      local ok, message = pcall(tasks[1].cancel, tasks[1])
      assert.is_false(ok)
      assert.matches("too many tasks that cancel each other", message)
      for i = 2000, 1, -1 do pcall(tasks[i].cancel, tasks[i]) end
    end)

  it("keeps the error of each coroutine in such a chain", function()
    local tasks, messages = {}, {}
    for i = 1, 90 do
      tasks[i] = net.spawn(function()
        local _ <close> = setmetatable({}, { __close = function()
          if not tasks[i + 1] then return end
          local _, message = pcall(tasks[i + 1].cancel, tasks[i + 1])
          messages[i + 1] = message
        end })
        net.coroutine.wrap(function()
          local _ <close> = setmetatable({}, {
            __close = function() error(i, 0) end,
          })
          net.sleep(60)
        end)()
      end)
    end
    net.sleep(0)
    messages[1] = select(2, pcall(tasks[1].cancel, tasks[1]))
    for i = 1, 90 do assert.equal(i, messages[i]) end
  end)

  it("raises for the task itself, and raises what a __close raises", function()
    local task
    task = net.spawn(function() return pcall(task.cancel, task) end)
    assert.is_false((task:join()))
    task = net.spawn(function()
      local _ <close> = setmetatable({}, {
        __close = function() error("from __close", 0) end,
      })
      net.sleep(60)
    end)
    net.sleep(0)
    local ok, message = pcall(task.cancel, task)
    assert.is_false(ok)
    assert.equal("from __close", message)
  end)

  it("raises for the task itself also under a pcall", function()
    local task
    task = net.spawn(function()
      local _, message = pcall(function()
        local _ <close> = task
        error "never seen"
      end)
      net.sleep(0.01)
      return message
    end)
    assert.matches("cannot cancel itself", (task:join()))
  end)
end)

describe("sleep, run and the clocks", function()
  support.leaves_nothing(before_each, after_each)

  it("sleep never ends early", function()
    for _, seconds in ipairs { 0, 0.001, 0.0105, 0.02 } do
      local start = net.now()
      assert.is_true(net.sleep(seconds))
      assert.is_true(net.now() - start >= seconds)
    end
    for _, bad in ipairs { -1, 0 / 0, "x", {} } do
      assert.has_error(function() net.sleep(bad) end)
    end
  end)

  it("sleep wakes tasks in the order of their times", function()
    local log, tasks = {}, {}
    for _, ms in ipairs { 30, 10, 20 } do
      tasks[#tasks + 1] = net.spawn(function()
        net.sleep(ms / 1000)
        log[#log + 1] = ms
      end)
    end
    for _, task in ipairs(tasks) do task:join() end
    assert.same({ 10, 20, 30 }, log)
  end)

  it("run waits for all tasks, but not for other calls of run", function()
    local done = 0
    for i = 1, 3 do
      net.spawn(function() net.sleep(i / 100) done = done + 1 end)
    end
    local other = net.spawn(function() net.run() return done end)
    assert.is_true(net.run())
    assert.equal(3, done)
    assert.equal(3, other:join())
  end)

  it("run ends, and the next call may wait", function()
    local out, err, status = support.script [[
      local net = require "net"
      for _ = 1, 3 do
        net.spawn(net.sleep, 0.01)
        assert(net.run())
        assert(net.sleep(0.01))
      end
      print "over"
    ]]
    assert.equal("over\n", out)
    assert.equal("", err)
    assert.equal(0, status)
  end)

  it("now is monotonic, time counts from the Epoch", function()
    local before = net.now()
    assert.is_true(net.now() >= before)
    assert.is_true(math.abs(net.time() - os.time()) <= 2)
  end)
end)
