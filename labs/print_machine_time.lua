-- Lab 11: what time is it elsewhere?         slide: "print_machine_time"
-- run:  netlab labs/print_machine_time.lua --server pool.ntp.org
--
-- One UDP datagram asks; another answers, and says when it was sent.  It took
-- time to arrive: the last line allows for half of the round trip.

local ntp = require "net.ntp"
local net = require "net"
local argparse = require "argparse"

local parser = argparse("print_machine_time", "The time of an NTP server")
parser:option("--server"):default "pool.ntp.org"
parser:option("--port"):convert(net.port):default "123"
parser:option("--timeout", "seconds"):convert(tonumber):default "5"
local args = parser:parse()
if args.timeout <= 0 then parser:error "timeout must be above 0" end

local response, message = ntp.request(args.server,
  { port = args.port, timeout = args.timeout })
if not response then
  print("No time from " .. args.server .. ": " .. message)
  os.exit(1, true)
end
print(os.date("%a %b %e %H:%M:%S %Y", math.floor(response.tx_time)))
print(("Our clock is off by %+.6f s (+: fast); delay %.6f s; "):format(
  -response.offset, response.delay) .. ("stratum %d, source %s"):format(
  response.stratum, response.reference))

-- Try: ask three servers.  Do they differ by less than their delays?
