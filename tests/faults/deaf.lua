-- SPDX-License-Identifier: MIT
-- Row 10: 64 peers offer 1 GiB to an echo server and read nothing. It stops
-- reading from them, and what it took comes back once they read.
local net = require "net"
local support = require "tests.support"
local help = require "tests.faults.help"

local PEERS, BLOCK, ROUNDS = 64, ("0123456789abcdef"):rep(1 << 16), 16 -- 1 MiB
-- The memory that a peer may take: a buffer; in Lua a string, and one not yet
-- collected.
local caps = { lua = 1 << 17, echo = 1 << 18, observed = 1 << 18 }

-- Offers 16 MiB and reads nothing. Returns how much the kernel and the server
-- took.
local function offer(sock)
  local taken = 0
  for _ = 1, ROUNDS do
    local first = taken % 16 + 1
    sock:settimeout(0.02)
    local sent = sock:send(BLOCK, first)
    taken = taken + (sent or 0)
  end
  return taken
end

-- Reads it all. Returns whether it is what was sent.
local function listen_at_last(sock, taken)
  local at = 0
  sock:settimeout(30)
  while at < taken do
    local data = sock:recv(math.min(taken - at, 1 << 16))
    local first = at % 16 + 1
    if data ~= BLOCK:sub(first, first + #(data or "") - 1) then break end
    at = at + #data
  end
  sock:close()
  return at == taken
end

local function run(mode)
  local server <close>, port = help.server(mode)
  local socks, taken, total = {}, {}, 0
  do -- after this it has all that it needs anyway
    local first <close> = help.client(port)
    assert(first:sendall(BLOCK, 1, 1 << 16) and first:recv_exact(1 << 16))
  end
  local before = help.memory(server.pid)
  for i = 1, PEERS do socks[i] = help.client(port) end
  help.each(PEERS, PEERS, function(i) taken[i] = offer(socks[i]) end)
  net.sleep(0.2)
  local growth = help.memory(server.pid, "HWM") - before
  local other <close> = help.client(port)
  local alive = other:sendall "alive" and other:recv_exact(5) == "alive"
  local whole = help.each(PEERS, PEERS, function(i)
    total = total + taken[i]
    return listen_at_last(socks[i], taken[i])
  end)
  print(("figure 10: %s: %d GiB offered, %.0f MiB taken, grown by %.0f KiB a "
    .. "peer (cap %.0f), then %d of %d got it all back"):format(mode,
    PEERS * ROUNDS >> 10, total / 2 ^ 20, growth / PEERS / 1024,
    caps[mode] / 1024, whole, PEERS))
  return growth <= 2 * caps[mode] * PEERS and alive and whole == PEERS
end

local ok = run "lua"
ok = run "echo" and ok
ok = run "observed" and ok
support.clean()
os.exit(ok, true)
