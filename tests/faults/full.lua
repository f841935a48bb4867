-- SPDX-License-Identifier: MIT
-- Row 8: 200 clients connect to a server with 64 descriptors, and others keep
-- trying while it is full.
local net = require "net"
local support = require "tests.support"

local CLIENTS, LIMIT, FULL = 200, 64, 3 -- seconds

-- Connects and asks for an echo. Returns the socket if it got one; otherwise
-- false, and whether the connection was closed.
local function come(port)
  local sock = assert(net.socket())
  sock:settimeout(10)
  assert(sock:connect("127.0.0.1", port))
  sock:send "x" -- may have been reset by now
  local data, _, code = sock:recv(1)
  if data == "x" then return sock end
  sock:close()
  return false, code == "EOF" or code == "ECONNRESET"
end

-- Returns the CPU seconds of a process.
local function cpu(pid)
  local stat = support.read(("/proc/%d/stat"):format(pid)):match "%) (.*)"
  local times, i = 0, 0
  for word in stat:gmatch "%S+" do
    i = i + 1
    if i == 12 or i == 13 then times = times + tonumber(word) end
  end
  return times / 100
end

local function ticks(server)
  return select(2, (server:output()):gsub("tick\n", ""))
end

-- Returns, for a while in which the server is full: the seconds, CPU time and
-- ticks, how many tried to connect, and how many of those were closed.
local function knock(server, port)
  local start, used, seen = net.now(), cpu(server.pid), ticks(server)
  local knocks, closes = 0, 0
  repeat
    local sock, closed = come(port)
    knocks, closes = knocks + 1, closes + (closed and 1 or 0)
    if sock then sock:close() end
    net.sleep(0.05)
  until net.now() > start + FULL
  local seconds = net.now() - start
  return (cpu(server.pid) - used) / seconds * 100,
    (ticks(server) - seen) / (seconds * 20) * 100, knocks, closes
end

local function run(mode)
  local server <close> = support.start(
    ("prlimit --nofile=%d %s tests/faults/server.lua %s")
    :format(LIMIT, support.driver, mode))
  local port = tonumber((server:expect "(%d+)\n"))
  local socks, tasks, closed = {}, {}, 0
  for i = 1, CLIENTS do tasks[i] = net.spawn(come, port) end
  for i = 1, CLIENTS do
    local sock, saw = tasks[i]:join()
    if sock then socks[#socks + 1] = sock end
    if saw then closed = closed + 1 end
  end
  local load, rate, knocks, closes = knock(server, port)
  for _, sock in ipairs(socks) do sock:close() end
  net.sleep(0.2)
  local echoes = 0
  for _ = 1, 50 do
    local sock = come(port)
    if sock then sock:close() end
    echoes = echoes + (sock and 1 or 0)
  end
  print(("figure 8: %s: %d served, %d of %d saw a close; full: CPU %.1f %%, "
    .. "ticks %.0f %%, %d of %d saw a close; then %d/50 echoes"):format(mode,
    #socks, closed, CLIENTS, load, rate, closes, knocks, echoes))
  return #socks > LIMIT / 2 and #socks + closed == CLIENTS and load < 5
    and rate >= 95 and closes == knocks and echoes == 50
end

local ok = run "lua"
ok = run "echo" and ok
support.clean()
os.exit(ok, true)
