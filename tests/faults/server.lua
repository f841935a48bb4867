-- SPDX-License-Identifier: MIT
-- usage: netlab tests/faults/server.lua lua|echo|observed [SECONDS]
--
-- The echo server that the other scripts attack: a loop in Lua, or the engine,
-- in a thread of its own or with an observer. It prints its port and, every 50
-- ms, "tick" as a sign of life. After two minutes it ends by itself.
local net = require "net"

io.stdout:setvbuf "line"
local listener <close> = assert(net.socket())
assert(listener:setsockopt("SO_SNDBUF", 1 << 16)) -- soon full
assert(listener:bind("127.0.0.1", 0))
assert(listener:listen(4096))
print((select(2, listener:getsockname())))

net.spawn(function()
  local start = net.now()
  for i = 1, 20 * (tonumber(arg[2]) or 120) do
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
if arg[1] == "observed" then
  assert(listener:echo { on_message = function() end })
end
while arg[1] == "lua" do net.spawn(serve, (assert(listener:accept()))) end
