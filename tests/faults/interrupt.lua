-- SPDX-License-Identifier: MIT
-- Row 14: Ctrl-C in each call that waits, in the script and in a task. It
-- prints one line, runs <close>, exits with 130 (in plain Lua with 1), and
-- soon. On a busy machine one of hundreds is late, so it has up to three tries.
local net = require "net"
local support = require "tests.support"
local waits = require "tests.support.waits"

local TIMES, MOST, TRIES = 20, 0.1, 3

local folder = support.folder()
local places = {
  script = [[
    local _ <close> = closing "closed"
    spawn_ready()
    %s
    say "went on"]],
  task = [[
    net.spawn(function()
      local _ <close> = closing "closed"
      spawn_ready()
      %s
      say "went on"
    end)
    net.run()
    say "the script went on"]],
}

-- Presses Ctrl-C as soon as the script waits. The shell reports how it ended.
local function interrupt(path)
  local pipe <close> = assert(io.popen(("sh -c 'echo $$; exec %s %s' 2>&1; "
    .. "echo status $?"):format(support.driver, path)))
  local pid, ready = pipe:read("l", "l")
  local start = net.now()
  os.execute("kill -INT " .. pid)
  local rest = pipe:read "a"
  local good = ready == "ready"
    and rest:find("^closed\n%S+: interrupted\nstatus "
      .. support.interrupted .. "\n$")
  return good, net.now() - start, rest
end

local function soon(path)
  local good, seconds, rest
  for try = 0, TRIES - 1 do
    good, seconds, rest = interrupt(path)
    if not good or seconds <= MOST then return good, seconds, rest, try end
  end
  return good, seconds, rest, TRIES
end

local runs, good, worst, again = 0, 0, 0, 0
for place, text in pairs(places) do
  for i, call in ipairs(waits.calls) do
    local path = support.write(("%s/%s%d.lua"):format(folder, place, i),
      waits.prelude .. text:format(call[2]))
    for _ = 1, TIMES do
      local ended, seconds, rest, late = soon(path)
      runs, again = runs + 1, again + late
      worst = math.max(worst, seconds)
      if ended then good = good + 1
      else print(("%s in a %s: '%s'"):format(call[1], place, rest)) end
    end
  end
end
support.clean()
print(("figure 14: %d calls in script and task x %d: %d/%d, worst %.0f ms%s")
  :format(#waits.calls, TIMES, good, runs, worst * 1e3,
    again > 0 and (", pressed again: %d"):format(again) or ""))
os.exit(good == runs and worst <= MOST, true)
