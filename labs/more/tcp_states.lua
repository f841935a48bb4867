-- More: the states of a TCP connection       after: Labs 10, 12
-- run:  netlab labs/more/tcp_states.lua
--
-- Both ends in one program, one step at a time.  The end that closes first goes
-- to TIME_WAIT and stays there for a minute (on Linux), so that a late packet
-- cannot reach a new connection between the same two ports.
local net = require "net"
local argparse = require "argparse"
argparse("tcp_states", "A connection, from the handshake to TIME_WAIT"):parse()

local listener <close> = assert(net.listen("127.0.0.1", 0, { backlog = 0 }))
local client <close> = assert(net.socket("inet", "stream"))
local host, port = listener:getsockname()
local from = 0 -- the client's port, when it has one

-- A closed socket has no descriptor to ask.  What is left of its connection
-- belongs to the kernel; Linux lists it, with both ports in hexadecimal.
local names = { "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1",
  "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK" }
local function left_over(own, peer)
  local file <close> = io.open "/proc/net/tcp"
  if not file then return "see netstat" end
  local line = (":%04X %%x+:%04X (%%x%%x) "):format(own, peer)
  return names[tonumber(file:read "a":match(line) or "07", 16)]
end

-- FIN_WAIT1 and LAST_ACK last until the peer has acknowledged our FIN: at once,
-- or within the 40 ms of a delayed ACK.  Look again until then.
local function state(sock, own, peer)
  local now, info
  repeat
    if now then net.sleep(0.01) end
    info = sock:info() or {}
    now = info.state or left_over(own, peer)
    if now == "CLOSE" then now = left_over(own, peer) end
  until now ~= "FIN_WAIT1" and now ~= "LAST_ACK"
  return now, info
end

local function show_end(name, now, info)
  local text = ""
  if info.backlog then
    text = ("%d waiting for accept"):format(info.accept_queue)
  elseif info.rtt and info.rtt > 0 then
    text = ("rtt %.3f ms, window %d segments, %d bytes in, %d not read"):format(
      info.rtt * 1000, info.snd_cwnd, info.bytes_received, info.recv_queue)
  end
  print((("  %s  %-12s %s"):format(name, now, text):gsub(" +$", "")))
  return now
end

local steps = {}
local function show(step, one, other)
  print(step)
  steps[#steps + 1] = { step,
    show_end("client", state(one, from, port)),
    show_end("server", state(other, port, from)) }
end

-- The kernel does the handshake; accept only takes the finished connection.  On
-- the loopback it is over when connect returns, so SYN_SENT is seen only while
-- the accept queue is full: the kernel then drops the SYN of the next client.
show("listen", client, listener)
assert(client:connect(host, port))
from = select(2, client:getsockname())
show("client: connect", client, listener)
local second <close> = assert(net.socket("inet", "stream"))
second:settimeout(0):connect(host, port)
show("second client: connect", second, listener)
second:close()
local server <close> = assert(listener:accept())
show("server: accept", client, server)

assert(client:sendall "hello")
assert(server:recv(5, "MSG_PEEK")) -- it has arrived, and is still unread
show("client: send 5 bytes", client, server)
assert(server:recv_exact(5))
show("server: recv", client, server)

-- Each direction ends separately.  After the client's FIN (it counts as a byte)
-- the server may still send.  CLOSE_WAIT lasts until the server closes, too: a
-- program that forgets to close collects many of these.
assert(client:shutdown "SHUT_WR")
server:recv(1) -- "EOF"
show("client: shutdown SHUT_WR", client, server)
assert(server:sendall "bye")
assert(client:recv_exact(3))
show("server: send 3 bytes", client, server)
server:close()
client:recv(1)
show("server: close", client, server)
client:close()
show("client: close", client, server)

print(("\n%-26s %-12s %s"):format("step", "client", "server"))
for _, row in ipairs(steps) do
  print(("%-26s %-12s %s"):format(table.unpack(row)))
end
-- Try: let the server close first.  Whose port is in TIME_WAIT then?
