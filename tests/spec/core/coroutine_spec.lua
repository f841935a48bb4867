-- net.coroutine: the script's own coroutines, which may wait. In netlab it is
-- the coroutine library itself.
local net = require "net"
local support = require "tests.support"

local resume, wrap, yield = net.coroutine.resume, net.coroutine.wrap,
  net.coroutine.yield

-- Returns a generator of the lines of a socket.
local function generator(sock)
  return wrap(function()
    for line in sock:lines() do yield(line) end
  end)
end

describe("a coroutine", function()
  support.leaves_nothing(before_each, after_each)

  it("is made by Lua's own library in netlab", function()
    if support.hosted then
      assert.equal(net.coroutine, coroutine)
      assert.equal(net.coroutine, require "coroutine")
    end
    local names = {}
    for name in pairs(coroutine) do
      names[#names + 1] = name
      assert.equal("function", type(net.coroutine[name]), name)
    end
    assert.is_true(#names >= 8)
  end)

  it("reads lines from a socket, as they come", function()
    local a, b = support.pair()
    net.spawn(function()
      for i = 1, 5 do
        b:sendall("line " .. i .. "\n")
        net.sleep(0.01)
      end
      b:close()
    end)
    local lines = {}
    for line in generator(a) do lines[#lines + 1] = line end
    assert.same({ "line 1", "line 2", "line 3", "line 4", "line 5" }, lines)
  end)

  it("reads in a task while other tasks run", function()
    local a, b = support.pair()
    local ticks = 0
    local ticker <close> = net.spawn(function()
      while true do ticks = ticks + 1 net.sleep(0.001) end
    end)
    local reader = net.spawn(function()
      local lines = {}
      for line in generator(a) do lines[#lines + 1] = line end
      return table.concat(lines, ",")
    end)
    for i = 1, 10 do
      b:sendall(i .. "\n")
      net.sleep(0.005)
    end
    b:close()
    assert.equal("1,2,3,4,5,6,7,8,9,10", reader:join())
    assert.is_true(ticks > 5)
    assert.is_truthy(ticker)
  end)

  it("never mixes up values, even among 1,000", function()
    local listener, host, port = support.listener(1024)
    local served = net.spawn(function()
      for _ = 1, 1000 do
        net.spawn(function(client)
          local sock <close> = client
          local id = sock:recv_line()
          for i = 1, 5 do sock:sendall(("%s %d\n"):format(id, i)) end
        end, assert(listener:accept()))
      end
      return "served"
    end)
    local wrong, tasks = 0, {}
    for id = 1, 1000 do
      tasks[id] = net.spawn(function()
        local sock <close> = assert(net.socket())
        assert(sock:connect(host, port))
        sock:sendall(id .. "\n")
        local next, n = generator(sock), 0
        for line in next do
          n = n + 1
          if line ~= ("%d %d"):format(id, n) then wrong = wrong + 1 end
          if n % 2 == 0 then net.sleep(0) end
        end
        if n ~= 5 then wrong = wrong + 1 end
      end)
    end
    for _, task in ipairs(tasks) do task:join() end
    assert.equal("served", served:join())
    assert.equal(0, wrong)
    support.figure(21, "generators that wait: wrong values %d / 1,000", wrong)
  end)

  it("waits two coroutines deep, and yields to the one that resumed it",
    function()
      local a, b = support.pair()
      net.spawn(function() net.sleep(0.01) b:sendall "x\ny\n" b:close() end)
      local outer = wrap(function()
        for line in generator(a) do
          yield("outer " .. line)
          net.sleep(0.001)
        end
        return "end"
      end)
      local function run() return { outer(), outer(), outer() } end
      assert.same({ "outer x", "outer y", "end" }, net.spawn(run):join())
    end)

  it("passes any number of values in and out", function()
    local co = net.coroutine.create(function(...)
      net.sleep(0)
      local n = select("#", ...)
      while true do
        local got = table.pack(yield(n, nil))
        net.sleep(0)
        n = got.n
      end
    end)
    net.spawn(function()
      assert.same({ true, 3, nil, n = 3 }, table.pack(resume(co, 1, nil, nil)))
      assert.same({ true, 0, nil, n = 3 }, table.pack(resume(co)))
      local many = table.pack(resume(co, table.unpack({}, 1, 200)))
      assert.equal(200, many[2])
    end):join()
  end)

  it("raises its function's error, with the place", function()
    local function f() net.sleep(0) error "broken" end
    local ok, message = pcall(wrap(f))
    assert.is_false(ok)
    assert.matches("core/coroutine_spec.lua:%d+: broken$", message)
    assert.same({ false, { 1 } }, { pcall(wrap(function() error { 1 } end)) })
    ok, message = resume(net.coroutine.create(f))
    assert.is_false(ok)
    assert.matches("^[^:]*core/coroutine_spec.lua:%d+: broken$", message)
    local dead = wrap(function() end)
    dead()
    assert.error_matches(dead, "cannot resume dead coroutine")
    assert.error_matches(function() wrap(5) end, "function expected")
    assert.error_matches(function() resume(5) end, "coroutine expected")
  end)

  it("closes its <close> variables when it fails under wrap", function()
    local closed
    local failing = wrap(function()
      local guard <close> = setmetatable({}, { __close = function()
        closed = true
      end })
      net.sleep(0)
      error(guard)
    end)
    assert.is_false((pcall(failing)))
    assert.is_true(closed)
  end)

  it("is normal to other tasks while it waits: no resume", function()
    local co = net.coroutine.create(function()
      net.sleep(0.02)
      return "done"
    end)
    local task = net.spawn(resume, co)
    net.sleep(0)
    net.sleep(0)
    assert.equal("normal", net.coroutine.status(co))
    local ok, message = resume(co)
    assert.is_false(ok)
    assert.matches("waits in another task", message)
    assert.error_matches(function() net.coroutine.close(co) end,
      "cannot close a coroutine that waits in a task")
    assert.same({ true, "done" }, { task:join() })
    assert.equal("dead", net.coroutine.status(co))
    assert.is_true(net.coroutine.close(co))
  end)

  it("gets Lua's own error when it resumes itself", function()
    local own = net.coroutine.create(function(co)
      return resume(co, 1, 2)
    end)
    for _, results in ipairs {
      table.pack(resume(own, own)),
      table.pack(true, resume(coroutine.running())),
    } do
      assert.same({ true, false, "cannot resume non-suspended coroutine",
        n = 3 }, results)
    end
  end)

  it("can be closed after the task that it waited in was closed",
    function()
      local closed, co, inner = false, nil, nil
      net.spawn(function()
        co = coroutine.running()
        inner = net.coroutine.create(function()
          local _ <close> = setmetatable({}, {
            __close = function() closed = true end,
          })
          net.sleep(600)
        end)
        resume(inner)
      end)
      net.sleep(0)
      assert.is_true(net.coroutine.close(co))
      assert.is_true(net.coroutine.close(inner))
      assert.is_true(closed)
      assert.equal("dead", net.coroutine.status(inner))
    end)

  it("is dead once Lua's own library closes it while it waits, in plain Lua",
    function()
      if support.hosted then return end
      local co = net.coroutine.create(function() net.sleep(0.01) end)
      local task = net.spawn(function()
        local ok, message = resume(co)
        return ok, message, net.sleep(0.01)
      end)
      net.sleep(0)
      assert.is_true(coroutine.resume(co, 1, 2, 3)) -- it still waits
      assert.equal("normal", net.coroutine.status(co))
      assert.is_true(coroutine.close(co))
      assert.same({ false, "cannot resume dead coroutine", true },
        { task:join() })
    end)

  it("is closed with the task that it waits in, innermost first",
    function()
      local order = {}
      local function closing(name)
        return setmetatable({}, { __close = function()
          order[#order + 1] = name
        end })
      end
      local task = net.spawn(function()
        local a <close> = closing "task"
        wrap(function()
          local b <close> = closing "outer"
          wrap(function()
            local c <close> = closing "inner"
            net.sleep(600)
            return a, b, c
          end)()
        end)()
      end)
      net.sleep(0)
      task:cancel()
      assert.same({ "inner", "outer", "task" }, order)
    end)

  it("makes task:cancel fail if its __close fails",
    function()
      local task = net.spawn(function()
        wrap(function()
          local guard <close> = setmetatable({}, { __close = function()
            error "in __close"
          end })
          net.sleep(600)
          return guard
        end)()
      end)
      net.sleep(0)
      assert.error_matches(function() task:cancel() end, "in __close")
    end)

  it("keeps its values when it gives way to other tasks", function()
    local a, b = support.pair()
    local bytes = ("abc"):rep(1000)
    b:sendall(bytes)
    b:shutdown "SHUT_WR"
    local each = wrap(function()
      while true do -- without a wait: every 64th call gives way
        local byte = a:recv(1)
        if not byte then return end
        yield(byte)
      end
    end)
    local got = net.spawn(function()
      local list = {}
      for byte in each do list[#list + 1] = byte end
      return table.concat(list)
    end):join()
    assert.equal(bytes, got)
  end)

  it("cannot wait when it is resumed inside table.sort, and says so", function()
    local function sort()
      return pcall(table.sort, { 3, 2, 1 },
        wrap(function() net.sleep(0.001) return true end))
    end
    local ok, message = net.spawn(sort):join()
    assert.is_false(ok)
    assert.matches("cannot be done inside table.sort", message)
    local task = net.spawn(function() -- afterwards it can
      sort()
      return net.sleep(0)
    end)
    assert.is_true(task:join())
  end)

  it("cannot wait while it is being closed", function()
    local why
    local co = net.coroutine.create(function()
      local guard <close> = setmetatable({}, { __close = function()
        why = select(2, pcall(net.sleep, 0))
      end })
      yield(guard)
    end)
    resume(co)
    net.coroutine.close(co)
    assert.matches("may have to wait", why)
  end)

  it("cannot wait when Lua's own library resumed it, in plain Lua", function()
    if support.hosted then return end
    local function own()
      return coroutine.resume(coroutine.create(function() net.sleep(0) end))
    end
    for _, result in ipairs { { own() }, { net.spawn(own):join() } } do
      assert.is_false(result[1])
      assert.matches("resumed by Lua's own coroutine library", result[2])
    end
    support.figure(16, "and a plain coroutine")
  end)

  it("cannot wait inside one of Lua's own library, in plain Lua",
    function()
      if support.hosted then return end
      local ok, message = net.spawn(function()
        return coroutine.resume(coroutine.create(function()
          return wrap(net.sleep)(0)
        end))
      end):join()
      assert.is_false(ok)
      assert.matches("resumed by Lua's own coroutine library", message)
    end)
end)
