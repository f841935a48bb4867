-- The labs of labs/more as processes. The load that echo_load shows is invented
-- where its numbers must be known, and real with netlab's echo labs.
local support = require "tests.support"

local function lab(name, args, before)
  return ("%s %s labs/more/%s.lua %s"):format(support.driver, before or "",
    name, args)
end

-- Returns how many lines Python finds in an SVG picture.
local function lines_of(path)
  local out, err = support.run(support.python(([[
import xml.etree.ElementTree as ET
root = ET.parse(%q).getroot()
print(root.tag, len([e for e in root.iter() if ' s' in e.get('class', '')]))
]]):format(path)))
  assert.equal("", err)
  return tonumber((out:match "^{http://www.w3.org/2000/svg}svg (%d+)\n$"))
end

describe("buffer_size", function()
  support.leaves_nothing(before_each, after_each)

  it("measures every case, and draws them", function()
    local svg = support.folder() .. "/chart.svg"
    local out, err, status = support.run(lab("buffer_size",
      "--seconds 0.002 --svg " .. svg))
    assert.same({ "", 0 }, { err, status })
    for _, head in ipairs { "SO_SNDBUF, SO_RCVBUF", "write, write, read",
      "write size, TCP_NODELAY 0", "write size, TCP_NODELAY 1" } do
      assert.equal(1, select(2, ("\n" .. out):gsub("\n" .. head .. "\n", "")))
    end
    local _, sizes = out:gsub("\n[%d.]+ k?M?B +[%d.]+ [kMG]?B/s", "")
    local _, delays = out:gsub("\nTCP_NODELAY [01] +[%d.]+ .?.?s", "")
    assert.same({ 16, 2 }, { sizes, delays })
    assert.equal(6, lines_of(svg)) -- three, and the legend's three
  end)

  it("asks the kernel for the sizes, and for no delay", function()
    local path = support.folder() .. "/trace"
    local _, err, status = support.run(support.strace("-e trace=setsockopt",
      path, lab("buffer_size", "--seconds 0.001")))
    assert.same({ "", 0 }, { err, status })
    local trace = support.read(path)
    for _, size in ipairs { 2000, 8000, 32000, 128000, 512000, 2000000 } do
      for _, option in ipairs { "SO_SNDBUF", "SO_RCVBUF" } do
        assert.matches(option .. ", %[" .. size .. "%], 4%) = 0", trace)
      end
    end
    assert.equal(6, select(2, trace:gsub("TCP_NODELAY, %[1%]", "")))
  end)

  it("shows its progress on a terminal, and erases it", function()
    local out = support.on_terminal(lab("buffer_size", "--seconds 0.001"))
    assert.matches("\r\27%[KSO_SNDBUF, SO_RCVBUF: 2 kB\r", out)
    assert.matches("\r\27%[K$", out)
  end)

  it("says what is wrong with its options", function()
    for args, message in pairs {
      ["--seconds 0"] = "seconds must be above 0",
      ["--seconds x"] = "malformed argument 'x'", ["--nonsense"] = "unknown",
      ["--svg /none/x"] = "Error: /none/x: No such file",
    } do
      local out, err, status = support.run(lab("buffer_size", args))
      assert.not_equal(0, status)
      assert.matches(message, out .. err)
    end
  end)
end)

-- An invented net.load: prints its options as they come, and reports what a
-- table contains.
local function fake(changes)
  return "-e 'dofile [[" .. support.write(support.folder() .. "/fake.lua", [[
    local net = require "net"
    local change = ]] .. (changes or "{}") .. [[

    local h = {}
    function h.text() return "the percentiles\n" end
    function h.count() return change.messages or 100 end
    function h.buckets()
      return { { from = 0, to = 1e-5, count = 50 },
        { from = 1e-5, to = 15e-6, count = 0 },
        { from = 15e-6, to = 2e-5, count = 25 } }
    end
    local function report(o, seconds)
      local n = o.connections
      local r = { messages = 100, bytes = 6400, seconds = seconds, lost = 0,
        connections = n, late = 0, corrupt = 0, rate = 1000.0 * n, errors = {},
        throughput = 64e3 * n, histogram = h, latency = { min = 1e-5,
        mean = 2e-5, stdev = 1e-6, p50 = 3e-5 * n, p75 = 1e-4, p90 = 2e-4,
        p99 = 5e-4 * n, p999 = 8e-4, p9999 = 9e-4, max = 2e-3 } }
      for key, value in pairs(change) do r[key] = value end
      return r
    end
    function net.load(o)
      if change.fails then return nil, "load: no (ENO)", "ENO" end
      local words = {}
      for key, value in pairs(o) do
        if key ~= "on_progress" then
          words[#words + 1] = key .. "=" .. tostring(value)
        end
      end
      table.sort(words)
      if change.show then print(table.concat(words, " ")) end
      if o.on_progress then
        o.on_progress(report(o, 0.5))
        o.on_progress(report(o, 1.5))
      end
      return report(o, 2.0)
    end]]) .. "]]'"
end

describe("echo_load", function()
  support.leaves_nothing(before_each, after_each)

  local function load(args, changes)
    return support.run("env LC_ALL=C COLUMNS=50 " ..
      lab("echo_load", args, fake(changes)))
  end

  it("prints a table and the latencies", function()
    local out, err, status = load "--port 9"
    assert.same({ "", 0 }, { err, status })
    assert.equal([[
conns messages  rate/s       B/s     p50     p99   p99.9     max  lost corrupt
    1      100     1 k   64 kB/s   30 us  500 us  800 us    2 ms     0       0
to 10 us  50 #####################################
to 15 us   0
to 20 us  25 ###################
]], out)
  end)

  it("doubles the connections in a sweep; a chart has both curves", function()
    local folder = support.folder()
    local svg, hdr = folder .. "/chart.svg", folder .. "/hdr"
    local out, err, status = load(("--port 9 --sweep --connections 5 " ..
      "--svg %s --hdr %s"):format(svg, hdr))
    assert.same({ "", 0 }, { err, status })
    assert.matches("\n    1 .*\n    2 .* 60 us +1 ms .*\n    4 .*\nto 10 us",
      out)
    assert.equal(4, lines_of(svg))
    assert.matches("p99: 4 k, 2 ms", support.read(svg))
    assert.equal("the percentiles\n", support.read(hdr))
  end)

  it("ends a sweep with the run that Ctrl-C ends", function()
    local out = load("--port 9 --sweep", "{ interrupted = true }")
    assert.matches("\n    1 [^\n]*\nto ", out)
    assert.not_matches("\n    2 ", out)
  end)

  it("writes JSON that Python reads, and nothing else", function()
    local out, err, status = load("--port 9 --json --sweep --connections 2",
      "{ errors = { ECONNRESET = 3 } }")
    assert.same({ "", 0 }, { err, status })
    out, err = support.run(support.python [[
import json, sys
runs = json.load(sys.stdin)['runs']
print(len(runs), [r['rate'] for r in runs], runs[0]['latency']['p99'])
print(runs[0]['errors'], runs[0]['messages'], 'histogram' in runs[0])
]], out)
    assert.equal("", err)
    assert.equal("2 [1000.0, 2000.0] 0.0005\n{'ECONNRESET': 3} 100 False\n",
      out)
  end)

  it("passes on its options", function()
    local show = "{ show = true }"
    assert.matches("^.-\nconnections=1 depth=1 family=inet host=localhost " ..
      "port=9 seconds=2 size=64 type=stream\n", (load("--port 9", show)))
    assert.matches("\nchurn=true connections=4 depth=8 family=inet6 " ..
      "host=::1 messages=50 port=9 rate=1.5 size=100 type=dgram\n",
      (load("--port 9 --host ::1 --udp --connections 4 --depth 8 --size 100 " ..
        "--messages 50 --rate 1.5 --churn", show)))
    assert.matches("\nconnections=1 depth=1 family=unix path=/p seconds=0.5 " ..
      "size=64 type=stream\n", (load("--path /p --seconds 0.5", show)))
  end)

  it("fails if nothing comes back, or other bytes than were sent", function()
    for changes, shown in pairs {
      ["{ lost = 3 }"] = " 3       0\n", ["{ corrupt = 2 }"] = " 0       2\n",
      ["{ messages = 0, errors = { ECONNRESET = 7 } }"] = "\nECONNRESET 7\n",
    } do
      local out, err, status = load("--port 9", changes)
      assert.same({ "", 1 }, { err, status })
      assert.matches(shown, out)
    end
    local _, err, status = load("--port 9", "{ fails = true }")
    assert.matches("load: no %(ENO%)\n", err)
    assert.equal(1, status)
  end)

  it("shows its progress on a terminal, and erases it", function()
    local out = support.on_terminal("env LC_ALL=C " .. lab("echo_load",
      "--port 9", fake()))
    assert.equal("\r\27[K 25%  1 k/s  p50 30 us  p99 500 us  2 s to go" ..
      "\r\27[K 75%  1 k/s  p50 30 us  p99 500 us  0 s to go\r\27[K", out)
  end)

  it("says what is wrong with its options", function()
    for args, message in pairs {
      [""] = "need %-%-port or %-%-path", ["--port 70000"] = "port must be 0",
      ["--port 9 --size x"] = "malformed argument 'x'",
      ["--port 9 --svg /none/x"] = "/none/x: No such file",
      ["--nonsense"] = "unknown",
    } do
      local out, err, status = load(args)
      assert.not_equal(0, status)
      assert.matches("Error: [^\n]*" .. message, out .. err)
    end
    for args, message in pairs { -- which net.load itself refuses
      ["--port 9 --size=-1"] = "size not in 1..268435456",
      ["--port 9 --udp --size 11"] = "size not in 12..65507",
      ["--port 9 --connections 1.5"] = "connections not in 1..100000",
      ["--port 9 --sweep --connections 0"] = "connections not in 1..100000",
      ["--port 9 --seconds 0"] = "seconds: a number above 0",
      ["--port 9 --rate 1e10"] = "rate: a number above 0",
      ["--port 9 --udp --churn"] = "churn needs streams",
      ["--port 9 --path /x"] = "host: a UNIX socket has a path instead",
    } do
      local _, err, status = support.run(lab("echo_load", args))
      assert.not_equal(0, status)
      assert.matches("Error: " .. message, err)
      assert.not_matches("traceback", err)
    end
  end)

  -- Starts an echo lab on a free port. Returns it and the port.
  local function server(name)
    local port = support.free_port()
    local process = support.start(("%s labs/%s.lua --port %d"):format(
      support.driver, name, port))
    process:expect "Waiting"
    return process, port
  end

  it("works with the TCP echo lab", function()
    local echo <close>, port = server "tcp_echo_server"
    local out, err, status = support.run(lab("echo_load",
      "--messages 200 --connections 2 --port " .. port))
    assert.same({ "", 0 }, { err, status })
    assert.matches("\n    2      200 .* 0       0\nto ", out)
    assert.truthy(echo.pid)
  end)

  it("works with the UDP echo lab", function()
    local echo <close>, port = server "udp_echo_server"
    local out, err, status = support.run(lab("echo_load",
      "--udp --messages 100 --json --port " .. port))
    assert.same({ "", 0 }, { err, status })
    assert.matches('"messages":100,', out)
    assert.truthy(echo.pid)
  end)

  it("reports that nothing listens", function()
    local out, err, status = support.run(lab("echo_load",
      "--seconds 0.2 --port " .. support.free_port()))
    assert.matches("ECONNREFUSED", out .. err)
    assert.equal(1, status)
  end)
end)

describe("the text of a further lab", function()
  local pipe <close> = io.popen "ls labs/more/*.lua"
  local readme = support.read "labs/README.md"
  for path in pipe:lines() do
    it(path .. " is short, documented, and in the README", function()
      local lines = {}
      for line in io.lines(path) do
        lines[#lines + 1] = line
        assert.is_true(#line <= 80, line)
      end
      assert.is_true(#lines <= 100)
      assert.matches("^%-%- More: .* after: Labs? %d", lines[1])
      assert.matches("^%-%- run:  netlab " .. path:gsub("%p", "%%%0"), lines[2])
      assert.matches("^%-%- Try: ", lines[#lines])
      local name = path:match "^labs/(.*)%.lua$"
      assert.truthy(readme:find("| `" .. name .. "` |", 1, true))
    end)
  end
end)
