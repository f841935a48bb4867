-- More: tell others what time it is          after: Lab 11
-- run:  netlab labs/more/ntp_server.lua --port 12300
--       netlab labs/print_machine_time.lua --server localhost --port 12300
--
-- A server keeps no state about its clients.  It copies the client's timestamp
-- into the reply and adds two of its own: when the request arrived, and when
-- the reply left.  From these and the arrival of the reply, the client knows
-- how long both were on their way, and how far the two clocks differ; the error
-- is at most half of that delay.
local net = require "net"
local ntp = require "net.ntp"
local argparse = require "argparse"

local parser = argparse("ntp_server", "An NTP server for a room")
parser:option("--port"):convert(net.port):default "12300"
parser:option("--host"):default "localhost"
parser:option("--offset", "seconds of error"):convert(tonumber):default "0"
parser:flag("--quiet", "print nothing")
local args = parser:parse()
if math.abs(args.offset) > 1e9 then parser:error "offset is too large" end

local family = args.host:find ":" and "inet6" or "inet"
local sock <close> = assert(net.socket(family, "dgram"))
assert(sock:bind(args.host, args.port))
print(("Telling the time on %s port %d"):format(args.host,
  select(2, sock:getsockname())))

-- A request may carry a forged sender address.  So a reply is no longer than
-- its request, and only requests get one: otherwise a stranger could make us
-- flood somebody else, or make two servers answer each other for ever.
while true do
  local request, host, port = assert(sock:recvfrom(2048))
  local reply, message = ntp.answer(request, net.time(), args.offset)
  if reply then message = select(2, sock:sendto(reply, host, port)) end
  if not args.quiet then
    print(("%s:%d: %s"):format(host, port, message or "was told the time"))
  end
end
-- Try: --offset 3600.  Does the client notice?  How could it?
