-- How a stream ends: in one direction, in both, or by a reset (RFC 9293, 3.6).
local net = require "net"
local support = require "tests.support"

-- Closes a socket with a reset instead of a FIN.
local function reset(sock)
  assert(sock:setsockopt("SO_LINGER", true, 0))
  sock:close()
end

-- Both ends of a connection on which "one\ntwo" has come, and then the end.
local function ended(close)
  local a, b = support.pair()
  a:sendall "one\ntwo"
  support.eventually(function() return b:info().recv_queue == 7 end)
  close(a)
  return b
end

-- The ways to read that text to the end: each returns it and the last code.
local function recv(sock)
  local text = ""
  while true do
    local data, _, code = sock:recv(3)
    if not data then return text, code end
    text = text .. data
  end
end

local function recv_into(sock)
  local buffer, text = net.buffer(3), ""
  while true do
    local n, _, code = sock:recv_into(buffer)
    if not n then return text, code end
    text = text .. buffer:sub(1, n)
  end
end

local function recv_exact(sock)
  local _, _, code = sock:recv_exact(8)
  return sock:recv_exact(7), code
end

local function recv_line(sock)
  local line = sock:recv_line()
  local two, _, code = sock:recv_line()
  if two then return line .. "\n" .. two, select(3, sock:recv_line()) end
  return line .. "\n" .. sock:recv(9), code
end

local function recv_all(sock)
  local text, _, code = sock:recv_all()
  if code then return sock:recv(9), code end
  return text, "EOF"
end

local function lines(sock)
  local text = {}
  local ok, message = pcall(function()
    for line in sock:lines() do text[#text + 1] = line end
  end)
  if ok then return table.concat(text, "\n"), "EOF" end
  text[#text + 1] = sock:recv(9)
  return table.concat(text, "\n"), message:match "%((%u+)%)$"
end

local ways = { recv = recv, recv_into = recv_into, recv_exact = recv_exact,
  recv_line = recv_line, recv_all = recv_all, lines = lines }

describe("a stream that ends", function()
  support.leaves_nothing(before_each, after_each)

  for name, way in pairs(ways) do
    it("by a FIN is read to EOF by " .. name, function()
      local sock = ended(function(peer) peer:close() end)
      assert.same({ "one\ntwo", "EOF" }, { way(sock) })
    end)

    it("by a reset is read to ECONNRESET by " .. name, function()
      local sock = ended(reset)
      assert.same({ "one\ntwo", "ECONNRESET" }, { way(sock) })
    end)

    it("by a reset while " .. name .. " waits is ECONNRESET, too", function()
      local a, b = support.pair()
      a:sendall "one\ntwo"
      local task = net.spawn(function() return way(b) end)
      support.eventually(function() return b:info().bytes_received == 7 end)
      net.sleep(0.01)
      reset(a)
      assert.same({ "one\ntwo", "ECONNRESET" }, { task:join() })
    end)
  end

  it("by a reset refuses more bytes: EPIPE or ECONNRESET", function()
    local sock = ended(reset)
    local code = select(3, sock:send "x")
    assert.is_true(code == "EPIPE" or code == "ECONNRESET", code)
  end)

  it("by a close with unread bytes is a reset for the peer", function()
    local a, b = support.pair()
    a:sendall "never read"
    assert.equal("never", b:recv(5))
    support.eventually(function() return b:info().recv_queue == 5 end)
    b:close()
    assert.equal("ECONNRESET", select(3, a:recv(1)))
  end)
end)

describe("a half-closed stream", function()
  support.leaves_nothing(before_each, after_each)

  it("still delivers the answer, to its end", function()
    for _, pair in ipairs { support.pair, net.socketpair } do
      local a, b = pair()
      support.own(a)
      support.own(b)
      local server = net.spawn(function()
        local question = assert(b:recv_all())
        assert(b:sendall("answer to " .. question))
        b:close()
      end)
      assert(a:sendall "a question")
      assert(a:shutdown "SHUT_WR")
      assert.equal("answer to a question", a:recv_all())
      assert.equal("EOF", select(3, a:recv(1)))
      assert.equal("EPIPE", select(3, a:send "x"))
      server:join()
    end
  end)

  it("by SHUT_RD reads the end at once, and can send", function()
    local a, b = support.pair()
    assert(a:shutdown "SHUT_RD")
    assert.equal("EOF", select(3, a:recv(1)))
    assert(a:sendall "still")
    assert.equal("still", b:recv(9))
  end)

  it("by SHUT_RD wakes its own reader", function()
    local a, b = support.pair()
    local reader = net.spawn(function() return select(3, a:recv(1)) end)
    net.sleep(0.01)
    assert(a:shutdown "SHUT_RD")
    assert.equal("EOF", (reader:join()))
    assert.truthy(b)
  end)
end)
