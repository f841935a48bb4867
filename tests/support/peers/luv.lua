-- SPDX-License-Identifier: MIT
-- luv, libuv's binding, as a peer like luasocket.lua, but without unixgram.
local uv = require "luv"

local kind, role, address = table.unpack(arg)
local port = tonumber(address)

local function stream()
  return kind == "tcp" and uv.new_tcp() or uv.new_pipe(false)
end

local function stream_server()
  local server = stream()
  if kind == "tcp" then
    assert(server:bind("127.0.0.1", port))
  else
    assert(server:bind(address))
  end
  assert(server:listen(32, function(err)
    assert(not err, err)
    local client = stream()
    assert(server:accept(client))
    client:read_start(function(_, data)
      if data then return client:write(data) end
      client:shutdown(function() client:close() end)
    end)
  end))
  print "ready"
end

local function stream_client()
  local client = stream()
  local function connected(err)
    assert(not err, err)
    client:write(io.read "a")
    client:shutdown()
    client:read_start(function(failed, data)
      assert(not failed, failed)
      if data then io.write(data) else client:close() end
    end)
  end
  if kind == "tcp" then
    client:connect("127.0.0.1", port, connected)
  else
    client:connect(address, connected)
  end
end

local function dgram_server()
  local sock = uv.new_udp()
  assert(sock:bind("127.0.0.1", port))
  sock:recv_start(function(_, data, from)
    if data and from then sock:send(data, from.ip, from.port) end
  end)
  print "ready"
end

local function dgram_client()
  local sock = uv.new_udp()
  sock:send(io.read "a", "127.0.0.1", port)
  sock:recv_start(function(_, data, from)
    if not from then return end
    io.write(data)
    sock:close()
  end)
end

io.stdout:setvbuf "no"
if role == "server" then
  (kind == "udp" and dgram_server or stream_server)()
else
  (kind == "udp" and dgram_client or stream_client)()
end
uv.run()
