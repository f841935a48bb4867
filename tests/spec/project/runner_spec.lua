-- tests/support/run, with spec files that are made for it.
local support = require "tests.support"

if not support.hosted then return end -- it runs both drivers itself

-- Starts the runner with a folder that has one spec file.
local function start(text, variables)
  local folder = support.folder()
  support.write(folder .. "/a_spec.lua", text)
  return support.start(("env SPEC_SECONDS=2 %s tests/support/run . %s"):format(
    variables or "", folder)), folder
end

local function run(text)
  return start(text):wait(60)
end

-- A command that starts a daemon, and the pattern of the daemon's own command.
local function daemon()
  local seconds = ("1000.%06d"):format(math.random(999999))
  return ("setsid sh -c 'sleep %s & exit' </dev/null >/dev/null 2>&1"):format(
    seconds), "^sleep " .. seconds
end

-- How many processes have this command.
local function count(pattern)
  return tonumber((support.run(("pgrep -cfx '%s'"):format(pattern))))
end

describe("the runner", function()
  support.leaves_nothing(before_each, after_each)

  it("counts the specs of a file under both drivers", function()
    local out, err, status = run [[
      describe("a", function()
        it("passes", function() print "quiet" end)
        it("passes too", function() end)
      end)]]
    assert.same({ "", 0 }, { err, status })
    assert.matches("/a under netlab: 2 passed, 0 failed, %d", out)
    assert.matches("/a under lua%S*: 2 passed, 0 failed, %d", out)
    assert.not_matches("quiet", out)
    assert.matches("\n4 passed, 0 failed\n$", out)
  end)

  it("prints all of a file that fails", function()
    local out, _, status = run [[
      describe("a", function()
        it("passes", function() print "loud" end)
        it("fails", function() error "because" end)
      end)]]
    assert.equal(1, status)
    assert.matches("under netlab: 1 passed, 1 failed.-loud.-because", out)
    assert.matches("\n2 passed, 2 failed\n$", out)
  end)

  it("fails a file that has no spec, or that is not there", function()
    for _, text in ipairs { "", "no Lua", "os.exit(0)" } do
      local out, _, status = run(text)
      assert.equal(1, status)
      assert.matches("\n0 passed, %d failed\n$", out)
    end
    local out, _, status = support.run "tests/support/run . nowhere_spec.lua"
    assert.equal(1, status)
    assert.matches("\n0 passed, 4 failed\n$", out)
  end)

  for how, message in pairs {
    ["hangs"] = { "while true do end", "not done in 2 s" },
    ["crashes"] = { "os.execute 'kill -SEGV $PPID'", "exit status 139" },
    ["fails"] = { "error 'because'", "because" },
    ["passes"] = { "", "left behind: sleep 1000" },
  } do
    it("leaves no process and no file of a spec that " .. how, function()
      local command, pattern = daemon()
      local out, _, status = run(([[
        describe("a", function()
          it("starts a daemon", function()
            local file = io.popen "mktemp":read "l"
            print("file: " .. file)
            os.execute %q
            %s
          end)
        end)]]):format(command, message[1]))
      assert.equal(1, status)
      assert.truthy(out:find(message[2], 1, true), out)
      assert.matches("\n%d passed, 2 failed\n$", out)
      assert.equal(0, count(pattern))
      local files = 0
      for file in out:gmatch "file: (%S+)" do
        files = files + 1
        assert.equal("", support.read(file))
        assert.is_nil(io.open(file))
      end
      assert.equal(2, files)
    end)
  end

  for _, signal in ipairs { "INT", "TERM", "KILL" } do
    it("leaves no process when it gets SIG" .. signal, function()
      local command, pattern = daemon()
      local process <close> = start(("os.execute %q while true do end"):format(
        command), "SPEC_SECONDS=100")
      support.eventually(function() return count(pattern) == 2 end)
      process:signal(signal)
      process:wait()
      support.eventually(function() return count(pattern) == 0 end)
    end)
  end
end)
