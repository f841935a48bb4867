-- SPDX-License-Identifier: MIT
-- Row 9: accept(2) always fails, with each of its errors in turn, while a
-- client waits. Counts how often the server wakes up, and checks that it is
-- alive.
local net = require "net"
local support = require "tests.support"

local SECONDS = 3
local errors = { "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "ECONNABORTED",
  "EPROTO", "ENETDOWN" }

local function start(mode, code)
  local server = { mode = mode, code = code,
    record = support.folder() .. "/strace" }
  server.process = support.start(support.strace(
    "-e trace=epoll_wait,epoll_pwait,accept,accept4 -e signal=none "
    .. "-e inject=accept,accept4:error=" .. code, server.record,
    support.driver .. " tests/faults/server.lua " .. mode))
  server.port = tonumber((server.process:expect "(%d+)\n"))
  return server
end

local function count(server)
  local record = support.read(server.record)
  return select(2, record:gsub("epoll_p?wait%([^\n]*=", "")),
    select(2, record:gsub("accept4?%(", "")),
    select(2, (server.process:output()):gsub("tick\n", ""))
end

local servers = {}
for _, code in ipairs(errors) do
  for _, mode in ipairs { "lua", "echo" } do
    local server = start(mode, code)
    server.client = support.own(assert(net.socket()))
    assert(server.client:connect("127.0.0.1", server.port))
    servers[#servers + 1] = server
  end
end

local ok, worst, slowest = true, 0, math.huge
net.sleep(0.5)
local begin = net.now()
for _, server in ipairs(servers) do
  server.waits, server.accepts, server.ticks = count(server)
end
net.sleep(SECONDS)
for _, server in ipairs(servers) do
  local waits, _, ticks = count(server)
  local seconds = net.now() - begin
  -- each tick is a wake-up, too
  local wakes = (waits - server.waits - (ticks - server.ticks)) / seconds
  local rate = (ticks - server.ticks) / (seconds * 20) * 100
  worst, slowest = math.max(worst, wakes), math.min(slowest, rate)
  if wakes > 100 or rate < 80 then
    ok = false
    print(("%s %s: %.0f wake-ups/s, ticks %.0f %%"):format(server.mode,
      server.code, wakes, rate))
  end
end
for _, server in ipairs(servers) do -- strace ends with its child
  os.execute("kill " .. support.read(server.record):match "^%d+")
  server.process:wait()
end
print(("figure 9: %d errors x Lua and engine: at most %.0f wake-ups/s, " ..
  "ticks >= %.0f %%"):format(#errors, worst, slowest))
support.clean()
os.exit(ok, true)
