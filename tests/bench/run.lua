-- SPDX-License-Identifier: MIT
--
-- `make bench`: netlab's echo servers next to those of others, under the load
-- of net.load, which verifies each byte. All servers of a scenario run at once
-- and are measured in turn, A B C A B C, so that a slow phase of the machine
-- affects all of them. Ratios are to the C reference of the same round.
local net = require "net"
local argparse = require "argparse"
local json = require "net.json"
local plot = require "net.plot"
local support = require "tests.support"

local KB = 1024
local SCENARIOS = {
  { name = "t1", kind = "tcp", title = "TCP, 1 connection, 64 B",
    connections = 1, size = 64, depth = 1 },
  { name = "t64", kind = "tcp", title = "TCP, 64 connections, 64 B",
    connections = 64, size = 64, depth = 1 },
  { name = "t1k", kind = "tcp", title = "TCP, 64 connections, 1 KiB, 16 deep",
    connections = 64, size = KB, depth = 16 },
  { name = "t64k", kind = "tcp", title = "TCP, 8 connections, 64 KiB, 4 deep",
    connections = 8, size = 64 * KB, depth = 4 },
  { name = "churn", kind = "tcp", title = "TCP, a connection a message, 64 B",
    connections = 8, size = 64, depth = 1, churn = true },
  { name = "u1", kind = "udp", title = "UDP, 1 client, 64 B",
    connections = 1, size = 64, depth = 1 },
  { name = "u64", kind = "udp", title = "UDP, 64 clients, 64 B, 16 deep",
    connections = 64, size = 64, depth = 16 },
}

-- Returns the first of some commands that exists.
local function first(...)
  for _, command in ipairs { ... } do
    if os.execute("command -v " .. command .. " >/dev/null") then
      return command
    end
  end
  return (...)
end

local HERE, REFERENCES = "tests/bench/", support.build .. "/bench/"
local LUA = first("lua5.4", "lua-5.4", "lua54", "lua")
local NODE = first("node", "nodejs")
local PYTHON = "python3"
if not os.execute "python3 -c 'import uvloop' 2>/dev/null" then
  PYTHON = first("/usr/bin/python3", "python3") -- the one of Debian's packages
end

-- command: gets the port, "tcp" or "udp", and `option`. test: checks that the
-- peer is installed. package: Debian's. only: the kind, or the scenarios, that
-- it supports.
local SERVERS = {
  { name = "epoll", command = REFERENCES .. "epoll", only = "tcp",
    reference = true },
  { name = "epoll256k", command = REFERENCES .. "epoll", option = 262144,
    only = "t64k" },
  { name = "udp", command = REFERENCES .. "udp", only = "udp",
    reference = true },
  { name = "c", command = support.host .. " " .. HERE .. "c_echo.lua" },
  { name = "lua", command = support.host .. " " .. HERE .. "lua_echo.lua" },
  { name = "buffer", command = support.host .. " " .. HERE .. "lua_echo.lua",
    option = "buffer", only = "t1k t64k" },
  { name = "luv", command = LUA .. " " .. HERE .. "luv.lua",
    test = LUA .. " -e 'require [[luv]]'", package = "lua-luv" },
  { name = "luasocket", command = LUA .. " " .. HERE .. "luasocket.lua",
    test = LUA .. " -e 'require [[socket]]'", package = "lua-socket" },
  { name = "cqueues", command = LUA .. " " .. HERE .. "cqueues.lua",
    test = LUA .. " -e 'require [[cqueues]]'", package = "lua-cqueues",
    only = "tcp" },
  { name = "asyncio", command = PYTHON .. " " .. HERE .. "aio.py",
    test = PYTHON .. " -c 'import asyncio'", package = "python3" },
  { name = "uvloop", command = PYTHON .. " " .. HERE .. "aio.py",
    option = "uvloop", test = PYTHON .. " -c 'import uvloop'",
    package = "python3-uvloop" },
  { name = "node", command = NODE .. " " .. HERE .. "node.js",
    test = NODE .. " --version", package = "nodejs" },
  { name = "go", command = REFERENCES .. "go",
    test = "test -x " .. REFERENCES .. "go", package = "golang-go" },
}

local function above_0(text)
  local n = tonumber(text)
  return n and n > 0 and n or nil, text .. " is not > 0"
end

local function count(text)
  return math.tointeger(above_0(text) or 0.5), text .. " is not 1, 2, 3, ..."
end

-- Returns "a,b" as a set of names, which must be in the list.
local function names_of(list)
  return function(text)
    local set, known = {}, {}
    for i, item in ipairs(list) do known[i], known[item.name] = item.name, 1 end
    for name in text:gmatch "[^,]+" do
      if not known[name] then
        return nil, name .. " is none of " .. table.concat(known, ",")
      end
      set[name] = true
    end
    return set
  end
end

local parser = argparse("run.lua", "Echo servers, measured side by side")
parser:option("--rounds", "1, 2, 3, ..."):convert(count):default "5"
parser:option("--seconds", "of each server in a round"):convert(above_0)
  :default "0.8"
parser:option("--only", "names of servers, and the reference")
  :convert(names_of(SERVERS))
parser:option("--scenario", "names of scenarios"):convert(names_of(SCENARIOS))
parser:flag("--json", "every round, for machines")
local args = parser:parse()
local live = os.execute "test -t 2" -- shows its progress on a terminal

-- The CPUs of the servers and of the load; nil if they cannot be chosen.
local function cpus()
  local list = support.read "/proc/self/status"
    :match "Cpus_allowed_list:%s+(%S+)"
  local found = {}
  for from, to in (list or ""):gmatch "(%d+)%-?(%d*)" do
    for n = tonumber(from), tonumber(to) or tonumber(from) do
      found[#found + 1] = n
    end
  end
  if #found < 2 then return end
  local pin = ("taskset -apc %d $PPID >/dev/null 2>&1"):format(found[2])
  if os.execute(pin) then return found[1], found[2] end
end

local server_cpu, load_cpu = cpus()

local function read_first(command)
  local pipe <close> = io.popen(command .. " 2>/dev/null")
  return pipe:read "l" or ""
end

local ticks = tonumber(read_first "getconf CLK_TCK") or 100

-- Returns the CPU seconds of a process, counted in ticks of usually 10 ms.
local function cpu_of(pid)
  local user, system = support.read("/proc/" .. pid .. "/stat")
    :match("%) %S" .. (" %S+"):rep(10) .. " (%d+) (%d+)")
  return user and (user + system) / ticks
end

-- Ctrl-C ends a load early, which then has no result.
local function load(server, scenario, options, time)
  local r = assert(net.load { host = "127.0.0.1", port = server.port,
    type = scenario.kind == "udp" and "dgram" or "stream",
    connections = options.connections, size = scenario.size,
    depth = options.depth, churn = options.churn, seconds = time })
  if r.interrupted then error("interrupted", 0) end
  return r
end

-- Returns whether the server answers.
local function probe(server, scenario)
  local sock <close> = assert(net.socket("inet", scenario.kind == "udp" and
    "dgram" or "stream"))
  sock:settimeout(0.2)
  return sock:connect("127.0.0.1", server.port) and sock:sendall "probe" and
    sock:recv(5) == "probe"
end

-- Asks until the server answers. Returns nil and its output if it does not.
local function is_ready(server, scenario)
  for _ = 1, 200 do
    if probe(server, scenario) then return true end
    if server.process:status() then break end
    net.sleep(0.05)
  end
  local _, err = server.process:output()
  return nil, err
end

-- Starts a server: the fields of the row, its process, its port, its rounds.
local function start(row, scenario)
  local port = support.free_port()
  local pin = server_cpu and "taskset -c " .. server_cpu or ""
  return { name = row.name, reference = row.reference, port = port,
    rounds = {}, process = support.start(("%s %s %d %s %s"):format(pin,
      row.command, port, scenario.kind, row.option or "")) }
end

local stop_all = { __close = function(servers)
  for _, server in ipairs(servers) do server.process:signal "TERM" end
  for _, server in ipairs(servers) do
    pcall(server.process.stop, server.process)
  end
  support.clean() -- the files of the processes
end }

-- Measures one server once.
local function measure(server, scenario)
  local before = cpu_of(server.process.pid)
  local r = load(server, scenario, scenario, args.seconds)
  local after = cpu_of(server.process.pid)
  local found = { rate = r.rate, messages = r.messages, lost = r.lost,
    corrupt = r.corrupt, errors = r.errors, p50 = r.latency.p50,
    p99 = r.latency.p99 }
  if before and after and r.messages > 0 then
    found.cpu = (after - before) / r.messages
  end
  return found
end

-- Returns the ratios of a round to the reference; nil if a number is missing.
local function compare(found, reference)
  for _, key in ipairs { "rate", "cpu" } do
    local own, base = found[key], reference[key]
    found[key .. "_ratio"] = own and base and base > 0 and own / base or nil
  end
end

local function median(rounds, key)
  local values = {}
  for _, round in ipairs(rounds) do values[#values + 1] = round[key] end
  table.sort(values)
  local n = #values
  if n == 0 then return nil end
  return (values[(n + 1) // 2] + values[n // 2 + 1]) / 2
end

-- Returns the errors of all rounds: "3 lost, 1 ECONNRESET", or "0".
local function wrong(rounds)
  local sums, parts = {}, {}
  for _, round in ipairs(rounds) do
    sums.lost = (sums.lost or 0) + round.lost
    sums.corrupt = (sums.corrupt or 0) + round.corrupt
    for code, n in pairs(round.errors) do sums[code] = (sums[code] or 0) + n end
  end
  for what, n in pairs(sums) do
    if n > 0 then parts[#parts + 1] = n .. " " .. what end
  end
  table.sort(parts)
  return #parts == 0 and "0" or table.concat(parts, ", ")
end

local missing, packages, failed = {}, {}, {}

-- Returns the rows wanted for a scenario, without those that are not installed.
local function rows_of(scenario)
  local rows = {}
  for _, row in ipairs(SERVERS) do
    local fits = not row.only or (" " .. row.only .. " "):find(" " ..
      scenario.name .. " ", 1, true) or row.only == scenario.kind
    if fits and (row.reference or not args.only or args.only[row.name]) then
      if row.installed == nil then
        row.installed = not row.test or
          os.execute(row.test .. " >/dev/null 2>&1") or false
        if not row.installed then
          missing[#missing + 1], packages[#packages + 1] = row.name, row.package
        end
      end
      if row.installed then rows[#rows + 1] = row end
    end
  end
  return rows
end

local function wipe() if live then io.stderr:write "\r\27[K" end end

local function progress(...)
  if live then io.stderr:write(("\r\27[K%s: %s %s"):format(...)) end
end

-- Runs a scenario. Returns its servers with their rounds, and ends them.
local function run(scenario)
  local servers <close> = setmetatable({}, stop_all)
  local _ <close> = setmetatable({}, { __close = wipe })
  for _, row in ipairs(rows_of(scenario)) do
    progress(scenario.name, "starting", row.name)
    local server = start(row, scenario)
    servers[#servers + 1] = server
    local ok, err = is_ready(server, scenario)
    if not ok and row.reference then error(err, 0) end
    server.failed = not ok
    if not ok then failed[#failed + 1] = row.name .. ": " .. err end
  end
  local measured = {}
  for _, server in ipairs(servers) do
    if not server.failed then
      load(server, scenario, {}, args.seconds / 8) -- warms up
      measured[#measured + 1] = server
    end
  end
  for round = 1, args.rounds do
    for _, server in ipairs(measured) do
      progress(scenario.name, "round " .. round, server.name)
      server.rounds[round] = measure(server, scenario)
      compare(server.rounds[round], measured[1].rounds[round])
    end
  end
  return measured
end

local function show(value, format) return value and format(value) or "-" end
local function ratio(value) return ("%.2f"):format(value) end
local function micro(value) return ("%.2f"):format(value * 1e6) end
local function seconds(value) return plot.si(value, "s") end

local function print_table(scenario, servers)
  print(("\n### %s (`%s`)\n"):format(scenario.title, scenario.name))
  print("| server | messages/s | ratio | CPU us/message | CPU ratio | p50 " ..
    "| p99 | lost, errors |")
  print("| --- |" .. (" ---: |"):rep(6) .. " --- |")
  for _, server in ipairs(servers) do
    local function of(key, format)
      return show(median(server.rounds, key), format)
    end
    print("| " .. table.concat({ server.name, of("rate", plot.si),
      of("rate_ratio", ratio), of("cpu", micro), of("cpu_ratio", ratio),
      of("p50", seconds), of("p99", seconds), wrong(server.rounds) },
      " | ") .. " |")
  end
end

local function report(servers)
  local list = {}
  for i, server in ipairs(servers) do
    list[i] = { name = server.name, rounds = server.rounds }
    for _, key in ipairs { "rate", "rate_ratio", "cpu", "cpu_ratio", "p50",
      "p99" } do
      list[i][key] = median(server.rounds, key)
    end
  end
  return list
end

for _, row in ipairs(SERVERS) do
  if row.reference and support.read(row.command) == "" then
    io.stderr:write("run.lua: there is no ", row.command, " (make bench)\n")
    os.exit(1, true)
  end
end

local where = server_cpu and ("servers on CPU %d, load on CPU %d"):format(
  server_cpu, load_cpu) or "not pinned"
local machine = read_first "uname -srm"
if not args.json then
  print(("%s; %s; median of %d x %g s"):format(machine, where, args.rounds,
    args.seconds))
end
local all = { machine = machine, pinned = server_cpu ~= nil,
  seconds = args.seconds, rounds = args.rounds, scenarios = {} }
for _, scenario in ipairs(SCENARIOS) do
  if not args.scenario or args.scenario[scenario.name] then
    local servers = run(scenario)
    if not args.json then print_table(scenario, servers) end
    all.scenarios[#all.scenarios + 1] = { name = scenario.name,
      title = scenario.title, servers = report(servers) }
  end
end
if args.json then print(json.encode(all)) end
for _, text in ipairs(failed) do
  io.stderr:write("did not start: ", text, "\n")
end
if #missing > 0 then
  io.stderr:write(("not installed: %s (apt-get install %s)\n"):format(
    table.concat(missing, " "), table.concat(packages, " ")))
end
