-- SPDX-License-Identifier: MIT
-- Row 31: 10,000 connections are open, 64 are busy, 100 send much and read
-- slowly, and one resets every 10 ms, all at once. No byte of the good ones is
-- lost, the memory is stable, and each of the 10,000 is served in the end.
local net = require "net"
local support = require "tests.support"
local help = require "tests.faults.help"

local SECONDS = os.getenv "LONG" == "1" and 60 or 5
local WARM = 4 -- seconds until all memory is allocated
local SLOW, BUSY, SIZE = 100, 64, 1 << 18 -- bytes that each slow one sends
local IDLE = 10000 -- needs "ulimit -n 10500"

local function echo(sock, text)
  return sock:sendall(text) and sock:recv_exact(#text) == text
end

-- Returns the text that the n-th slow client sends.
local function text_of(n)
  return ("%8d"):format(n):rep(SIZE // 8)
end

-- Sends all, and reads a little at a time until the others are done, then the
-- rest. Returns whether all of it came back.
local function slow(port, n, state)
  local sock <close> = assert(net.socket())
  assert(sock:setsockopt("SO_RCVBUF", 4096)) -- so that the server has to wait
  assert(sock:connect("127.0.0.1", port))
  sock:settimeout(60)
  local text = text_of(n)
  local writer = net.spawn(function() return sock:sendall(text) end)
  local parts, left = {}, SIZE
  while left > 0 do
    local data = sock:recv(state.done and left or SIZE >> 8)
    if not data then return false end
    parts[#parts + 1], left = data, left - #data
    if not state.done then net.sleep((WARM + SECONDS) / 200) end
  end
  return writer:join() and table.concat(parts) == text
end

local function resets(port, state)
  local count = 0
  while not state.done do
    local sock = help.client(port)
    sock:send "and away"
    help.reset(sock)
    count = count + 1
    net.sleep(0.01)
  end
  return count
end

-- Returns the peak memory in the first and in the second half of the run.
local function watch(pid)
  local start, most = net.now(), { 0, 0 }
  while net.now() < start + SECONDS do
    local half = net.now() < start + SECONDS / 2 and 1 or 2
    most[half] = math.max(most[half], help.memory(pid))
    net.sleep(0.1)
  end
  return most[1], most[2]
end

local function run(mode)
  local server <close>, port = help.server(mode, SECONDS + 240)
  local before, idle, state = help.memory(server.pid), {}, {}
  local open = help.each(IDLE, 100, function(i)
    idle[i] = help.client(port)
    return echo(idle[i], "?")
  end)
  local each = (help.memory(server.pid) - before) / IDLE
  local tasks = {}
  for i = 1, SLOW do tasks[i] = net.spawn(slow, port, i, state) end
  local resetter = net.spawn(resets, port, state)
  local load = net.spawn(function()
    return assert(net.load { port = port, connections = BUSY,
      seconds = WARM + SECONDS })
  end)
  net.sleep(WARM)
  local first, last = watch(server.pid)
  local r = load:join()
  state.done = true
  local reset, whole = resetter:join(), 0
  for _, task in ipairs(tasks) do
    if task:join() then whole = whole + 1 end
  end
  local served = help.each(IDLE, 100, function(i)
    return echo(idle[i], "still")
  end)
  for _, sock in ipairs(idle) do help.reset(sock) end
  local growth = (last / first - 1) * 100
  print(("figure 31: %s: %d/%d served, %.0f bytes each; %d busy: %d messages "
    .. "in %.0f s, %d lost, %d corrupt; %d of %d slow ones whole; %d resets; "
    .. "memory %+.1f %%"):format(mode, served, IDLE, each, BUSY, r.messages,
    r.seconds, r.lost, r.corrupt, whole, SLOW, reset, growth))
  return open == IDLE and served == IDLE and whole == SLOW and growth <= 1
    and r.messages > 0 and r.lost + r.corrupt == 0 and next(r.errors) == nil
end

local ok = run "lua"
ok = run "echo" and ok
support.clean()
os.exit(ok, true)
