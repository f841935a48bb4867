-- SPDX-License-Identifier: MIT
-- Row 32: connect, echo, close, again and again, with timeouts, cancels and
-- resets among them. Memory and descriptors of server and client stay the same.
local net = require "net"
local support = require "tests.support"
local help = require "tests.faults.help"

local SECONDS = os.getenv "LONG" == "1" and 300 or 4 -- of each half
local WIDTH, TEXT = 8, ("soak"):rep(250)

local ways = {
  function(sock) -- once, closed by the client
    assert(sock:sendall(TEXT) and sock:recv_exact(#TEXT) == TEXT)
  end,
  function(sock) -- a few times, then an orderly end
    for _ = 1, 5 do assert(sock:sendall "abc" and sock:recv_exact(3)) end
    assert(sock:shutdown "SHUT_WR")
    assert(select(3, sock:recv(1)) == "EOF")
  end,
  function(sock) -- a timeout, and all is well afterwards
    sock:settimeout(0.002)
    assert(select(3, sock:recv(1)) == "ETIMEDOUT")
    sock:settimeout(30)
    assert(sock:sendall "late" and sock:recv_exact(4) == "late")
  end,
  function(sock) -- a task waits, and is cancelled
    local task = net.spawn(function() return sock:recv(1) end)
    net.sleep(0)
    task:cancel()
    assert(sock:sendall "more" and sock:recv_exact(4) == "more")
  end,
  function(sock) -- closed while a task waits
    local task = net.spawn(function() return select(3, sock:recv(1)) end)
    net.sleep(0)
    sock:close()
    assert(task:join() == "ECANCELED")
  end,
  function(sock) -- a reset in the middle
    sock:send(TEXT)
    help.reset(sock)
  end,
}

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- Runs one half. Returns the rounds, and the typical memory of this process and
-- of the server.
local function work(port, pid)
  local finish, rounds, own, served = net.now() + SECONDS, 0, {}, {}
  local tasks = {}
  for i = 1, WIDTH do
    tasks[i] = net.spawn(function()
      while net.now() < finish do
        rounds = rounds + 1
        local sock <close> = help.client(port)
        ways[rounds % #ways + 1](sock)
      end
    end)
  end
  while net.now() < finish do
    own[#own + 1], served[#served + 1] = help.memory(help.own), help.memory(pid)
    net.sleep(0.1)
  end
  for _, task in ipairs(tasks) do task:join() end
  collectgarbage()
  net.sleep(0.2)
  return rounds, median(own), median(served)
end

-- Returns whether memory grew by at most 1 %, or by what malloc(3) may keep:
-- 128 KiB (M_TRIM_THRESHOLD of mallopt(3)), 3 % of a small process.
local function flat(before, now)
  return now - before <= math.max(before / 100, 128 * 1024)
end

local function run(mode)
  local server <close>, port = help.server(mode, SECONDS * 5)
  local function descriptors()
    return help.descriptors(help.own) + help.descriptors(server.pid)
  end
  local total, own, served = work(port, server.pid)
  local open, client, other, steady = descriptors(), nil, nil, false
  for _ = 1, 3 do -- a leak grows again
    local rounds, own_now, served_now = work(port, server.pid)
    client, other = (own_now / own - 1) * 100, (served_now / served - 1) * 100
    steady = flat(own, own_now) and flat(served, served_now)
    total, own, served = total + rounds, own_now, served_now
    if steady then break end
  end
  local left = descriptors() - open
  print(("figure 32: %s: %d connections: memory of the server %+.1f %%, of the "
    .. "client %+.1f %%; descriptors %+d"):format(mode, total, other, client,
    left))
  return steady and left <= 0
end

local ok = run "lua"
ok = run "echo" and ok
support.clean()
os.exit(ok, true)
