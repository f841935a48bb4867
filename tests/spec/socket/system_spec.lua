-- net.getrusage: what the kernel has done for this process.
local net = require "net"
local support = require "tests.support"

describe("net.getrusage", function()
  support.leaves_nothing(before_each, after_each)

  it("returns CPU time, memory and context switches", function()
    local before = assert(net.getrusage())
    assert(net.sleep(0.01)) -- a wait gives up the CPU
    local stop = net.now() + 0.05
    while net.now() < stop do string.rep("x", 1000) end
    local after = assert(net.getrusage())
    assert.is_true(after.utime + after.stime > before.utime + before.stime)
    assert.is_true(after.nvcsw > before.nvcsw)
    assert.is_true(after.nivcsw >= before.nivcsw)
    assert.is_true(after.maxrss > 1 << 20)
  end)

  it("counts the system calls and the bytes of this module", function()
    local a, b = support.pair()
    local before = net.getrusage()
    assert(a:send(("x"):rep(100)))
    assert.equal(60, #assert(b:recv(60, "MSG_PEEK")))
    assert.equal(60, #assert(b:recv(60)))
    assert.equal(40, #assert(b:recv_exact(40)))
    local after = net.getrusage()
    assert.same({ 4, 100, 100 }, { after.calls - before.calls,
      after.sent - before.sent, after.received - before.received })
    b:setblocking(false)
    assert.is_nil(b:recv(1)) -- EAGAIN is a system call, too
    assert.equal(1, net.getrusage().calls - after.calls)
  end)

  it("counts those of an echo engine when it has ended", function()
    local listener <close> = support.listener()
    local host, port = listener:getsockname()
    local before = net.getrusage()
    local server = net.spawn(listener.echo, listener, { once = true })
    local report = assert(net.load { host = host, port = port, messages = 100,
      churn = true, size = 10 })
    assert.equal(100, report.messages)
    net.sleep(0.01)
    listener:close()
    server:join()
    local after = net.getrusage()
    assert.is_true(after.calls - before.calls >= 400) -- accept recv send close
    assert.is_true(after.received - before.received >= 1000)
  end)
end)
