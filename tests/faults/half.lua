-- SPDX-License-Identifier: MIT
-- Row 13: the peer closes its half of a connection. EOF is read once, at its
-- place, and what is written afterwards arrives.
local net = require "net"

local CASES = os.getenv "LONG" == "1" and 10000 or 1000
local FAMILIES = { "inet", "inet6", "unix" }

local function pair(family, listener)
  if family == "unix" then return net.socketpair() end
  local client = assert(net.socket(family))
  assert(client:connect(listener:getsockname()))
  return client, assert(listener:accept())
end

-- Sends, shuts down its half, and counts what comes back.
local function ask(peer, question, lost)
  assert(peer:sendall(question))
  assert(peer:shutdown "SHUT_WR")
  local answer = assert(peer:recv_all())
  return answer == question and lost or lost + #question
end

-- The ways to read up to the end. Each returns what came before it, and the
-- code.
local function read(sock)
  local parts = {}
  while true do
    local data, _, code = sock:recv(4096)
    if not data then return table.concat(parts), code end
    parts[#parts + 1] = data
  end
end

local listeners = {
  inet = assert(net.listen("127.0.0.1", 0)),
  inet6 = assert(net.listen("::1", 0)),
}
local good, lost = 0, 0
for i = 1, CASES do
  local family = FAMILIES[i % #FAMILIES + 1]
  local peer, sock = pair(family, listeners[family])
  local question = ("%d\n"):format(i):rep(i % 2000)
  local asker = net.spawn(ask, peer, question, 0)
  local data, code = read(sock)
  local again = select(3, sock:recv(1)) -- the end stays the end
  assert(sock:sendall(data))
  assert(sock:close())
  lost = lost + asker:join()
  peer:close()
  if data == question and code == "EOF" and again == "EOF" then
    good = good + 1
  end
end
print(("figure 13: %d/%d EOF in its place, %d bytes lost"):format(
  good, CASES, lost))
os.exit(good == CASES and lost == 0, true)
