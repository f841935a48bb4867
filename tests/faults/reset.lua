-- SPDX-License-Identifier: MIT
-- Row 5: a write fails, by a real reset or by strace(1). The writer gets the
-- error, a waiting reader is woken, and no descriptor stays open.
local net = require "net"
local support = require "tests.support"

local CASES = os.getenv "LONG" == "1" and 2500 or 250 -- of each of four kinds

local function pair(listener)
  local client = assert(net.socket())
  assert(client:connect(listener:getsockname()))
  return client, assert(listener:accept())
end

local function is_reset(code) return code == "ECONNRESET" or code == "EPIPE" end

-- The peer resets the connection while a reader and a writer wait. Returns
-- whether both got an error.
local function broken(listener)
  local peer, conn = pair(listener)
  local sock <close> = conn
  local data = ("x"):rep(1 << 18)
  local reader = net.spawn(function() return select(3, sock:recv(1)) end)
  local writer = net.spawn(function()
    while sock:send(data) do end
    return select(3, sock:send(data)) or "none"
  end)
  net.sleep(0.001)
  assert(peer:setsockopt("SO_LINGER", true, 0))
  peer:close()
  -- one of them gets the reset, the other the end after it
  local read, wrote = reader:join(), writer:join()
  return is_reset(wrote) and (is_reset(read) or read == "EOF")
end

-- Every write fails here. Returns whether it reports that, and the end of the
-- block wakes the reader.
local function failed(listener, code)
  local peer, conn = pair(listener)
  local reader = net.spawn(function() return select(3, conn:recv(1)) end)
  net.sleep(0)
  local told
  do
    local sock <close> = conn
    told = select(3, sock:sendall "x")
  end
  peer:close()
  return told == code and reader:join() == "ECANCELED"
end

-- Returns how many more descriptors than `before` are open. A busy machine may
-- need a while to close one.
local function more(before, count)
  local left
  for _ = 1, 20 do
    left = math.max(0, count() - before)
    if left == 0 then break end
    net.sleep(0.05)
  end
  return left
end

-- Returns how many cases of a kind succeeded, and how many descriptors stayed
-- open.
local function run(case, code)
  local listener <close> = support.listener()
  local good = case(listener, code) and 1 or 0
  local before = support.descriptors()
  for _ = 2, CASES do good = good + (case(listener, code) and 1 or 0) end
  return good, more(before, support.descriptors)
end

if arg[1] then return print(run(failed, arg[1])) end

-- Returns the same for a process whose writes fail.
local function injected(code)
  local out = support.run(support.strace("-e trace=sendto "
    .. "-e inject=sendto:error=" .. code, support.folder() .. "/strace",
    support.driver .. " tests/faults/reset.lua " .. code), nil, 600)
  local good, left = out:match "(%d+)%s+(%S+)"
  return tonumber(good) or 0, tonumber(left) or 0
end

-- An engine whose answers fail closes each client's connection.
local function engine(code)
  local server = support.start(support.strace("-e trace=sendto "
    .. "-e inject=sendto:error=" .. code, support.folder() .. "/strace",
    support.driver .. " tests/faults/server.lua echo"))
  local port, good = tonumber((server:expect "(%d+)\n")), 0
  local pipe <close> = io.popen("pgrep -P " .. server.pid)
  local pid = pipe:read "l"
  local function descriptors()
    local list <close> = io.popen(("ls /proc/%s/fd | wc -l"):format(pid))
    return list:read "n"
  end
  local before = descriptors()
  for _ = 1, CASES do
    local sock <close> = assert(net.socket())
    sock:settimeout(10)
    assert(sock:connect("127.0.0.1", port))
    assert(sock:send "x")
    local code_read = select(3, sock:recv(1))
    if code_read == "EOF" or is_reset(code_read) then good = good + 1 end
  end
  local left = more(before, descriptors)
  os.execute("kill " .. pid)
  server:wait()
  return good, left
end

local good, left, kinds = 0, 0, 0
local function add(n, open)
  good, left, kinds = good + n, left + open, kinds + 1
end
add(run(broken))
add(injected "ECONNRESET")
add(injected "EPIPE")
add(engine "EPIPE")
support.clean()
print(("figure 5: %d of %d cases: told, woken, closed; %d descriptors left")
  :format(good, kinds * CASES, left))
os.exit(good == kinds * CASES and left == 0, true)
