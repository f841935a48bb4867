-- SPDX-License-Identifier: MIT
--
-- Arguments and tables of options: calls every function with values of every
-- kind. It must raise before any system call, or return what it promises. The
-- system calls all fail.

local net = require "net"
local ntp = require "net.ntp"
local system = require "system"
local input = require "tests.fuzz.input"

local HOSTILE = setmetatable({}, { __name = "hostile" })
local sockets, closed

local function reset()
  for _, sock in ipairs(sockets or {}) do sock:close() end
  sockets = {
    assert(net.socket("inet", "stream")), assert(net.socket("inet", "dgram")),
    assert(net.socket("inet6", "dgram")), assert(net.socket("unix", "stream")),
    assert(net.socket("unix", "dgram")),
  }
  -- A waiting call tries again and again if the system lacks memory.
  for _, sock in ipairs(sockets) do sock:settimeout(0) end
end
reset()

local buffer = net.buffer(64)

local words = {
  "once", "on_connect", "on_message", "on_close", "idle_timeout", "workers",
  "max_connections", "totals", "family", "type", "host", "port", "path",
  "connections", "size", "depth", "seconds", "messages", "rate", "churn",
  "verify", "timeout", "on_progress", "interval", "flags", "inet", "inet6",
  "unix", "stream", "dgram", "tcp", "udp", "127.0.0.1", "::1", "localhost", "",
  "http", "AI_PASSIVE", "AI_NUMERICHOST", "NI_DGRAM", "NI_NUMERICHOST",
  "SO_LINGER", "SO_REUSEADDR", "SO_RCVBUF", "SO_PEERCRED", "SO_ERROR",
  "IP_MULTICAST_IF", "IPV6_MULTICAST_IF", "TCP_NODELAY", "224.0.0.1", "ff02::1",
  "ff02::1%lo", "lo", "SHUT_RD", "SHUT_WR", "MSG_PEEK", "\0abstract", "80",
  "nodelay", "local_host", "local_port", "backlog", "reuseaddr", "reuseport",
  "dual_stack", "once\0", "timeout\0x", "flags\0", "|once|", "|",
}

-- All keys of tables of options.
local function set(text)
  local names = {}
  for name in text:gmatch "%S+" do names[name] = true end
  return names
end

local known = {
  ["sock:echo"] = set [[once on_connect on_message on_close idle_timeout
    max_connections workers totals]],
  load = set [[family type host port path connections size depth seconds
    messages rate churn verify timeout on_progress interval]],
  getaddrinfo = set "family type flags",
  getnameinfo = set "flags",
  connect = set "timeout nodelay local_host local_port family",
  listen = set "backlog reuseaddr reuseport dual_stack",
  ["ntp.request"] = set "port timeout",
}
local place = { ["sock:echo"] = 2, load = 1, getaddrinfo = 3, getnameinfo = 3,
  ["ntp.request"] = 2, connect = 3, listen = 3 }

local numbers = {
  0, 1, -1, 2, 64, 80, 1023, 4096, 65507, 65535, 65536, 1.5, 0.25, 1e6, 1e300,
  2 ^ 53, 1 / 0, -1 / 0, 0 / 0, math.maxinteger, math.mininteger,
  (1 << 32) + 80, 1 << 30, (1 << 30) + 1, 1 << 31, -(1 << 31), 2 ^ 63, 80.0,
}

-- Tables whose fields are computed by foreign code.
local traps = {
  { __index = function() error(HOSTILE) end },
  { __len = function() error(HOSTILE) end },
  { __tostring = function() error(HOSTILE) end },
  { __len = function() return -1 end },
  { __len = function() return "x" end },
  { __index = function(_, key) return key end },
  { __index = function() for _, s in ipairs(sockets) do s:close() end
    closed = true end },
  { __name = "net.socket" },
  { __tostring = function() return 5 end },
}

local value
local kinds = {
  function() return nil end,
  function(at) return at:byte() > 127 end,
  function(at) return at:choice(numbers) end,
  function(at) return at:choice(numbers) end,
  function(at) return at:number "<i8" end,
  function(at) return at:number "<d" end,
  function(at) return at:choice(words) end,
  function(at) return at:choice(words) end,
  function(at) return at:text() end,
  function(at) return tostring(at:choice(numbers)) end,
  function(at) return at:choice(sockets) end,
  function() return buffer end,
  function() return print end,
  function() return coroutine.running() end,
  function(at, depth) -- a list
    local t = {}
    for i = 1, at:below(4) do t[i] = value(at, depth) end
    return t
  end,
  function(at, depth)
    return setmetatable({ value(at, depth) }, at:choice(traps))
  end,
}

-- Returns options, whose keys are mostly known.
local function options(at, depth)
  local t = {}
  for _ = 1, at:below(6) do
    local key = at:choice(words)
    if at:below(16) == 0 then key = value(at, depth) end
    if key ~= nil and key == key then t[key] = value(at, depth) end
  end
  return t
end
for _ = 1, 4 do kinds[#kinds + 1] = options end

function value(at, depth)
  if depth > 3 then return at:choice(words) end
  return at:choice(kinds)(at, depth + 1)
end

-- For these nil is not a failure.
local quiet = { ["sock:gettimeout"] = true }
-- These wait for something other than a system call, or run the loop.
local left_out = {
  sleep = true, run = true, spawn = true, deadline = true, select = true,
  interfaces = true, lines = true,
}

local calls = { { "ntp.request", ntp.request } }
for name, f in pairs(net) do
  if type(f) == "function" and not left_out[name] then
    calls[#calls + 1] = { name, f }
  end
end
for name, f in pairs(getmetatable(sockets[1]).__index) do
  if not left_out[name] then
    calls[#calls + 1] = { "sock:" .. name, f, sockets }
  end
end
for name, f in pairs(getmetatable(buffer).__index) do
  calls[#calls + 1] = { "buffer:" .. name, f, { buffer } }
end
for _ = 1, 8 do -- the function with the most options
  calls[#calls + 1] = { "load", net.load }
  calls[#calls + 1] = { "sock:echo", sockets[1].echo, sockets }
  calls[#calls + 1] = { "getaddrinfo", net.getaddrinfo }
end
table.sort(calls, function(a, b) return a[1] < b[1] end)

local function judge(call, ok, result, message, code)
  local made = system.allow()
  if not ok then
    if made > 0 and not closed then
      error(("%s raised after %d system calls: %s"):format(call, made,
        tostring(result)))
    end
    if result == HOSTILE then return end
    assert(type(result) == "string", result)
    assert(not result:find "attempt to" and not result:find "deadlock", result)
  elseif result == nil and not quiet[call] then
    assert(type(message) == "string" and type(code) == "string", message)
    assert(code:find "^[%u%d_]+$", code)
    assert(call == "port" or message:find(code, 1, true), message)
  end
end

-- An unknown key is never ignored.
local function check_keys(call, args, ok)
  local given = args[place[call]]
  if not ok or not place[call] or type(given) ~= "table" then return end
  for key in pairs(given) do
    if not known[call][key] then error(("%s took %q"):format(call, key)) end
  end
end

local errors = { 12, 22, 24, 32, 97, 99, 100, 101, 104, 110, 111, 113 }

return function(bytes)
  local at = input.new(bytes)
  local call = at:choice(calls)
  local args = table.pack()
  if call[3] and at:below(16) > 0 then
    args[1] = at:choice(call[3])
    args.n = 1
  end
  for _ = 1, at:below(4) do
    args.n = args.n + 1
    args[args.n] = value(at, 0)
  end
  closed = false
  system.deny(at:choice(errors))
  local results = table.pack(pcall(call[2], table.unpack(args, 1, args.n)))
  judge(call[1], table.unpack(results, 1, 4))
  check_keys(call[1], args, results[1])
  for _, sock in ipairs(sockets) do
    if closed or not sock:settimeout(0) then return reset() end
  end
end
