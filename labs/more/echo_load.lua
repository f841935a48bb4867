-- More: how much can an echo server take?    after: Labs 12, 13
-- run:  netlab labs/more/echo_load.lua --port 9900 --connections 8
-- Closed loop: who has the echo sends again, so a server that stalls is asked
-- less.  Open loop (--rate): messages are due at fixed times, as from many
-- people, and latency counts from then: all that came in a stall have waited.
local net, plot, json = require "net", require "net.plot", require "net.json"
local function number(text) return math.tointeger(text) or tonumber(text) end
local function create(path) return io.open(path, "w") end
local parser = require "argparse" ("echo_load", "Load for an echo server")
parser:option("--port"):convert(net.port)
parser:option("--path", "a UNIX socket, instead")
parser:option("--host"):default "localhost"
parser:option("--connections", "1; in a sweep, 64"):convert(number)
parser:option("--size", "bytes of a message"):convert(number):default "64"
parser:option("--depth", "messages under way"):convert(number):default "1"
parser:option("--seconds"):convert(number):default "2"
parser:option("--messages", "instead of seconds"):convert(number)
parser:option("--rate", "messages/s, open loop"):convert(number)
parser:flag("--udp", "datagrams; one without an answer in a second is lost")
parser:flag("--churn", "a connection for each message")
parser:flag("--sweep", "1, 2, 4, ... connections, one run after the other")
parser:flag("--json", "the report, for machines")
parser:option("--hdr", "write the last run's HdrHistogram to this file")
  :convert(create)
parser:option("--svg", "write latency against throughput to this file")
  :convert(create)
local args = parser:parse()
if not (args.port or args.path) then parser:error "no --port, no --path" end
local till = args.messages and "messages" or "seconds"
local live = os.execute "test -t 2" -- a terminal is told what goes on
local function wipe() if live then io.stderr:write "\r\27[K" end end
local function progress(r)
  local part = r[till] / args[till]
  if r.messages == 0 or part > 1 then return end
  io.stderr:write(("\r\27[K%3.0f%%  %s/s  p50 %s  p99 %s  %.0f s to go"):format(
    part * 100, plot.si(r.rate), plot.si(r.latency.p50, "s"),
    plot.si(r.latency.p99, "s"), r.seconds / part - r.seconds))
end
local function run(connections)
  local _ <close> = setmetatable({}, { __close = wipe }) -- after Ctrl-C, too
  local fits, r, message = pcall(net.load, {
    type = args.udp and "dgram" or "stream",
    family = args.path and "unix" or args.host:find ":" and "inet6" or "inet",
    path = args.path, host = args.port and args.host, port = args.port,
    connections = connections, size = args.size, depth = args.depth,
    [till] = args[till], rate = args.rate, churn = args.churn,
    on_progress = live and progress or nil })
  local wrong = not fits and tostring(r):match "^bad argument.-%((.*)%)"
  if wrong then parser:error(wrong) end
  return fits and assert(r, message) or error(r, 0)
end

local widths = { 5, 8, 7, 9, 7, 7, 7, 7, 5, 7 }
local function row(connections, r)
  local t = r.latency
  local text = plot.row(widths, connections, plot.si(r.messages),
    plot.si(r.rate), plot.si(r.throughput, "B/s"), plot.si(t.p50, "s"),
    plot.si(t.p99, "s"), plot.si(t.p999, "s"), plot.si(t.max, "s"), r.lost,
    r.corrupt)
  for code, n in pairs(r.errors) do text = text .. "\n" .. code .. " " .. n end
  return text
end
-- How many answers took so long: up to the time at the left, and more than the
-- one above it.  Two hills are two kinds of answers; look for the slow one.
local function bars(buckets)
  local rows = {}
  for i, b in ipairs(buckets) do
    rows[i] = { "to " .. plot.si(b.to, "s"), b.count }
  end
  return plot.bars(rows)
end

local say = args.json and function() end or print
local most = args.connections or args.sweep and 64 or 1
local n, runs, p50, p99 = args.sweep and math.min(1, most) or most, {}, {}, {}
local histogram, failed
say(plot.row(widths, "conns", "messages", "rate/s", "one way", "p50", "p99",
  "p99.9", "max", "lost", "corrupt"))
repeat
  local r = run(n)
  histogram, r.histogram = r.histogram, nil
  say(row(n, r))
  runs[#runs + 1], n = r, n * 2
  if r.messages > 0 then -- a logarithmic axis has no place for 0
    p50[#runs] = { r.rate, r.latency.p50 }
    p99[#runs] = { r.rate, r.latency.p99 }
  end
  failed = failed or r.messages == 0 or r.lost + r.corrupt > 0
until n > most or r.messages == 0 or r.interrupted
if histogram:count() > 0 then say(bars(histogram:buckets())) end
if args.json then print(json.encode { runs = runs }) end
if args.hdr then assert(args.hdr:write(histogram:text())) end
if args.svg and #p50 > 0 then
  assert(args.svg:write(plot.svg {
    title = "Latency against throughput", x = "messages/s", y = "latency",
    y_unit = "s", log_y = true, series = { { name = "p50", points = p50 },
      { name = "p99", points = p99 } } }))
end
if failed then os.exit(1, true) end
-- Try: --sweep.  From where on does more load bring latency, and nothing else?
