-- How much memory the echo engine uses for peers that do not read, and for many
-- silent ones. Each spec has a server in a process of its own.
local net = require "net"
local support = require "tests.support"

local most = 10000 -- connections

local limit = "ulimit -n $(ulimit -Hn)" -- as many descriptors as allowed

-- Starts the engine in a process of its own, whose memory can be measured.
local function start(options)
  local script = support.write(support.folder() .. "/server.lua", [[
    local net = require "net"
    local sock <close> = net.socket()
    assert(sock:setsockopt("SO_SNDBUF", 1 << 16))
    assert(sock:bind("127.0.0.1", 0))
    assert(sock:listen(4096))
    print(select(2, sock:getsockname()))
    io.stdout:flush()
    sock:echo ]] .. (options or "{}"))
  local server = support.start(("sh -c '%s; exec %s %s'"):format(limit,
    support.driver, script))
  return server, tonumber((server:expect "(%d+)\n"))
end

-- Returns its resident memory in bytes, or 0 under a sanitizer, which keeps
-- freed memory.
local function memory(server)
  if support.build:find "asan" then return 0 end
  local status = support.read(("/proc/%d/status"):format(server.pid))
  return tonumber(status:match "VmRSS:%s+(%d+)") * 1024
end

local function client(port)
  local sock = support.own(net.socket())
  assert(sock:connect("127.0.0.1", port))
  return sock
end

local function ask(sock, text)
  assert(sock:sendall(text))
  assert.equal(text, sock:recv_exact(#text))
end

describe("the echo engine holds", function()
  support.leaves_nothing(before_each, after_each)

  for way, options in pairs {
    ["in a thread"] = "{}",
    ["with an observer"] = "{ on_message = function() end }",
  } do
    it("one buffer for a peer that never reads, " .. way, function()
      local server <close>, port = start(options)
      ask(client(port), ("x"):rep(300000)) -- it has its buffers now
      local before = memory(server)
      local offered, block = 0, ("x"):rep(1 << 20)
      local deaf = {}
      for i = 1, 8 do
        deaf[i] = client(port)
        deaf[i]:settimeout(0.05)
        for _ = 1, 128 do -- 1 GiB in all
          local _, _, _, sent = deaf[i]:sendall(block)
          offered = offered + #block
          if sent then break end
        end
      end
      assert.is_true(offered > 8 << 20)
      ask(client(port), "others are served")
      -- 256 KiB a peer, and as much again for the allocator
      local growth = memory(server) - before
      assert.is_true(growth <= 2 * 8 << 18, growth .. " bytes")
    end)
  end

  it("no bytes of a fast peer back because of 100 slow ones", function()
    local server <close>, port = start()
    local slow = {}
    for i = 1, 100 do slow[i] = client(port) end
    local fast = net.spawn(function()
      return net.load { port = port, connections = 4, messages = 20000 }
    end)
    for i = 1, 100 do -- a byte now and then; the answer is not read
      assert(slow[i]:sendall "s")
      if i % 10 == 0 then net.sleep(0.01) end
    end
    local report = fast:join()
    assert.equal(20000, report.messages)
    assert.equal(0, report.corrupt)
    for i = 1, 100 do assert.equal("s", slow[i]:recv(10)) end
    assert.truthy(server.pid)
  end)

  it("10,000 connections in a few bytes each, and serves them", function()
    local pipe <close> = io.popen "ulimit -Hn"
    local n = math.min(most, (tonumber(pipe:read "l") or 1 << 20) - 200)
    local server <close>, port = start()
    local before = memory(server)
    local script = support.write(support.folder() .. "/load.lua", ([[
      local r = assert(require "net".load { port = %d, connections = %d,
        messages = %d, timeout = 20 })
      print(r.connections, r.messages, r.corrupt, next(r.errors))
    ]]):format(port, n, 2 * n))
    local load <close> = support.start(("sh -c '%s; exec %s %s'"):format(
      limit, support.driver, script))
    local peak = 0
    support.eventually(function()
      peak = math.max(peak, memory(server))
      return load:output() ~= ""
    end, 60)
    assert.equal(("%d\t%d\t0\tnil\n"):format(n, 2 * n), (load:output()))
    assert.is_true((peak - before) / n <= 274, (peak - before) / n)
  end)
end)
