-- SPDX-License-Identifier: MIT
--
-- Scripts that wait for ever, for Ctrl-C to end: their beginning, and the
-- calls.
local waits = {}

-- A task prints `ready`, so it is not printed before the script waits.
waits.prelude = [[
  local net = require "net"
  local function say(text) print(text) io.stdout:flush() end
  local function closing(text)
    return setmetatable({}, { __close = function() say(text) end })
  end
  local function spawn_ready() net.spawn(say, "ready") end
  local function bound(type)
    local sock = assert(net.socket("inet", type))
    assert(sock:bind("127.0.0.1", 0))
    return sock
  end
  local function pair()
    local listener <close> = bound "stream"
    assert(listener:listen(1))
    local a = net.socket()
    assert(a:connect(listener:getsockname()))
    return a, assert(listener:accept())
  end
]]

-- Calls that wait for ever: the name and the text.
waits.calls = {
  { "accept", "local l <close> = bound 'stream' l:listen(1) l:accept()" },
  { "recv", "local a, b = pair() a:recv(1) b:close()" },
  { "recv_line", "local a, b = pair() b:sendall 'abc' a:recv_line()" },
  { "recv_exact", "local a, b = pair() b:sendall 'abc' a:recv_exact(4)" },
  { "send to a peer that is full",
    "local a, b = pair() while a:send(('x'):rep(1 << 20)) do end b:close()" },
  { "sendall to a peer that is full",
    "local a, b = net.socketpair() a:sendall(('x'):rep(1 << 20)) b:close()" },
  { "recvfrom", "bound 'dgram':recvfrom(1)" },
  { "select", "local a, b = pair() net.select({ a, b }, {}) " },
  { "connect, and closes its attempts", [[
      local hole = net.listen("::1", 0, { backlog = 0 })
      local host, port = hole:getsockname()
      local full = { assert(net.connect(host, port)) }
      while net.connect(host, port) do full[#full + 1] = 1 end ]] },
  { "sleep", "net.sleep(600)" },
  { "join", "net.spawn(net.sleep, 600):join()" },
  { "run", "net.spawn(net.sleep, 600) net.run()" },
}

return waits
