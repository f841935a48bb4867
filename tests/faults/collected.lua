-- SPDX-License-Identifier: MIT
-- Row 18: sockets without references, at every stage of their lives. The
-- collector closes them, and nothing is used after it is freed (as `make asan`
-- and `make valgrind` would report).
local net = require "net"
local support = require "tests.support"

local SOCKETS = os.getenv "LONG" == "1" and 100000 or 10000
local listener <close> = support.listener(1024)
listener:settimeout(5)

local function connected()
  local sock = assert(net.socket())
  assert(sock:connect(listener:getsockname()))
  return sock, assert(listener:accept())
end

-- Each call leaves two sockets, or the like, without a reference.
local stages = {
  function() net.socket() net.socket("inet", "dgram") end,
  function()
    assert(net.socket():bind("127.0.0.1", 0))
    assert(assert(net.socket():bind("127.0.0.1", 0)):listen())
  end,
  function() -- a connect is under way
    local sock = net.socket()
    sock:settimeout(0)
    sock:connect(listener:getsockname())
    listener:accept()
  end,
  function() connected() end,
  function() -- unread bytes, in the kernel and in the buffer
    local a, b = connected()
    a:sendall "one\ntwo"
    b:recv_line()
  end,
  function() -- it waited in vain
    local a, b = connected()
    a:settimeout(0)
    b:settimeout(0.0001)
    b:recv(1)
  end,
  function() -- half closed, and closed while referred to
    local a, b = connected()
    a:shutdown "SHUT_WR"
    b:close()
  end,
  function() -- a task that waits for it ends
    local a, b = connected()
    local task = net.spawn(function() a:recv(1) end)
    net.sleep(0)
    task:cancel()
    b:send "x"
  end,
  function() -- a reader that close wakes
    local a, b = connected()
    net.spawn(function() b:recv(1) end)
    net.sleep(0)
    b:close()
    a:close()
  end,
  function() -- a cycle, which only the collector finds
    local a, b = connected()
    local cycle = { a, b, a:lines() }
    setmetatable(cycle, { __index = cycle })
  end,
}

collectgarbage()
local before, dropped = support.descriptors(), 0
while dropped < SOCKETS do
  for _, stage in ipairs(stages) do stage() end
  dropped = dropped + 2 * #stages
  if dropped % 200 == 0 then
    collectgarbage()
    net.sleep(0)
  end
end
net.run()
collectgarbage()
collectgarbage()
net.sleep(0.01)
local left = math.max(0, support.descriptors() - before)
print(("figure 18: %d sockets dropped at %d stages, %d descriptors left")
  :format(dropped, #stages, left))
os.exit(left == 0, true)
