-- SPDX-License-Identifier: MIT
-- Row 12: the peer resets the connection during a write, and the reader of
-- standard output leaves. No process dies of SIGPIPE or goes on for ever.
local net = require "net"
local support = require "tests.support"

local CASES = os.getenv "LONG" == "1" and 5000 or 500 -- of each kind
local DATA = ("x"):rep(16 << 20) -- more than all buffers on the way hold

local function reset(sock)
  assert(sock:setsockopt("SO_LINGER", true, 0))
  sock:close()
end

-- A write of our own is cut, and reports it.
local function cut_ours(listener)
  local peer <close> = assert(net.socket())
  assert(peer:connect(listener:getsockname()))
  local sock <close> = assert(listener:accept())
  local writer = net.spawn(function()
    return select(3, sock:sendall(DATA))
  end)
  peer:recv(1)
  reset(peer)
  local code = writer:join()
  return code == "ECONNRESET" or code == "EPIPE"
end

-- A server's write is cut, and it goes on to serve others.
local function cut_server(port)
  local peer <close> = assert(net.socket())
  assert(peer:connect("127.0.0.1", port))
  peer:settimeout(0)
  while peer:send(DATA, 1, 1 << 18) do end
  reset(peer)
  local other <close> = assert(net.socket())
  other:settimeout(10)
  assert(other:connect("127.0.0.1", port))
  return other:sendall "alive" and other:recv_exact(5) == "alive"
end

local function server_cases(mode)
  local server <close> = support.start(
    support.driver .. " tests/faults/server.lua " .. mode)
  local port, good = tonumber((server:expect "(%d+)\n")), 0
  for _ = 1, CASES // 2 do good = good + (cut_server(port) and 1 or 0) end
  return good
end

-- Endless scripts, of whose output one line is read. The second catches every
-- error.
local scripts = {
  "while true do print 'x' end",
  "while true do pcall(print, 'x') end",
  [[local net = require "net"
    net.spawn(function() while true do print "x" net.sleep(0.01) end end)
    net.run()]],
  [[local net = require "net"
    local sock = assert(net.socket("inet", "dgram"))
    assert(sock:bind("127.0.0.1", 0))
    net.spawn(function()
      while true do
        sock:sendto("x", sock:getsockname())
        print(sock:recvfrom(9))
      end
    end)
    net.sleep(60)]],
}

-- Returns how long the slowest of them goes on, and the exit statuses.
local function headless()
  local worst, statuses = 0, {}
  for i, text in ipairs(scripts) do
    local path = support.write(support.folder() .. "/script.lua", text)
    local start = net.now()
    local out = support.run(("bash -c 'timeout 10 %s %s 2>/dev/null | head -1;"
      .. "echo ${PIPESTATUS[0]}'"):format(support.driver, path))
    worst = math.max(worst, net.now() - start)
    statuses[i] = out:match "(%d+)\n$"
  end
  return worst, table.concat(statuses, " ")
end

local good = 0
do
  local listener <close> = support.listener()
  for _ = 1, CASES do good = good + (cut_ours(listener) and 1 or 0) end
end
good = good + server_cases "lua" + server_cases "echo"
local worst, statuses = headless()
-- `lua5.4` does not handle SIGPIPE, and dies of it: 128 + 13
local expected = support.hosted and "1 1 1 1" or "141 141 141 141"
support.clean()
print(("figure 12: %s: %d of %d writes cut, none died; without a reader gone "
  .. "in <= %.1f s, status %s"):format(support.hosted and "host" or "plain",
  good, 2 * CASES, worst, statuses:match "%d+"))
os.exit(good == 2 * CASES and worst <= 1 and statuses == expected, true)
