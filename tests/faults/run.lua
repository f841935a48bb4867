-- SPDX-License-Identifier: MIT
-- usage: ./netlab tests/faults/run.lua [ROW...]          LONG=1: nightly forms
-- NETLAB_OUT: the folder of netlab and net.so
--
-- Runs what proves each row of rows.lua, or those named, and prints the table:
-- row, required, measured, verdict. Exits with 0 only if every row holds.
local rows, LAST = require "tests.faults.rows", 32

local long = os.getenv "LONG" == "1"
local pipe <close> = io.popen "command -v lua5.4 lua-5.4 lua54 lua"
local lua = pipe:read "l" or "lua"
local out = os.getenv "NETLAB_OUT" or "."
local paths = "NETLAB_FIGURES=1 LUA_PATH='./lua/?.lua;./?.lua;./?/init.lua;;'"
  .. " LUA_CPATH='" .. out .. "/?.so;;' NETLAB_DRIVER=%s"
  .. " timeout -k 5 %d sh -c '%s' 2>&1"

-- The figures that a command printed, or the last line of its output.
local function run(command, driver, row, seconds)
  command = command:gsub("DRIVER", driver):gsub("'", "'\\''")
  local output = assert(io.popen(paths:format(driver, seconds, command)))
  local figures, last = {}, "no figure"
  for line in output:lines() do
    local figure = line:match("figure " .. row .. ": (.*)")
    figures[#figures + 1] = figure
    if line:find "%S" then last = line end
  end
  local ok, _, status = output:close()
  if status == 124 then return false, ("not done in %d s"):format(seconds) end
  return ok and #figures > 0, #figures > 0 and figures or { last }
end

-- Under each driver; figures that both have in common are said once.
local function prove(entry)
  local command = long and entry.long or entry.run
  local seconds = (entry.seconds or 60) * (long and 60 or 1)
  local drivers = { out .. "/netlab", command:find "DRIVER" and lua or nil }
  local all, seen, holds = {}, {}, true
  for _, driver in ipairs(drivers) do
    local ok, figures = run(command, driver, entry.row, seconds)
    holds = holds and ok
    if type(figures) == "string" then figures = { figures } end
    for _, figure in ipairs(figures) do
      if not seen[figure] then all[#all + 1] = figure end
      seen[figure] = true
    end
  end
  return holds, table.concat(all, "; ")
end

local wanted, by_row, failed = {}, {}, 0
for _, word in ipairs(arg) do wanted[math.tointeger(word)] = true end
for _, entry in ipairs(rows) do by_row[entry.row] = entry end

print "| # | required | measured | verdict |\n| --- | --- | --- | --- |"
for row = 1, LAST do
  if next(wanted) == nil or wanted[row] then
    local entry, holds, measured = by_row[row], false, ""
    if entry then holds, measured = prove(entry) end
    failed = failed + (holds and 0 or 1)
    print(("| %d | %s | %s | %s |"):format(row, entry and entry.required or "",
      measured, not entry and "missing" or holds and "holds" or "FAILS"))
    io.stdout:flush()
  end
end
print(failed == 0 and "\nevery row holds" or
  ("\n%d rows do not hold"):format(failed))
os.exit(failed == 0, true)
