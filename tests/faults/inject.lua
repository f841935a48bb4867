-- SPDX-License-Identifier: MIT
-- Row 4: strace(1) makes system calls of a server fail. All that its clients
-- sent comes back.
--
-- After EAGAIN on a ready socket no event follows until more bytes arrive, see
-- epoll(7). So EAGAIN is injected only for a while, and more bytes arrive.
local net = require "net"
local support = require "tests.support"

local CLIENTS, PIECES = 8, 60

local cases = {
  { "recvfrom", "EINTR", "2+3" }, { "sendto", "EINTR", "2+3" },
  { "accept4", "EINTR", "1+2" }, { "epoll_wait", "EINTR", "4+3" },
  { "recvfrom", "EAGAIN", "1..20+2" }, { "sendto", "EAGAIN", "1..20+2" },
  { "accept4", "EAGAIN", "1..4+2" },
  { "accept4", "ECONNABORTED", "1+2" }, { "accept4", "EPROTO", "1+2" },
  { "accept4", "ENOBUFS", "1..4+2" }, { "accept4", "ENOMEM", "1..4+2" },
  { "recvfrom", "ENOBUFS", "2+5" }, { "sendto", "ENOBUFS", "2+5" },
  { "recvfrom", "ENOMEM", "2+5" }, { "sendto", "ENOMEM", "2+5" },
}

-- Returns the bytes that a client sent, and whether they came back.
local function ask(port, seed)
  local sock <close> = assert(net.socket())
  sock:settimeout(20)
  assert(sock:connect("127.0.0.1", port))
  local parts = {}
  net.spawn(function()
    for i = 1, PIECES do
      parts[i] = string.pack("<I4", seed * PIECES + i):rep(1 + i * seed % 1000)
      sock:sendall(parts[i])
      net.sleep(0.002)
    end
    sock:shutdown "SHUT_WR"
  end)
  local back = sock:recv_all() or ""
  local all = table.concat(parts)
  return #all, back == all
end

-- Returns the bytes sent, the bytes of those clients that got all of theirs
-- back, and how many calls failed.
local function run(mode, call, code, when)
  local record = support.folder() .. "/strace"
  local server = support.start(support.strace(("-e trace=%s -e signal=none "
    .. "-e inject=%s:error=%s:when=%s"):format(call, call, code, when),
    record, support.driver .. " tests/faults/server.lua " .. mode))
  local port = tonumber((server:expect "(%d+)\n"))
  local tasks, sent, back = {}, 0, 0
  for i = 1, CLIENTS do
    tasks[i] = net.spawn(ask, port, i)
    net.sleep(0.01)
  end
  for _, task in ipairs(tasks) do
    local n, same = task:join()
    sent, back = sent + n, back + (same and n or 0)
  end
  local pipe <close> = io.popen("pgrep -P " .. server.pid)
  os.execute("kill " .. pipe:read "l")
  server:wait()
  return sent, back, select(2, support.read(record):gsub("INJECTED", ""))
end

local sent, back, injected, good, total = 0, 0, 0, 0, 0
for _, case in ipairs(cases) do
  for _, mode in ipairs { "lua", "echo" } do
    local n, same, calls = run(mode, table.unpack(case))
    local ok = n == same and calls > 0
    total, good = total + 1, good + (ok and 1 or 0)
    sent, back, injected = sent + n, back + same, injected + calls
    if not ok then
      print(mode, case[1], case[2], n .. " sent", same .. " back",
        calls .. " injected")
    end
  end
end
support.clean()
print(("figure 4: %d of %d cases, %d failures injected: %d bytes in, %d out")
  :format(good, total, injected, sent, back))
os.exit(good == total, true)
