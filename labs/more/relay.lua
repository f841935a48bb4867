-- More: a bad network, without root          after: Labs 12, 13
-- run:  netlab labs/more/relay.lua --port 9901 --to 9900 --udp --loss 20%
--
-- The relay sits between clients, which connect to --port, and a server, --to.
-- Datagrams may be lost and, with jitter, overtake each other.  TCP resends and
-- reorders, so a stream is only delayed, cut into pieces that are not messages
-- (--chunk), or reset (--reset-after).
local net = require "net"
local relay = require "net.relay"
local argparse = require "argparse"

local function seconds(text) -- 50ms, 0.05s, 0.05
  local digits, unit = text:match "^([%d.]+)(m?s?)$"
  local n = unit ~= "m" and tonumber(digits)
  n = n and n / (unit == "ms" and 1000 or 1)
  return n and n <= 3600 and n or nil,
    text .. " is not a time such as 50ms, at most 3600s"
end

local function percent(text)
  local n = tonumber(text:match "^([%d.]+)%%$")
  return n and n <= 100 and n / 100 or nil, text .. " is not 0% to 100%"
end

local function positive(text)
  local n = math.tointeger(tonumber(text))
  return n and n > 0 and n or nil, text .. " is not a number of bytes"
end

local function address(text) -- 9900, localhost:9900, [::1]:9900
  local host, service = text:match "^%[(.+)%]:(.+)$"
  if not host then host, service = text:match "^([^:]+):([^:]+)$" end
  local port, message = net.port(service or text)
  return port and { host or "localhost", port }, message
end

local parser = argparse("relay", "A bad network between clients and a server")
parser:option("--port"):convert(net.port):count(1)
parser:option("--host"):default "localhost"
parser:option("--to", "the server: PORT or HOST:PORT"):convert(address):count(1)
parser:option("--delay", "each way: 50ms, 0.05s"):convert(seconds):default "0"
parser:option("--jitter", "up to this much more"):convert(seconds):default "0"
parser:option("--seed", "of the random numbers"):default "1":convert(
  function(text) return math.tointeger(tonumber(text)) end)
parser:flag("--udp", "datagrams instead of TCP")
parser:option("--loss", "share of datagrams: 20%"):convert(percent)
parser:option("--idle", "forget clients idle this long"):convert(seconds)
parser:option("--chunk", "TCP: most bytes per piece"):convert(positive)
parser:option("--reset-after", "TCP: bytes before a reset"):convert(positive)
parser:flag("--quiet", "print only the totals")
local args = parser:parse()
if args.loss and not args.udp then
  parser:error "--loss needs --udp: TCP resends what is lost"
elseif args.idle and not args.udp then
  parser:error "--idle needs --udp: TCP tells when a client is gone"
elseif args.udp and (args.chunk or args.reset_after) then
  parser:error "--chunk and --reset-after are for TCP, not for --udp"
elseif args.idle and args.idle < 0.001 then
  parser:error "--idle must be 1ms or more"
elseif args.chunk and args.chunk > 1 << 20 then
  parser:error "--chunk must be at most 1048576"
end

local family = args.host:find ":" and "inet6" or "inet"
local kind = args.udp and "dgram" or "stream"
local sock <close> = assert(net.socket(family, kind))
assert(args.udp or sock:setsockopt("SO_REUSEADDR", 1))
assert(sock:bind(args.host, args.port))
assert(args.udp or sock:listen())
print(("Relaying %s port %d to %s port %d"):format(args.host,
  select(2, sock:getsockname()), table.unpack(args.to)))

local totals = { up = 0, down = 0, lost = 0, connections = 0, resets = 0 }
local _ <close> = setmetatable({}, { __close = function() -- after Ctrl-C
  local format = args.udp and "%d datagrams up, %d down, %d lost" or
    "%d bytes up, %d down; %d connections, %d reset"
  print(format:format(totals.up, totals.down,
    args.udp and totals.lost or totals.connections, totals.resets))
end })
-- Which datagrams are lost depends on the seed and on their order, not on time:
-- a run can be repeated.
local serve = args.udp and relay.datagrams or relay.streams
assert(serve(sock, args.to[1], args.to[2], { delay = args.delay,
  jitter = args.jitter, loss = args.loss, seed = args.seed, idle = args.idle,
  chunk = args.chunk, reset_after = args.reset_after, totals = totals,
  on_event = not args.quiet and print or nil }))
-- Try: --udp --jitter 50ms.  In which order do ten datagrams arrive?
