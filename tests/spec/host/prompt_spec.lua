-- The prompt on a terminal. A session is a list of { keys to type, texts that
-- must then appear }; Python has the pseudo-terminal.
local json = require "net.json"
local support = require "tests.support"

local host = support.host
if not support.hosted then return end -- plain Lua plays no part

local typist = [[
import json, os, pty, select, sys, termios, time
steps, command, env = json.load(open(sys.argv[1]))
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(env)
    os.execvp(command[0], command)
data, at = b'', 0

def more(seconds):
    global data
    if not select.select([fd], [], [], seconds)[0]: return False
    try: part = os.read(fd, 65536)
    except OSError: part = b''
    data += part
    return part != b''

def see(text):
    global at
    deadline = time.monotonic() + 20
    while text not in data[at:]:
        if not more(max(0, deadline - time.monotonic())):
            sys.stderr.write('no %r in %r of %r' % (text, data[at:], data))
            os.kill(pid, 9)
            sys.exit(99)
    at = data.index(text, at) + len(text)

for keys, *texts in steps:
    if keys.startswith('$ '): assert os.system(keys[2:]) == 0
    else: os.write(fd, keys.encode())
    for text in texts: see(text.encode())
while more(20): pass
if select.select([fd], [], [], 0)[0] == []: os.kill(pid, 9)
modes = termios.tcgetattr(fd)[3]
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(data.replace(b'\r\n', b'\n'))
sys.exit(status if modes & termios.ICANON and modes & termios.ECHO else 98)
]]

local enter, eof, up, tab = "\r", "\4", "\27[A", "\t"
local int, kill_line = "\3", "\21"

--- Types to `command` or the host. Returns the screen text and the status.
local function session(steps, command, env)
  local folder = support.folder()
  local environment = { TERM = "xterm", HOME = folder, LUA_INIT = "",
    NETLAB_HISTORY = folder .. "/history" }
  for name, value in pairs(env or {}) do environment[name] = value end
  local words = json.encode { steps, command or { host }, environment }
  local path = support.write(folder .. "/words", words)
  local out, err, status = support.run(
    support.python(typist) .. " " .. path, "", 60)
  assert.equal("", err)
  return out, status
end

--- Types from the first prompt to Ctrl-D. Returns what the terminal showed.
local function typed(steps, command, env)
  local all = { { "", "> " } }
  for _, step in ipairs(steps) do all[#all + 1] = step end
  all[#all + 1] = { eof }
  local out, status = session(all, command, env)
  assert.equal(0, status)
  return out
end

--- A step: types a line, and waits for texts and the next prompt.
local function line(text, ...)
  local step = { text .. enter, ... }
  step[#step + 1] = "\r\n> "
  return step
end

describe("the prompt", function()
  support.leaves_nothing(before_each, after_each)

  it("greets, prints results, and ends at Ctrl-D", function()
    local out = typed {
      line "1 + 1",
      line "= 6 * 7",
      line "x = 'kept'",
      line "local y = 1",
      line "x, y, net.htons(1)",
      line "",
      line "-- a comment",
      line "net == require 'net'",
    }
    assert.matches("^netlab [%d.]+ %(Lua 5%.%d%.%d+%)[^\n]+net is loaded", out)
    assert.truthy(out:find("> 1 + 1\n2\n> = 6 * 7\n42\n> x = 'kept'\n" ..
      "> local y = 1\n> x, y, net.htons(1)\nkept\tnil\t256\n> \n" ..
      "> -- a comment\n> net == require 'net'\ntrue\n> ", 1, true), out)
  end)

  it("asks for more lines until a statement is complete", function()
    local out = typed {
      { "function f(x)" .. enter, "\n>> " },
      { "return x * 2" .. enter, "\n>> " },
      line "end",
      { "f(" .. enter, "\n>> " },
      line("21)", "42"),
      { "= {" .. enter, "\n>> " },
      line("1 }", "table: "),
    }
    assert.truthy(out:find("> f(\n>> 21)\n42\n", 1, true), out)
  end)

  it("has the prompts of _PROMPT and _PROMPT2", function()
    typed {
      { "_PROMPT, _PROMPT2 = 'lab% ', 1" .. enter, "\nlab% " },
      { "do" .. enter, "\n1" },
      { "end" .. enter, "\nlab% " },
      line "_PROMPT = nil",
    }
  end)

  it("prints errors as the host does, and goes on", function()
    local out = typed {
      line("error 'went wrong'", "stdin:1: went wrong\r\nstack traceback:\r\n",
        "stdin:1: in main chunk"),
      line("x = = 1", "stdin:1: unexpected symbol near '='"),
      line("assert(net.socket():connect('127.0.0.1', 1))",
        "connect 127.0.0.1:1: connection refused (ECONNREFUSED)"),
      line("error(setmetatable({}, { __tostring = function() " ..
        "return 'my own' end }))", "\nmy own"),
      line("error()", "\n(error object is a nil value)"),
      line("print 'went on'", "\nwent on"),
    }
    assert.falsy(out:find("netlab: ", 1, true), out)
    assert.truthy(out:find("near '='\n>", 1, true), out)
    assert.truthy(out:find("(ECONNREFUSED)\n  hint: ", 1, true), out)
  end)

  it("runs a line as a task that may wait, even in print", function()
    typed {
      line("net.sleep(0.01)", "true"),
      line("net.spawn(function() net.sleep(0.01) return 'joined' end):join()",
        "\njoined"),
      line "out = print",
      line("function print(...) net.sleep(0.01) out('printed', ...) end"),
      line("7", "\nprinted\t7"),
    }
  end)

  it("lets tasks run while a line is typed, and redraws the line",
    function()
      local port = support.free_port()
      local nc = "$ printf '%s\n' | nc -N 127.0.0.1 " .. port .. " | grep -q %s"
      local out = typed {
        { "function serve()" .. enter, "\n>> " },
        { "local s <close> = assert(net.socket())" .. enter, "\n>> " },
        { "s:setsockopt('SO_REUSEADDR', 1)" .. enter, "\n>> " },
        { "assert(s:bind('127.0.0.1', " .. port .. ")) s:listen()" .. enter,
          "\n>> " },
        { "while true do" .. enter, "\n>> " },
        { "local c <close> = s:accept()" .. enter, "\n>> " },
        { "local text = c:recv_line()" .. enter, "\n>> " },
        { "print('got ' .. text)" .. enter, "\n>> " },
        { "c:sendall('echo ' .. text .. '\\n')" .. enter, "\n>> " },
        line "end end",
        line("server = net.spawn(serve)"),
        { "1 +", "1 +" },
        { nc:format("one", "echo.one"), "got one\r\n> 1 +" },
        { nc:format("two", "echo.two"), "got two\r\n> 1 +" },
        line(" 2", "\n3"),
        { "", },
        { nc:format("three", "echo.three"), "got three\r\n> " },
      }
      -- the typed line moves: no copy of it stays above
      assert.truthy(out:find("1 +\r\27[Jgot one\n", 1, true), out)
    end)

  it("prints a task's error above the line, and ends well", function()
    typed {
      line("net.spawn(function() net.sleep(0.1) error 'in a task' end)"),
      { "2 *", "2 *",
        "netlab: stdin:1: in a task\r\nstack traceback:", "\n> 2 *" },
      line(" 4", "\n8"),
    }
  end)

  it("starts a new line after output without a newline", function()
    typed {
      line("io.write 'no end'", "no end"),
      line("net.spawn(function() net.sleep(0.1) io.write 'nor this' end)"),
      { "3 *", "3 *", "nor this\r\n> 3 *" },
      line(" 3", "\n9"),
    }
  end)

  it("closes the tasks at its end", function()
    local out = typed {
      line("net.spawn(function() local _ <close> = setmetatable({}, { " ..
        "__close = function() print 'closed' end }) net.sleep(600) end)"),
      line("net.sleep(0)"),
    }
    assert.matches("\nclosed\n$", out)
  end)

  it("restores the terminal when a task ends the program", function()
    local _, status = session {
      { "", "> " },
      line("net.spawn(function() net.sleep(0.1) os.exit(7) end)"),
      { "half a li", "half a li" },
    }
    assert.equal(7, status)
  end)

  it("restores the terminal when a signal ends it", function()
    local _, status = session {
      { "", "> " },
      line("os.execute '(sleep 0.1; kill $PPID) &'"),
    }
    assert.equal(-15 % 256, status % 256)
  end)

  it("stops at Ctrl-Z, and continues with the typed line", function()
    local _, status = session({
      { "", "% " },
      { host .. enter, "\n> " },
      { "1 +", "1 +" },
      { "\26", "% " },
      { "fg" .. enter, "\n> 1 +" },
      line(" 1", "\n2"),
      { eof, "% " },
      { "exit" .. enter },
    }, { "sh", "-i" }, { PS1 = "% " })
    assert.equal(0, status)
  end)

  it("edits characters of several bytes as one", function()
    typed { line("'ä€'\2\2x", "\näx€") }
  end)
end)

describe("completion", function()
  support.leaves_nothing(before_each, after_each)

  it("lists the candidates, or inserts the only one", function()
    typed {
      line("sock = net.socket()"),
      { "sock:set" .. tab, "setblocking", "setsockopt", "settimeout",
        "\n> sock:set" },
      line("t" .. tab .. "(3)", "\nsocket (inet"),
      line("sock:gett" .. tab .. "()", "\n3.0"),
    }
  end)

  it("inserts what all candidates have in common", function()
    typed {
      line("abcdef1, abcdef2 = 1, 2"),
      line("abc" .. tab .. "2", "def2\r\n2"),
    }
  end)

  it("knows globals, words, modules, and fields of fields", function()
    typed {
      line("own = { sub = { field = 'deep' } }"),
      line("ow" .. tab .. ".su" .. tab .. ".fi" .. tab, "\ndeep"),
      line("'a'..own.sub.fi" .. tab, "\nadeep"),
      line("#net.geth" .. tab .. "n" .. tab .. "() > 0", "\ntrue"),
      { "repe" .. tab, "at" },
      line(kill_line .. "'false' .. tostring(fals" .. tab .. ")",
        "\nfalsefalse"),
      { kill_line, "\r" },
    }
  end)

  it("knows the methods of tasks, buffers and strings", function()
    typed {
      line("t = { task = net.spawn(net.sleep, 0), buf = net.buffer(3) }"),
      line("t.task:jo" .. tab .. "()", "\ntrue"),
      line("t.buf:pu" .. tab .. "('abc')"),
      line("t.buf:su" .. tab .. "(2)", "\nbc"),
      line("s = 'x'"),
      line("s:upp" .. tab .. "()", "\nX"),
    }
  end)

  it("runs no code of the user, and ends in any case", function()
    typed {
      line("called = 0"),
      line("function count() called = called + 1 end"),
      line("odd = setmetatable({}, { __index = count, __pairs = count })"),
      line("ring = {}"),
      line("setmetatable(ring, ring).__index = ring"),
      { "odd.x" .. tab, "\7" },
      { kill_line .. "odd.x.y" .. tab, "\7" },
      { kill_line .. "ring.x" .. tab, "\7" },
      { kill_line .. "none.x" .. tab, "\7" },
      { kill_line .. "f().x" .. tab, "\7" },
      { kill_line .. "1.x" .. tab, "\7" },
      line(kill_line .. "'called ' .. called", "\ncalled 0"),
    }
  end)

  it("lists names, sorted, and hides those that begin with _",
    function()
      typed {
        line("t = { b2 = 1, a1 = 1, _c = 1, ['x y'] = 1, [1] = 1, " ..
          "['\\27[2J'] = 1 }"),
        { "t." .. tab, "\na1  b2  \r\n> t." },
        line("_c", "\n1"),
        { "t:" .. tab, "\7" }, -- no functions
        { kill_line, "\r" },
      }
    end)

  it("lists a limited number, and says so", function()
    typed {
      line("t = {} for i = 1, 1000 do t['name' .. i] = i end"),
      { "t.name" .. tab, "name", "\n...\r\n> t.name" },
      { kill_line, "\r" },
    }
  end)

  it("indents at the start of a line", function()
    local out = typed { line(tab .. "5", "\n5") }
    assert.truthy(out:find(">   5\n", 1, true), out)
  end)
end)

describe("history", function()
  support.leaves_nothing(before_each, after_each)

  it("comes back with the up key, a statement of many lines at once", function()
    typed {
      line("n = 1"),
      { "function g()" .. enter, "\n>> " },
      { "n = n + 10" .. enter, "\n>> " },
      line "end",
      line("n = n + 1"),
      line(up, "n = n + 1"),
      line(up .. up, "end"),
      line("g()"),
      line("'n is ' .. n", "\nn is 13"),
    }
  end)

  it("is kept for the next session, readable by the user only", function()
    local file = support.folder() .. "/kept"
    local env = { NETLAB_HISTORY = file }
    typed({ line "'first session'" }, nil, env)
    local mode = support.run("stat -c %a " .. file)
    assert.equal("600\n", mode)
    local out = typed({ line(up, "'first session'", "\nfirst session") }, nil,
      env)
    assert.truthy(out:find "first session")
  end)

  it("is in the home folder, and limited", function()
    local home = support.folder()
    local lines = { "_HiStOrY_V2_" }
    for i = 1, 5000 do lines[#lines + 1] = "line" .. i end
    local file = support.write(home .. "/.netlab_history",
      table.concat(lines, "\n") .. "\n")
    typed({ line "'new'" }, { "env", "-u", "NETLAB_HISTORY", host },
      { HOME = home })
    local kept = support.read(file)
    assert.truthy(kept:find "'new'\n$")
    assert.equal(1001, select(2, kept:gsub("\n", "")))
  end)

  it("may be unwritable, or turned off", function()
    for _, file in ipairs { "/no/such/folder/file", "/dev", "" } do
      typed({ line("1", "\n1"), line(up, "1", "\n1") }, nil,
        { NETLAB_HISTORY = file })
    end
  end)
end)

describe("Ctrl-C at the prompt", function()
  support.leaves_nothing(before_each, after_each)

  it("discards the typed line", function()
    local out = typed {
      { "error 'half", "error 'half" },
      { int, "^C\r\n> " },
      { "do" .. enter, "\n>> " },
      { "error(", "error(" },
      { int, "^C\r\n> " },
      line("1", "\n1"),
    }
    assert.falsy(out:find("stdin:", 1, true), out)
  end)

  it("ends a waiting call, each time", function()
    local steps = {
      line("s = net.socket() assert(s:bind('127.0.0.1', 0)) s:listen()"),
    }
    for _, call in ipairs { "s:accept()", "net.sleep(600)",
      "net.spawn(net.sleep, 600):join()", "s:accept()" } do
      steps[#steps + 1] = { "print 'go' " .. call .. enter, "\ngo\r\n" }
      steps[#steps + 1] = { int, "\ninterrupted\r\n> " }
    end
    typed(steps)
  end)

  it("ends a busy loop, each time", function()
    local steps = {}
    for _, body in ipairs { "", "math.abs(1)", "tostring(1)", "" } do
      steps[#steps + 1] = { "print 'go' while true do " .. body .. " end" ..
        enter, "\ngo\r\n" }
      steps[#steps + 1] = { int, "\ninterrupted\r\n> " }
    end
    typed(steps)
  end)

  it("does not end other tasks", function()
    typed {
      line("n = 0"),
      line("function count() while true do net.sleep(0.001) n = n + 1 end end"),
      line("t = net.spawn(count)"),
      { "half", "half" },
      { int, "^C\r\n> " },
      { "print 'go' net.sleep(600)" .. enter, "\ngo\r\n" },
      { int, "\ninterrupted\r\n> " },
      { "print 'go' while true do end" .. enter, "\ngo\r\n" },
      { int, "\ninterrupted\r\n> " },
      { "print 'go' t:join()" .. enter, "\ngo\r\n" },
      { int, "\ninterrupted\r\n> " },
      line("m = n net.sleep(0.1) return n > m", "\ntrue"),
    }
  end)

  it("pressed twice ends a task that never yields", function()
    typed {
      line("function keep() net.sleep(0.1) print 'busy' while true do end end"),
      line("t = net.spawn(keep)"),
      { "", "busy\r\n" },
      { int },
      { "$ sleep 0.3" },
      { int, "^C\r\n> " },
      line("pcall(t.join, t)", "false\tinterrupted"),
    }
  end)

  it("pressed three times ends what no error can end", function()
    local _, status = session {
      { "", "> " },
      { "print 'go' return (('a'):rep(60)):find(('a-'):rep(40) .. 'b')" ..
        enter, "\ngo\r\n" },
      { "$ sleep 0.3" }, { int },
      { "$ sleep 0.3" }, { int },
      { "$ sleep 0.3" }, { int },
    }
    assert.equal(-2 % 256, status % 256)
  end)

  it("makes a call like sock:echo return its results", function()
    typed {
      line("s = net.socket() assert(s:bind('127.0.0.1', 0)) s:listen()"),
      { "net.spawn(print, 'go') return s:echo().connections" .. enter,
        "\ngo\r\n" },
      { int, "^C0\r\n> " },
    }
  end)
end)

describe("the prompt after a script", function()
  support.leaves_nothing(before_each, after_each)

  it("has its globals and its tasks", function()
    local path = support.write(support.folder() .. "/script.lua", [[
      local net = require "net"
      x = ...
      task = net.spawn(function() net.sleep(0.1) return "from the script" end)
      print "script"
    ]])
    local out = typed({
      line("x", "\nargument"),
      line("task:join()", "\nfrom the script"),
    }, { host, "-i", path, "argument" })
    assert.matches("^script\nnetlab ", out)
  end)

  it("appears after -e and -l, too", function()
    typed({ line("x .. type(json.encode)", "\n7function") },
      { host, "-e", "x = 7", "-i", "-l", "json=net.json" })
  end)

  it("does not appear if they fail", function()
    local out, status = session({}, { host, "-i", "-e", "error('no', 0)" })
    assert.matches("^netlab: no\nstack traceback:\n.*%[C%]: in %?\n$", out)
    assert.equal(1, status)
  end)

  it("runs LUA_INIT before the first line", function()
    typed({ line("x", "\nfrom init") }, nil, { LUA_INIT = "x = 'from init'" })
  end)
end)

describe("the prompt without line editing", function()
  support.leaves_nothing(before_each, after_each)

  it("works on a dumb terminal", function()
    typed({
      line("1 + 1", "\n2"),
      { "function f()" .. enter, "\n>> " },
      { "return 42" .. enter, "\n>> " },
      line "end",
      line("f()", "\n42"),
      { "half", "half" },
      { int, "^C\r\n> " },
      { "print 'go' while true do end" .. enter, "\ngo\r\n" },
      { int, "\ninterrupted\r\n> " },
      line("net.spawn(function() net.sleep(0.1) print 'from a task' end)"),
      { "1 +", "1 +", "\nfrom a task\r\n> " },
      line(" 2", "\n3"),
    }, nil, { TERM = "dumb" })
  end)

  it("reads lines from a file with -i", function()
    local out, err, status = support.run(host .. " -i",
      "x = 20\nfunction f()\n  return x + 1\nend\nf()\nnet.sleep(0)\nlast")
    assert.matches("^netlab [^\n]+\n> > >> >> > 21\n> true\n> nil\n> \n$", out)
    assert.same({ "", 0 }, { err, status })
  end)

  it("does not appear for a pipe without -i", function()
    local out, err, status = support.run(host, "print(net)\nprint(1)")
    assert.same({ "nil\n1\n", "", 0 }, { out, err, status })
  end)
end)

describe("a script", function()
  support.leaves_nothing(before_each, after_each)

  it("does not load libedit, which only the prompt needs", function()
    local record = support.folder() .. "/record"
    local _, err, status = support.run(support.strace("-e trace=openat", record,
      host .. " -e 'x = 1'"))
    assert.same({ "", 0 }, { err, status })
    assert.truthy(support.read(record):find "liblua")
    assert.falsy(support.read(record):find "libedit")
  end)
end)
