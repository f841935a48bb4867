-- Lab 13: echo server by UDP                 slide: "echo_server by UDP"
-- run:  netlab labs/udp_echo_server.lua --port 9900           (Ctrl-C ends it)
--
-- No listen, no accept, no connection: each datagram stands for itself and
-- brings the address of its sender.
local net = require "net"
local argparse = require "argparse"

local data_payload = 2048

local parser = argparse("udp_echo_server", "Socket Server Example")
parser:option("--port"):convert(net.port):count(1)
parser:option("--host"):default "localhost"
parser:flag("--once", "end after one message")
local args = parser:parse()

local sock <close> = assert(net.socket("inet", "dgram"))
print(("Starting up echo server on %s port %d"):format(args.host, args.port))
assert(sock:bind(args.host, args.port))

repeat
  print("Waiting to receive message from client")
  local data, host, port = assert(sock:recvfrom(data_payload))
  print(("received %d bytes from ('%s', %d)"):format(#data, host, port))
  print("Data: " .. net.escape(data))
  local sent, message = sock:sendto(data, host, port)
  print(sent and ("sent %d bytes back to ('%s', %d)"):format(sent, host, port)
    or message)
until args.once
-- Try: send 3000 bytes.  Where are the last 952?  Then start it twice.
