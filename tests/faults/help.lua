-- SPDX-License-Identifier: MIT
--
-- What the scripts about load share: a server, and what it uses.
local net = require "net"
local support = require "tests.support"

local help = {}

--- Starts tests/faults/server.lua. Returns the process and its port.
function help.server(mode, seconds)
  local server = support.start(("%s tests/faults/server.lua %s %d"):format(
    support.driver, mode, seconds or 120))
  return server, tonumber((server:expect "(%d+)\n"))
end

function help.client(port)
  local sock = assert(net.socket())
  sock:settimeout(30)
  assert(sock:connect("127.0.0.1", port))
  return sock
end

--- Returns the resident memory of a process in bytes ("RSS"), or its peak
-- ("HWM").
function help.memory(pid, what)
  local status = support.read(("/proc/%s/status"):format(pid))
  return tonumber(status:match("Vm" .. (what or "RSS") .. ":%s+(%d+)")) * 1024
end

--- Returns how many descriptors a process has open.
function help.descriptors(pid)
  local pipe <close> = io.popen(("ls /proc/%d/fd | wc -l"):format(pid))
  return tonumber(pipe:read "a")
end

--- Returns the id of this process.
help.own = support.read("/proc/self/stat"):match "^%d+"

--- Closes a socket with a reset, which leaves nothing in TIME_WAIT.
function help.reset(sock)
  assert(sock:setsockopt("SO_LINGER", true, 0))
  sock:close()
end

--- Runs f(i) for 1..n, `width` at a time. Returns how many returned a true
-- value.
function help.each(n, width, f)
  local i, good, tasks = 0, 0, {}
  for t = 1, width do
    tasks[t] = net.spawn(function()
      while i < n do
        i = i + 1
        if f(i) then good = good + 1 end
      end
    end)
  end
  for _, task in ipairs(tasks) do task:join() end
  return good
end

return help
