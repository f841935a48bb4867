-- SPDX-License-Identifier: MIT
-- Row 27: a wrong argument raises at the caller's line before any system call
-- on sockets, as strace(1) shows.
local net = require "net"
local support = require "tests.support"

local ports = { -1, 65536, (1 << 32) + 80, 1.5, "x", {}, true, 0 / 0 }
local sizes = { -1, 1 << 40, 1.5, "x", {}, math.mininteger }
local hosts = { "a\0b", ("x"):rep(300), {}, true }

-- The calls: a function, its arguments before the bad one, and the bad ones.
local function inputs()
  local tcp, udp = net.socket(), net.socket("inet", "dgram")
  local unix = net.socket "unix"
  local list = {}
  local function add(name, f, before, bad, after)
    for _, value in ipairs(bad) do
      local args = table.pack(table.unpack(before))
      args[#args + 1] = value
      if after then args[#args + 1] = after end
      list[#list + 1] = { name, f, args }
    end
  end
  for name, sock in pairs { bind = tcp, connect = tcp } do
    add(name, sock[name], { sock, "127.0.0.1" }, ports)
    add(name, sock[name], { sock }, hosts, 1)
  end
  add("sendto", udp.sendto, { udp, "x", "127.0.0.1" }, ports)
  add("sendto", udp.sendto, { udp, "x" }, hosts, 1)
  add("net.connect", net.connect, { "127.0.0.1" }, ports)
  add("net.connect", net.connect, {}, hosts, 1)
  add("net.listen", net.listen, { "127.0.0.1" }, ports)
  add("getnameinfo", net.getnameinfo, { "127.0.0.1" }, ports)
  add("gethostbyname", net.gethostbyname, {}, hosts)
  add("recvfrom", udp.recvfrom, { udp }, sizes)
  for _, name in ipairs { "recv", "recv_exact", "recv_line", "recv_all" } do
    add(name, tcp[name], { tcp }, sizes)
  end
  add("listen", tcp.listen, { tcp }, { -1, 1 << 40, 1.5, "x" })
  add("settimeout", tcp.settimeout, { tcp }, { -1, 0 / 0, "x", {} })
  add("shutdown", tcp.shutdown, { tcp }, { "WR", 7, {} })
  add("setsockopt", tcp.setsockopt, { tcp }, { "SO_NONE", 1, {} }, 1)
  add("unix bind", unix.bind, { unix }, { "", "a\0b", ("x"):rep(300), {} })
  add("echo", tcp.echo, { tcp }, { { workers = 0 }, { no_such = 1 }, 1 })
  add("net.load", net.load, {}, { { port = -1 }, { port = 1, size = -1 } })
  add("net.socket", net.socket, {}, { "inet5", {}, 4 })
  return list
end

-- Marks the beginning and the end of a call for strace.
local function marked(f, ...)
  io.stderr:write "begin\n"
  local result = table.pack(pcall(f, ...))
  io.stderr:write "end\n"
  return table.unpack(result, 1, result.n)
end

if arg[1] == "child" then
  local refused, list = 0, inputs()
  for _, input in ipairs(list) do
    local ok, message = marked(function() -- this is the caller's line
      input[2](table.unpack(input[3]))
    end)
    if not ok and message:find "arguments.lua:%d+: bad argument" then
      refused = refused + 1
    else
      print(input[1], ok, message)
    end
  end
  print(("%d/%d"):format(refused, #list))
  os.exit(refused == #list and refused >= 40, true)
end

-- "x" could be the name of a service, for which libc connects to nscd(8).
local function of_libc(line)
  return line:find "socket%(AF_UNIX" or line:find "nscd"
end

local path = support.folder() .. "/trace"
local out, _, status = support.run(support.strace("-e trace=%net,write", path,
  support.driver .. " tests/faults/arguments.lua child"))
local calls, within = 0, false
for line in support.read(path):gmatch "[^\n]+" do
  if line:find '"begin\\n"' then
    within = true
  elseif line:find '"end\\n"' then
    within = false
  elseif within and not line:find "write%(" and not of_libc(line) then
    calls = calls + 1
    print(line)
  end
end
support.clean()
print(("figure 27: %s inputs refused, %d system calls of sockets"):format(
  out:match "(%S+)\n$" or out, calls))
if status ~= 0 then print(out) end
os.exit(status == 0 and calls == 0, true)
