local net = require "net"
local support = require "tests.support"

describe("recv", function()
  support.leaves_nothing(before_each, after_each)

  it("returns what is there, at most size bytes", function()
    local a, b = support.pair()
    assert(a:sendall "hello")
    assert.equal("he", b:recv(2))
    assert.equal("llo", b:recv(100))
  end)

  it("waits for the first byte, and lets other tasks run", function()
    local a, b = support.pair()
    net.spawn(function() net.sleep(0.02) a:sendall "late" end)
    assert.equal("late", b:recv(100))
  end)

  it("raises for an invalid size", function()
    local a, b = support.pair()
    for _, size in ipairs { 0, -1, 1 << 40, 1.5, "x", false } do
      assert.has_error(function() b:recv(size) end)
      assert.has_error(function() b:recv_exact(size) end)
      assert.has_error(function() b:recv_line(size or "no") end)
      assert.has_error(function() b:lines(size or "no") end)
    end
    assert.truthy(a)
  end)

  it("returns ECONNRESET after a reset, not EOF", function()
    local a, b = support.pair()
    assert(a:setsockopt("SO_LINGER", true, 0))
    a:close()
    assert.equal("ECONNRESET", select(3, b:recv(1)))
  end)

  it("continues after a descriptor that a UNIX peer passed", function()
    local path = support.folder() .. "/s"
    local listener = support.own(net.socket "unix")
    assert(listener:bind(path))
    assert(listener:listen())
    local peer <close> = support.start(support.python(([[
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("%s")
s.send(b"first")
s.recv(2)
socket.send_fds(s, [b"abc"], [0])
s.send(b"def")
s.recv(1)
]]):format(path)))
    local sock = support.own(assert(listener:accept()))
    assert.equal("first", sock:recv(100))
    sock:sendall "go"
    net.sleep(0.2)
    local began, text = net.now(), ""
    sock:settimeout(60)
    while #text < 6 do text = text .. assert(sock:recv(100)) end
    assert.equal("abcdef", text)
    assert.is_true(net.now() - began < 30)
    sock:close()
    peer:wait()
  end)

  it("returns EOF again and again after the end of the stream", function()
    local a, b = support.pair()
    a:close()
    for _ = 1, 3 do assert.equal("EOF", select(3, b:recv(1))) end
  end)
end)

describe("MSG_PEEK", function()
  support.leaves_nothing(before_each, after_each)

  it("shows what the next call receives", function()
    local a, b = support.pair()
    a:sendall "hello"
    assert.equal("he", b:recv(2, "MSG_PEEK"))
    assert.equal("hello", b:recv(100, "MSG_PEEK"))
    assert.equal("hello", b:recv(100, "MSG_PEEK"))
    assert.equal("hello", b:recv(100))
    b:settimeout(0.01)
    assert.equal("ETIMEDOUT", select(3, b:recv(100, "MSG_PEEK")))
  end)

  it("waits for the first byte", function()
    local a, b = support.pair()
    local peek = net.spawn(function() return b:recv(9, "MSG_PEEK") end)
    net.sleep(0.01)
    a:sendall "late"
    assert.equal("late", peek:join())
    assert.equal("late", b:recv_exact(4))
  end)

  it("first shows what recv_line left in the buffer", function()
    local a, b = support.pair()
    a:sendall "GET /\r\nHost: x\r\n"
    assert.equal("GET /", b:recv_line())
    assert.equal("Host", b:recv(4, "MSG_PEEK"))
    assert.equal("Host: x", b:recv_line())
  end)

  it("shows the end of a stream", function()
    local a, b = support.pair()
    a:close()
    assert.equal("EOF", select(3, b:recv(1, "MSG_PEEK")))
    assert.equal("EOF", select(3, b:recv(1)))
  end)

  it("leaves a datagram where it is", function()
    local a = support.own(assert(net.socket("inet", "dgram")))
    local b = support.own(assert(net.socket("inet", "dgram")))
    assert(b:bind("localhost", 0))
    assert(a:connect(b:getsockname()))
    a:send "one"
    a:send "two"
    local from = { a:getsockname() }
    assert.same({ "on", from[1], from[2], true },
      { b:recvfrom(2, "MSG_PEEK") })
    assert.same({ "one", from[1], from[2] }, { b:recvfrom(9, "MSG_PEEK") })
    assert.equal("one", b:recv(9, "MSG_PEEK"))
    assert.equal("one", b:recv(9))
    assert.equal("two", (b:recvfrom(9)))
  end)

  it("is the only flag", function()
    local a, b = support.pair()
    for _, flag in ipairs { "MSG_OOB", "", 2, true, {} } do
      assert.has_error(function() b:recv(1, flag) end)
    end
    assert.truthy(a)
  end)
end)

describe("urgent data", function()
  support.leaves_nothing(before_each, after_each)

  it("does not hide the bytes that follow it", function()
    local listener, host, port = support.listener()
    local peer <close> = support.start(support.python(([[
import socket
s = socket.create_connection((%q, %d))
s.recv(1)
s.sendall(b"abc")
s.send(b"!", socket.MSG_OOB)
s.sendall(b"def")
s.recv(1)
]]):format(host, port)))
    local sock = support.own(assert(listener:accept()))
    assert(sock:settimeout(0.01))
    assert.equal("ETIMEDOUT", select(3, sock:recv(100)))
    assert(sock:settimeout(60))
    assert(sock:send "a")
    net.sleep(0.2) -- all of it has come and was reported
    local from = net.now()
    assert.equal("abc", sock:recv(100))
    assert.equal("def", sock:recv(100))
    assert.is_true(net.now() - from < 30)
    assert(sock:send "b")
    peer:wait()
  end)
end)

describe("recv_exact", function()
  support.leaves_nothing(before_each, after_each)

  it("collects pieces", function()
    local a, b = support.pair()
    net.spawn(function()
      for _ = 1, 10 do a:sendall "0123456789" net.sleep(0.001) end
    end)
    assert.equal(("0123456789"):rep(10), b:recv_exact(100))
  end)

  it("keeps what arrived before a timeout or the end", function()
    local a, b = support.pair()
    a:sendall "abc"
    b:settimeout(0.02)
    assert.equal("ETIMEDOUT", select(3, b:recv_exact(5)))
    a:sendall "d"
    b:settimeout(nil)
    a:close()
    assert.equal("EOF", select(3, b:recv_exact(5)))
    assert.equal("ab", b:recv_exact(2))
    assert.equal("cd", b:recv(100))
    assert.equal("EOF", select(3, b:recv(100)))
  end)

  it("carries 8 MiB unchanged", function()
    local a, b = support.pair()
    local text = ("\0\1\2\253\254\255 netlab\r\n"):rep(599186)
    local task = net.spawn(function() return a:sendall(text) end)
    local got = b:recv_exact(#text)
    assert.equal(a, task:join())
    assert.is_true(got == text)
  end)
end)

describe("a finalizer that reads the same socket", function()
  support.leaves_nothing(before_each, after_each)

  it("takes its bytes once, and no other reader's", function()
    local a, b = support.pair()
    a:sendall(("x"):rep(100000))
    b:recv_exact(1) -- the rest may be in the buffer
    b:settimeout(0)
    local got = 1
    for _ = 1, 200 do
      setmetatable({}, { __gc = function()
        got = got + #(b:recv(100) or "")
      end })
      got = got + #(b:recv(400) or "")
    end
    collectgarbage()
    repeat
      local data = b:recv(4096)
      got = got + #(data or "")
    until not data
    assert.equal(100000, got)
  end)
end)

describe("recv_all", function()
  support.leaves_nothing(before_each, after_each)

  it("returns everything until the end, then nothing", function()
    local a, b = support.pair()
    local text = ("0123456789abcdef"):rep(1 << 16)
    local task = net.spawn(function()
      a:sendall(text)
      a:close()
    end)
    assert.is_true(b:recv_all() == text)
    assert.equal("", b:recv_all())
    assert.equal("EOF", select(3, b:recv(1)))
    task:join()
  end)

  it("returns an empty string if the stream ends at once", function()
    local a, b = support.pair()
    a:close()
    assert.same({ "" }, { b:recv_all() })
  end)

  it("begins with what recv_line left", function()
    local a, b = support.pair()
    a:sendall "HTTP/1.0 200 OK\r\n\r\nbody\n"
    a:close()
    assert.equal("HTTP/1.0 200 OK", b:recv_line())
    assert.equal("", b:recv_line())
    assert.equal("body\n", b:recv_all())
  end)

  it("refuses more than max bytes, which stay readable", function()
    local a, b = support.pair()
    a:sendall "12345678"
    a:close()
    local data, message, code = b:recv_all(7)
    assert.is_nil(data)
    assert.matches("^recv_all 127%.0%.0%.1:%d+: message too long", message)
    assert.equal("EMSGSIZE", code)
    assert.equal("1", b:recv(1))
    assert.equal("2345678", b:recv_all(7))
  end)

  it("keeps what arrived before a timeout", function()
    local a, b = support.pair()
    a:sendall "early "
    b:settimeout(0.02)
    assert.equal("ETIMEDOUT", select(3, b:recv_all()))
    a:sendall "late"
    a:close()
    b:settimeout(nil)
    assert.equal("early late", b:recv_all())
  end)

  it("leaves what has arrived when it is cancelled", function()
    local a, b = support.pair()
    a:sendall "half"
    local task = net.spawn(function() return b:recv_all() end)
    support.eventually(function()
      net.sleep(0)
      return b:info().bytes_received == 4
    end)
    net.sleep(0.01)
    task:cancel()
    a:sendall " and half"
    a:close()
    assert.equal("half and half", b:recv_all())
  end)

  it("leaves what memory has no room for", function()
    if support.build:find "asan" or support.driver:find "valgrind" then
      return -- both need more than the limit
    end
    local script = support.write(support.folder() .. "/script.lua", [[
local net = require "net"
local a, b = assert(net.socketpair())
net.spawn(function()
  local part = ("x"):rep(1 << 20)
  for _ = 1, 24 do assert(a:sendall(part)) end
  a:close()
end)
local ok, result = pcall(b.recv_all, b)
assert(ok or result == "not enough memory", result)
local got = ok and #result or 0
repeat
  local data = b:recv(4096)
  got = got + #(data or "")
until not data
print(got >> 20)
]])
    for limit = 40000, 100000, 10000 do -- KiB; enough for one copy, and for two
      local out, err = support.run(("sh -c 'ulimit -v %d; exec %s %s'"):format(
        limit, support.driver, script))
      assert.same({ "24\n", "" }, { out, err }, limit)
    end
  end)

  it("raises for an invalid size", function()
    local a, b = support.pair()
    for _, max in ipairs { 0, -1, (1 << 30) + 1, 1.5, "x", false } do
      assert.has_error(function() b:recv_all(max or "no") end)
    end
    assert.truthy(a)
  end)
end)

describe("recv_line", function()
  support.leaves_nothing(before_each, after_each)

  it("ends lines at \\n and \\r\\n, wherever the pieces end", function()
    local a, b = support.pair()
    net.spawn(function()
      for c in ("one\r\ntwo\n\nfour\rfive\r\n"):gmatch "." do
        a:sendall(c)
        net.sleep(0)
      end
      a:close()
    end)
    for _, line in ipairs { "one", "two", "", "four\rfive" } do
      assert.equal(line, b:recv_line())
    end
    assert.equal("EOF", select(3, b:recv_line()))
  end)

  it("returns a last line without an end, as io.read does", function()
    local a, b = support.pair()
    a:sendall "whole\nrest"
    a:close()
    assert.equal("whole", b:recv_line())
    assert.equal("rest", b:recv_line())
    assert.equal("EOF", select(3, b:recv_line()))
  end)

  it("refuses a line over max and leaves it readable", function()
    local a, b = support.pair()
    a:sendall "12345678\nnext\n"
    assert.equal("EMSGSIZE", select(3, b:recv_line(7)))
    assert.equal("12345678", b:recv_line(8))
    assert.equal("next", b:recv_line(4))
    a:sendall(("x"):rep(70000))
    assert.equal("EMSGSIZE", select(3, b:recv_line()))
    assert.equal(("x"):rep(70000), b:recv_exact(70000))
  end)

  it("refuses a last line whose \\r makes it one byte over max", function()
    local a, b = support.pair()
    a:sendall "abc\r"
    a:close()
    assert.equal("EMSGSIZE", select(3, b:recv_line(3)))
    assert.equal("abc\r", b:recv_line(4))
    assert.equal("EOF", select(3, b:recv_line(3)))
  end)

  it("shares a buffer with recv", function()
    local a, b = support.pair()
    a:sendall "GET / HTTP/1.0\r\n\r\nbody"
    assert.equal("GET / HTTP/1.0", b:recv_line())
    assert.equal("", b:recv_line())
    assert.equal("body", b:recv(100))
  end)

  it("lines() runs until the end of the stream", function()
    local a, b = support.pair()
    local got = {}
    a:sendall "one\ntwo\r\nthree"
    a:close()
    for line in b:lines() do got[#got + 1] = line end
    assert.same({ "one", "two", "three" }, got)
  end)

  it("lines() raises any other failure at the caller's line", function()
    local a, b = support.pair()
    b:settimeout(0.01)
    local ok, message = pcall(function() for _ in b:lines() do end end)
    assert.is_false(ok)
    assert.matches("^%S*socket/io_spec.lua:%d+: recv_line 127.*%(ETIMEDOUT%)$",
      message)
    b:close()
    assert.error_matches(function() for _ in b:lines() do end end, "EBADF")
    assert.truthy(a)
  end)

  it("is for streams only", function()
    local udp <close> = net.socket("inet", "dgram")
    for _, method in ipairs { "recv_line", "lines", "recv_exact",
      "recv_all" } do
      assert.error_matches(function() udp[method](udp, 1) end, "stream socket")
    end
  end)
end)

describe("send", function()
  support.leaves_nothing(before_each, after_each)

  it("may be partial; sendall is not", function()
    local a, b = support.pair()
    local text = ("x"):rep(32 << 20)
    local sent = assert(a:send(text))
    assert.is_true(sent > 0 and sent < #text)
    assert.equal(sent, #b:recv_exact(sent))
    local task = net.spawn(function() return a:sendall(text) end)
    assert.equal(#text, #b:recv_exact(#text))
    assert.equal(a, task:join())
  end)

  it("reports how much was sent when it fails", function()
    local a, b = support.pair()
    a:settimeout(0.05)
    local ok, message, code, sent = a:sendall(("x"):rep(32 << 20))
    assert.is_nil(ok)
    assert.matches("^sendall 127.*ETIMEDOUT", message)
    assert.equal("ETIMEDOUT", code)
    assert.equal(sent, #b:recv_exact(sent))
    b:settimeout(0.01)
    assert.equal("ETIMEDOUT", select(3, b:recv(1)))
  end)

  it("does not die of SIGPIPE", function()
    local a, b = support.pair()
    b:close()
    local code
    for _ = 1, 100 do
      code = select(3, a:send "x")
      if code then break end
      net.sleep(0.001)
    end
    assert.is_true(code == "EPIPE" or code == "ECONNRESET", code)
  end)

  it("sends an empty string, too", function()
    local a, b = support.pair()
    assert.equal(0, a:send "")
    assert.equal(a, a:sendall "")
    assert.truthy(b)
  end)
end)

describe("datagrams", function()
  support.leaves_nothing(before_each, after_each)

  local function udp(family)
    local sock = support.own(assert(net.socket(family or "inet", "dgram")))
    return assert(sock:bind("localhost", 0))
  end

  it("carry their sender's address", function()
    for _, family in ipairs { "inet", "inet6" } do
      local a, b = udp(family), udp(family)
      assert.equal(5, a:sendto("hello", b:getsockname()))
      local data, host, port = b:recvfrom(100)
      assert.equal("hello", data)
      assert.same({ a:getsockname() }, { host, port })
    end
  end)

  it("are kept apart, may be empty, and are cut to size", function()
    local a, b = udp(), udp()
    local host, port = b:getsockname()
    a:sendto("one", host, port)
    a:sendto("", host, port)
    a:sendto("three", host, port)
    assert.equal("one", (b:recvfrom(100)))
    assert.equal("", (b:recvfrom(100)))
    assert.equal("thr", (b:recvfrom(3)))
    b:settimeout(0.01)
    assert.equal("ETIMEDOUT", select(3, b:recvfrom(3)))
  end)

  it("that were cut are reported by each receiving call", function()
    for _, family in ipairs { "inet", "inet6" } do
      local a, b = udp(family), udp(family)
      local host, port = b:getsockname()
      local from = { a:getsockname() }
      local buffer = net.buffer(4)
      for _ = 1, 6 do a:sendto("12345", host, port) end
      assert.same({ "1234", from[1], from[2], true }, { b:recvfrom(4) })
      assert.same({ "12345", from[1], from[2] }, { b:recvfrom(5) })
      assert.same({ "1234", true }, { b:recv(4) })
      assert.same({ "12345" }, { b:recv(6) })
      assert.same({ 4, true }, { b:recv_into(buffer) })
      assert.equal("1234", tostring(buffer))
      assert.same({ 1, true }, { b:recv_into(buffer, 2, 2) })
      a:sendto("", host, port)
      assert.same({ "", from[1], from[2] }, { b:recvfrom(1) })
    end
  end)

  it("that were cut are reported after a wait, too, and in large buffers",
    function()
      local a, b = udp(), udp()
      local size = 300000 -- more than the loop's buffer
      for _, sent in ipairs { 3, 5 } do
        local task = net.spawn(function() return select("#", b:recv(4)) end)
        net.sleep(0.01)
        a:sendto(("x"):rep(sent), b:getsockname())
        assert.equal(sent > 4 and 2 or 1, task:join())
      end
      local task = net.spawn(function() return b:recv(size) end)
      net.sleep(0.01)
      a:sendto("whole", b:getsockname())
      assert.same({ "whole" }, { task:join() })
      b:settimeout(0)
      assert.equal("EAGAIN", select(3, b:recv(size))) -- it was not a peek
    end)

  it("on a connected socket are refused by sendto, too", function()
    local a, gone = udp(), udp()
    local host, port = gone:getsockname()
    assert(a:connect(host, port))
    gone:close()
    assert(a:send "one")
    assert.equal("ECONNREFUSED", select(3, a:sendto("two", host, port)))
  end)

  it("on a connected socket come only from the peer", function()
    local a, b, stranger = udp(), udp(), udp()
    assert(a:connect(b:getsockname()))
    stranger:sendto("strange", a:getsockname())
    b:sendto("mine", a:getsockname())
    assert.equal("mine", a:recv(100))
    assert.equal(4, a:send "back")
    assert.equal("back", b:recv(100))
  end)

  it("on a connected socket report that nothing listens", function()
    local a, b = udp(), udp()
    assert(a:connect(b:getsockname()))
    b:close()
    a:send "x"
    a:settimeout(5)
    assert.equal("ECONNREFUSED", select(3, a:recv(1)))
  end)

  it("have a maximum size", function()
    local a = udp()
    local ok, message, code = a:sendto(("x"):rep(70000), "127.0.0.1", 9)
    assert.is_nil(ok)
    assert.matches("^sendto 127.0.0.1:9: message too long", message)
    assert.equal("EMSGSIZE", code)
  end)

  it("work over UNIX sockets", function()
    local folder = support.folder()
    local a <close> = assert(net.socket("unix", "dgram"))
    local b <close> = assert(net.socket("unix", "dgram"))
    assert(a:bind(folder .. "/a"))
    assert(b:bind(folder .. "/b"))
    for _ = 1, 3 do a:sendto("hello", folder .. "/b") end
    assert.same({ "hello", folder .. "/a" }, { b:recvfrom(10) })
    assert.same({ "hell", folder .. "/a", true }, { b:recvfrom(4) })
    assert.same({ "hell", true }, { b:recv(4) })
  end)

  it("to a full UNIX receiver wait, with a call every few ms", function()
    local path = support.folder() .. "/full"
    local a = support.own(net.socket("unix", "dgram"))
    local b = support.own(net.socket("unix", "dgram"))
    assert(b:bind(path))
    a:settimeout(0)
    repeat until not a:sendto("x", path)
    a:settimeout(0.3)
    local before = net.getrusage().calls
    assert.equal("ETIMEDOUT", select(3, a:sendto("x", path)))
    assert.is_true(net.getrusage().calls - before < 100)
    local task = net.spawn(function() return a:sendto("y", path) end)
    net.sleep(0)
    b:recv(10)
    assert.equal(1, task:join())
  end)

  it("are not cut below the size asked for", function()
    local path = support.folder() .. "/large"
    local a = support.own(net.socket("unix", "dgram"))
    local b = support.own(net.socket("unix", "dgram"))
    assert(b:bind(path))
    a:setsockopt("SO_SNDBUF", 1 << 20)
    local text = ("x"):rep(300000)
    local sent, _, code = a:sendto(text, path)
    if sent then
      assert.is_true((b:recvfrom(1000000)) == text)
    else
      assert.equal("EMSGSIZE", code) -- this kernel's wmem_max is too low
    end
  end)

  it("recvfrom is for datagram sockets", function()
    local tcp <close> = net.socket()
    assert.error_matches(function() tcp:recvfrom(1) end, "datagram socket")
  end)
end)
