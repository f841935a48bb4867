-- SPDX-License-Identifier: MIT
-- LuaSocket as a peer.   run: lua5.4 luasocket.lua KIND server|client PORT|PATH
-- KIND: tcp udp unix unixgram. The server sends back what it receives; the
-- client sends its standard input and prints the answer.
local socket = require "socket"
local unix = require "socket.unix"

local kind, role, address = table.unpack(arg)
local make = { tcp = socket.tcp, udp = socket.udp, unix = unix.stream,
  unixgram = unix.dgram }
local sock = assert(make[kind]())
if role == "client" then sock:settimeout(10) end

local function bind(name)
  if kind == "udp" then return assert(sock:setsockname("127.0.0.1", name)) end
  if kind == "tcp" then return assert(sock:bind("127.0.0.1", name)) end
  assert(sock:bind(name))
end

local function stream_server()
  bind(address)
  assert(sock:listen(32))
  print "ready"
  while true do
    local client = assert(sock:accept())
    assert(client:send((assert(client:receive "*a"))))
    client:close()
  end
end

local function stream_client()
  if kind == "tcp" then
    assert(sock:connect("127.0.0.1", address))
  else
    assert(sock:connect(address))
  end
  assert(sock:send(io.read "a"))
  sock:shutdown "send"
  io.write((assert(sock:receive "*a")))
end

local function dgram_server()
  bind(address)
  print "ready"
  while true do
    local data, host, port = sock:receivefrom(65536)
    assert(data, host)
    assert(sock:sendto(data, host, port))
  end
end

local function dgram_client()
  if kind == "udp" then
    assert(sock:sendto(io.read "a", "127.0.0.1", address))
  else
    bind(address .. ".client." .. tostring(sock):match "%x+$")
    assert(sock:sendto(io.read "a", address))
  end
  io.write((assert(sock:receivefrom(65536))))
end

io.stdout:setvbuf "no"
local stream = kind == "tcp" or kind == "unix"
if role == "server" then
  (stream and stream_server or dgram_server)()
else
  (stream and stream_client or dgram_client)()
end
