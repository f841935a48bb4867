-- Lab 9: blocking and non-blocking           slide: "socket_modes"
-- run:  netlab labs/socket_modes.lua
local net = require "net"
local s <close> = assert(net.socket("inet", "stream"))
assert(s:bind("127.0.0.1", 0))
assert(s:listen(1))
local host, port = s:getsockname()
print(("Trivial Server launched on socket: ('%s', %d)"):format(host, port))

local function client_after(seconds)
  net.sleep(seconds)
  local c <close> = assert(net.socket("inet", "stream"))
  assert(c:connect(host, port))
end
local function report(mode, times, start, conn, why)
  print(("%-12s asked %d time(s) in %.1f s: %s"):format(mode, times,
    net.now() - start, conn and "a client came" or why))
  if conn then conn:close() end
end

-- Blocking I/O model: ask once; the kernel answers when a client is there.
local start = net.now()
net.spawn(client_after, 0.3)
s:setblocking(true)
report("blocking", 1, start, s:accept())
-- A time-out: ask once, but not for ever.
start = net.now()
s:settimeout(0.5)
report("timed 0.5 s", 1, start, s:accept())
-- Nonblocking I/O model: an error at once, EAGAIN; ask again and again.
start = net.now()
net.spawn(client_after, 0.3)
s:setblocking(false)
local asked, conn, why = 0
repeat
  asked, conn, why = asked + 1, s:accept()
  if not conn then print(why); net.sleep(0.1) end
until conn
report("non-blocking", asked, start, conn)
-- Try: what does it cost to ask every 0.001 s?  And what does asking seldom?
