-- Lab 13: echo server by UDP                 slide: "echo_server by UDP"
-- run:  netlab labs/udp_echo_server.lua --port 9900           (Ctrl-C stops it)
--
-- No listen, no accept, no connection: each datagram stands alone and carries
-- the address of its sender.
local net = require "net"
local argparse = require "argparse"

local parser = argparse("udp_echo_server", "Socket Server Example")
parser:option("--port"):convert(net.port):count(1)
parser:option("--host"):default "localhost"
parser:flag("--once", "stop after one message")
parser:flag("--quiet", "print nothing (faster)")
local args = parser:parse()

local sock <close> = assert(net.socket("inet", "dgram"))
print(("Starting up echo server on %s port %d"):format(args.host, args.port))
assert(sock:bind(args.host, args.port))

local function show(data, host, port)
  print(("received %d bytes from ('%s', %d)"):format(#data, host, port))
  print("Data: " .. net.escape(data))
  print(("sent %d bytes back to ('%s', %d)"):format(#data, host, port))
  if not args.once then print "Waiting to receive message from client" end
end

-- The echo loop, in C.  In Lua it is:
--   local data, host, port = sock:recvfrom(2048)
--   sock:sendto(data, host, port)
-- But the loop in C does not answer ports below 1024: with a forged sender, a
-- stranger could make two servers answer each other for ever.
print "Waiting to receive message from client"
local totals = assert(sock:echo {
  once = args.once, on_message = not args.quiet and show or nil })
print(("%d messages, %d bytes, %d refused"):format(totals.messages,
  totals.bytes, totals.refused))
-- Try: write that loop yourself and send 3000 bytes: where are the last 952?
