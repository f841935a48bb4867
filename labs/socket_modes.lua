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
  print(("%-13s called %d time(s) in %.1f s: %s"):format(mode, times,
    net.now() - start, conn and "a client connected" or why))
  if conn then conn:close() end
end

-- Blocking I/O model: call once; accept returns when a client connects.
local start = net.now()
net.spawn(client_after, 0.3)
s:setblocking(true)
report("blocking", 1, start, s:accept())
-- With a timeout: call once, but do not wait for ever.
start = net.now()
s:settimeout(0.5)
report("timeout 0.5 s", 1, start, s:accept())
-- Nonblocking I/O model: an error at once, EAGAIN; call again and again.
start = net.now()
net.spawn(client_after, 0.3)
s:setblocking(false)
local calls, conn, why = 0
repeat
  calls, conn, why = calls + 1, s:accept()
  if not conn then print(why); net.sleep(0.1) end
until conn
report("non-blocking", calls, start, conn)
-- Try: what does it cost to call every 0.001 s?  And once a second?
