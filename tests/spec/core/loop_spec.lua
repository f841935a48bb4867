-- Where a call may wait, and what the loop does meanwhile, under both drivers.
local net = require "net"
local support = require "tests.support"

describe("a call that cannot wait where it is", function()
  support.leaves_nothing(before_each, after_each)

  local function refuses(reason, f)
    local ok, message = pcall(f)
    assert.is_false(ok)
    assert.matches(reason, message)
  end

  -- A task cannot wait inside these. Plain Lua's main thread can, because it
  -- runs the loop right there.
  local function sites(sock)
    local function wait() return sock:recv(1) end
    package.preload["tests.waits"] = wait
    return {
      sort = function()
        table.sort({ 3, 2, 1 }, function(x, y) wait() return x < y end)
      end,
      gsub = function() return ("x"):gsub("x", wait) end,
      tostring = function()
        return tostring(setmetatable({}, { __tostring = wait }))
      end,
      require = function()
        package.loaded["tests.waits"] = nil
        return require "tests.waits"
      end,
      load = function() return assert(load(wait)) end,
      concat = function()
        return table.concat(setmetatable({}, {
          __len = function() return 1 end, __index = wait,
        }))
      end,
      searcher = function()
        table.insert(package.searchers, 1, wait)
        local ok, message = pcall(require, "tests.no.such.module")
        table.remove(package.searchers, 1)
        return ok or error(message, 0)
      end,
      move = function()
        table.move(setmetatable({}, { __index = wait }), 1, 1, 2)
      end,
    }
  end

  it("raises an error that names the reason, in every such place", function()
    local _, b = support.pair()
    local count = 0
    for name, site in pairs(sites(b)) do
      net.spawn(function()
        refuses("recv may have to wait, which cannot be done inside", site)
        assert.truthy(name)
      end):join()
      count = count + 1
    end
    package.preload["tests.waits"] = nil
    support.figure(16, "%d sites within Lua's library", count)
  end)

  it("raises in each method that waits, and does nothing", function()
    local a, b = support.pair()
    local udp = support.own(net.socket("inet", "dgram"))
    local calls = {
      function() b:recv(1) end, function() b:recv_exact(1) end,
      function() b:recv_line() end, function() a:send "lost?" end,
      function() a:sendall "lost?" end, function() a:accept() end,
      function() udp:recvfrom(1) end,
      function() udp:sendto("x", "127.0.0.1", 9) end,
      function() udp:connect("127.0.0.1", 9) end,
      function() net.sleep(1) end, function() net.run() end,
      function() net.gethostbyname "no.such.name" end,
    }
    for _, call in ipairs(calls) do
      net.spawn(function()
        refuses("may have to wait", function()
          table.sort({ 2, 1 }, function() call() end)
        end)
      end):join()
    end
    b:setblocking(false)
    assert.equal("EAGAIN", select(3, b:recv(10))) -- nothing was sent
  end)

  it("raises in a finalizer", function()
    local _, b = support.pair()
    local message
    net.spawn(function()
      setmetatable({}, { __gc = function()
        message = select(2, pcall(b.recv, b, 1))
      end })
      for _ = 1, 3 do collectgarbage() end
    end):join()
    assert.matches("may have to wait", message)
    support.figure(16, "and a finalizer")
  end)


  it("works on a non-blocking socket", function()
    local a, b = support.pair()
    a:sendall "x"
    b:setblocking(false)
    support.eventually(function()
      local got
      table.sort({ 2, 1 }, function() got = got or b:recv(1) end)
      return got == "x"
    end)
  end)
end)

describe("a waiting task's coroutine", function()
  support.leaves_nothing(before_each, after_each)

  it("is not confused by a resume from elsewhere", function()
    local wrong = 0
    for i = 1, 1000 do
      local a, b = support.pair()
      local co
      local task = net.spawn(function()
        co = coroutine.running()
        return b:recv(100)
      end)
      net.sleep(0)
      coroutine.resume(co, "wrong", "values")
      assert.equal("suspended", coroutine.status(co))
      a:sendall("right " .. i)
      if task:join() ~= "right " .. i then wrong = wrong + 1 end
      a:close()
      b:close()
    end
    assert.equal(0, wrong)
    support.figure(21, "resumed by hand: wrong values %d / 1,000", wrong)
  end)

  it("keeps its arguments whatever values such a resume passes", function()
    local co
    local task = net.spawn(function()
      co = coroutine.running()
      local sock <close> = net.socket()
      sock:settimeout(5)
      return select(3, sock:connect("no.such.name.invalid", 80))
    end)
    net.sleep(0)
    coroutine.resume(co, "junk", 1, {})
    assert.matches("^EAI_", (task:join()))
  end)

  it("waits inside pcall, __call, iterators and <close>", function()
    local a, b = support.pair()
    net.spawn(function()
      for i = 1, 4 do net.sleep(0.001) a:sendall(tostring(i)) end
    end)
    local got = {}
    got[1] = select(2, pcall(b.recv, b, 1))
    got[2] = setmetatable({}, { __index = function() return b:recv(1) end }).x
    for value in function() return not got[3] and b:recv(1) or nil end do
      got[3] = value
    end
    do
      local _ <close> = setmetatable({}, { __close = function()
        got[4] = b:recv(1)
      end })
    end
    assert.same({ "1", "2", "3", "4" }, got)
  end)
end)

describe("the loop", function()
  support.leaves_nothing(before_each, after_each)

  it("reaches timers and sockets though a task hardly ever waits", function()
    local a, b = support.pair()
    local stop = false
    local busy = net.spawn(function() repeat net.sleep(0) until stop end)
    local ticks = 0
    net.spawn(function()
      repeat net.sleep(0.001) ticks = ticks + 1 until stop
    end)
    net.spawn(function()
      repeat net.sleep(0.001) until ticks > 3 or stop
      a:sendall "x"
    end)
    local received = net.deadline(20, b.recv, b, 1)
    stop = true
    busy:join()
    assert.equal("x", received)
  end)

  it("reaches all peers though one sends without a pause",
    function()
      local _, port
      local listener
      listener, _, port = support.listener()
      local sender <close> = support.start(support.python(([[
import socket
s = socket.create_connection(('127.0.0.1', %d))
try:
    while True: s.sendall(b'x' * 65536)
except OSError: pass
]]):format(port)))
      local conn = support.own(listener:accept())
      local ticks, stop = 0, false
      local ticker = net.spawn(function()
        while not stop do net.sleep(0.001) ticks = ticks + 1 end
      end)
      local reads = 0
      repeat
        assert(conn:recv(64))
        reads = reads + 1
      until ticks >= 20 or reads > 1000000
      stop = true
      ticker:join()
      conn:close()
      assert.is_true(ticks >= 20)
      assert.truthy(sender.pid)
    end)

  it("ends a call at its timeout though bytes keep coming", function()
    local a, b = support.pair()
    local stop = false
    local drip = net.spawn(function()
      while not stop do a:send "x" net.sleep(0) end
    end)
    b:settimeout(0.05)
    assert.equal("ETIMEDOUT", select(3, b:recv_exact(1 << 28)))
    stop = true
    drip:join()
  end)

  it("is safe from code that runs to print an error", function()
    local out, err = support.script [[
      local net = require "net"
      local udp <close> = net.socket("inet", "dgram")
      udp:settimeout(0)
      local shown = setmetatable({}, { __tostring = function()
        udp:sendto("log", "127.0.0.1", 9)
        return "shown: " .. tostring(pcall(net.sleep, 0.01))
      end })
      net.spawn(function() error(shown) end)
      net.spawn(function() net.sleep(0.1) error(shown) end)
      net.spawn(function() net.sleep(30) end)
      local start = net.now()
      print(net.sleep(0.3), net.now() - start < 10)
      for _ = 1, 200 do net.sleep(0) end
      os.exit(0, true)
    ]]
    assert.equal("true\ttrue\n", out)
    assert.matches("shown: false\n.*shown: false\n", err)
  end)

  it("gives way in quick calls only where that is allowed", function()
    local out, err = support.script [[
      local net = require "net"
      local to <close> = net.socket("inet", "dgram")
      to:bind("127.0.0.1", 0)
      local host, port = to:getsockname()
      local udp <close> = net.socket("inet", "dgram")
      local other <close> = net.socket("inet", "dgram")
      other:settimeout(0)
      for i = 1, 200 do
        udp:sendto("x", host, port)
        udp:connect("\xff", 80) -- refused before it can wait
        table.sort({ 2, 1 }, function(a, b)
          assert(other:sendto("y", host, port))
          return a < b
        end)
      end
      print "done"
    ]]
    assert.equal("", err)
    assert.equal("done\n", out)
  end)

  it("reports a wait that nothing can end as a deadlock", function()
    local out, err, status = support.script [[
      local net = require "net"
      local a, b
      a = net.spawn(function() b:join() end)
      b = net.spawn(function() a:join() end)
      a:join()
    ]]
    assert.equal("", out)
    assert.matches("deadlock", err)
    assert.equal(1, status)
  end)

  it("costs no system call per message but read, write and wait", function()
    local path = support.folder() .. "/trace"
    local script = support.write(support.folder() .. "/echo.lua", [[
      local net = require "net"
      local listener = net.socket()
      listener:bind("127.0.0.1", 0)
      listener:listen()
      local client = net.socket()
      client:connect(listener:getsockname())
      local server = listener:accept()
      net.spawn(function()
        for _ = 1, 200 do server:sendall(server:recv(64)) end
      end)
      for _ = 1, 200 do client:sendall "x" client:recv(64) end
    ]])
    local _, err, status = support.run(
      support.strace("-c", path, support.driver .. " " .. script))
    assert.equal(0, status, err)
    local calls = {} -- % time, seconds, usecs/call, calls, errors, syscall
    for line in support.read(path):gmatch "[^\n]+" do
      local count, name = line:match "^ *%S+ +%S+ +%S+ +(%d+) .-([%w_]+)$"
      if count then calls[name] = tonumber(count) end
    end
    assert.equal(400, calls.sendto)
    assert.is_true(calls.recvfrom <= 410, "recv: " .. calls.recvfrom)
    assert.is_true(calls.epoll_ctl < 20, "epoll_ctl: " .. calls.epoll_ctl)
  end)

  it("ends cleanly wherever the script ends", function()
    local ends = {
      "", "os.exit(3, true)", "os.exit(3)", "error 'x'",
      "net.spawn(function() os.exit(3, true) end) net.sleep(1)",
      "net.spawn(function() error 'x' end) net.sleep(0.01)",
      "collectgarbage() collectgarbage() os.exit(3, true)",
    }
    for _, text in ipairs(ends) do
      local _, err, status = support.script([[
        local net = require "net"
        local listener = net.socket()
        listener:bind("127.0.0.1", 0)
        listener:listen()
        local client = net.socket()
        client:connect(listener:getsockname())
        local server = listener:accept()
        local task = net.spawn(function() server:recv(1) end)
        net.spawn(function() net.gethostbyname "no.such.name" end)
        net.spawn(function() net.sleep(0.05) client:close() end)
        net.sleep(0.01)
      ]] .. text)
      local want = text:find "exit" and 3 or text:find "error" and 1 or 0
      if text:find "spawn.*error" and not support.hosted then want = 0 end
      assert.equal(want, status, text .. "\n" .. err)
    end
  end)
end)
