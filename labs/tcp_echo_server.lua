-- Lab 12: echo server by TCP                 slide: "echo_server by TCP"
-- run:  netlab labs/tcp_echo_server.lua --port 9900           (Ctrl-C stops it)
local net = require "net"
local argparse = require "argparse"
local backlog = 128 -- the slide's 5 is too few for 50 clients at once

local parser = argparse("tcp_echo_server", "Socket Server Example")
parser:option("--port"):convert(net.port):count(1)
parser:option("--host"):default "localhost"
parser:flag("--once", "close after one message, as on the slide")
parser:flag("--quiet", "print nothing (faster)")
local args = parser:parse()

local sock <close> = assert(net.socket("inet", "stream"))
assert(sock:setsockopt("SO_REUSEADDR", 1))
print(("Starting up echo server on %s port %d"):format(args.host, args.port))
assert(sock:bind(args.host, args.port))
assert(sock:listen(backlog))

-- A connection is a stream: one recv may return half a message, or three.
local function show(data, host, port)
  print("Data: " .. net.escape(data))
  print(("sent %s bytes back to ('%s', %d)"):format(net.escape(data), host,
    port))
  print "Waiting to receive message from client"
end

-- The echo loop, in C, for all clients at once.  For one client it is:
--   local client <close> = assert(sock:accept())
--   local data = client:recv(65536) -- nil: the end of the stream, or an error
--   while data and client:sendall(data) do data = client:recv(65536) end
print "Waiting to receive message from client"
local totals = assert(sock:echo {
  once = args.once, on_message = not args.quiet and show or nil })
print(("%d connections, %d messages, %d bytes"):format(totals.connections,
  totals.messages, totals.bytes))
-- Try: write that loop yourself, then run `nc localhost 9900` twice: who waits?
--      Then use net.spawn(function() ... end) for each client.
