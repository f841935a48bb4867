-- SPDX-License-Identifier: MIT
-- luv, libuv's own binding.    run:  lua5.4 luv.lua PORT tcp|udp
local uv = require "luv"
local port, kind = tonumber(arg[1]), arg[2]

if kind == "udp" then
  local sock = uv.new_udp()
  assert(sock:bind("127.0.0.1", port))
  sock:recv_buffer_size(4 << 20)
  sock:send_buffer_size(4 << 20)
  sock:recv_start(function(_, data, from)
    if data and from then sock:send(data, from.ip, from.port) end
  end)
else
  local server = uv.new_tcp()
  assert(server:bind("127.0.0.1", port))
  assert(server:listen(1024, function()
    local client = uv.new_tcp()
    server:accept(client)
    client:nodelay(true)
    client:read_start(function(_, data)
      if data then client:write(data) else client:close() end
    end)
  end))
end
uv.run()
