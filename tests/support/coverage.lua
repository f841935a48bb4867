-- SPDX-License-Identifier: MIT
-- usage: netlab tests/support/coverage.lua FOLDER LUA-FILE...
-- Prints the report of `make coverage`: the lines that ran and the branches
-- that were taken of each C file, the lines of each Lua file.

local folder = table.remove(arg, 1)

-- Formats sorted line numbers as "3 7-9".
local function ranges(lines)
  local text, i = {}, 1
  while lines[i] do
    local first = lines[i]
    while lines[i + 1] == lines[i] + 1 do i = i + 1 end
    text[#text + 1] = first == lines[i] and first or first .. "-" .. lines[i]
    i = i + 1
  end
  return table.concat(text, " ")
end

-- Returns the lines of a C file that never ran, as gcov marked them.
local function left_of(name)
  local left = {}
  local file <close> = io.open(("%s/%s.gcov"):format(folder, name))
  for line in file and file:lines() or function() end do
    left[#left + 1] = tonumber(line:match "^ *#####: *(%d+):")
  end
  return ranges(left)
end

-- Reads gcov's summary: File 'src/x.c', then its percentages.
local function c_files()
  local files, file = {}, nil
  for line in io.lines(folder .. "/gcov.txt") do
    local name = line:match "^File 'src/(.*)'"
    if name then
      file = { name = "src/" .. name, left = left_of(name) }
      files[#files + 1] = file
    end
    local what, percent, count = line:match "^(%u%l+).-:([%d.]+)%% of (%d+)"
    if file and what then
      file[what] = { tonumber(percent) * count / 100, tonumber(count) }
    elseif line == "" then
      file = nil
    end
  end
  return files
end

-- Returns the lines of a Lua file that have code, as luac lists them.
local function lines_of(path)
  local lines = {}
  local pipe <close> = io.popen("luac5.4 -l -p " .. path)
  for line in pipe:lines() do
    local number = line:match "^%s+%d+%s+%[(%d+)%]%s+%u"
    local vararg = line:find "VARARGPREP"
    if number and not vararg then lines[tonumber(number)] = true end
  end
  return lines
end

local function lua_file(path)
  local all, some, left = 0, 0, {}
  local file <close> = io.open(folder .. "/lines/" .. path:gsub("/", "."), "rb")
  local ran = file and file:read "a" or ""
  for line in pairs(lines_of(path)) do
    all = all + 1
    if ran:byte(line + 1) == 1 then
      some = some + 1
    else
      left[#left + 1] = line
    end
  end
  table.sort(left)
  if some == 0 then left = {} end
  return { name = path, Lines = { some, all }, left = ranges(left) }
end

local function percent(pair)
  return pair and pair[2] > 0 and
    ("%5.1f %%"):format(pair[1] / pair[2] * 100) or ""
end

local sum = {}
local function show(file)
  print(("%-32s %8s %8s  %s"):format(file.name, percent(file.Lines),
    percent(file.Taken), file.left or ""))
  for _, what in ipairs { "Lines", "Taken" } do
    local total = sum[what] or { 0, 0 }
    local own = file[what] or { 0, 0 }
    sum[what] = { total[1] + own[1], total[2] + own[2] }
  end
end

local function group(title, files)
  print(("\n%-32s %8s %8s"):format("", "lines", "branches"))
  sum = {}
  for _, file in ipairs(files) do show(file) end
  show { name = title, Lines = sum.Lines, Taken = sum.Taken }
end

group("all of src", c_files())
local files = {}
for i, path in ipairs(arg) do files[i] = lua_file(path) end
group("all of lua and labs", files)
