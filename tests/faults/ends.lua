-- SPDX-License-Identifier: MIT
-- Row 25: a script ends at 20 points, by os.exit(c, true), by its end and by an
-- error. It ends cleanly, with the right status, and soon.
local net = require "net"
local support = require "tests.support"

local MOST = 1
local prelude = [[
  local net = require "net"
  local listener = assert(net.listen("127.0.0.1", 0))
  local host, port = listener:getsockname()
  local a = assert(net.connect(host, port))
  local b = assert(listener:accept())
  local udp = net.socket("inet", "dgram")
  assert(udp:bind("127.0.0.1", 0))
]]

local points = {
  "",
  "local c <close> = net.socket() a:close()",
  "a:sendall 'unread' b:recv(2)",
  "a:settimeout(0) while a:send(('x'):rep(65536)) do end",
  "a:setsockopt('SO_LINGER', true, 2) a:send 'x' a:close()",
  "net.spawn(b.recv, b, 1) net.sleep(0)",
  "net.spawn(listener.accept, listener) net.sleep(0)",
  "net.spawn(udp.recvfrom, udp, 1) net.sleep(0)",
  "net.spawn(a.sendall, a, ('x'):rep(16 << 20)) net.sleep(0)",
  "net.spawn(net.sleep, 600) net.sleep(0)",
  "net.spawn(net.sleep, 600)", -- not begun yet
  "net.spawn(function() net.spawn(net.sleep, 600):join() end) net.sleep(0)",
  "net.spawn(udp.echo, udp) net.sleep(0.01)",
  "net.spawn(listener.echo, listener, { workers = 2 }) net.sleep(0.01)",
  "net.spawn(net.load, { port = port, seconds = 600 }) net.sleep(0.05)",
  "net.spawn(net.gethostbyname, 'no.such.name') net.sleep(0)",
  "net.spawn(net.select, { a, b }, {}) net.sleep(0)",
  "net.spawn(net.deadline, 600, b.recv, b, 1) net.sleep(0)",
  "net.spawn(net.coroutine.wrap(function() b:recv(1) end)) net.sleep(0)",
  "local t = net.spawn(b.recv, b, 1) net.sleep(0) t:cancel() b:close()",
}

-- How it ends: the text, and the status. As the host waits for tasks after the
-- script, a task ends it there.
local ends = {
  ["os.exit"] = { "os.exit(3, true)", 3 },
  ["the end"] = { support.hosted and
    "net.spawn(function() net.sleep(0) os.exit(0, true) end)" or "", 0 },
  error = { "error 'it went wrong'", 1 },
}

local runs, good, worst = 0, 0, 0
for i, point in ipairs(points) do
  for name, how in pairs(ends) do
    local start = net.now()
    local out, err, status = support.script(prelude .. point .. "\n" .. how[1])
    local seconds = net.now() - start
    local said = how[2] == 1 and err:find "it went wrong\nstack traceback:"
      or err == ""
    runs, worst = runs + 1, math.max(worst, seconds)
    if status == how[2] and said and out == "" then
      good = good + 1
    else
      print(("point %d, %s: status %s, '%s'"):format(i, name, status, err))
    end
    support.clean()
  end
end
print(("figure 25: %d/%d runs ended cleanly, max %.2f s"):format(
  good, runs, worst))
os.exit(good == runs and worst <= MOST, true)
