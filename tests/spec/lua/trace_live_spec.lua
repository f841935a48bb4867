-- net.trace.live: the view on the terminal, of invented and of real traces.
local live = require "net.trace.live"
local made = require "tests.support.trace"
local support = require "tests.support"
local text = require "net.trace.text"

-- Returns what is shown of these events.
local function shown(options, events)
  local out = {}
  options.write = function(words) out[#out + 1] = words end
  options.since = 5000000000
  local show = live.new(options)
  for line in made.text({}, made.flat(events)):gmatch "[^\n]+" do show(line) end
  return table.concat(out)
end

local function sock(...) return { made.sock(...) } end

-- What a terminal would take for a command or a new line. (No byte of é occurs
-- in an invisible character.)
local UNSAFE = "[^\n -~\xC3\xA9]"

local EVENTS = {
  sock(1, "inet", "stream", "127.0.0.1:9900"),
  { call = "listen", sock = 1, args = "128" },
  { ev = "task", task = 2, by = 1, at = 4 },
  sock(2, "inet", "stream", "127.0.0.1:9900", "127.0.0.1:4"),
  { call = "accept", sock = 1, new = 2, args = "", at = 5, to = 305.2,
    wait = 300100000, waits = 1, result = 'socket 2, "127.0.0.1", 4' },
  { call = "recv", task = 2, sock = 2, args = "16", ["in"] = 5, at = 306,
    data = "hello" },
  { call = "send", sock = 2, out = 300, data = "seen", engine = "echo",
    at = 307 },
  { call = "accept", sock = 1, args = "", code = "EAGAIN", at = 308 },
  { call = "accept", sock = 1, args = "", code = "EAGAIN", at = 309 },
  { ev = "done", task = 2, state = "failed", at = 310 },
  { call = "sleep", args = "9", at = 311, open = true },
  { ev = "stop", at = 312, sys = 46 },
}

describe("the live view", function()
  support.leaves_nothing(before_each, after_each)

  it("has a line for each call as it ends, and a column per task", function()
    local out = shown({ width = 120 }, EVENTS)
    local hint = out:match "hint: ([^\n]+)"
    local new = 'socket 2, "127.0.0.1", 4  waited 300 ms'
    assert.equal([[
  0.003500 * script  tcp 127.0.0.1:9900: listen(128)
  0.004000 * | script  spawn = task 2
  0.305200 * | script  tcp 127.0.0.1:9900: accept() = ]] .. new .. [[

  0.306500 | * task 2  tcp 127.0.0.1:9900<-4: recv(16) = "hello"  5 B in
  0.307500 * | script  tcp 127.0.0.1:9900<-4: echo: send() "seen"  300 B out
  0.308500 * | script  tcp 127.0.0.1:9900: accept()  EAGAIN
           | |         hint: ]] .. hint .. [[

  0.309500 * | script  tcp 127.0.0.1:9900: accept()  EAGAIN
  0.310000 | * task 2    failed
  0.311500 *   script  sleep(9)  not ended
  0.312000 |   end       46 system calls
]], out)
    assert.matches("^not ready yet", hint)
  end)

  it("colours lanes and faults only if asked", function()
    local plain = shown({ width = 120 }, EVENTS)
    local coloured = shown({ width = 120, colour = true }, EVENTS)
    assert.not_matches("\27", plain)
    assert.matches("\27%[36m%* \27%[0m", coloured)
    assert.matches("\27%[33mtask 2  \27%[0m", coloured)
    assert.matches("\27%[31m  failed\27%[0m", coloured)
    assert.matches(")  EAGAIN\n", coloured, 1, true) -- an answer, no fault
    assert.equal(plain, (coloured:gsub("\27%[%d+m", "")))
  end)

  it("is never wider than the terminal, and keeps the error", function()
    for width = 1, 130 do
      local out = shown({ width = width, label = "server" }, EVENTS)
      for line in out:gmatch "[^\n]+" do
        assert.is_true(text.columns(line) <= width, line)
      end
      if width >= 80 then
        local _, codes = out:gsub("EAGAIN\n", "")
        assert.equal(2, codes)
        assert.matches("waited 300 ms\n", out)
      end
    end
  end)

  it("puts a call below its task on a narrow terminal", function()
    local out = shown({ width = 40 }, EVENTS)
    assert.matches("  0.003500 * script  \n  tcp 127.0.0.1:9900: listen(128)\n",
      out, 1, true)
    assert.matches([[
  0.305200 * | script    waited 300 ms
  tcp 127.0.0.1:9900: accept() = sock...
]], out, 1, true)
    assert.matches([[
  0.308500 * | script    EAGAIN
  tcp 127.0.0.1:9900: accept()
]], out, 1, true)
  end)

  it("shows no terminal commands", function()
    local bad = "\27[2J\r\n\u{9B}31m\u{202E}é"
    local hostile = { ev = "call", call = bad, args = bad, result = bad,
      data = bad, code = bad, engine = bad, sock = 1, task = 1, at = 5,
      ["in"] = 1, line = bad, error = bad, addr = bad }
    local out = shown({ width = 4000, label = bad }, {
      sock(1, "unix", "stream", bad, bad), hostile,
      { ev = "done", task = 2, state = bad }, { ev = "done", task = 3 } })
    assert.not_matches(UNSAFE, out)
    assert.equal(3, select(2, out:gsub("\n", "")))
    local _, count = out:gsub("\\x1b%[2J\\x0d\\x0a", "")
    assert.is_true(count > 6)
  end)

  it("shows text of any script, never wider than the terminal", function()
    local events = { { call = "send", args = '"' .. ("中文é"):rep(9) .. '"',
      out = 9, data = ("中文é"):rep(9) } }
    assert.matches(("中文é"):rep(9), shown({ width = 200 }, events), 1, true)
    for width = 1, 90 do
      for line in shown({ width = width }, events):gmatch "[^\n]+" do
        assert.is_true(text.columns(line) <= width, line)
      end
    end
    assert.matches('send%("中文é中文é中文é中...  9 B out\n',
      shown({ width = 57 }, events))
  end)

  it("reports a damaged line, and goes on", function()
    local out = {}
    local show = live.new { write = function(words) out[#out + 1] = words end }
    show "{\27"
    show '{"ev":"stop","t":1}' -- before any start, so there is no time yet
    show '{"ev":"weather"}'
    for line in made.text({}, { { call = "a" } }):gmatch "[^\n]+" do
      show(line)
    end
    assert.equal(2, #out)
    assert.equal("a line of the trace is damaged: " ..
      "decode: string expected at byte 2\n", out[1])
    assert.matches(" %* script  a%(%)\n$", out[2])
  end)

  it("reuses the columns of ended tasks", function()
    local events = {}
    for task = 2, 40 do
      events[#events + 1] = { ev = "task", task = task, by = 1 }
      events[#events + 1] = { call = "sleep", task = task }
      events[#events + 1] = { ev = "done", task = task, state = "done" }
    end
    for task = 41, 60 do
      events[#events + 1] = { ev = "task", task = task, by = 1 }
      events[#events + 1] = { call = "sleep", task = task }
    end
    local out = shown({}, events)
    assert.matches("\n +%S+ | %* task 40 sleep", out)
    assert.matches("\n +%S+ | | | | | | | %* task 47 sleep", out)
    assert.matches("\n +%S+ | | | | | | | | task 48 sleep", out)
  end)

  it("is what --trace shows on standard error", function()
    local path = support.write(support.folder() .. "/lab.lua", [[
      local net = require "net"
      local a <close>, b = net.socketpair()
      local other <close> = b
      net.spawn(function() b:sendall "one\27[31m\n" end)
      print(a:recv_line())]])
    local out, err, status = support.run(("env TERM=xterm %s --trace %s")
      :format(support.host, path))
    assert.equal(0, status)
    assert.equal("one\27[31m\n", out)
    assert.not_matches(UNSAFE, err)
    assert.matches("%* +script  unix #1: recv_line%(%) = \"one\\x1b%[31m\"",
      err)
    assert.matches("| %* task 2  unix #2: sendall%(", err)
    assert.matches("end +%d+ system calls\n$", err)
  end)
end)

describe("text.printable", function()
  it("keeps visible characters, and shows others as \\xNN", function()
    for _, words in ipairs { "plain ~", "é ß ж 中 ã \u{1F600}", "“…”", "\\" } do
      assert.equal(words, text.printable(words))
    end
    for _, c in ipairs { 0, 0x1B, 0x7F, 0x80, 0x9F, 0x61C, 0x200B, 0x200F,
      0x2028, 0x202E, 0x202F, 0x2060, 0x2066, 0x206F, 0xFEFF } do
      local words = text.printable("a" .. utf8.char(c) .. "é")
      assert.matches("^a[\\x%x]+é$", words)
    end
    assert.equal("a\\xc3\\xa9\\xff", text.printable "aé\xFF")
  end)
end)

describe("text.wrap", function()
  it("breaks at spaces, before ideographs, or anywhere", function()
    assert.same({ "one two", "three" }, text.wrap("one two three", 8))
    assert.same({ "one two", "three" }, text.wrap("one two three", 7))
    assert.same({ "abc", "def", "g" }, text.wrap("abcdefg", 3))
    assert.same({ "埠x", "已被" }, text.wrap("埠x已被", 4))
    assert.same({ "" }, text.wrap("", 4))
  end)
end)

describe("text.seconds", function()
  it("has a unit that fits", function()
    for s, want in pairs { [0] = "0 s", [3e-6] = "3 us", [0.0305] = "30.5 ms",
      [1.5] = "1.5 s", [100] = "100 s" } do
      assert.equal(want, text.seconds(s))
    end
  end)
end)
