-- More: tell others what time it is          after: Lab 11
-- run:  netlab labs/more/ntp_server.lua --port 12300
--       netlab labs/print_machine_time.lua --server localhost --port 12300
--
-- A server keeps nothing about its clients.  It copies the client's own stamp
-- into the reply and adds two of its clock: when the request came, and when the
-- reply went.  The client, with the time at which that came, knows how long
-- both were on their way, and that the server's clock is right or wrong by half
-- of this at most.
local net = require "net"
local ntp = require "net.ntp"
local argparse = require "argparse"

local parser = argparse("ntp_server", "An NTP server for a room")
parser:option("--port"):convert(net.port):default "12300"
parser:option("--host"):default "localhost"
parser:option("--offset", "seconds, to be wrong"):convert(tonumber):default "0"
parser:flag("--quiet", "show nothing")
local args = parser:parse()
if math.abs(args.offset) > 1e9 then parser:error "offset: 1e9 at most" end

local family = args.host:find ":" and "inet6" or "inet"
local sock <close> = assert(net.socket(family, "dgram"))
assert(sock:bind(args.host, args.port))
print(("Telling the time on %s port %d"):format(args.host,
  select(2, sock:getsockname())))

-- Whoever sends may have forged the sender's address.  So a reply is no longer
-- than its request, and nothing but a request has one: else a stranger could
-- have us flood a third, or two servers answer each other for ever.
while true do
  local request, host, port = assert(sock:recvfrom(2048))
  local reply, message = ntp.answer(request, net.time(), args.offset)
  if reply then message = select(2, sock:sendto(reply, host, port)) end
  if not args.quiet then
    print(("%s:%d: %s"):format(host, port, message or "was told the time"))
  end
end
-- Try: --offset 3600.  Does the client notice?  How could it?
