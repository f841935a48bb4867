-- SPDX-License-Identifier: MIT
-- Row 17: 300 ms of work, then a call with a timeout of 100 ms. It ends neither
-- early, because the loop's clock stood still meanwhile, nor late. Each kind of
-- call is made 100 times, 50 of them at once in tasks of their own.
local net = require "net"
local support = require "tests.support"

local ROUNDS, AT_ONCE, TIME = 2, 50, 0.1

local function dgram()
  local sock = support.own(assert(net.socket("inet", "dgram")))
  assert(sock:bind("127.0.0.1", 0))
  sock:settimeout(TIME)
  return sock
end

local function stream()
  local a, b = support.pair()
  a:settimeout(TIME)
  b:settimeout(TIME)
  return a, b
end

local function full()
  local a, b = assert(net.socketpair())
  support.own(a)
  support.own(b)
  a:settimeout(0)
  repeat until not a:send(("x"):rep(1 << 16))
  a:settimeout(TIME)
  return a
end

-- An IPv6 listener with a full backlog accepts no more SYNs.
local hole = assert(net.listen("::1", 0, { backlog = 0 }))
local function connecting()
  local sock = support.own(assert(net.socket "inet6"))
  sock:settimeout(TIME)
  return sock
end
local full_backlog = {}
for i = 1, 2 do
  full_backlog[i] = assert(net.socket "inet6")
  full_backlog[i]:settimeout(0)
  full_backlog[i]:connect(hole:getsockname())
end

-- Each prepares what it needs and returns the call.
local kinds = {
  recv = function() local a = stream() return function()
    return a:recv(1) end end,
  recv_exact = function() local a, b = stream() b:send "x" return function()
    return a:recv_exact(2) end end,
  recv_line = function() local a, b = stream() b:send "x" return function()
    return a:recv_line() end end,
  recv_all = function() local a, b = stream() b:send "x" return function()
    return a:recv_all() end end,
  recv_into = function() local a = stream() return function()
    return a:recv_into(net.buffer(1)) end end,
  send = function() local a = full() return function()
    return a:send "x" end end,
  sendall = function() local a = full() return function()
    return a:sendall "x" end end,
  accept = function() local l = support.listener() l:settimeout(TIME)
    return function() return l:accept() end end,
  connect = function() local s = connecting() return function()
    return s:connect(hole:getsockname()) end end,
  recvfrom = function() local s = dgram() return function()
    return s:recvfrom(1) end end,
  select = function() local a = stream() return function()
    local readers = net.select({ a }, {}, TIME)
    return nil, nil, not (readers and readers[1]) and "ETIMEDOUT" end end,
  sleep = function() return function()
    return nil, nil, net.sleep(TIME) and "ETIMEDOUT" end end,
  deadline = function() local a = stream() a:settimeout(nil)
    return function() return net.deadline(TIME, a.recv, a, 1) end end,
}

local function timed(call)
  local start = net.now()
  local _, _, code = call()
  return net.now() - start, code
end

local function work(seconds)
  local stop = net.now() + seconds
  repeat until net.now() > stop
end

local least, typical, wrong, count = math.huge, 0, 0, 0
for _, make in pairs(kinds) do
  local times = {}
  for _ = 1, ROUNDS do
    local calls, tasks = {}, {}
    for i = 1, AT_ONCE do calls[i] = make() end
    work(0.3)
    for i = 1, AT_ONCE do tasks[i] = net.spawn(timed, calls[i]) end
    for i = 1, AT_ONCE do
      local seconds, code = tasks[i]:join()
      times[#times + 1] = seconds
      if code ~= "ETIMEDOUT" then wrong = wrong + 1 end
    end
    support.clean()
  end
  table.sort(times)
  least = math.min(least, times[1])
  typical = math.max(typical, times[#times // 2])
  count = count + 1
end
print(("figure 17: %d calls x %d: min %.1f ms, the slowest call's typical "
  .. "%.1f ms, %d wrong"):format(count, ROUNDS * AT_ONCE, least * 1e3,
  typical * 1e3, wrong))
os.exit(least >= TIME and typical <= 0.12 and wrong == 0, true)
