local net = require "net"
local support = require "tests.support"

-- Sends until the buffers to a peer that does not read are full.
local function fill(sock)
  sock:settimeout(0)
  repeat until not sock:send(("x"):rep(1 << 20))
  sock:settimeout(nil)
end

-- Compares two lists, which must be all that there is.
local function assert_lists(readable, writable, ...)
  assert.equal(2, select("#", ...))
  local lists = { ... }
  for i, expected in ipairs { readable, writable } do
    assert.equal(#expected, #lists[i])
    for k, sock in ipairs(expected) do assert.equal(sock, lists[i][k]) end
  end
end

describe("select", function()
  support.leaves_nothing(before_each, after_each)

  it("returns the readable and the writable sockets, in the order given",
    function()
      local a, b = support.pair()
      local c, d = support.pair()
      local listener, host, port = support.listener()
      assert_lists({}, {}, net.select({ a, b, c, d, listener }, nil, 0))
      assert_lists({}, { d, b }, net.select(nil, { d, b }, 0))
      a:sendall "x"
      c:sendall "x"
      support.pair() -- both have arrived by now
      assert_lists({ d, b }, { a }, net.select({ listener, d, c, b }, { a }))
      assert_lists({ b, b }, {}, net.select({ b, a, b }, {}, 0))
      local client <close> = net.socket()
      assert(client:connect(host, port))
      assert_lists({ listener }, {}, net.select { a, listener })
    end)

  it("waits until a socket is ready, and lets other tasks run", function()
    local a, b = support.pair()
    local task = net.spawn(function() return net.select { a, b } end)
    net.sleep(0.01)
    a:sendall "x"
    assert_lists({ b }, {}, task:join())
    b:recv(1)
    fill(a)
    task = net.spawn(function() return net.select({ a }, { a, b }, 20) end)
    assert_lists({}, { b }, task:join())
    task = net.spawn(function() return net.select({ a }, { a }, 20) end)
    net.sleep(0.01)
    b:settimeout(0)
    repeat until not b:recv(1 << 20)
    assert_lists({}, { a }, task:join())
  end)

  it("returns two empty lists at the timeout, never early", function()
    local a, b = support.pair()
    for _, seconds in ipairs { 0, 0.001, 0.05 } do
      local start = net.now()
      assert_lists({}, {}, net.select({ a, b }, {}, seconds))
      assert.is_true(net.now() - start >= seconds)
    end
    local start = net.now()
    assert_lists({}, {}, net.select(nil, nil, 0.02))
    assert.is_true(net.now() - start >= 0.02)
  end)

  it("returns ETIMEDOUT when a net.deadline passes", function()
    local a, b = support.pair()
    for _, seconds in ipairs { -1, 20 } do -- no timeout, and a long one
      local timeout = seconds > 0 and seconds or nil
      local readable, message, code = net.deadline(0.02, function()
        assert_lists({}, {}, net.select({ a, b }, {}, 0.001))
        return net.select({ a, b }, {}, timeout)
      end)
      assert.is_nil(readable)
      assert.equal("select: timed out (ETIMEDOUT)", message)
      assert.equal("ETIMEDOUT", code)
    end
  end)

  it("counts what recv_line left in the socket's buffer", function()
    local a, b = support.pair()
    a:sendall "one\ntwo\n"
    assert.equal("one", b:recv_line())
    assert_lists({ b }, {}, net.select { a, b })
    assert_lists({}, { b }, net.select({ a }, { b }, 0))
    assert.equal("two", b:recv_line())
    assert_lists({}, {}, net.select({ b }, nil, 0))
  end)

  it("reports the end of a stream and an error as readable", function()
    local a, b = support.pair()
    a:shutdown "SHUT_WR"
    assert_lists({ b }, {}, net.select({ b }, nil, 20))
    assert.equal("EOF", select(3, b:recv(1)))
    a:close()
    local udp <close> = net.socket("inet", "dgram")
    assert(udp:connect("127.0.0.1", support.free_port()))
    udp:send "x"
    assert_lists({ udp }, { udp }, net.select({ udp }, { udp }, 20))
    assert.equal("ECONNREFUSED", select(3, udp:recv(1)))
  end)

  it("reports the end of a non-blocking connect", function()
    local _, host, port = support.listener()
    local sock <close> = net.socket():settimeout(0)
    sock:connect(host, port)
    assert_lists({}, { sock }, net.select({ sock }, { sock }, 20))
    assert.equal(0, sock:getsockopt "SO_ERROR")
    assert.equal(host, (sock:getpeername()))
  end)

  it("takes UNIX and datagram sockets alike", function()
    local path = support.folder() .. "/sock"
    local unix <close> = net.socket("unix", "dgram")
    local other <close> = net.socket("unix", "dgram")
    local udp <close> = net.socket("inet6", "dgram")
    assert(unix:bind(path))
    assert(udp:bind("::1", 0))
    other:sendto("x", path)
    assert_lists({ unix }, { udp }, net.select({ udp, unix }, { udp }))
  end)

  it("does not disturb a task that reads the socket", function()
    local a, b = support.pair()
    local reader = net.spawn(function() return b:recv(10) end)
    local watcher = net.spawn(net.select, { b }, nil, 0.05)
    net.sleep(0.01)
    a:sendall "x"
    assert.equal("x", reader:join())
    assert.is_true(#watcher:join() <= 1)
    a:sendall "y"
    assert_lists({ b }, {}, net.select { b })
  end)

  it("waits for one socket in many tasks", function()
    local a, b = support.pair()
    local tasks = {}
    for i = 1, 50 do tasks[i] = net.spawn(net.select, { a, b }) end
    net.sleep(0.01)
    a:sendall "x"
    for _, task in ipairs(tasks) do assert_lists({ b }, {}, task:join()) end
  end)

  it("is not confused by changes in the caller's lists", function()
    local a, b = support.pair()
    local list = { b }
    local task = net.spawn(net.select, list)
    net.sleep(0.01)
    list[1] = a
    collectgarbage()
    a:sendall "x"
    assert_lists({ b }, {}, task:join())
  end)

  it("lets other tasks run though sockets are always ready", function()
    local a, b = support.pair()
    a:sendall "x"
    local turns = 0
    local task = net.spawn(function() turns = turns + 1 end)
    for _ = 1, 1000 do assert_lists({ b }, {}, net.select { b }) end
    assert.equal(1, turns)
    task:join()
  end)

  it("needs no task if it does not wait", function()
    local a, b = support.pair()
    a:sendall "x"
    local co = coroutine.wrap(function() return net.select({ a, b }, {}, 0) end)
    assert_lists({ b }, {}, co())
  end)

  it("raises for invalid sockets or an invalid time", function()
    local sock <close> = net.socket()
    for _, bad in ipairs { 1, "x", sock, true } do
      assert.has_error(function() net.select(bad) end)
      assert.has_error(function() net.select({}, bad) end)
    end
    local function message(...) return select(2, pcall(net.select, ...)) end
    assert.matches("bad argument #1 to .*%[2%]: a socket expected, got number",
      message { sock, 1 })
    assert.matches("bad argument #2 to .*%[1%]: a socket expected, got table",
      message({ sock }, { {} }))
    for _, seconds in ipairs { -1, 0 / 0, "x", {} } do
      assert.matches("bad argument #3", message({ sock }, {}, seconds))
    end
  end)
end)

describe("a closed socket in select", function()
  support.leaves_nothing(before_each, after_each)

  it("is EBADF, and the message names it", function()
    local a, b = support.pair()
    a:close()
    local readable, message, code = net.select { b, a }
    assert.is_nil(readable)
    assert.equal("select readers[2]: bad file descriptor (EBADF)", message)
    assert.equal("EBADF", code)
    assert.matches("^select writers%[1%]: ", select(2, net.select({}, { a })))
  end)

  it("wakes only those that wait for it, with ECANCELED", function()
    local a, b = support.pair()
    local c = support.pair()
    local tasks = {
      net.spawn(net.select, { c, b }), net.spawn(net.select, { b }, { b }),
      net.spawn(net.select, { a, c }, {}, 0.1),
    }
    fill(b)
    net.sleep(0.01)
    b:close()
    for i = 1, 2 do
      local readable, message, code = tasks[i]:join()
      assert.is_nil(readable)
      assert.matches("^select readers%[%d%]: operation canceled", message)
      assert.equal("ECANCELED", code)
    end
    assert.is_nil(select(3, tasks[3]:join()))
  end)

  it("wakes them when a thread does a lingering close(2), too", function()
    local _, b = support.pair()
    b:setsockopt("SO_LINGER", true, 1)
    local task = net.spawn(net.select, { b })
    net.sleep(0.01)
    b:close()
    assert.equal("ECANCELED", select(3, task:join()))
  end)

  it("that sock:echo serves is EBUSY", function()
    local listener = support.listener()
    local task <close> = net.spawn(function() listener:echo() end)
    net.sleep(0)
    assert.equal("EBUSY", select(3, net.select { listener }))
    task:cancel()
  end)
end)

describe("a select that is abandoned", function()
  support.leaves_nothing(before_each, after_each)

  it("by a cancelled task leaves no descriptor", function()
    local a, b = support.pair()
    local before = support.descriptors()
    collectgarbage "stop"
    for _ = 1, 20 do
      local task = net.spawn(net.select, { a, b })
      net.sleep(0)
      task:cancel()
    end
    support.eventually(function() return support.descriptors() <= before end)
    collectgarbage "restart"
    b:close() -- wakes no task any more
  end)

  it("by the script's end leaves nothing running", function()
    local out, err, status = support.script [[
      local net = require "net"
      local sock <close> = net.socket("inet", "dgram")
      net.spawn(net.select, { sock })
      net.sleep(0.01)
      print "over"
      os.exit(0, true)
    ]]
    assert.same({ "over\n", "", 0 }, { out, err, status })
  end)

  it("without anything to wait for is a deadlock", function()
    local _, err, status = support.script [[require("net").select()]]
    assert.matches("deadlock", err)
    assert.equal(1, status)
  end)
end)

describe("select of many sockets", function()
  support.leaves_nothing(before_each, after_each)

  local function limited(descriptors, text)
    local script = support.write(support.folder() .. "/script.lua", [[
      local net = require "net"
      local socks = {}
      local function sockets(n)
        for i = 1, n do
          socks[i] = assert(net.socket("inet", "dgram"))
          assert(socks[i]:bind("127.0.0.1", 0))
        end
      end
    ]] .. text)
    local out, err = support.run(("sh -c 'ulimit -n %d; exec %s %s'"):format(
      descriptors, support.driver, script))
    assert.equal("", err)
    return out
  end

  it("takes descriptors above 1024", function()
    assert.equal("true\t0\n1\ttrue\n1200\t1200\n", limited(1300, [[
      sockets(1200)
      local last = socks[1200]
      print(last:fileno() > 1100, #net.select(socks, nil, 0))
      net.spawn(function()
        net.sleep(0.01)
        socks[1]:sendto("x", last:getsockname())
      end)
      local readable = net.select(socks)
      print(#readable, readable[1] == last)
      for _, sock in ipairs(socks) do
        socks[1]:sendto("x", sock:getsockname())
      end
      net.sleep(0.01)
      local _, writable = net.select({}, socks)
      print(#net.select(socks), #writable)
    ]]))
  end)

  it("takes more entries than there may be descriptors", function()
    assert.equal("0\t80\n", limited(100, [[
      sockets(80)
      local readable, writable = net.select(socks, socks)
      print(#readable, #writable)
    ]]))
  end)

  it("returns EMFILE when no descriptor is left to wait with", function()
    assert.equal("nil\tselect: too many open files (EMFILE)\tEMFILE\n",
      limited(40, [[
        sockets(1)
        repeat
          local sock = net.socket()
          socks[#socks + 1] = sock
        until not sock
        print(net.select({ socks[1] }))
      ]]))
  end)
end)
