-- SPDX-License-Identifier: MIT
-- Row 15: 10,000 signals while bytes go to and fro, over TCP and UDP, through a
-- loop in Lua and through the engine.
local net = require "net"
local support = require "tests.support"

local SECONDS = os.getenv "LONG" == "1" and 30 or 1 -- of each kind

local function serve(sock)
  local client <close> = sock
  repeat
    local data = client:recv(65536)
  until not data or not client:sendall(data)
end

local function serve_udp(sock)
  while true do
    local data, host, port = sock:recvfrom(65536)
    if not data then return end
    sock:sendto(data, host, port)
  end
end

local function quiet() end -- with an observer the engine runs in this thread

-- The kinds of servers, by what they do with a socket.
local kinds = {
  stream = { function(sock)
    while true do net.spawn(serve, (assert(sock:accept()))) end
  end, function(sock) sock:echo { on_message = quiet } end,
    function(sock) sock:echo() end },
  dgram = { serve_udp, function(sock) sock:echo { on_message = quiet } end },
}

-- Returns the bytes sent, and the bytes that did not come back unchanged.
local function ask(kind, server)
  local listener <close> = assert(net.socket("inet", kind))
  assert(listener:bind("127.0.0.1", 0))
  if kind == "stream" then assert(listener:listen()) end
  local _ <close> = net.spawn(server, listener)
  local sock <close> = assert(net.socket("inet", kind))
  assert(sock:connect(listener:getsockname()))
  local sent, lost, size, stop = 0, 0, 1, net.now() + SECONDS
  repeat
    size = size * 7 % 50021
    local data = string.pack("<I4", size):rep(size // 4 + 1)
    assert(sock:sendall(data))
    local back
    if kind == "stream" then
      back = sock:recv_exact(#data)
    else
      sock:settimeout(5)
      back = sock:recv(65536)
    end
    sent = sent + #data
    if back ~= data then lost = lost + #data end
  until net.now() > stop
  return sent, lost
end

if arg[1] then
  local sent, lost = 0, 0
  for kind, servers in pairs(kinds) do
    for _, server in ipairs(servers) do
      local more, less = ask(kind, server)
      sent, lost = sent + more, lost + less
    end
  end
  print("bytes", sent, lost)
  os.exit(lost == 0, true)
end

local out, err, status = support.run(
  ("env LD_PRELOAD=%s/faults/signals.so %s tests/faults/signals.lua asked")
    :format(support.build, support.driver), nil, 300)
local sent, lost = out:match "bytes\t(%d+)\t(%d+)"
local signals = tonumber(out:match "signals\t(%d+)") or 0
support.clean()
io.write(err)
local holds = signals >= 10000 and status == 0 and lost == "0"
print(("figure 15: %d signals, %s bytes lost of %.0f MB"):format(signals, lost,
  (tonumber(sent) or 0) / 1e6))
os.exit(holds, true)
