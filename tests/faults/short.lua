-- SPDX-License-Identifier: MIT
-- Row 6: every read returns at most 3 bytes, every write takes at most 7, in a
-- server, in a load generator, and in each call that reads or writes.
local net = require "net"
local support = require "tests.support"

local preload = "LD_PRELOAD=" .. support.build .. "/faults/short.so "

-- Returns bytes that do not repeat, in lines.
local function text(size)
  local parts, state, length = {}, 12345, 0
  while length < size do
    local line = {}
    for i = 1, 15 do
      state = (state * 1103515245 + 12345) & 0x7fffffff
      line[i] = string.pack("<I4", state | 0x01010101):gsub("[\r\n]", " ")
    end
    parts[#parts + 1] = table.concat(line) .. "\n"
    length = length + #parts[#parts]
  end
  return table.concat(parts):sub(1, size - 1) .. "\n"
end

-- Returns what each reading call gets of all that a task sends.
local reads = {
  recv = function(sock)
    local parts = {}
    for part in function() return sock:recv(65536) end do
      parts[#parts + 1] = part
    end
    return table.concat(parts)
  end,
  recv_all = function(sock) return assert(sock:recv_all()) end,
  recv_exact = function(sock, size)
    local parts = {}
    while size > 0 do
      local part = assert(sock:recv_exact(math.min(size, 777)))
      parts[#parts + 1], size = part, size - #part
    end
    return table.concat(parts)
  end,
  recv_line = function(sock)
    local parts = {}
    for line in sock:lines() do parts[#parts + 1] = line end
    return table.concat(parts, "\n") .. "\n"
  end,
  recv_into = function(sock)
    local parts, buffer = {}, net.buffer(4096)
    for n in function() return sock:recv_into(buffer) end do
      parts[#parts + 1] = buffer:sub(1, n)
    end
    return table.concat(parts)
  end,
}

-- In a process with short calls: counts the bytes that each call carries.
local function calls(size)
  local data = text(size)
  for name, read in pairs(reads) do
    for _, family in ipairs { "inet", "unix" } do
      local a, b
      if family == "unix" then a, b = net.socketpair() end
      if not a then a, b = support.pair() end
      net.spawn(function()
        local writer <close> = a
        assert(writer:sendall(data))
      end)
      local got = read(b, size)
      b:close()
      print(name, got == data and #got or "differs")
    end
  end
end

-- Returns the bytes that a server with short calls sent back unchanged.
local function serve(mode, size)
  local server <close> = support.start(("env %s %s tests/faults/server.lua %s")
    :format(preload, support.driver, mode))
  local port = tonumber((server:expect "(%d+)\n"))
  local data, sock <close> = text(size), net.socket()
  assert(sock:connect("127.0.0.1", port))
  net.spawn(function()
    sock:sendall(data)
    sock:shutdown "SHUT_WR"
  end)
  return assert(sock:recv_all()) == data and size or 0
end

-- In a process with short calls: counts the bytes that a load generator
-- compares.
local function load(messages, port)
  local report = assert(net.load { port = port, size = 4096, connections = 4,
    depth = 4, messages = messages })
  local right = report.lost + report.corrupt == 0
  print("load", right and report.messages * 4096 or "differs")
end

local size = tonumber(arg[2])
if arg[1] == "calls" then return calls(size) end
if arg[1] == "load" then return load(size // 4096, tonumber(arg[3])) end

-- Runs this script in such a process. Returns the bytes that came unchanged.
local function run(...)
  local out, err = support.run(table.concat({ "env", preload, support.driver,
    "tests/faults/short.lua", ... }, " "), nil, 1200)
  local bytes = 0
  io.stderr:write(err)
  for name, number in out:gmatch "(%S+)\t(%S+)\n" do
    if not tonumber(number) then print(name, number) end
    bytes = bytes + (tonumber(number) or 0)
  end
  return bytes
end

local function run_load()
  local server <close> = support.start(support.driver ..
    " tests/faults/server.lua echo")
  return run("load", size, (server:expect "(%d+)\n"))
end

local MIB = 1 << 20
size = os.getenv "LONG" == "1" and 20 * MIB or 2 * MIB
local carried = serve("lua", size) + serve("echo", size) + run_load()
  + run("calls", size // 4)
local wanted = 3 * size + 10 * (size // 4)
print(("figure 6: %.1f of %.1f MiB as they were sent"):format(carried / MIB,
  wanted / MIB))
support.clean()
os.exit(carried == wanted, true)
