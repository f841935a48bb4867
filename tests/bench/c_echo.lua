-- SPDX-License-Identifier: MIT
-- netlab's C engine, sock:echo.    run:  netlab c_echo.lua PORT tcp|udp
local net = require "net"
local port, kind = tonumber(arg[1]), arg[2]

local sock <close> = assert(net.socket("inet", kind == "udp" and "dgram"
  or "stream"))
if kind == "udp" then
  assert(sock:setsockopt("SO_RCVBUF", 4 << 20))
  assert(sock:setsockopt("SO_SNDBUF", 4 << 20))
else
  assert(sock:setsockopt("SO_REUSEADDR", 1))
end
assert(sock:bind("127.0.0.1", port))
if kind ~= "udp" then assert(sock:listen(1024)) end
assert(sock:echo())
