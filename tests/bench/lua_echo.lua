-- SPDX-License-Identifier: MIT
-- netlab's Lua path: a task for each connection, which receives and sends.
-- run:  netlab lua_echo.lua PORT tcp|udp [buffer]   (bytes instead of strings)
local net = require "net"
local port, kind, buffer = tonumber(arg[1]), arg[2], arg[3] == "buffer"

local function udp()
  local sock <close> = assert(net.socket("inet", "dgram"))
  assert(sock:setsockopt("SO_RCVBUF", 4 << 20))
  assert(sock:setsockopt("SO_SNDBUF", 4 << 20))
  assert(sock:bind("127.0.0.1", port))
  while true do
    local data, host, from = sock:recvfrom(65536)
    if data then sock:sendto(data, host, from) end
  end
end

local function by_strings(conn)
  local client <close> = conn
  local data = client:recv(65536)
  while data and client:sendall(data) do data = client:recv(65536) end
end

local function by_buffer(conn)
  local client <close> = conn
  local bytes = net.buffer(262144)
  local n = client:recv_into(bytes)
  while n and client:sendall(bytes, 1, n) do n = client:recv_into(bytes) end
end

local function tcp()
  local listener <close> = assert(net.socket("inet", "stream"))
  assert(listener:setsockopt("SO_REUSEADDR", 1))
  assert(listener:bind("127.0.0.1", port))
  assert(listener:listen(1024))
  while true do
    local conn = listener:accept()
    if conn then
      conn:setsockopt("TCP_NODELAY", 1)
      net.spawn(buffer and by_buffer or by_strings, conn)
    end
  end
end

if kind == "udp" then udp() else tcp() end
