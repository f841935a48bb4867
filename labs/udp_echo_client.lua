-- Lab 13: echo client by UDP                 slide: "echo_client by UDP"
-- run:  netlab labs/udp_echo_client.lua --port 9900
--
-- A datagram may be lost without notice, so the client needs a timeout.
local net = require "net"
local argparse = require "argparse"

local data_payload = 2048

local parser = argparse("udp_echo_client", "Socket Client Example")
parser:option("--port"):convert(net.port):count(1)
parser:option("--host"):default "localhost"
parser:option("--message"):default "Test message. This will be echoed"
parser:option("--timeout", "seconds"):convert(tonumber):default "5"
local args = parser:parse()
if args.timeout <= 0 then parser:error "timeout must be above 0" end

local sock <close> = assert(net.socket("inet", "dgram"))
sock:settimeout(args.timeout)
print(("Connecting to %s port %d"):format(args.host, args.port))

print("Sending " .. net.escape(args.message))
local ok, message, code = sock:sendto(args.message, args.host, args.port)
if ok then ok, message, code = sock:recvfrom(data_payload) end

if ok then
  print("received " .. net.escape(ok))
elseif code == "ETIMEDOUT" then
  print(("Nobody answered within %g seconds"):format(args.timeout))
else
  print("Socket error: " .. message)
end
print("Closing connection to the server")
sock:close()
os.exit(ok and 0 or 1, true)
-- Try: run it without a server.  Then call sock:connect first: what changes?
