-- SPDX-License-Identifier: MIT
-- usage: netlab tests/faults/server.lua lua|echo
--
-- An echo server that the other scripts do harm to: a loop in Lua, or the
-- engine. It prints its port and, every 50 ms, "tick": it is alive. After two
-- minutes it ends by itself.
local net = require "net"

io.stdout:setvbuf "line"
local listener <close> = assert(net.socket())
assert(listener:bind("127.0.0.1", 0))
assert(listener:listen(512))
print((select(2, listener:getsockname())))

net.spawn(function()
  local start = net.now()
  for i = 1, 2400 do
    net.sleep(math.max(0, start + i / 20 - net.now()))
    print "tick"
  end
  os.exit(false, true)
end)

local function serve(sock)
  local client <close> = sock
  repeat
    local data = client:recv(65536)
  until not data or not client:sendall(data)
end

if arg[1] == "echo" then assert(listener:echo()) end
while arg[1] == "lua" do net.spawn(serve, (assert(listener:accept()))) end
