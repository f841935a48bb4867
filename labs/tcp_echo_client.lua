-- Lab 12: echo client by TCP                 slide: "echo_client by TCP"
-- run:  netlab labs/tcp_echo_client.lua --port 9900
local net = require "net"
local argparse = require "argparse"

local parser = argparse("tcp_echo_client", "Socket Client Example")
parser:option("--port"):convert(net.port):count(1)
parser:option("--host"):default "localhost"
parser:option("--message"):default "Test message. This will be echoed"
local args = parser:parse()

local sock <close> = assert(net.socket("inet", "stream"))
print(("Connecting to %s port %d"):format(args.host, args.port))
local ok, message = sock:connect(args.host, args.port)

if ok then
  print("Sending " .. net.escape(args.message))
  ok, message = sock:sendall(args.message)
end

-- TCP keeps the order of the bytes, not the ends of messages, so count the
-- bytes.
local amount_received, amount_expected = 0, #args.message
while ok and amount_received < amount_expected do
  ok, message = sock:recv(16)
  if ok then
    amount_received = amount_received + #ok
    print("Received: " .. net.escape(ok))
  end
end

if not ok then print("Socket error: " .. message) end
print("Closing connection to the server")
sock:close()
os.exit(ok and 0 or 1, true)
-- Try: recv(1), recv(1000).  Does the server see a difference?
