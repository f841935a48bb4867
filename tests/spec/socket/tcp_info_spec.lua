-- What the kernel reports of a socket, compared with what was done with it.
local net = require "net"
local support = require "tests.support"

describe("info", function()
  support.leaves_nothing(before_each, after_each)

  it("of a connection follows its life", function()
    local fresh <close> = net.socket()
    assert.equal("CLOSE", fresh:info().state)
    local a, b = support.pair()
    assert.equal("ESTABLISHED", a:info().state)
    assert(a:shutdown "SHUT_WR")
    assert.equal("EOF", select(3, b:recv(1)))
    assert.equal("CLOSE_WAIT", b:info().state)
    support.eventually(function() return a:info().state == "FIN_WAIT2" end)
    b:close()
    assert.equal("EOF", select(3, a:recv(1)))
    local state = a:info().state -- the last ACK may still be under way
    assert.is_true(state == "TIME_WAIT" or state == "CLOSE", state)
  end)

  it("of a connection counts in bytes, segments and seconds", function()
    local a, b = support.pair()
    assert.equal(math.huge, a:info().snd_ssthresh) -- nothing was lost yet
    for _ = 1, 10 do
      a:sendall "ping"
      b:sendall(b:recv_exact(4))
      assert.equal("ping", a:recv_exact(4))
    end
    local info = support.eventually(function()
      local now = a:info()
      return now.unacked == 0 and now -- b may delay its acknowledgement
    end)
    assert.equal(40, info.bytes_received)
    assert.is_true(info.bytes_acked >= 40 and info.bytes_acked <= 42)
    assert.is_true(info.rtt > 0 and info.rtt < 5, info.rtt)
    assert.is_true(info.rttvar >= 0 and info.rttvar < 5, info.rttvar)
    assert.is_true(info.rto >= 0.001 and info.rto <= 120, info.rto)
    for _, name in ipairs { "snd_cwnd", "snd_mss", "rcv_mss", "pmtu" } do
      assert.is_true(math.type(info[name]) == "integer" and info[name] > 0,
        name)
    end
    for _, name in ipairs { "lost", "retrans", "total_retrans" } do
      assert.equal("integer", math.type(info[name]), name)
    end
    assert.is_true(info.pmtu > info.snd_mss)
  end)

  it("counts in recv_queue what is in the socket's buffer, too", function()
    local a, b = support.pair()
    a:sendall "one\ntwo\n"
    assert.equal("o", b:recv(1, "MSG_PEEK")) -- all of it has arrived
    assert.equal(8, b:info().recv_queue)
    assert.equal("one", b:recv_line())
    a:sendall "three\n"
    support.eventually(function() return b:info().recv_queue == 10 end)
    assert.equal("two", b:recv_line())
    assert.equal("three", b:recv_line())
    assert.equal(0, b:info().recv_queue)
  end)

  it("counts in send_queue what the peer has not taken", function()
    local a, b = support.pair()
    assert.equal(0, a:info().send_queue)
    a:settimeout(0)
    local sent, n = 0, 0
    while n do
      sent = sent + n
      n = a:send(("x"):rep(65536))
    end
    local queue = a:info().send_queue
    assert.is_true(queue > 0 and queue <= sent, queue)
    assert.equal(sent, #b:recv_exact(sent))
    support.eventually(function() return a:info().send_queue == 0 end)
  end)

  it("of a listener is about its backlog", function()
    local listener, host, port = support.listener(7)
    local info = listener:info()
    assert.equal("LISTEN", info.state)
    assert.equal(0, info.accept_queue)
    assert.equal(7, info.backlog)
    assert.is_nil(info.rtt)
    assert.is_nil(info.recv_queue)
    for i = 1, 3 do
      local sock = support.own(net.socket())
      assert(sock:connect(host, port))
      assert.equal(i, listener:info().accept_queue)
    end
    listener:accept():close()
    assert.equal(2, listener:info().accept_queue)
  end)

  it("of any other socket has the queues only", function()
    local udp = support.own(net.socket("inet", "dgram"))
    assert.same({ recv_queue = 0, send_queue = 0 }, udp:info())
    assert(udp:bind("localhost", 0))
    assert(udp:connect(udp:getsockname()))
    udp:send "hello"
    udp:send "other"
    assert.equal(5, udp:info().recv_queue) -- the next datagram
    for _, kind in ipairs { "stream", "dgram" } do
      local a <close>, b = net.socketpair("unix", kind)
      support.own(b)
      a:send "hello"
      assert.equal(5, b:info().recv_queue)
      assert.is_true(a:info().send_queue >= 5) -- plus the kernel's own part
      b:recv(5)
      assert.same({ recv_queue = 0, send_queue = 0 }, a:info())
    end
  end)
end)
