-- net.deadline: one time limit for many calls.
local net = require "net"
local support = require "tests.support"

local function timed_out(value, message, code)
  assert.is_nil(value)
  assert.matches(": timed out %(ETIMEDOUT%)$", message)
  assert.equal("ETIMEDOUT", code)
end

describe("a deadline", function()
  support.leaves_nothing(before_each, after_each)

  it("passes arguments to the function and returns its results", function()
    assert.same({ 1, nil, 3, n = 3 }, table.pack(net.deadline(1, function(...)
      assert.same({ "a", "b" }, { ... })
      return 1, nil, 3
    end, "a", "b")))
    assert.equal(0, select("#", net.deadline(0, function() end)))
  end)

  it("limits all calls of the function together", function()
    local a, b = support.pair()
    local drip <close> = net.spawn(function()
      while true do b:sendall "x" net.sleep(0.01) end
    end)
    local start, n = net.now(), 0
    timed_out(net.deadline(0.1, function()
      while true do -- none of these calls takes 0.1 s
        local byte, message, code = a:recv_exact(1)
        if not byte then return byte, message, code end
        n = n + 1
      end
    end))
    assert.is_true(net.now() - start >= 0.1)
    assert.is_true(n >= 1)
    assert.is_truthy(drip)
  end)

  it("ends every kind of wait", function()
    local a = support.pair()
    local listener = support.listener()
    local udp = support.own(net.socket("inet", "dgram"))
    assert(udp:bind("127.0.0.1", 0))
    local sleeper <close> = net.spawn(net.sleep, 600)
    local full = ("x"):rep(64 << 20)
    for name, f in pairs {
      sleep = function() return net.sleep(600) end,
      join = function() return sleeper:join() end,
      run = function() return net.run() end,
      recv = function() return a:recv(1) end,
      line = function() return a:recv_line() end,
      accept = function() return listener:accept() end,
      recvfrom = function() return udp:recvfrom(1) end,
      sendall = function() return a:sendall(full) end,
    } do
      local value, message, code = net.deadline(0.02, f)
      assert.is_nil(value, name)
      assert.equal("ETIMEDOUT", code, message)
    end
  end)

  it("ends sock:echo, which returns its totals", function()
    local listener = support.listener()
    local totals = net.deadline(0.05, listener.echo, listener)
    assert.equal(0, totals.connections)
  end)

  it("ends net.load, which returns its report", function()
    local _, port = support.listener():getsockname() -- nothing answers there
    local options = { port = port, seconds = 600 }
    local report = net.deadline(0.05, net.load, options)
    assert.equal(0, report.messages)
    options.on_progress = function() end
    assert.is_false(net.deadline(0.05, net.load, options).interrupted)
  end)

  it("neither lengthens a timeout nor shortens a sleep that fits", function()
    local a = support.pair()
    a:settimeout(0.02)
    local start = net.now()
    timed_out(net.deadline(600, a.recv, a, 1))
    assert.is_true(net.now() - start < 300)
    assert.is_true(net.deadline(600, net.sleep, 0.01))
  end)

  it("that has passed lets calls succeed that need no wait", function()
    local a, b = support.pair()
    b:sendall "here"
    net.deadline(0, function()
      assert.equal("here", support.eventually(function() return a:recv(4) end))
      timed_out(a:recv(1))
    end)
  end)

  it("ends a loop of short sleeps", function()
    for _, seconds in ipairs { 0, 1e-9, 1e-6 } do
      local start = net.now()
      local slept, message, code
      net.deadline(0.02, function()
        repeat
          slept, message, code = net.sleep(seconds)
          assert.is_true(net.now() - start < 5)
        until not slept
      end)
      timed_out(slept, message, code)
    end
    assert.is_true(net.deadline(60, net.sleep, 0))
  end)

  it("inside another one applies if it passes first", function()
    local start = net.now()
    net.deadline(0.02, function()
      timed_out(net.deadline(600, net.sleep, 600))
      timed_out(net.sleep(600))
    end)
    net.deadline(600, function()
      timed_out(net.deadline(0.02, net.sleep, 600))
      assert.is_true(net.sleep(0.01))
    end)
    assert.is_true(net.now() - start < 300)
  end)

  it("ends with its function, even if that fails", function()
    assert.error_matches(function()
      net.deadline(0, error, "broken")
    end, "broken")
    assert.is_true(net.sleep(0.01))
  end)

  it("does not apply to other tasks, whoever spawned them", function()
    local other = net.spawn(function() return net.sleep(0.05) end)
    local spawned
    net.deadline(0.01, function()
      spawned = net.spawn(function() return net.sleep(0.05) end)
      timed_out(net.sleep(600))
    end)
    assert.is_true(other:join())
    assert.is_true(spawned:join())
  end)

  it("in a generator applies to that, not to its caller", function()
    local function check()
      local next = net.coroutine.wrap(function()
        net.deadline(0.02, function()
          net.coroutine.yield(1)
          local _, _, code = net.sleep(600)
          net.coroutine.yield(code)
        end)
        net.coroutine.yield(net.sleep(0.01))
      end)
      assert.equal(1, next())
      assert.is_true(net.sleep(0.05))
      assert.equal("ETIMEDOUT", next())
      assert.is_true(net.sleep(0.01))
      assert.is_true(next())
    end
    check()
    net.spawn(check):join()
  end)

  it("applies to a generator that is called inside it", function()
    local seconds = 600
    local next = net.coroutine.wrap(function()
      while true do net.coroutine.yield((select(3, net.sleep(seconds)))) end
    end)
    assert.equal("ETIMEDOUT", net.deadline(0.01, next))
    seconds = 0.02
    assert.is_nil(next())
  end)

  it("of a collected generator applies to no other", function()
    local out, err = support.script [[
      local net = require "net"
      local yield, wrap = net.coroutine.yield, net.coroutine.wrap
      collectgarbage "incremental"
      collectgarbage("incremental", 1000, 1, 1)
      local cut = 0
      for _ = 1, 10 do
        for _ = 1, 30 do wrap(function() net.deadline(0, yield) end)() end
        for i = 1, 50 do -- new ones reuse the memory of the old
          if not wrap(net.sleep)(0.0001) then cut = cut + 1 end
          if i % 5 == 0 then collectgarbage("step", 0) end
        end
      end
      print(cut)
    ]]
    assert.equal("", err)
    assert.equal("0\n", out)
  end)

  it("raises unless it gets a time and a function", function()
    assert.error_matches(function() net.deadline(-1, print) end,
      "seconds must not be negative")
    assert.error_matches(function() net.deadline(1, 2) end,
      "function expected")
    assert.error_matches(function() net.deadline() end, "number expected")
  end)
end)
