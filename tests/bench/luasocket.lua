-- SPDX-License-Identifier: MIT
-- LuaSocket, a select loop.    run:  lua5.4 luasocket.lua PORT tcp|udp
local socket = require "socket"
local port, kind = tonumber(arg[1]), arg[2]

if kind == "udp" then
  local sock = assert(socket.udp())
  sock:setoption("recv-buffer-size", 4 << 20)
  sock:setoption("send-buffer-size", 4 << 20)
  assert(sock:setsockname("127.0.0.1", port))
  while true do
    local data, host, from = sock:receivefrom(8192) -- its maximum
    if data then sock:sendto(data, host, from) end
  end
end

local server = assert(socket.tcp())
server:setoption("reuseaddr", true)
assert(server:bind("127.0.0.1", port))
assert(server:listen(1024))
server:settimeout(0)
local readers, writers, rest = { server }, {}, {}

local function add(list, sock)
  list[#list + 1] = sock
  list[sock] = #list
end

local function remove(list, sock)
  local i, last = list[sock], list[#list]
  list[i], list[last] = last, i
  list[#list], list[sock] = nil, nil
end

-- Sends it. What the kernel does not take waits, and no more is read meanwhile.
local function send(sock, data, first)
  local _, err, last = sock:send(data, first)
  if err ~= "timeout" then
    if rest[sock] then remove(writers, sock) add(readers, sock) end
    rest[sock] = nil
    return
  end
  if not rest[sock] then remove(readers, sock) add(writers, sock) end
  rest[sock] = { data, last + 1 }
end

while true do
  local readable, writable = socket.select(readers, writers)
  for _, sock in ipairs(writable) do send(sock, table.unpack(rest[sock])) end
  for _, sock in ipairs(readable) do
    if sock == server then
      local client = server:accept()
      if client then
        client:settimeout(0)
        client:setoption("tcp-nodelay", true)
        add(readers, client)
      end
    else
      local data, err, part = sock:receive(65536)
      data = data or part
      if #data > 0 then send(sock, data, 1) end
      if err == "closed" then
        remove(rest[sock] and writers or readers, sock)
        rest[sock] = nil
        sock:close()
      end
    end
  end
end
