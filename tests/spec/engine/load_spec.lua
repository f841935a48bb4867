-- The C load generator, net.load: what it counts, which faults it finds, how it
-- measures, and how it ends.
local net = require "net"
local support = require "tests.support"

local tasks, peers = {}, {}

-- Serves a socket with the echo engine until the spec ends.
local function serve(sock, options)
  options = options or {}
  options.totals = options.totals or {}
  tasks[#tasks + 1] = net.spawn(function() return sock:echo(options) end)
  net.sleep(0)
  return options.totals
end

-- An echo server in Python: `body` has the bound socket `s` and the function
-- echo(s, change), which sends each datagram or chunk back as `change` says.
local function python(kind, body)
  local server = support.start(support.python(([[
import socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_%s)
s.bind(("127.0.0.1", 0))
if "%s" == "STREAM": s.listen(64)
print(s.getsockname()[1], flush=True)
%s
]]):format(kind, kind, body)))
  peers[#peers + 1] = server
  return tonumber((server:expect "(%d+)\n"))
end

-- Starts a server. Returns the options with which net.load reaches it.
local function target(family, kind)
  local sock = support.own(assert(net.socket(family, kind)))
  if family == "unix" then
    local path = support.folder() .. "/s"
    assert(sock:bind(path))
    if kind == "stream" then assert(sock:listen(64)) end
    return sock, { family = family, type = kind, path = path }
  end
  assert(sock:bind(family == "inet" and "127.0.0.1" or "::1", 0))
  if kind == "stream" then assert(sock:listen(64)) end
  return sock,
    { family = family, type = kind, port = select(2, sock:getsockname()) }
end

local function with(options, more)
  for key, value in pairs(more) do options[key] = value end
  return options
end

-- Returns how many latencies were `seconds` or more.
local function slow(report, seconds)
  local count = 0
  for _, row in ipairs(report.histogram:buckets()) do
    if row.from >= seconds then count = count + row.count end
  end
  return count
end

describe("net.load", function()
  after_each(function()
    for _, task in ipairs(tasks) do task:cancel() end
    for _, peer in ipairs(peers) do peer:stop() end
    tasks, peers = {}, {}
    net.sleep(0)
  end)
  support.leaves_nothing(before_each, after_each)

  for _, family in ipairs { "inet", "inet6", "unix" } do
    for _, kind in ipairs { "stream", "dgram" } do
      it("sends so many messages: " .. family .. " " .. kind, function()
        local sock, options = target(family, kind)
        local totals = serve(sock)
        local report = assert(net.load(with(options, {
          connections = 4, depth = 3, size = 100, messages = 301,
          timeout = 20,
        })))
        assert.same({ 301, 30100, 4, 0, 0, 0 }, {
          report.messages, report.bytes, report.connections, report.lost,
          report.late, report.corrupt,
        })
        assert.same({}, report.errors)
        assert.near(301 / report.seconds, report.rate, report.rate / 1e6)
        assert.near(30100 / report.seconds, report.throughput,
          report.throughput / 1e6)
        sock:close()
        tasks[1]:join()
        assert.equal(30100, totals.bytes)
      end)
    end
  end

  it("sends messages of any size", function()
    local sock, options = target("inet", "stream")
    serve(sock)
    for _, size in ipairs { 1, 65521, 1000003 } do
      local report = assert(net.load(with(options, {
        size = size, depth = 4, messages = 10, connections = 2,
      })))
      assert.same({ 10, 10 * size }, { report.messages, report.bytes })
    end
    sock, options = target("inet", "dgram")
    serve(sock)
    for _, size in ipairs { 12, 1500, 65507 } do
      local report = assert(net.load(with(options, {
        size = size, messages = 10, timeout = 20,
      })))
      assert.same({ 10, 10 * size }, { report.messages, report.bytes })
    end
  end)

  it("ends when the time is up", function()
    local sock, options = target("inet", "stream")
    serve(sock)
    local report = assert(net.load(with(options, {
      seconds = 0.2, connections = 3,
    })))
    assert.is_true(report.messages > 0)
    assert.is_true(report.seconds >= 0.2)
    assert.equal(report.messages, report.histogram:count())
  end)

  it("finds a changed byte in a stream", function()
    local body = [[
while True:
  c, _ = s.accept()
  seen = 0
  while True:
    data = bytearray(c.recv(65536))
    if not data: break
    if seen < 5000 <= seen + len(data): data[4999 - seen] ^= 1
    seen += len(data)
    c.sendall(data)]]
    local options = { port = python("STREAM", body), size = 64, messages = 99 }
    local report = assert(net.load(options))
    assert.same({ 99, 1, 2 },
      { report.messages, report.corrupt, report.connections })
    assert.same({}, report.errors)
    report = assert(net.load(with(options, { verify = false })))
    assert.same({ 99, 0, 1 },
      { report.messages, report.corrupt, report.connections })
  end)

  it("finds missing or doubled bytes in a stream", function()
    for _, change in ipairs { "data[1:]", "data + data[-1:]" } do
      local port = python("STREAM", [[
while True:
  c, _ = s.accept()
  data = c.recv(65536)
  c.sendall(]] .. change .. [[)
  c.recv(1)
  c.close()]])
      local report = assert(net.load { port = port, seconds = 0.2, size = 50 })
      assert.is_true(report.corrupt + (report.errors.EOF or 0) >= 1)
    end
  end)

  it("tells lost, late, doubled and changed datagrams apart", function()
    local function run(change)
      local port = python("DGRAM", [[
n = 0
while True:
  data, peer = s.recvfrom(65536)
  n += 1
  for answer in ]] .. change .. [[: s.sendto(answer, peer)]])
      return assert(net.load {
        type = "dgram", port = port, messages = 40, depth = 4, timeout = 0.5,
      })
    end
    local r = run "[data] if n > 3 else []"
    assert.is_true(r.lost >= 3)
    assert.same({ 40, 0 }, { r.messages + r.lost, r.corrupt })
    r = run "[data, data]"
    assert.is_true(r.late >= 20)
    assert.same({ 40, 0 }, { r.messages + r.lost, r.corrupt })
    for _, flip in ipairs { "data[:-1] + b'!'", "data[:-1]", "data + b'!'" } do
      r = run("[" .. flip .. " if n == 7 else data]")
      assert.same({ 40, 1 }, { r.messages + r.lost + r.corrupt, r.corrupt })
    end
    for _, flip in ipairs { "b'!!!!!!' + data[6:]", "b'!'", "b''" } do
      r = run("[" .. flip .. " if n == 7 else data]")
      assert.is_true(r.lost >= 1) -- which one it was cannot be known
      assert.same({ 40, 1 }, { r.messages + r.lost, r.corrupt })
    end
  end)

  it("counts errors by code, and ends if nothing listens", function()
    local port = support.free_port()
    local report = assert(net.load { port = port, connections = 4 })
    assert.same({ ECONNREFUSED = 4 }, report.errors)
    assert.same({ 0, 0 }, { report.messages, report.connections })
    report = assert(net.load { port = port, connections = 4, churn = true })
    assert.equal(4, report.errors.ECONNREFUSED)
    report = assert(net.load { type = "dgram", port = port, connections = 2 })
    assert.equal(2, report.errors.ECONNREFUSED)
    for _, kind in ipairs { "stream", "dgram" } do
      report = assert(net.load {
        family = "unix", type = kind, path = support.folder() .. "/none",
      })
      assert.same({ ENOENT = 1 }, report.errors)
    end
  end)

  it("reopens connections that the server resets or closes", function()
    local report
    for code, linger in pairs { EOF = 0, ECONNRESET = 1 } do
      local port = python("STREAM", [[
while True:
  c, _ = s.accept()
  c.recv(64, socket.MSG_WAITALL)
  linger = struct.pack("ii", ]] .. linger .. [[, 0)
  c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
  c.close()]])
      report = assert(net.load { port = port, seconds = 0.3 })
      assert.is_true(report.errors[code] >= 1)
      assert.is_true(report.connections >= 1)
      assert.equal(0, report.messages)
    end
    local sock, options = target("inet", "stream")
    serve(sock, { once = true })
    report = assert(net.load(with(options, { messages = 3 })))
    assert.same({ 3, 3 }, { report.messages, report.connections })
    local errors = 0
    for _, count in pairs(report.errors) do errors = errors + count end
    assert.is_true(errors >= 2)
  end)

  it("gives up on a server that only fails", function()
    local port = python("STREAM", [[
while True:
  c, _ = s.accept()
  c.close()]])
    local report = assert(net.load {
      port = port, messages = 10, timeout = 0.1,
    })
    assert.equal(0, report.messages)
    assert.is_not_nil(next(report.errors))
  end)

  it("churn: a connection for each message", function()
    for _, family in ipairs { "inet", "unix" } do
      local sock, options = target(family, "stream")
      local totals = serve(sock)
      local report = assert(net.load(with(options, {
        churn = true, connections = 4, messages = 200,
      })))
      assert.same({ 200, 200, 0 },
        { report.messages, report.connections, report.corrupt })
      assert.same({}, report.errors)
      sock:close()
      tasks[#tasks]:join()
      assert.equal(200, totals.connections)
    end
  end)

  it("rate: sends each message at its time", function()
    for _, kind in ipairs { "stream", "dgram" } do
      local sock, options = target("inet", kind)
      serve(sock)
      local report = assert(net.load(with(options, {
        rate = 500, messages = 100, connections = 2, depth = 8, timeout = 20,
      })))
      assert.equal(100, report.messages)
      assert.is_true(report.seconds >= 99 / 500)
      options.messages, options.seconds = nil, 0.2
      report = assert(net.load(options))
      assert.is_true(report.messages <= 100)
    end
  end)

  it("rate: counts a stall for every message that was due meanwhile", function()
    for _, kind in ipairs { "stream", "dgram" } do
      local port = python(kind == "stream" and "STREAM" or "DGRAM", [[
if s.type == socket.SOCK_STREAM: s, _ = s.accept()
n = 0
while True:
  data, peer = s.recvfrom(64)
  if not data: break
  n += 1
  if n == 100: time.sleep(0.3)
  s.sendto(data, peer) if peer else s.sendall(data)]])
      local report = assert(net.load {
        type = kind, port = port, rate = 1000, messages = 700, timeout = 20,
      })
      assert.equal(700, report.messages)
      assert.is_true(report.latency.max >= 0.29)
      assert.is_true(report.latency.p99 >= 0.28)
      assert.is_true(slow(report, 0.1) >= 150) -- a closed loop would see one
    end
  end)

  it("on_progress: gets the progress, and may raise", function()
    local sock, options = target("inet", "stream")
    serve(sock)
    local last, calls = 0, 0
    local report = assert(net.load(with(options, {
      seconds = 0.5,
      interval = 0.05,
      on_progress = function(now)
        assert(now.messages >= last and now.seconds >= 0)
        assert(now.histogram:count() >= last)
        last, calls = now.messages, calls + 1
      end,
    })))
    assert.is_true(calls >= 2)
    assert.is_true(report.messages >= last and last > 0)
    options.on_progress = function() error "enough" end
    assert.has_error(function() net.load(options) end)
    options.on_progress = function() net.sleep(1) end
    local ok, message = net.spawn(function()
      return pcall(net.load, options)
    end):join()
    assert.is_false(ok)
    assert.matches("may have to wait", message)
  end)

  it("ends with its task", function()
    local sock, options = target("inet", "stream")
    serve(sock)
    for _ = 1, 3 do
      local task = net.spawn(function()
        net.load(with(options, { seconds = 100, connections = 5 }))
      end)
      net.sleep(0.05)
      task:cancel()
    end
  end)

  it("runs twice at a time, with many connections", function()
    local sock, options = target("inet", "stream")
    serve(sock)
    with(options, { connections = 150, messages = 1000, timeout = 20 })
    local reports = {}
    for i = 1, 2 do
      tasks[#tasks + 1] =
        net.spawn(function() reports[i] = assert(net.load(options)) end)
    end
    for i = 1, 2 do tasks[i + 1]:join() end
    for i = 1, 2 do
      assert.same({ 1000, 150 },
        { reports[i].messages, reports[i].connections })
    end
  end)

  local busy = { ["it"] = "", ["on_progress"] = "while true do end" }
  for where, goes_on in pairs(busy) do
  it("returns the report so far at Ctrl-C in " .. where, function()
    local sock, options = target("inet", "stream")
    serve(sock)
    local script = support.write(support.folder() .. "/s.lua", ([[
      local net = require "net"
      local told
      local report = assert(net.load {
        port = %d, seconds = 100, interval = 0.05,
        on_progress = function(r)
          if r.messages > 0 and not told then
            told = true
            print "under way"
            io.stdout:flush()
            %s
          end
        end,
      })
      print(report.messages > 0 and report.interrupted and "report")]])
      :format(options.port, goes_on))
    local load <close> = support.start(support.driver .. " " .. script)
    load:expect "under way"
    load:signal "INT"
    local out, _, status = load:wait()
    assert.matches("report\n", out)
    assert.equal(support.finished, status)
  end)
  end

  it("reports an unknown name", function()
    local _, message, code =
      net.load { host = "no.such.name.invalid", port = 7 }
    assert.matches("^EAI_", code)
    assert.matches("^load no.such.name.invalid:7: ", message)
  end)

  it("raises for unknown options", function()
    for _, case in ipairs {
      { 5, "table expected" },
      { {}, "port" },
      { { port = 7, conections = 5 }, "no option 'conections'" },
      { { port = 70000 }, "service name, got '70000'" },
      { { port = "no such" }, "service name, got 'no such'" },
      { { port = 7, host = "a\0b" }, "host" },
      { { port = 7, host = false }, "host" },
      { { port = 7, host = ("x"):rep(254) }, "host" },
      { { port = 7, path = "x" }, "path" },
      { { family = "unix" }, "path" },
      { { family = "unix", path = "" }, "path: a string" },
      { { family = "unix", path = "a\0b" }, "path contains a NUL" },
      { { family = "unix", path = "x", port = 7 }, "port" },
      { { family = "unix", path = "x", host = "x" }, "host" },
      { { family = "unix", path = ("x"):rep(200) }, "too long" },
      { { port = 7, family = "ipx" }, 'family: "inet", "inet6" or "unix"' },
      { { port = 7, type = "raw" }, 'type: "stream" or "dgram" expected' },
      { { port = 7, connections = 0 }, "connections not in 1..100000" },
      { { port = 7, connections = 1.5 }, "connections" },
      { { port = 7, size = 0 }, "size not in 1.." },
      { { port = 7, type = "dgram", size = 11 }, "size not in 12..65507" },
      { { port = 7, type = "dgram", size = 65508 }, "size" },
      { { port = 7, depth = 0 }, "depth" },
      { { port = 7, depth = 65536, connections = 100 }, "connections * depth" },
      { { port = 7, seconds = 0 }, "seconds" },
      { { port = 7, seconds = 0 / 0 }, "seconds" },
      { { port = 7, messages = 0 }, "messages" },
      { { port = 7, rate = -1 }, "rate" },
      { { port = 7, timeout = "soon" }, "timeout" },
      { { port = 7, churn = 1 }, "churn: true or false" },
      { { port = 7, churn = true, depth = 2 }, "churn" },
      { { port = 7, churn = true, type = "dgram" }, "churn" },
      { { port = 7, on_progress = 1 }, "on_progress: a function" },
      { { port = 7, interval = 0 }, "interval" },
    } do
      local ok, message = pcall(net.load, case[1])
      assert.is_false(ok)
      assert.matches(case[2], message, 1, true)
    end
    local _, message = pcall(function() net.load { porte = 7 } end)
    assert.matches("^tests/spec/engine/load_spec.lua:%d+: bad argument #1 " ..
      "to 'load'", message)
  end)
end)

describe("a histogram", function()
  support.leaves_nothing(before_each, after_each)

  it("agrees with the report, and with its own text", function()
    local sock, options = target("inet", "stream")
    serve(sock)
    local report = assert(net.load(with(options, { messages = 2000 })))
    tasks[1]:cancel()
    tasks = {}
    local h, l = report.histogram, report.latency
    assert.equal(2000, h:count())
    assert.equal(l.p50, h:percentile(50))
    assert.equal(l.p9999, h:percentile(99.99))
    assert.equal(l.max, h:percentile(100))
    assert.is_true(h:percentile(0) <= l.min)
    local order = { l.min, l.p50, l.p75, l.p90, l.p99, l.p999, l.p9999, l.max }
    for i = 2, #order do assert.is_true(order[i - 1] <= order[i]) end
    local count, at = 0, nil
    for _, row in ipairs(h:buckets()) do
      assert.is_true(row.from < row.to and (at == nil or at == row.from))
      count, at = count + row.count, row.to
    end
    assert.equal(2000, count)
    local rows, last = 0, nil
    for value, share, seen in h:text():gmatch
      "\n +([%d.]+) ([%d.]+) +(%d+)" do
      assert.near(h:percentile(share * 100) * 1000, value, value / 500 + 0.001)
      rows, last = rows + 1, tonumber(seen)
    end
    assert.is_true(rows > 20)
    assert.equal(2000, last)
    assert.is_false(pcall(h.percentile, h, 101))
    assert.is_false(pcall(h.percentile, h, -1))
    assert.is_false(pcall(h.percentile, {}, 50))
  end)

  it("is empty if nothing was answered", function()
    local report = assert(net.load { family = "unix", path = "\0nobody",
      messages = 1 })
    assert.equal(1, report.errors.ECONNREFUSED)
    assert.equal(0, report.histogram:count())
    assert.same({}, report.histogram:buckets())
    assert.equal(0, report.histogram:percentile(50))
  end)

  -- 1 ms to 10 s, in steps of 1 ms, in HdrHistogram's layout.
  it("has the numbers of HdrHistogram", function()
    local folder = support.folder()
    local program = support.write(folder .. "/h.c", [[
      #include <stdio.h>
      #include "engine/histogram.h"
      static void put(void *data, const char *line, size_t len) {
        fwrite(line, 1, len, data);
      }
      static net_histogram h, copy;
      int main(void) {
        net_histogram_init(&h);
        for (uint64_t ms = 1; ms <= 10000; ms++)
          net_histogram_record(&h, ms * 1000000);
        net_histogram_copy(&copy, &h);
        for (int p = 0; p <= 100; p += 50)
          printf("%llu ", (unsigned long long)
            net_histogram_percentile(&copy, p));
        printf("%llu %.0f %.0f\n", (unsigned long long)net_histogram_min(&copy),
               net_histogram_mean(&copy), net_histogram_stdev(&copy));
        net_histogram_text(&copy, 1e6, put, stdout);
        return 0;
      }]])
    local out, err, status = support.run(
      ("sh -c '${CC:-cc} -std=c11 -Isrc -o %s/h %s src/engine/histogram.c " ..
        "-lm && %s/h'"):format(folder, program, folder))
    assert.equal("", err)
    assert.equal(0, status)
    local least, half, most, min, mean, stdev =
      out:match "^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+)\n"
    assert.same({ "999936", "5003804671", "10000000000", "1000000" },
      { least, half, most, min })
    assert.near(5000.5e6, tonumber(mean), 5e6)
    assert.near(2886.75e6, tonumber(stdev), 3e6)
    assert.matches("\n +Value +Percentile +TotalCount 1/%(1%-Percentile%)\n\n",
      out)
    assert.matches("\n +5003%.805 0%.500000000000 +5003 +2%.00\n", out)
    assert.matches("\n +10007%.609 1%.000000000000 +10000\n#%[Mean ", out)
    assert.matches("#%[Max +=+ +10007%.609, Total count +=+ +10000%]\n", out)
    assert.matches("#%[Buckets =+ +32, SubBuckets +=+ +2048%]\n$", out)
  end)
end)
