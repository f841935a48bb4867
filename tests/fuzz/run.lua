-- SPDX-License-Identifier: MIT
--
-- usage: lua5.4 tests/fuzz/run.lua FOLDER RUNS SEED LONGEST [TARGET ...]
--
-- Runs the fuzzer's targets in FOLDER, each with its corpus and then RUNS
-- inputs made from it, of at most LONGEST bytes. SEED 0 is random. Prints a
-- line for each target, and fails if one has a finding, whose input is then in
-- FOLDER: repair what it found, check with `FOLDER/run/TARGET INPUT`, and add
-- it to the corpus.

local folder, runs, seed, longest = table.unpack(arg)
local names = { table.unpack(arg, 5) }
if #names == 0 then
  names = { "addr", "command", "complete", "err", "json", "load", "ntp",
    "options", "reference", "stream", "trace" }
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

-- Returns what libFuzzer reports at its end: inputs, and inputs per second.
local function measure(log)
  local text = io.open(log):read "a"
  return tonumber(text:match "number_of_executed_units:%s*(%d+)"),
    tonumber(text:match "average_exec_per_sec:%s*(%d+)"), text
end

local function fuzz(name)
  local work = folder .. "/corpus/" .. name
  local log = folder .. "/" .. name .. ".log"
  local program = folder .. "/run/" .. name
  os.execute(("mkdir -p %s %s/run && ln -sf ../fuzz %s"):format(work, folder,
    program))
  local dictionary = "tests/fuzz/" .. name .. ".dict"
  local ok = os.execute(table.concat({
    program, "-runs=" .. runs, "-seed=" .. seed, "-timeout=20",
    "-max_len=" .. longest, "-detect_leaks=0", "-print_final_stats=1",
    "-artifact_prefix=" .. folder .. "/" .. name .. "-",
    exists(dictionary) and "-dict=" .. dictionary or "",
    work, "tests/fuzz/corpus/" .. name, ">" .. log, "2>&1",
  }, " "))
  local count, speed, text = measure(log)
  print(("figure 7: %s runs %d, findings %d%s"):format(name, count or 0,
    ok and 0 or 1, (speed or 0) > 0 and (", %d a second"):format(speed) or ""))
  io.stdout:flush()
  if not ok then io.stderr:write(text:sub(-4000)) end
  return ok
end

local all = true
for _, name in ipairs(names) do all = fuzz(name) and all end
os.exit(all == true, true) -- nil would count as success
