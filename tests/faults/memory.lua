-- SPDX-License-Identifier: MIT
-- Row 3: each script runs again and again, while its first allocation fails,
-- then its second, and so on; only that one, or all that follow, too. The
-- script may fail, but must not crash, hang or leak.
local net = require "net"

-- A task that fails closes its sockets, so that no other waits for it. (Without
-- the memory to begin it cannot, so no task waits for long.)
local WAIT <const> = 0.2
local function serve(sock, f)
  return net.spawn(function()
    local server <close> = sock
    f(server)
  end)
end

local function bound(kind)
  local sock = assert(net.socket("inet", kind))
  assert(sock:bind("127.0.0.1", 0))
  return sock
end

local scripts = {}

function scripts.tcp()
  local listener <close> = bound "stream"
  assert(listener:listen())
  serve(listener, function()
    local client <close> = assert(listener:accept())
    repeat
      local data = client:recv(4096)
    until not data or not client:sendall(data)
  end)
  local sock <close> = assert(net.socket())
  sock:settimeout(WAIT)
  assert(sock:connect(listener:getsockname()))
  for i = 1, 3 do
    local text = ("x"):rep(2000 * i)
    assert(sock:sendall(text))
    assert(assert(sock:recv_exact(#text)) == text)
  end
  assert(sock:sendall "a line\n" and assert(sock:recv_line()) == "a line")
  sock:shutdown "SHUT_WR"
  assert(sock:recv_all())
end

function scripts.udp()
  local echo <close> = bound "dgram"
  serve(echo, function()
    repeat
      local data, host, port = echo:recvfrom(4096)
    until not data or not echo:sendto(data, host, port)
  end)
  local sock <close> = assert(net.socket("inet", "dgram"))
  sock:settimeout(WAIT)
  for i = 1, 3 do
    local text = ("x"):rep(1000 * i)
    assert(sock:sendto(text, echo:getsockname()))
    assert(assert(sock:recvfrom(4096)) == text)
  end
end

-- Digits, because without /etc/hosts libc asks a name server, which may take
-- long.
function scripts.dns()
  assert(net.gethostbyname "localhost")
  assert(net.getaddrinfo("127.0.0.1", "http"))
  assert(net.getnameinfo("127.0.0.1", 80,
    { flags = { "NI_NUMERICHOST" } }))
end

function scripts.tasks()
  local a <close>, b = assert(net.socketpair())
  local _ <close> = b
  local waits = {
    function() net.sleep(60) end, function() a:recv(1) end,
    function() net.select({ a, b }, {}) end,
    function() net.deadline(60, net.sleep, 60) end,
    net.coroutine.wrap(function() net.sleep(60) end),
  }
  local tasks = {}
  for i, wait in ipairs(waits) do
    tasks[i] = net.spawn(function()
      local closing <close> = setmetatable({}, { __close = net.now })
      wait(closing)
    end)
  end
  net.sleep(0)
  for _, task in ipairs(tasks) do task:cancel() end
  assert(net.spawn(function() return 1 end):join() == 1)
end

-- The engine with and without threads, under the load generator.
function scripts.echo()
  for i = 1, 2 do
    local listener <close> = bound "stream"
    assert(listener:listen())
    local host, port = listener:getsockname()
    local server = serve(listener, function()
      assert(listener:echo { on_message = i == 1 and net.now or nil })
    end)
    assert(net.deadline(WAIT, net.load, { host = host, port = port,
      messages = 10 }))
    server:cancel()
  end
end

-- libuv aborts if it cannot start the threads for lookups, and libuv 1.44 if it
-- cannot copy a name for net.interfaces. So these are not tested.
if arg[1] then
  if os.getenv "MEMORY_FORK" then
    scripts.dns() -- the resolver keeps what it made
    os.getenv "MEMORY_FAILS"
    scripts[arg[1]]()
  end
  return
end

local support = require "tests.support"
local tried, bad = 0, 0
local windows = os.getenv "LONG" == "1" and { 1, 2, 3, 5, 10, 20, 50, 100, 0 }
  or { 1, 2, 10, 0 }
for name in pairs(scripts) do
  for _, window in ipairs(windows) do
    local out = support.run(("env UV_THREADPOOL_SIZE=1 MEMORY_WINDOW=%d "
      .. "LD_PRELOAD=%s/faults/memory.so %s tests/faults/memory.lua %s")
      :format(window, support.build, support.driver, name), nil, 600)
    for what in out:gmatch "bad\t([^\n]+)" do
      print(("%s, %d in a row: %s"):format(name, window, what))
      bad = bad + 1
    end
    tried = tried + (tonumber(out:match "tried\t(%d+)") or 0)
    if not out:find "tried" then bad = bad + 1 end
  end
end
support.clean()
print(("figure 3: %d allocations failed; crashes, hangs, leaks: %d"):format(
  tried, bad))
os.exit(bad == 0, true)
