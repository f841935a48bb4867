-- SPDX-License-Identifier: MIT
-- Row 20: a waiting task is cancelled, or its coroutine closed, in every kind
-- of wait. Its __close runs once, and nothing resumes it again.
local net = require "net"
local support = require "tests.support"

local EACH = os.getenv "LONG" == "1" and 10000 or 500

local function bound(kind)
  local sock = support.own(assert(net.socket("inet", kind)))
  assert(sock:bind("127.0.0.1", 0))
  return sock
end

local a, b = support.pair()
local full, unread = net.socketpair() -- a TCP peer would have more room
support.own(full)
support.own(unread)
full:settimeout(0)
repeat until not full:send(("x"):rep(1 << 16))
full:settimeout(nil)
local udp, listener, echo = bound "dgram", bound "stream", bound "dgram"
assert(listener:listen())
local path = support.folder() .. "/sock"
local busy = support.own(assert(net.socket "unix"))
assert(busy:bind(path))
assert(busy:listen(0))
assert(support.own(net.socket "unix"):connect(path))
local hole = support.own(assert(net.listen("::1", 0, { backlog = 0 })))
for _ = 1, 2 do -- then it is full
  local sock = support.own(net.socket "inet6")
  sock:settimeout(0)
  sock:connect(hole:getsockname())
end
local silent = select(3, support.listener(4096))
local buffer = net.buffer(1)
local sleeper = net.spawn(net.sleep, 3600)

local waits = {
  recv = function() b:recv(1) end,
  recv_exact = function() b:recv_exact(1) end,
  recv_line = function() b:recv_line() end,
  recv_all = function() b:recv_all() end,
  recv_into = function() b:recv_into(buffer) end,
  lines = function() for _ in b:lines() do end end,
  send = function() full:send "x" end,
  sendall = function() full:sendall "x" end,
  accept = function() listener:accept() end,
  ["connect (TCP)"] = function()
    local sock <close> = net.socket "inet6"
    sock:connect(hole:getsockname())
  end,
  ["connect (UNIX)"] = function()
    local sock <close> = net.socket "unix"
    sock:connect(path)
  end,
  ["net.connect"] = function() net.connect(hole:getsockname()) end,
  recvfrom = function() udp:recvfrom(1) end,
  select = function() net.select({ b, udp, listener }, { full }) end,
  deadline = function() net.deadline(3600, b.recv, b, 1) end,
  echo = function() echo:echo() end,
  ["echo (observed)"] = function() echo:echo { on_message = print } end,
  ["net.load"] = function() net.load { port = silent, timeout = 1e6 } end,
  sleep = function() net.sleep(3600) end,
  join = function() sleeper:join() end,
  run = function() net.run() end,
  yield = function() while true do coroutine.yield() end end,
  ["in a coroutine"] = function()
    net.coroutine.wrap(function() b:recv(1) end)()
  end,
}

local closed, went_on, late, current
local function task_of(wait, n)
  local _ <close> = setmetatable({}, {
    __close = function()
      closed = closed + 1
      if n ~= current then late = late + 1 end
    end,
  })
  wait()
  went_on = went_on + 1
end

local kinds, all, bad = 0, 0, {}
local before = support.descriptors()
for name, wait in pairs(waits) do
  local code
  closed, went_on, late = 0, 0, 0
  local each = name:find "load" and EACH // 10 or EACH
  for i = 1, each do
    local co
    current = i
    local task = net.spawn(function()
      co = coroutine.running()
      task_of(wait, i)
    end)
    net.sleep(0)
    if i % 2 == 0 then
      task:cancel()
    else
      assert(coroutine.close(co))
    end
    code = select(3, task:join())
    if code ~= "ECANCELED" then break end
  end
  net.sleep(0.001) -- a late wake-up would come now
  a:send "x" -- nothing waits for b any more
  local got = b:recv(1)
  kinds, all = kinds + 1, all + closed
  if closed ~= each or went_on > 0 or late > 0 or got ~= "x" then
    bad[#bad + 1] = ("%s: %d closed, %d went on, %d late, %s"):format(
      name, closed, went_on, late, code)
  end
end
collectgarbage()
net.sleep(0.01)
-- The count before may have been too high, while a lookup ended.
local left = math.max(0, support.descriptors() - before)
print(("figure 20: %d kinds of wait, %d tasks ended, %d kinds wrong, "
  .. "%d descriptors left"):format(kinds, all, #bad, left))
for _, text in ipairs(bad) do print(text) end
support.clean()
os.exit(#bad == 0 and left == 0, true)
