-- --trace: what can be traced, where the trace goes, and how it ends.
local record = require "tests.support.record"
local support = require "tests.support"

local pick, column = record.pick, record.column

describe("what is traced", function()
  support.leaves_nothing(before_each, after_each)

  it("is a chunk, stdin, the prompt, and what they load", function()
    local events = record.host "-e 'require [[net]].socket():close()'"
    assert.equal("-e", events[1].lab)
    assert.equal("(command line):1", pick(events, { call = "socket" })[1].line)
    events = record.host("- one", "require 'net'.socket():close()")
    assert.same({ "-", { "one" } }, { events[1].lab, events[1].args })
    assert.equal("stdin:1", pick(events, { call = "socket" })[1].line)
    events = record.host("-i", "a = net.socket()\na:close()\n")
    assert.same({ "socket", "close" },
      column(pick(events, { ev = "call" }), "call"))
  end)

  it("is nothing without --trace: functions are the originals", function()
    local text = [[
      local net = require "net"
      local s = net.socket()
      local first, second = debug.getupvalue(net.socket, 1),
        debug.getupvalue(net.socket, 2)
      print(first ~= nil, second ~= nil, debug.getupvalue(s.recv, 2) ~= nil)
    ]]
    local path = support.write(support.folder() .. "/lab.lua", text)
    assert.equal("true\tfalse\tfalse\n", (support.run(
      support.driver .. " " .. path)))
    local _, out = record.host(path)
    assert.equal("true\ttrue\ttrue\n", out)
  end)

  it("changes neither counts nor messages", function()
    local path = support.write(support.folder() .. "/lab.lua", [[
      local net = require "net"
      local a, b = net.socketpair()
      net.spawn(function() for _ = 1, 9 do net.sleep(0) a:sendall "x" end end)
      for _ = 1, 9 do b:recv(1) end
      local used = net.getrusage()
      print(used.calls, used.received, used.sent)
      print(pcall(function() b:recv(-1) end))
      print(pcall(net.socket, "none"))
      print(pcall(b.recv))
    ]])
    local out = support.run(support.host .. " " .. path)
    local _, traced = record.host(path)
    assert.equal(out, traced)
  end)
end)

describe("--trace", function()
  support.leaves_nothing(before_each, after_each)

  local RUN = " -e 'net.socket():close() print [[ran]]'"

  local function host(option, more)
    return support.run(("%s -l net %s %s"):format(support.host, option,
      more or RUN))
  end

  it("with an unwritable file runs nothing", function()
    for option, why in pairs {
      ["--trace=/none/x.jsonl"] = "/none/x.jsonl: No such file or directory",
      ["--trace=/none/x.html"] = "/none/x.html: No such file or directory",
      ["--trace=x.txt"] = "x.txt: the name must end in .jsonl, .html, .mmd",
      ["--trace="] = ": the name must end in", ["--trace=fd:"] = "fd:: no such",
      ["--trace=fd:x"] = "fd:x: no such descriptor",
      ["--trace=fd:77"] = "fd:77: no such descriptor",
    } do
      local out, err, status = host(option)
      assert.same({ "", 1 }, { out, status })
      assert.equal(1, err:find("netlab: trace " .. why, 1, true))
      assert.equal(1, select(2, err:gsub("\n", "")))
    end
  end)

  it("with a file that another program traces to runs nothing", function()
    for _, extension in ipairs { "jsonl", "html" } do
      local path = support.folder() .. "/x." .. extension
      local first <close> = support.start(("%s --trace=%s -l net -e %s")
        :format(support.host, path, "'print [[ran]] net.sleep(600)'"))
      first:expect "(ran)"
      local out, err, status = host("--trace=" .. path)
      assert.same({ "", "netlab: trace " .. path ..
        ": another program is writing to it\n", 1 }, { out, err, status })
      first:signal "INT"
      first:wait()
      assert.matches("sleep", support.read(path))
      assert.equal("ran\n", (host("--trace=" .. path)))
      assert.not_matches("sleep%(", support.read(path))
    end
  end)

  it("reports a full disk once, and the script goes on", function()
    if not support.hosted then return end -- only one can lock it
    local folder = support.folder()
    local long = " -e 'for _ = 1, 3000 do net.socket():close() end' " ..
      "-e 'print [[ran]] os.exit(7)'"
    for _, extension in ipairs { "jsonl", "html" } do
      local path = folder .. "/x." .. extension
      os.execute("ln -s /dev/full " .. path)
      local out, err, status = host("--trace=" .. path, long)
      assert.same({ "ran\n", 7 }, { out, status })
      assert.matches("^netlab: trace:? " .. path ..
        ": No space left on device[^\n]*\n$", err)
    end
    local out, err, status = support.run(("sh -c '%s --trace=fd:9 -l net " ..
      "-e \"net.socket():close() print(1)\" 9</dev/null'"):format(support.host))
    assert.same({ "1\n", "netlab: trace fd:9: Bad file descriptor\n", 0 },
      { out, err, status })
  end)

  it("=fd:N keeps the descriptor from the script's programs", function()
    local path = support.folder() .. "/lines"
    local out, err = support.run(("sh -c '%s --trace=fd:9 -l net " ..
      "-e \"net.socket():close() os.execute [[ls /proc/self/fd]]\" 9>%s'")
      :format(support.host, path))
    assert.equal("", err)
    assert.not_matches("\n9\n", out)
    local events = record.events(support.read(path))
    assert.same({ "socket", "close" },
      column(pick(events, { ev = "call" }), "call"))
  end)

  it("prints a line for each call to stderr, without colour", function()
    local out, err, status = host "--trace"
    assert.same({ "ran\n", 0 }, { out, status })
    assert.matches("\n[^\n]*socket%(%)[^\n]*\n[^\n]*close%(%)[^\n]*\n",
      "\n" .. err)
    assert.not_matches("\27", err)
  end)

  it("has colour on a terminal, unless NO_COLOR is set", function()
    local function on_terminal(before)
      local out = support.on_terminal(before .. " " .. support.host ..
        " --trace -l net" .. RUN)
      assert.matches("socket%(%)", out)
      return out:find("\27[", 1, true) ~= nil
    end
    assert.same({ true, false, false }, {
      on_terminal "env -u NO_COLOR TERM=xterm",
      on_terminal "env NO_COLOR=1 TERM=xterm",
      on_terminal "env -u NO_COLOR TERM=dumb" })
  end)
end)

describe("the end of a trace", function()
  support.leaves_nothing(before_each, after_each)

  it("is written at os.exit, whether the state is closed or not", function()
    for _, close in ipairs { "false", "true" } do
      local events, _, err, status = record.script(
        "s = net.socket() os.exit(5, " .. close .. ")")
      assert.same({ "", 5 }, { err, status })
      assert.equal("stop", events[#events].ev)
      assert.equal(close == "true" and 1 or 0,
        #pick(events, { call = "close" }))
    end
  end)

  it("has the calls that os.exit cut, though the state is gone", function()
    local events, _, err, status = record.script [[
      net.spawn(function() net.sleep(0.01) os.exit(5, true) end)
      pcall(net.sleep, -1)
      net.sleep(60)
    ]]
    assert.same({ "", 5 }, { err, status })
    assert.same({ "60" }, record.column(pick(events, { open = true,
      call = "sleep" }), "args"))
  end)

  it("is written after an error, and during a lookup", function()
    local events, _, _, status = record.script "net.socket() error 'mine'"
    assert.same({ 1, "stop" }, { status, events[#events].ev })
    events, _, _, status = record.script [[
      net.spawn(net.gethostbyname, "netlab.invalid")
      net.sleep(0)
      os.exit(4)
    ]]
    assert.same({ 4, "stop" }, { status, events[#events].ev })
    assert.equal("gethostbyname", pick(events, { ev = "call" })[2].call)
  end)

  -- Traces a script that waits in sleep(60); `before` goes before the command.
  local function waiting(before)
    local folder = support.folder()
    local lab = support.write(folder .. "/lab.lua", [[
      local net = require "net"
      print "ready"
      net.sleep(60)
    ]])
    local path = folder .. "/run.jsonl"
    local process = support.start(("%s %s --trace=%s %s"):format(before or "",
      support.host, path, lab))
    process:expect "ready"
    -- It sleeps once it has written that it began.
    support.eventually(function()
      local status = support.read(("/proc/%d/wchan"):format(process.pid))
      return status ~= "0" and status ~= ""
    end)
    return process, path
  end

  it("is there after Ctrl-C, and after SIGTERM, which ends one that ignores " ..
    "Ctrl-C as well", function()
    for signal, run in pairs { INT = "", TERM = "",
      [" TERM"] = "env --ignore-signal=INT" } do
      local process <close>, path = waiting(run)
      process:signal(signal:match "%a+")
      local _, err, status = process:wait()
      assert.same({ "netlab: interrupted\n", 130 }, { err, status })
      local events = record.events(support.read(path))
      assert.equal("raised", pick(events, { call = "sleep" })[1].code)
      assert.equal("stop", events[#events].ev)
    end
  end)
end)
