-- More: how much can an echo server take?    after: Labs 12, 13
-- run:  netlab labs/more/echo_load.lua --port 9900 --connections 8
-- Closed loop: a client waits for its echo before it sends again, so a stalled
-- server gets less work.  Open loop (--rate): messages are due at fixed times,
-- as if from many people; latency counts from then, so a stall delays them all.
local net, plot, json = require "net", require "net.plot", require "net.json"
local function number(text) return math.tointeger(text) or tonumber(text) end
local function create(path) return io.open(path, "w") end
local parser = require "argparse" ("echo_load", "Load for an echo server")
parser:option("--port"):convert(net.port)
parser:option("--path", "a UNIX socket, instead of a port")
parser:option("--host"):default "localhost"
parser:option("--connections", "1; in a sweep, up to 64"):convert(number)
parser:option("--size", "bytes per message"):convert(number):default "64"
parser:option("--depth", "messages in flight"):convert(number):default "1"
parser:option("--seconds"):convert(number):default "2"
parser:option("--messages", "how many, instead of seconds"):convert(number)
parser:option("--rate", "messages/s: an open loop"):convert(number)
parser:flag("--udp", "datagrams; lost if not answered within a second")
parser:flag("--churn", "a new connection for each message")
parser:flag("--sweep", "1, 2, 4, ... connections, one run each")
parser:flag("--json", "print the report as JSON")
parser:option("--hdr", "write the last run's HdrHistogram to this file")
  :convert(create)
parser:option("--svg", "draw latency against throughput in this file")
  :convert(create)
local args = parser:parse()
if not (args.port or args.path) then parser:error "need --port or --path" end
local till = args.messages and "messages" or "seconds"
local live = os.execute "test -t 2" -- show progress on a terminal
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
-- Each bar: the answers that took at most the time on its left, and more than
-- the time above.  Two peaks mean two kinds of answers: look for the slow one.
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
say(plot.row(widths, "conns", "messages", "rate/s", "B/s", "p50", "p99",
  "p99.9", "max", "lost", "corrupt"))
repeat
  local r = run(n)
  histogram, r.histogram = r.histogram, nil
  say(row(n, r))
  runs[#runs + 1], n = r, n * 2
  if r.messages > 0 then -- a logarithmic axis cannot show 0
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
-- Try: --sweep.  From which load on does the latency grow, but not the rate?
