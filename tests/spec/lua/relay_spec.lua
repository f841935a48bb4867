-- net.relay, and its lab as a process. The servers run in the spec.
local net = require "net"
local relay = require "net.relay"
local support = require "tests.support"

-- Starts the lab. Returns its process and its port when it relays.
local function lab(args)
  local process = support.start(("%s labs/more/relay.lua --port 0 %s"):format(
    support.driver, args))
  return process, tonumber((process:expect "Relaying %S+ port (%d+) to"))
end

-- Ends the lab by Ctrl-C. Returns all that it printed.
local function ended(process)
  process:signal "INT"
  local out, err, status = process:wait()
  assert.matches("interrupted\n$", err)
  assert.equal(support.interrupted, status)
  return out
end

local function udp(host)
  local sock = support.own(assert(net.socket(
    host and "inet6" or "inet", "dgram")))
  assert(sock:bind(host or "127.0.0.1", 0))
  return sock, select(2, sock:getsockname())
end

-- Serves echo until the spec ends.
local function echo(sock)
  local task = net.spawn(sock.echo, sock)
  support.own { close = function() task:cancel() end }
  return select(2, sock:getsockname())
end

local function udp_echo(host) return echo((udp(host))) end
local function tcp_echo() return echo((support.listener())) end

local function client(port)
  local sock = support.own(assert(net.socket()))
  assert(sock:connect("127.0.0.1", port))
  return sock:settimeout(20)
end

-- Returns bytes that do not repeat.
local function bytes(size)
  local parts = {}
  for i = 1, size // 4 do
    parts[i] = (">I4"):pack(i * 2654435761 & 0xffffffff)
  end
  return table.concat(parts)
end

describe("the relay lab and datagrams", function()
  support.leaves_nothing(before_each, after_each)

  -- Returns the numbers of those lost, of 60 that a client sent.
  local function losses(seed, way)
    local process <close>, port = lab(("--udp --to %d --loss 30%% --seed %d")
      :format(udp_echo(), seed))
    local sock = udp()
    for i = 1, 60 do assert(sock:sendto("ask " .. i, "127.0.0.1", port)) end
    local up = process:expect "up 60, .*" and process:output()
    local _, lost_up = up:gsub("\nup [^\n]*: lost", "")
    process:expect("down " .. 60 - lost_up .. ", ")
    local numbers = {}
    for n in ended(process):gmatch("\n" .. way .. " (%d+),[^\n]*: lost") do
      numbers[#numbers + 1] = n
    end
    return table.concat(numbers, " "), #numbers
  end

  for _, way in ipairs { "up", "down" } do
    it("loses the same ones with the same seed, " .. way, function()
      local first, n = losses(1, way)
      assert.is_true(n > 5 and n < 30, first)
      assert.equal(first, (losses(1, way)))
      assert.not_equal(first, (losses(2, way)))
    end)
  end

  it("makes the slide's client time out", function()
    local process <close>, port = lab("--udp --loss 100% --to " .. udp_echo())
    local out, _, status = support.run(
      ("%s labs/udp_echo_client.lua --timeout 0.2 --port %d"):format(
        support.driver, port))
    assert.matches("\nNobody answered within 0.2 seconds\n", out)
    assert.equal(1, status)
    out = ended(process)
    assert.matches("\nup 1, 33 bytes, 127.0.0.1:%d+: lost\n", out)
    assert.matches("\n1 datagrams up, 0 down, 1 lost\n$", out)
  end)

  it("lets a client that asks again succeed", function()
    local process <close>, port = lab("--udp --loss 30% --to " .. udp_echo())
    local sock, tries = udp(), 0
    assert(sock:connect("127.0.0.1", port)):settimeout(0.05)
    for i = 1, 10 do
      local question, answer = "question " .. i
      repeat
        tries = tries + 1
        assert(sock:send(question))
        repeat answer = sock:recv(100) until not answer or answer == question
      until answer
    end
    assert.is_true(tries > 10, tries)
    local up, lost = ended(process):match
      "\n(%d+) datagrams up, %d+ down, (%d+)"
    assert.equal(tries, tonumber(up))
    assert.is_true(tonumber(lost) > 0, lost)
  end)

  it("gives each client its own answers, over IPv6, too", function()
    local process <close>, port = lab(
      "--udp --quiet --host ::1 --to [::1]:" .. udp_echo "::1")
    local socks = {}
    for i = 1, 5 do
      socks[i] = udp "::1"
      assert(socks[i]:settimeout(20):sendto("I am " .. i, "::1", port))
    end
    for i = 1, 5 do
      local data, _, from = socks[i]:recvfrom(100)
      assert.same({ "I am " .. i, port }, { data, from })
    end
    assert.matches("^[^\n]*\n5 datagrams up, 5 down, 0 lost\n$",
      ended(process))
  end)

  it("reports a missing server, and goes on", function()
    local free = support.free_port()
    local process <close>, port = lab("--udp --to " .. free)
    local sock = udp()
    assert(sock:sendto("anybody?", "127.0.0.1", port))
    process:expect "127.0.0.1:%d+: recv 127.0.0.1:%d+: .* %(ECONNREFUSED%)"
    local server = support.own(assert(net.socket("inet", "dgram")))
    assert(server:bind("127.0.0.1", free))
    assert(sock:sendto("and now?", "127.0.0.1", port))
    assert.equal("and now?", (server:settimeout(20):recv(100)))
  end)

  it("forgets a silent client, and serves it again", function()
    local process <close>, port = lab("--udp --idle 50ms --to " .. udp_echo())
    local sock, forgotten = udp():settimeout(0.5), ""
    for _ = 1, 2 do -- a busy machine may forget it before the answer
      repeat assert(sock:sendto("here", "127.0.0.1", port))
      until sock:recvfrom(100) == "here"
      forgotten = forgotten .. "127.0.0.1:%d+: silent, forgotten\n.*"
      process:expect(forgotten)
    end
  end)
end)

describe("the relay lab and streams", function()
  support.leaves_nothing(before_each, after_each)

  -- Sends, shuts down its half, and returns what came back.
  local function echoed(port, data)
    local sock <close> = client(port)
    local writer <close> = net.spawn(function()
      assert(sock:sendall(data))
      assert(sock:shutdown "SHUT_WR")
    end)
    local back = assert(sock:recv_all())
    writer:join()
    return back
  end

  it("keeps every byte of 100 kB in pieces of 3, each 20 ms late", function()
    local process <close>, port = lab("--chunk 3 --delay 20ms --to localhost:"
      .. tcp_echo())
    local data = bytes(100000)
    assert.is_true(data == echoed(port, data))
    process:expect "\n%S+: 100000 bytes up, 100000 down: ended\n"
    assert.matches("100000 down; 1 connections, 0 reset\n$",
      ended(process))
  end)

  it("keeps every byte of 4 MB in spite of jitter", function()
    local process <close>, port = lab("--quiet --delay 0.005 --jitter 0.01s " ..
      "--to " .. tcp_echo())
    local data = bytes(4000000)
    assert.is_true(data == echoed(port, data))
    assert.truthy(process.pid)
  end)

  it("serves 50 clients at once", function()
    local process <close>, port = lab("--quiet --delay 5ms --to " .. tcp_echo())
    local tasks = {}
    for i = 1, 50 do
      local text = ("client %d "):format(i):rep(100)
      tasks[i] = net.spawn(function() return echoed(port, text) == text end)
    end
    for i = 1, 50 do assert.is_true(tasks[i]:join()) end
    assert.matches("; 50 connections, 0 reset\n$", ended(process))
  end)

  it("delays a stream once, not once per piece", function()
    local process <close>, port = lab("--chunk 1 --delay 100ms --to " ..
      tcp_echo())
    local start = net.now()
    assert.equal(("x"):rep(400), echoed(port, ("x"):rep(400)))
    local took = net.now() - start -- one after the other would take 40 s
    assert.is_true(took >= 0.2 and took < 15, took)
    assert.truthy(process.pid)
  end)

  it("passes on the end of one direction, and keeps the other", function()
    local listener, _, to = support.listener()
    net.spawn(function()
      local conn <close> = listener:accept()
      conn:sendall("you sent " .. #conn:recv_all())
    end)
    local process <close>, port = lab("--delay 5ms --to " .. to)
    assert.equal("you sent 5000", echoed(port, ("x"):rep(5000)))
    process:expect "5000 bytes up, 13 down: ended\n"
  end)

  it("resets both sides after a number of bytes", function()
    local listener, _, to = support.listener()
    local server = net.spawn(function()
      local conn <close> = listener:accept()
      local total = 0
      while true do
        local data, _, code = conn:recv(100)
        if not data then return total, code end
        total = total + #data
      end
    end)
    local process <close>, port = lab("--reset-after 1000 --to " .. to)
    local sock <close> = client(port)
    assert(sock:sendall(("x"):rep(1500)))
    local data, _, code = sock:recv(1)
    assert.is_nil(data)
    assert.equal("ECONNRESET", code)
    local total, reason = server:join()
    assert.equal("ECONNRESET", reason)
    assert.is_true(total <= 1000)
    process:expect "\n%S+: 1000 bytes up, 0 down: reset after 1000 bytes\n"
    assert.matches("\n1000 bytes up, 0 down; 1 connections, 1 reset\n$",
      ended(process))
  end)

  it("passes on a reset", function()
    local listener, _, to = support.listener()
    local process <close>, port = lab("--to " .. to)
    local sock = client(port)
    local conn <close> = assert(listener:accept())
    sock:setsockopt("SO_LINGER", true, 0)
    sock:close()
    assert.equal("ECONNRESET", select(3, conn:settimeout(20):recv(1)))
    process:expect ": 0 bytes up, 0 down: recv %S+ %C+ %(ECONNRESET%)\n"
  end)

  it("resets a client if the server is missing", function()
    local process <close>, port = lab("--to " .. support.free_port())
    local sock = support.own(assert(net.socket())):settimeout(20)
    local ok, _, code = sock:connect("127.0.0.1", port)
    if ok then code = select(3, sock:recv(1)) end -- connect may report it
    assert.equal("ECONNRESET", code)
    process:expect "down: connect %C+ %(ECONNREFUSED%)\n"
  end)
end)

describe("the relay lab", function()
  support.leaves_nothing(before_each, after_each)

  it("reports wrong options", function()
    for args, message in pairs {
      ["--loss 20%"] = "TCP resends what is lost",
      ["--udp --chunk 3"] = "are for TCP",
      ["--udp --reset-after 3"] = "are for TCP",
      ["--idle 1s"] = "needs %-%-udp",
      ["--udp --loss 20"] = "20 is not 0%% to 100%%",
      ["--udp --loss 101%"] = "101%% is not",
      ["--delay 5m"] = "5m is not a time",
      ["--delay 1.2.3s"] = "is not a time", ["--jitter=-1s"] = "is not a time",
      ["--delay 3601"] = "3601 is not a time",
      ["--chunk 0"] = "0 is not a number of bytes", ["--chunk x"] = "x is not",
      ["--chunk 1048577"] = "at most", ["--udp --idle 0"] = "1ms or more",
      ["--to localhost:x"] = "x", ["--seed 1.5"] = "1.5",
      ["--to ::1"] = "'::1'", ["--to [::1]"] = "'%[::1%]'",
      ["--to :9"] = "':9'",
    } do
      local more = args:find "%-%-to" and "" or " --to 9"
      local out, err, status = support.run(
        ("%s labs/more/relay.lua --port 0 '%s'%s"):format(support.driver,
          args:gsub(" ", "' '"), more))
      assert.not_equal(0, status)
      assert.equal("", out)
      assert.matches("Error: .*" .. message, err)
    end
  end)
end)

describe("net.relay", function()
  support.leaves_nothing(before_each, after_each)

  it("reorders late datagrams, and loses none", function()
    local server, to = udp()
    local sock, at = udp()
    local task <close> = net.spawn(relay.datagrams, sock, "127.0.0.1", to,
      { delay = 0.01, jitter = 0.1 })
    local sender, start, order, sorted = udp(), net.now(), {}, {}
    for i = 1, 20 do
      assert(sender:sendto(("%02d"):format(i), "127.0.0.1", at))
      sorted[i] = ("%02d"):format(i)
    end
    for i = 1, 20 do order[i] = server:settimeout(20):recv(10) end
    assert.is_true(net.now() - start >= 0.01)
    assert.not_same(sorted, order)
    table.sort(order)
    assert.same(sorted, order)
    assert.truthy(task)
  end)

  it("keeps the order of datagrams with equal delay", function()
    local server, to = udp()
    local sock, at = udp()
    local sender = udp()
    local task <close> = net.spawn(relay.datagrams, sock, "127.0.0.1", to,
      { delay = 0.02 })
    for _ = 1, 10 do
      for i = 1, 90 do
        assert(sender:sendto(tostring(i), "127.0.0.1", at))
      end
      for i = 1, 90 do
        assert.equal(tostring(i), (server:settimeout(20):recv(10)))
      end
    end
    assert.truthy(task)
  end)

  it("forgets no client with a datagram under way", function()
    local server, to = udp()
    local sock, at = udp()
    local task <close> = net.spawn(relay.datagrams, sock, "127.0.0.1", to,
      { delay = 0.3, idle = 0.05 })
    assert(udp():sendto("late", "127.0.0.1", at))
    assert.equal("late", (server:settimeout(20):recv(10)))
    assert.truthy(task)
  end)

  it("counts what it cannot send, and closes that socket", function()
    local sock, at = udp()
    local totals, sender = {}, udp()
    local task <close> = net.spawn(relay.datagrams, sock, "fe80::1%nowhere", 9,
      { totals = totals })
    net.sleep(0)
    collectgarbage "stop"
    local before = support.descriptors()
    for i = 1, 5 do
      assert(sender:sendto("x", "127.0.0.1", at))
      support.eventually(function() return totals.lost == i end)
    end
    local after = support.descriptors()
    collectgarbage "restart"
    assert.same({ before, 5 }, { after, totals.up })
    assert.truthy(task)
  end)

  it("loses the share asked for", function()
    local sock, at = udp()
    local totals = {}
    local task <close> = net.spawn(relay.datagrams, sock, "127.0.0.1",
      udp_echo(), { loss = 0.25, totals = totals })
    local sender = udp()
    for i = 1, 2000 do
      assert(sender:sendto("x", "127.0.0.1", at))
      repeat net.sleep(0) until totals.up == i
    end
    assert.is_true(totals.lost > 700 and totals.lost < 1050, totals.lost)
    assert.truthy(task)
  end)

  it("holds no more datagrams than its limit", function()
    local sock, at = udp()
    local totals, full = {}, 0
    local task <close> = net.spawn(relay.datagrams, sock, "127.0.0.1", 9, {
      delay = 3600, totals = totals, on_event = function(text)
        if text:find "lost, the queue is full$" then full = full + 1 end
      end })
    local sender = udp()
    for i = 1, 1005 do
      assert(sender:sendto("x", "127.0.0.1", at))
      repeat net.sleep(0) until totals.up == i
    end
    assert.same({ 5, 5 }, { totals.lost, full })
    assert.truthy(task)
  end)

  it("ends with its socket, and ends its connections", function()
    local listener, _, at = support.listener()
    local totals = {}
    local task = net.spawn(relay.streams, listener, "127.0.0.1", tcp_echo(),
      { totals = totals })
    local sock = client(at)
    assert(sock:sendall "hello")
    assert.equal("hello", sock:recv_exact(5))
    listener:close()
    assert.equal("ECANCELED", select(3, task:join()))
    assert.equal("EOF", select(3, sock:recv(1)))
    assert.same({ up = 5, down = 5, lost = 0, connections = 1, resets = 0 },
      totals)
  end)

  it("holds no more of a stream than a window, if it is not read", function()
    local server, _, to = support.listener()
    local listener, _, at = support.listener()
    assert(listener:setsockopt("SO_RCVBUF", 50000))
    local task <close> = net.spawn(relay.streams, listener, "127.0.0.1", to,
      { delay = 3600 })
    local sock = client(at):settimeout(0.2)
    assert(sock:setsockopt("SO_SNDBUF", 50000))
    local sent = select(4, sock:sendall(("x"):rep(8 << 20)))
    assert.is_true(sent > 256 << 10 and sent < 1 << 20, sent)
    assert.truthy(task and server)
  end)

  it("raises for wrong arguments, at the caller's line", function()
    local sock = udp()
    local function datagrams(options)
      return function()
        support.raises("", relay.datagrams, sock, "127.0.0.1", 9, options)
      end
    end
    for _, options in ipairs { { loss = 2 }, { loss = -0.1 }, { loss = "1" },
      { loss = 0 / 0 }, { seed = 1.5 }, { delay = 1e9 }, { idle = 0 },
      { chunk = 3 }, { nonsense = 1 }, { on_event = 1 }, { totals = 1 } } do
      datagrams(options)()
    end
    support.raises("'loss' is not an option", relay.streams, sock, "x", 9,
      { loss = 1 })
    support.raises("'chunk' must be a number from 1", relay.streams, sock, "x",
      9, { chunk = 0 })
    support.raises("from 1 to 1048576", relay.streams, sock, "x", 9,
      { chunk = 1 << 21 })
    support.raises("a socket expected", relay.streams, nil, "x", 9)
    support.raises("a socket expected", relay.datagrams, "sock", "x", 9)
    support.raises("options must be a table", relay.streams, sock, "x", 9, "x")
    support.raises("host must be a string", relay.streams, sock, nil, 9)
    support.raises("port", relay.datagrams, sock, "x", 70000)
  end)
end)
