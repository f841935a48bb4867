-- netlab --trace=FILE.jsonl and fd:N: what they write whatever a script does.
local record = require "tests.support.record"
local support = require "tests.support"

-- Returns the events of a script that succeeds, and what it printed.
local function traced(text)
  local events, out, err, status = record.script(text)
  assert.same({ "", 0 }, { err, status })
  return events, out
end

-- Returns those of one function of the module.
local function calls(events, name)
  return record.pick(events, { ev = "call", call = name })
end

-- Runs Lua text with --trace=fd:N; `shell` is a redirection for it.
local function into(n, shell, text)
  return support.run(("sh -c '%s --trace=fd:%s -e \"$0\" %s' %q"):format(
    support.host, n, shell, text))
end

describe("a call that raises", function()
  support.leaves_nothing(before_each, after_each)

  it("ends with its coroutine", function()
    local events = traced [[
      local sock = net.socket()
      for i = 1, 3 do
        pcall(coroutine.wrap(function() sock:recv "x" end))
        net.sleep(0.01)
      end]]
    assert.same({ "recv", "sleep", "recv", "sleep", "recv", "sleep" },
      { table.unpack(record.column(record.pick(events, { ev = "call" }),
        "call"), 2, 7) })
    local raised = calls(events, "recv")
    assert.same({ "raised", "raised", "raised" },
      record.column(raised, "code"))
    assert.is_true(raised[1]["end"] < calls(events, "sleep")[1].t)
  end)

  it("ends with the task whose variable it should close", function()
    local events = traced [[
      local sock = net.socket()
      local task = net.spawn(function()
        local it <close> = setmetatable({}, { __close = function()
          sock:recv "x"
        end })
        net.sleep(9)
      end)
      net.sleep(0.01)
      pcall(task.cancel, task)
      net.sleep(0.01)]]
    local raised = calls(events, "recv")
    assert.same({ "raised" }, record.column(raised, "code"))
    assert.is_true(raised[1]["end"] <= calls(events, "sleep")[3].t)
  end)

  it("takes no waits and no engine calls from the call around it", function()
    local events = traced [[
      local server = net.listen("127.0.0.1", 0)
      net.spawn(server.echo, server, { on_message = function()
        pcall(server.echo, server, 5)
      end })
      local sock = net.connect(server:getsockname())
      for i = 1, 2 do
        sock:sendall "hi"
        sock:recv(9)
      end
      sock:close()
      server:close()]]
    local raised = record.pick(events, { call = "echo", code = "raised" })
    assert.same({ "-", "-" }, record.column(raised, "waits"))
    assert.is_true(raised[1]["end"] < record.pick(events,
      { call = "recv", engine = "echo" })[2].t)
    assert.is_true(calls(events, "echo")[3].waits > 1)
  end)
end)

describe("a call in which a finalizer runs", function()
  support.leaves_nothing(before_each, after_each)

  it("goes on, and so does the call around it", function()
    local events = traced [[
      local over
      local function again()
        setmetatable({}, { __gc = function()
          if over then return end
          net.gethostname()
          again()
        end })
      end
      again()
      local a, b = net.socketpair()
      for i = 1, 50 do
        a:sendall(("z"):rep(50000))
        assert(b:recv_exact(50000))
      end
      over = true]]
    assert.is_true(#calls(events, "gethostname") > 0)
    assert.same({}, record.pick(events, { code = "raised" }))
    assert.same(50, #record.pick(events, { call = "recv_exact" }))
  end)
end)

describe("a trace", function()
  support.leaves_nothing(before_each, after_each)

  it("loses no bytes when Lua's stack is full", function()
    local _, out = traced [[
      local a, b = net.socketpair()
      a:sendall(("x"):rep(300))
      b:settimeout(0)
      local got, none = 0, {}
      local function recv(...)
        local data = b:recv(1)
        return data
      end
      collectgarbage "stop" -- or it frees the stack each time
      coroutine.wrap(function()
        local n, full = 999930, 0
        repeat
          n = n + 1
          full = full + (pcall(function()
            local data = recv(table.unpack(none, 1, n))
            got = got + #data
          end) and 0 or 1)
        until full == 3
      end)()
      print(got > 0, got + #(b:recv(300) or ""))]]
    assert.equal("true\t300\n", out)
  end)

  it("is strict JSON whatever the names and arguments", function()
    local odd = ("\1"):rep(40)
    for more = 1, 12 do
      local path = support.write(("%s/%s%s.lua"):format(support.folder(),
        ("a"):rep(more), odd), "require 'net'.gethostname()")
      local events = record.host(("'%s'"):format(path))
      assert.equal(1, #calls(events, "gethostname"))
    end
    local words = (" '%s'"):format(("\1"):rep(1500)):rep(60)
    local events = record.script("net.gethostname()", words)
    local args = events[1].args
    assert.equal(("\1"):rep(1024), args[1])
    assert.equal("...", args[#args])
  end)
end)

describe("--trace=fd:N", function()
  support.leaves_nothing(before_each, after_each)

  it("waits for a slow reader with a non-blocking pipe", function()
    local out, err, status = support.run(support.python [[
import os, subprocess, sys, time
r, w = os.pipe()
os.set_blocking(w, False)
lab = 'local s = require "net".socket() for i = 1, 3000 do s:getsockname() end'
run = subprocess.Popen([sys.argv[1], '--trace=fd:%d' % w, '-e', lab],
  pass_fds=[w])
os.close(w)
time.sleep(0.3)
with os.fdopen(r) as lines: print(sum('getsockname' in it for it in lines))
sys.exit(run.wait())]] .. " " .. support.host)
    assert.same({ "3000\n", "", 0 }, { out, err, status })
  end)

  it("runs a script whose trace is not read", function()
    local out, err, status = support.run(support.python [[
import os, subprocess, sys
r, w = os.pipe()
os.close(r)
sys.exit(subprocess.call([sys.argv[1], '--trace=fd:%d' % w, '-e',
  'print(require "net".socket():close())'], pass_fds=[w]))]] .. " " ..
      support.host)
    assert.same({ "true\n", "", 0 }, { out, err, status })
  end)

  it("leaves the output of the script's programs alone", function()
    local out, err, status = into(1, "", "os.execute [[echo hello]]")
    assert.same({ "hello", "", 0 }, { out:match "\n(hello)\n", err, status })
  end)

  it("reports once that there is no room", function()
    local out, err, status = into(3, "3>/dev/full",
      "local s = require [[net]].socket() print(s:getsockname())")
    assert.same({ "0.0.0.0\t0\n",
      "netlab: trace fd:3: No space left on device\n", 0 },
      { out, err, status })
  end)

  it("needs a number", function()
    for _, n in ipairs { "", "x", "3x", "-1", "77" } do
      local _, err, status = into(n, "", "")
      assert.same({ "netlab: trace fd:" .. n .. ": no such descriptor\n", 1 },
        { err, status })
    end
  end)
end)
