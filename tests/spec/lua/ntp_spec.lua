local net = require "net"
local ntp = require "net.ntp"
local support = require "tests.support"

local EPOCH = 2208988800 -- seconds from 1900-01-01 to 1970-01-01
local PACKET = ">BBbb I4 I4 c4 I8 I8 I8 I8"
local NOW = 1700000000
local real_time = net.time

-- Returns UNIX seconds as a 64-bit NTP timestamp.
local function stamp(seconds)
  local whole = math.floor(seconds)
  return whole + EPOCH << 32 | math.floor((seconds - whole) * 2.0 ^ 32)
end

local GOOD = {
  leap = 0, version = 4, mode = 4, stratum = 2, precision = -20,
  delay = 0x8000, dispersion = 0x4000, reference = "\192\0\2\1",
  receive = stamp(NOW + 10.25), transmit = stamp(NOW + 10.5),
}

local function origin_of(request) return (">I8"):unpack(request, 41) end

-- Returns a good reply to a request, but for the fields given.
local function reply(request, fields)
  local f = setmetatable(fields or {}, { __index = GOOD })
  return PACKET:pack(f.leap << 6 | f.version << 3 | f.mode, f.stratum, 6,
    f.precision, f.delay, f.dispersion, f.reference, stamp(NOW),
    f.origin or origin_of(request), f.receive, f.transmit)
end

local function udp(host, port)
  local sock = support.own(assert(net.socket("inet", "dgram")))
  return assert(sock:bind(host or "127.0.0.1", port or 0))
end

-- Starts a server that calls answer(request, send, host, port). Returns the
-- port.
local function serve(answer)
  local sock = udp()
  net.spawn(function()
    while true do
      local request, host, port = sock:recvfrom(1024)
      if not request then return end -- the spec has ended
      answer(request, function(packet) sock:sendto(packet, host, port) end,
        host, port)
    end
  end)
  return select(2, sock:getsockname())
end

local function ask(port, timeout)
  return ntp.request("127.0.0.1", { port = port, timeout = timeout or 10 })
end

-- What was refused and how often, how often nothing was, and the slowest flood.
local kinds, tried, accepted, longest = {}, 0, 0, 0

local function refused(port, reason, code, timeout, kind)
  local time, message, got = ask(port, timeout)
  kinds[kind or reason], tried = true, tried + 1
  accepted = accepted + (time and 1 or 0)
  assert.is_nil(time)
  assert.equal(("ntp 127.0.0.1:%d: %s (%s)"):format(port, reason, code),
    message)
  assert.equal(code, got)
end

-- Each case, a pair of arguments, raises at the line of the call.
local function raises(cases)
  for i, case in ipairs(cases) do
    local line
    local ok, message = pcall(function()
      line = debug.getinfo(1, "l").currentline + 1
      local time = ntp.request(case[1], case[2])
      return time
    end)
    assert.is_false(ok, "case " .. i)
    assert.matches("lua/ntp_spec.lua:" .. line .. ": ", message, "case " .. i)
  end
end

describe("an NTP request", function()
  support.leaves_nothing(before_each, after_each)

  it("is that of a version 4 client, without private data", function()
    local seen = {}
    local port = serve(function(request, send)
      seen[#seen + 1] = request
      send(reply(request))
    end)
    assert(ask(port))
    assert(ask(port))
    for _, request in ipairs(seen) do
      assert.equal(48, #request)
      assert.equal("\x23" .. ("\0"):rep(39), request:sub(1, 40))
    end
    assert.not_equal(origin_of(seen[1]), origin_of(seen[2]))
  end)

  it("takes a host name and a service name", function()
    local port = serve(function(request, send) send(reply(request)) end)
    assert(ntp.request("localhost", { port = tostring(port) }))
    local time, _, code = ntp.request("127.0.0.1", { port = "discard" })
    assert.is_nil(time)
    assert.equal("ECONNREFUSED", code)
  end)

  it("reports that nothing listens", function()
    local port = support.free_port()
    local time, message, code = ask(port)
    assert.is_nil(time)
    assert.matches("^%l+ 127.0.0.1:" .. port ..
      ": connection refused %(ECONNREFUSED%)$", message)
    assert.equal("ECONNREFUSED", code)
  end)

  it("raises for wrong arguments, at the caller's line", function()
    local wrong = {
      { nil }, { 5 }, { {} }, { true }, { "a\0b" }, { ("x"):rep(300) },
      { "127.0.0.1", { ports = 123 } }, { "127.0.0.1", { 123 } },
    }
    for _, port in ipairs { -1, 65536, 2 ^ 32 + 80, 1.5, "x", true, {} } do
      wrong[#wrong + 1] = { "127.0.0.1", { port = port } }
    end
    for _, timeout in ipairs { 0, -1, 0 / 0, "5", true, {} } do
      wrong[#wrong + 1] = { "127.0.0.1", { timeout = timeout } }
    end
    raises(wrong)
  end)

  it("raises unless its options are a table, at the caller's line", function()
    raises { { "127.0.0.1", 5 }, { "127.0.0.1", "x" }, { "127.0.0.1", true } }
  end)
end)

describe("a good NTP reply", function()
  support.leaves_nothing(before_each, after_each)

  -- Returns the result of a request sent at t1 whose reply arrives at t4.
  local function measured(t1, t4, fields)
    local port = serve(function(request, send) send(reply(request, fields)) end)
    local clock = { t1, t4 }
    finally(function() net.time = real_time end) -- luacheck: ignore
    net.time = function() return table.remove(clock, 1) end -- luacheck: ignore
    return assert(ask(port))
  end

  it("yields the time, the offset and the delay of RFC 5905", function()
    local time = measured(NOW, NOW + 0.75)
    assert.equal(NOW + 10.5, time.tx_time)
    assert.equal(10, time.offset)
    assert.equal(0.5, time.delay)
  end)

  it("yields a negative offset when our clock is ahead", function()
    assert.equal(-90, measured(NOW + 100, NOW + 100.75).offset)
  end)

  it("never yields a negative delay", function()
    local time = measured(NOW, NOW + 0.75, { transmit = stamp(NOW + 12) })
    assert.equal(0, time.delay)
  end)

  it("yields the other fields", function()
    local time = measured(NOW, NOW, { leap = 1 })
    assert.equal(2, time.stratum)
    assert.equal(1, time.leap)
    assert.equal(4, time.version)
    assert.equal("192.0.2.1", time.reference)
    assert.equal(2.0 ^ -20, time.precision)
    assert.equal(0.5, time.root_delay)
    assert.equal(0.25, time.root_dispersion)
  end)

  it("of stratum 1 names its clock, escaped", function()
    local gps = { stratum = 1, reference = "GPS\0" }
    assert.equal("GPS", measured(NOW, NOW, gps).reference)
    local nasty = { stratum = 1, reference = "\27[2J" }
    assert.equal("\\x1b[2J", measured(NOW, NOW, nasty).reference)
  end)

  it("may be from NTP's second era, after 2036", function()
    local later = 2100000000
    local time = measured(later, later + 0.75, {
      receive = stamp(later + 10.25), transmit = stamp(later + 10.5),
    })
    assert.equal(later + 10.5, time.tx_time)
    assert.equal(10, time.offset)
  end)

  it("may span the end of the era", function()
    local turn = 2 ^ 32 - EPOCH
    local time = measured(turn - 0.5, turn + 0.75, {
      receive = stamp(turn - 0.25), transmit = stamp(turn + 0.5),
    })
    assert.equal(turn + 0.5, time.tx_time)
    assert.equal(0, time.offset)
    assert.equal(0.5, time.delay)
  end)

  it("may have any stratum up to 15, and just under 16 s to its root",
    function()
      assert.equal(15, measured(NOW, NOW, { stratum = 15 }).stratum)
      local far = { delay = 16 << 16, dispersion = (8 << 16) - 1 }
      assert.equal(16, measured(NOW, NOW, far).root_delay)
    end)

  it("may carry extensions", function()
    local port = serve(function(request, send)
      send(reply(request) .. ("x"):rep(100))
    end)
    assert.equal(NOW + 10.5, assert(ask(port)).tx_time)
  end)

  it("is accepted after bad ones", function()
    local port = serve(function(request, send)
      send "short"
      send(reply(request, { mode = 5 }))
      send(reply(request, { version = 3 }))
      send(reply(request, { origin = 0 }))
      send(reply(request, { origin = 0, stratum = 0, reference = "DENY" }))
      net.sleep(0.02)
      send(reply(request))
    end)
    assert.equal(NOW + 10.5, assert(ask(port)).tx_time)
  end)
end)

describe("an NTP reply is refused", function()
  support.leaves_nothing(before_each, after_each)

  -- Anybody may have sent these: the server's own reply may follow.
  local passed_over = {
    { "short packet", function(request) return reply(request):sub(1, 47) end },
    { "short packet", function() return "" end },
    { "wrong version", { version = 3 } },
    { "wrong version", { version = 5 } },
    { "wrong mode", { mode = 3 } },
    { "wrong mode", { mode = 5 } },
    { "wrong origin timestamp", { origin = 0 } },
    { "wrong origin timestamp", function(request)
      return reply(request, { origin = origin_of(request) + 1 })
    end },
    { "wrong origin timestamp", {
      origin = 0, stratum = 0, reference = "DENY",
    } },
  }
  for i, case in ipairs(passed_over) do
    local reason, make = case[1], case[2]
    it(("and passed over: %s (%d)"):format(reason, i), function()
      local port = serve(function(request, send)
        send(type(make) == "table" and reply(request, make) or make(request))
      end)
      refused(port, "no valid reply, but one with " .. reason, "ETIMEDOUT", 0.1)
    end)
  end

  -- The server itself sent these.
  local final = {
    { "kiss code RATE", { stratum = 0, reference = "RATE" } },
    { "kiss code DENY", { stratum = 0, reference = "DENY", leap = 3 } },
    { "kiss code \\x1b[2J", { stratum = 0, reference = "\27[2J" } },
    { "stratum not in 1..15", { stratum = 16 } },
    { "stratum not in 1..15", { stratum = 255 } },
    { "clock not synchronized", { leap = 3 } },
    { "zero timestamp", { transmit = 0 } },
    { "zero timestamp", { receive = 0 } },
    { "zero timestamp", { receive = 0, transmit = 0 } },
    { "sent before it was received", { transmit = GOOD.receive - 1 } },
    { "root distance over 16 s", { delay = 32 << 16, dispersion = 0 } },
    { "root distance over 16 s", { delay = 0, dispersion = 16 << 16 } },
    { "root distance over 16 s", { delay = 16 << 16, dispersion = 8 << 16 } },
    { "root distance over 16 s", { delay = 0xffffffff } },
  }
  for i, case in ipairs(final) do
    local reason, fields = case[1], case[2]
    it(("at once: %s (%d)"):format(reason, i), function()
      local port = serve(function(request, send)
        send(reply(request, fields))
      end)
      refused(port, reason, "EPROTO")
    end)
  end

  it("when it comes from another port", function()
    local other = udp()
    local port = serve(function(request, _, host, client)
      other:sendto(reply(request), host, client)
    end)
    refused(port, "no reply", "ETIMEDOUT", 0.1, "another port")
  end)

  it("when it comes from another address", function()
    local other
    local port = serve(function(request, _, host, client)
      other:sendto(reply(request), host, client)
    end)
    other = udp("127.0.0.2", port)
    refused(port, "no reply", "ETIMEDOUT", 0.1, "another address")
  end)

  it("when it is late", function()
    local sent
    local port = serve(function(request, send)
      net.sleep(0.3)
      send(reply(request))
      sent = true
    end)
    refused(port, "no reply", "ETIMEDOUT", 0.1, "late")
    support.eventually(function() return sent end)
  end)
end)

describe("a single deadline limits an NTP request", function()
  support.leaves_nothing(before_each, after_each)

  local reason = "no valid reply, but one with wrong origin timestamp"

  it("when bad packets arrive slowly", function()
    local done, count = false, 0
    local port = serve(function(request, send)
      while not done do
        send(reply(request, { origin = 0 }))
        count = count + 1
        net.sleep(0.02)
      end
    end)
    local start = net.now()
    refused(port, reason, "ETIMEDOUT", 0.3)
    done = true
    local took = net.now() - start
    longest = math.max(longest, took)
    assert.is_true(took >= 0.3 and took < 5, took)
    assert.is_true(count > 2, count)
  end)

  it("when bad packets arrive fast", function()
    local flood <close> = support.start(support.python [[
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
request, client = s.recvfrom(1024)
while True:
    s.sendto(b"\x24\2" + b"\1" * 46, client)
]])
    local port = tonumber((flood:expect "(%d+)\n"))
    local start = net.now()
    refused(port, reason, "ETIMEDOUT", 0.3, "flood")
    local took = net.now() - start
    longest = math.max(longest, took)
    assert.is_true(took >= 0.3 and took < 5, took)
  end)
end)

describe("net.ntp and chrony", function()
  support.leaves_nothing(before_each, after_each)

  it("agree about the time", function()
    local chrony <close>, port = support.chrony()
    local time = support.eventually(function() return (ask(port, 1)) end)
    assert.is_true(math.abs(time.offset) < 1, time.offset)
    assert.is_true(math.abs(time.tx_time - net.time()) < 5, time.tx_time)
    assert.is_true(time.delay >= 0 and time.delay < 1, time.delay)
    assert.equal(10, time.stratum)
    assert.equal(0, time.leap)
    assert.equal(4, time.version)
    assert.equal("127.127.1.1", time.reference)
    assert.truthy(chrony.pid)
    local count = 0
    for _ in pairs(kinds) do count = count + 1 end
    support.figure(28, "%d replies of %d kinds refused by name, accepted %d; "
      .. "a flood ends a request of 300 ms after %.0f ms", tried, count,
      accepted, longest * 1000)
  end)
end)

describe("ntp.answer", function()
  -- Returns a request with the fields given.
  local function request(fields)
    local f = fields or {}
    return PACKET:pack((f.leap or 3) << 6 | (f.version or 4) << 3 |
      (f.mode or 3), 0, 7, 0, 0, 0, "", 0, 0, 0, f.origin or 0x123456789abcdef0)
  end

  local function answered(packet, received, offset)
    finally(function() net.time = real_time end) -- luacheck: ignore
    net.time = function() return received + 0.25 end -- luacheck: ignore
    local flags, stratum, poll, precision, delay, dispersion, source, reference,
      origin, receive, transmit = PACKET:unpack(assert(
        ntp.answer(packet, received, offset)))
    return { leap = flags >> 6, version = flags >> 3 & 7, mode = flags & 7,
      stratum = stratum, poll = poll, precision = precision, delay = delay,
      dispersion = dispersion, source = source, reference = reference,
      origin = origin, receive = receive, transmit = transmit }
  end

  it("is that of a server without a source of its own", function()
    assert.same({ leap = 0, version = 4, mode = 4, stratum = 10, poll = 7,
      precision = -20, delay = 0, dispersion = 0, source = "\127\127\1\1",
      reference = stamp(NOW), origin = 0x123456789abcdef0,
      receive = stamp(NOW), transmit = stamp(NOW + 0.25),
    }, answered(request(), NOW))
  end)

  it("gives a chosen time, also in the next era", function()
    local told = answered(request(), NOW, -1.5)
    assert.equal(stamp(NOW - 1.5), told.receive)
    assert.equal(stamp(NOW - 1.25), told.transmit)
    told = answered(request(), 2 ^ 32 - EPOCH - 0.125) -- 2036-02-07 06:28:15
    assert.equal(0xffffffffe0000000, told.receive)
    assert.equal(0x20000000, told.transmit)
  end)

  it("is no longer than the request, and has its version", function()
    for version = 1, 4 do
      local packet = request { version = version } .. ("x"):rep(20 * version)
      assert.equal(version, answered(packet, NOW).version)
      assert.equal(48, #ntp.answer(packet, NOW))
    end
  end)

  it("is nil for anything but a request", function()
    local bad = { "", "x", request():sub(1, 47), ntp.answer(request(), NOW) }
    for mode = 0, 7 do
      if mode ~= 3 then bad[#bad + 1] = request { mode = mode } end
    end
    for _, version in ipairs { 0, 5, 6, 7 } do
      bad[#bad + 1] = request { version = version }
    end
    for i, packet in ipairs(bad) do
      local told, message, code = ntp.answer(packet, NOW)
      assert.is_nil(told, "case " .. i)
      assert.matches("^ntp: .* %(EPROTO%)$", message)
      assert.equal("EPROTO", code)
    end
  end)

  it("raises for wrong arguments, at the caller's line", function()
    support.raises("request", ntp.answer, nil, NOW)
    for _, time in ipairs { "1", 0 / 0, 1e300, -math.huge } do
      support.raises("received", ntp.answer, request(), time)
      support.raises("offset", ntp.answer, request(), NOW, time)
    end
    support.raises("received", ntp.answer, request(), nil)
  end)
end)

describe("the lab ntp_server", function()
  support.leaves_nothing(before_each, after_each)

  local function server(args)
    local process = support.start(support.driver ..
      " labs/more/ntp_server.lua --port 0 " .. (args or ""))
    return process, tonumber((process:expect "on %S+ port (%d+)\n"))
  end

  it("gives the lab print_machine_time the time", function()
    local process <close>, port = server()
    local out, err, status = support.run(("%s labs/print_machine_time.lua "
      .. "--server localhost --port %d"):format(support.driver, port))
    assert.same({ "", 0 }, { err, status })
    local offset = out:match "clock is off by ([-+][%d.]+) s %(%+: fast%); \z
      delay [%d.]+ s; \z
      stratum 10, source 127.127.1.1\n$"
    assert.is_true(math.abs(tonumber(offset)) < 1, out)
    process:expect "\n127.0.0.1:%d+: was told the time\n"
  end)

  it("gives a chosen time", function()
    local process <close>, port = server "--quiet --offset 3600"
    assert.is_true(math.abs(assert(ask(port)).offset - 3600) < 1)
    assert.not_matches("was told", (process:output()))
  end)

  it("gives chrony the time", function()
    local process <close>, port = server "--offset 100"
    local _, err = support.run(("env PATH=$PATH:/usr/sbin chronyd -Q -t 20 "
      .. "-U -u $(id -un) -f /dev/null "
      .. "'server 127.0.0.1 port %d iburst maxsamples 1'"):format(port), "", 40)
    local wrong = err:match "System clock wrong by ([-%d.]+) seconds"
    assert.truthy(wrong, err)
    assert.is_true(math.abs(wrong - 100) < 1, err)
    assert.truthy(process.pid)
  end)

  it("refuses an offset that does not fit", function()
    for _, offset in ipairs { "1e13", "1e999" } do
      local out, err, status = support.run(support.driver ..
        " labs/more/ntp_server.lua --port 0 --offset " .. offset, nil, 5)
      assert.not_equal(0, status)
      assert.matches("Error: offset is too large", out .. err)
    end
  end)

  it("does not answer anything but a request", function()
    local process <close>, port = server()
    local sock = udp()
    for _, packet in ipairs { "", "x", reply(("x"):rep(48)) } do
      assert(sock:sendto(packet, "127.0.0.1", port))
    end
    process:expect(("127.0.0.1:%d+: ntp: %C+ %(EPROTO%)\n"):rep(3))
    assert.equal("EAGAIN", select(3, sock:settimeout(0):recvfrom(100)))
  end)
end)
