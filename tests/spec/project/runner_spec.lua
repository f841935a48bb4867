-- tests/support/run with spec files made for it.
local support = require "tests.support"

if not support.hosted then return end -- it runs both drivers itself

-- Starts the runner with a folder of spec files with these texts.
local function start(texts, variables)
  local folder = support.folder()
  for name, text in pairs(texts) do
    support.write(("%s/%s_spec.lua"):format(folder, name), text)
  end
  return support.start(("env SPEC_SECONDS=2 %s tests/support/run . %s"):format(
    variables or "", folder))
end

local function run(texts)
  return start(texts):wait(60)
end

-- Returns a command that starts a daemon, and a pattern for the daemon.
local function daemon()
  local seconds = ("1000.%06d"):format(math.random(999999))
  return ("setsid sh -c 'sleep %s & exit' </dev/null >/dev/null 2>&1"):format(
    seconds), "^sleep " .. seconds
end

-- Returns how many processes have this command.
local function count(pattern)
  return tonumber((support.run(("pgrep -cfx '%s'"):format(pattern))))
end

describe("the runner", function()
  support.leaves_nothing(before_each, after_each)

  it("counts the specs of a file under both drivers", function()
    local out, err, status = run { a = [[
      describe("a", function()
        it("passes", function() print "quiet" end)
        it("passes too", function() end)
      end)]] }
    assert.same({ "", 0 }, { err, status })
    assert.matches("/a under netlab: 2 passed, 0 failed, %d", out)
    assert.matches("/a under lua%S*: 2 passed, 0 failed, %d", out)
    assert.not_matches("quiet", out)
    assert.matches("\n4 passed, 0 failed\n$", out)
  end)

  it("prints the output of a file that fails or ends early", function()
    local out, _, status = run { text = "no Lua", exits = "os.exit(0)",
      fails = [[
        describe("a", function()
          it("passes", function() print "loud" end)
          it("fails", function() error "because" end)
        end)]] }
    assert.equal(1, status)
    assert.matches("fails under netlab: 1 passed, 1 failed.-loud.-because", out)
    for _, name in ipairs { "text", "exits" } do
      assert.matches("/" .. name .. " under netlab: 0 passed, 1 failed", out)
    end
    assert.matches("\n2 passed, 6 failed\n$", out)
  end)

  it("leaves no process and no file, however a spec ends", function()
    local ends = {
      hangs = { "require [[net]].sleep(100)", "not done in 2 s" },
      crashes = { "os.execute 'kill -SEGV $PPID'", "exit status 139" },
      fails = { "error 'because'", "because" },
      passes = { "", "left behind: sleep 1000" },
    }
    local command, pattern = daemon()
    local texts = {}
    for name, how in pairs(ends) do
      texts[name] = ([[
        describe("a", function()
          it("starts a daemon", function()
            print("file: " .. io.popen "mktemp":read "l")
            os.execute %q
            %s
          end)
        end)]]):format(command, how[1])
    end
    local out = run(texts)
    for name, how in pairs(ends) do
      assert.matches(how[2],
        out:match("/" .. name .. " under netlab.-exit status %d+"))
    end
    assert.equal(0, count(pattern))
    local files = 0
    for file in out:gmatch "file: (%S+)" do
      files = files + 1
      assert.is_nil(io.open(file))
    end
    assert.equal(8, files)
  end)

  for _, signal in ipairs { "INT", "TERM", "KILL" } do
    it("leaves no process when it gets SIG" .. signal, function()
      local command, pattern = daemon()
      local process <close> = start({ hangs = ("os.execute %q %s"):format(
        command, "require [[net]].sleep(100)") }, "SPEC_SECONDS=100")
      support.eventually(function() return count(pattern) == 2 end)
      process:signal(signal)
      process:wait()
      support.eventually(function() return count(pattern) == 0 end)
    end)
  end
end)
