-- More: what buffers and writes cost         after: Lab 8
-- run:  netlab labs/more/buffer_size.lua --seconds 0.2 --svg FILE
--
-- A sender may have one window of bytes in flight, then it waits for an
-- acknowledgement: throughput <= window / round-trip time.  The buffers limit
-- the window, so they should hold the bandwidth-delay product of the path:
-- 12.5 MB for 1 Gbit/s across an ocean (0.1 s).  On the loopback, the delay is
-- only the time to wake the other side; a small buffer means waking it often.
local net = require "net"
local plot = require "net.plot"
local argparse = require "argparse"

local parser = argparse("buffer_size", "Throughput of buffers and writes")
parser:option("--seconds", "per measurement"):convert(tonumber):default "0.2"
parser:option("--svg", "draw a chart in this file"):convert(
  function(path) return io.open(path, "w") end)
local args = parser:parse()
if args.seconds <= 0 then parser:error "seconds must be above 0" end
local file <close> = args.svg

-- Both ends of a connection.  The handshake settles how large the window can
-- become, so the listener gets the buffer; the accepted socket inherits it.
local function connection(buffer, nodelay)
  local listener <close> = assert(net.socket("inet", "stream"))
  local writer = assert(net.socket("inet", "stream"))
  if buffer then
    assert(listener:setsockopt("SO_RCVBUF", buffer))
    assert(writer:setsockopt("SO_SNDBUF", buffer))
  end
  assert(writer:setsockopt("TCP_NODELAY", nodelay))
  assert(listener:bind("127.0.0.1", 0))
  assert(listener:listen(1))
  assert(writer:connect(listener:getsockname()))
  return writer, assert(listener:accept())
end

-- Bytes per second, counted by the reader: the rest may still be in flight.
local function throughput(buffer, size, nodelay)
  local writer <close>, receiver = connection(buffer, nodelay)
  local reader = net.spawn(function()
    local conn <close> = receiver
    local bytes, data = 0, conn:recv(65536)
    while data do bytes, data = bytes + #data, conn:recv(65536) end
    return bytes
  end)
  local data, start = ("x"):rep(size), net.now()
  repeat assert(writer:sendall(data)) until net.now() - start >= args.seconds
  assert(writer:shutdown "SHUT_WR")
  return reader:join() / (net.now() - start)
end

-- Seconds from a request, sent in two parts, to its reply.  Nagle: a small
-- segment waits while another is not acknowledged.  Delayed ACK: the peer holds
-- its acknowledgement for 40 ms, to send it with a reply, and it has no reply
-- before the second part has arrived.  So each side waits for the other.
local function write_write_read(nodelay)
  local writer <close>, receiver = connection(nil, nodelay)
  net.spawn(function()
    local conn <close> = receiver
    while conn:recv_exact(2) do conn:sendall "!" end
  end)
  local rounds, start = 0, net.now()
  repeat
    assert(writer:send "a" and writer:send "b" and writer:recv(1))
    rounds = rounds + 1
  until net.now() - start >= args.seconds
  return (net.now() - start) / rounds
end

local live = os.execute "test -t 2" -- show progress on a terminal
local function compare(name, unit, cases, f)
  local bars, points = {}, {}
  for i, case in ipairs(cases) do
    local label = unit == "s" and "TCP_NODELAY " .. case or plot.si(case, "B")
    if live then io.stderr:write("\r\27[K", name, ": ", label) end
    points[i] = { case, f(case) }
    bars[i] = { label, points[i][2], plot.si(points[i][2], unit) }
  end
  if live then io.stderr:write "\r\27[K" end
  print(name .. "\n" .. plot.bars(bars))
  return { name = name, points = points }
end

local buffers = { 2000, 8000, 32000, 128000, 512000, 2000000 }
local lines = { compare("SO_SNDBUF, SO_RCVBUF", "B/s", buffers,
  function(n) return throughput(n, 65536, 0) end) }
-- Each write is a system call, however small.  While an acknowledgement is due,
-- Nagle joins small writes: fewer segments, and fewer wake-ups.
for nodelay = 0, 1 do
  lines[#lines + 1] = compare("write size, TCP_NODELAY " .. nodelay, "B/s",
    { 16, 250, 4000, 64000, 1000000 },
    function(n) return throughput(nil, n, nodelay) end)
end
compare("write, write, read", "s", { 0, 1 }, write_write_read)
if file then
  assert(file:write(plot.svg { title = "TCP over the loopback", series = lines,
    x = "size of a buffer or a write", y = "throughput", x_unit = "B",
    y_unit = "B/s", log_x = true, log_y = true }))
end
-- Try: send both parts as one: who waits?  Which sizes does getsockopt report?
