-- SPDX-License-Identifier: MIT
-- usage: ./netlab tests/faults/run.lua [ROW...]          LONG=1: nightly forms
-- NETLAB_OUT: the folder of netlab and net.so
--
-- Proves each row of rows.lua, or those named: two at a time, then one by one
-- those that run alone. Reports each row when it is done, then prints the
-- table: row, required, measured, verdict. The output of a row is in
-- build/acceptance/ROW.log, and its end is printed if the row fails. Exits with
-- 0 only if every row holds.
local net = require "net"
local rows = require "tests.faults.rows"
local support = require "tests.support"

local LOGS, AT_ONCE, TRIES, TAIL = "build/acceptance", 2, 3, 20

local long = os.getenv "LONG" == "1"
local pipe <close> = io.popen "command -v lua5.4 lua-5.4 lua54 lua"
local lua = pipe:read "l" or "lua"
local out = os.getenv "NETLAB_OUT" or "."
local paths = "env NETLAB_FIGURES=1 " ..
  "LUA_PATH='./lua/?.lua;./build/lua/?.lua;./?.lua;./?/init.lua;;'"
  .. " LUA_CPATH='" .. out .. "/?.so;;' NETLAB_DRIVER=%s"
  .. " timeout -k 5 %d sh -c '%s' 2>&1"

local function log_of(entry)
  return ("%s/%d.log"):format(LOGS, entry.row)
end

-- Runs a command for a row. Returns whether the row holds, the figures printed
-- or the last line of output, and whether the command took too long.
local function run(command, driver, entry, seconds)
  command = command:gsub("DRIVER", driver):gsub("'", "'\\''")
  local process <close> = support.start(paths:format(driver, seconds, command))
  local output, _, status = process:wait(seconds + 60)
  local log <close> = assert(io.open(log_of(entry), "ab"))
  assert(log:write(output))
  local figures, last = {}, "no output"
  for line in output:gmatch "[^\n]+" do
    local figure = line:match("figure " .. entry.row .. ": (.*)")
    figures[#figures + 1] = figure
    if line:find "%S" then last = line end
  end
  if status == 124 or status == 137 then
    return false, { ("not done in %d s"):format(seconds) }, true
  end
  return status == 0 and #figures > 0, #figures > 0 and figures or { last }
end

-- Proves a row under each driver. Figures that both print are listed once.
local function prove(entry)
  local command = long and entry.long or entry.run
  local seconds = (entry.seconds or 120) * (long and 60 or 1)
  local drivers = { out .. "/netlab", command:find "DRIVER" and lua or nil }
  local all, seen, holds, hung = {}, {}, true, false
  for _, driver in ipairs(drivers) do
    local ok, figures, ended = run(command, driver, entry, seconds)
    holds, hung = holds and ok, hung or ended
    for _, figure in ipairs(figures) do
      if not seen[figure] then all[#all + 1] = figure end
      seen[figure] = true
    end
  end
  return holds, table.concat(all, "; "), hung
end

-- Returns the files of the specs that failed; nil if there are none, or if a
-- sanitizer or valgrind has reported something.
local function late_specs(entry)
  local log <close> = io.open(log_of(entry))
  local text, files, seen = log:read "a", {}, {}
  for _, report in ipairs { "Sanitizer", "runtime error:", "==%d+== " } do
    if text:find(report) then return nil end
  end
  for file in text:gmatch "%-> (tests/[%w_/]+_spec%.lua) @" do
    if not seen[file] then files[#files + 1] = file end
    seen[file] = true
  end
  return files[1] and table.concat(files, " ")
end

-- Runs those once more, by themselves.
local function prove_late(entry)
  local files = entry.again and late_specs(entry)
  if not files then return false end
  local command = ('%s SPECS="%s" 2>&1 | ' ..
    'sed "s/^[0-9]* passed, 0 failed$/figure %d: 0 reports; tried again: &/"')
    :format(entry.again, files, entry.row)
  local ok, figures = run(command, "", entry, entry.seconds)
  entry.measured = table.concat(figures, "; ")
  return ok and entry.measured:find "tried again" ~= nil
end

-- What is judged by time may fail on a busy machine, but not three times. A
-- command that hangs is not tried again.
local function judge(entry)
  os.remove(log_of(entry))
  for try = 1, entry.alone and TRIES or 1 do
    local holds, measured, hung = prove(entry)
    entry.measured = measured
    if holds and try == 1 then return "holds" end
    if holds then return "held at try " .. try end
    if hung then break end
  end
  return prove_late(entry) and "held at try 2" or "FAILS"
end

-- Judges the rows of a list until it is empty.
local function work(list)
  while list[1] do
    local entry, start = table.remove(list, 1), net.now()
    entry.verdict = judge(entry)
    io.stderr:write(("row %d %s (%.0f s)\n"):format(entry.row, entry.verdict,
      net.now() - start))
  end
end

-- Returns the rows asked for, those of them to run side by side, and those
-- alone.
local function choose(words)
  local wanted, chosen, beside, alone = {}, {}, {}, {}
  for _, word in ipairs(words) do wanted[math.tointeger(word)] = true end
  for _, entry in ipairs(rows) do
    if next(wanted) == nil or wanted[entry.row] then
      chosen[#chosen + 1] = entry
      table.insert(entry.alone and alone or beside, entry)
    end
  end
  return chosen, beside, alone
end

-- Prints the end of a row's output.
local function tail(entry)
  local lines = {}
  for line in io.lines(log_of(entry)) do lines[#lines + 1] = line end
  print(("\nrow %d, the end of %s:"):format(entry.row, log_of(entry)))
  print(table.concat(lines, "\n", math.max(1, #lines - TAIL + 1)))
end

assert(os.execute("mkdir -p " .. LOGS))
local chosen, beside, alone = choose(arg)
local workers = {}
for i = 1, AT_ONCE do workers[i] = net.spawn(work, beside) end
for _, worker in ipairs(workers) do worker:join() end
work(alone)
support.clean()

local failed = 0
print "| # | required | measured | verdict |\n| --- | --- | --- | --- |"
for _, entry in ipairs(chosen) do
  if entry.verdict == "FAILS" then failed = failed + 1 end
  print(("| %d | %s | %s | %s |"):format(entry.row, entry.required,
    entry.measured, entry.verdict))
end
for _, entry in ipairs(chosen) do
  if entry.verdict == "FAILS" then tail(entry) end
end
print(("\n%d rows hold, %d do not"):format(#chosen - failed, failed))
os.exit(failed == 0 and #chosen > 0, true)
