-- SPDX-License-Identifier: MIT
-- Row 29: datagrams with a forged sender try to make two UDP echo servers talk
-- to each other. They have a network of their own, in which 127.0.0.1 and
-- 127.0.0.2 stand for two machines, and a Python program forges and listens.
local support = require "tests.support"
local namespace = require "tests.support.namespace"

local LAB = support.driver
  .. " labs/udp_echo_server.lua --host %s --port %d %s"
local OTHER = "socat -T 9 UDP4-RECVFROM:%d,bind=127.0.0.2,fork PIPE" -- no guard
local FORGED = 20 -- datagrams for each case

-- The servers, the destination of the forged datagrams, and their sender.
local loud, quiet = "", "--quiet"
local cases = {
  { "two servers", { LAB:format("127.0.0.1", 9900, loud),
    LAB:format("127.0.0.2", 9900, loud) },
    "127.0.0.1 9900", "127.0.0.2 9900" },
  { "two quiet ones", { LAB:format("127.0.0.1", 9900, quiet),
    LAB:format("127.0.0.2", 9900, quiet) },
    "127.0.0.1 9900", "127.0.0.2 9900" },
  { "a server and itself", { LAB:format("127.0.0.1", 9900, quiet) },
    "127.0.0.1 9900", "127.0.0.1 9900" },
  { "a well-known service", { LAB:format("127.0.0.1", 9900, loud),
    OTHER:format(7) }, "127.0.0.1 9900", "127.0.0.2 7" },
  { "by way of the service", { LAB:format("127.0.0.1", 9900, quiet),
    OTHER:format(7) }, "127.0.0.2 7", "127.0.0.1 9900" },
}

local PYTHON = [[
import collections, socket, struct, sys, time
to, to_port, sender, port, count = sys.argv[1:]
to_port, port, count = int(to_port), int(port), int(count)
watch = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))
watch.bind(("lo", 0))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

def forge(sender, port, data):
    udp = struct.pack(">HHHH", port, to_port, 8 + len(data), 0) + data
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                     socket.inet_aton(sender), socket.inet_aton(to))
    raw.sendto(ip + udp, (to, 0))

for n in range(count): forge(sender, port, b"x" * (n + 1))
forge(sender, 40000, b"c" * 40)         # a client: it is answered, after them
seen, lengths, end = collections.Counter(), set(), time.monotonic() + 0.5
watch.settimeout(0.1)
while time.monotonic() < end:
    try: data, where = watch.recvfrom(65536)
    except socket.timeout: continue
    if where[2] == socket.PACKET_OUTGOING or data[9] != 17: continue
    head = (data[0] & 15) * 4
    a, b, length = struct.unpack(">HHH", data[head:head + 6])
    if b == 40000: lengths.add(length - 8)
    elif a != 40000: seen[length - 8] += 1
    if sum(seen.values()) > 10000: break
# how often the network saw each forged one, beyond the first time
print(max(seen.values()) - 1, sorted(lengths))
]]

local function run(name, servers, to, from)
  local folder, lines = support.folder(), { "ip link set lo up", "exec 2>&1" }
  for i, server in ipairs(servers) do
    lines[#lines + 1] =
      ("%s >%s/%d &\npids=\"$pids $!\""):format(server, folder, i)
  end
  lines[#lines + 1] = ("sleep 0.7\n%s %s %s %d\nkill $pids"):format(
    support.python(PYTHON), to, from, FORGED)
  local script = support.write(folder .. "/run.sh",
    "PATH=$PATH:/usr/sbin\n" .. table.concat(lines, "\n") .. "\n")
  local out = support.run("timeout 20 unshare -n sh " .. script)
  local replies, lengths = out:match "^(%d+) %[([%d, ]*)%]"
  local good = replies and tonumber(replies) <= 1 and lengths == "40"
  if not good then print(name, out) end
  return good, tonumber(replies) or 0
end

if not namespace.possible then
  print "row 29 needs root, and network namespaces"
  os.exit(false, true)
end
local good, most = 0, 0
for _, case in ipairs(cases) do
  local ok, replies = run(table.unpack(case))
  good, most = good + (ok and 1 or 0), math.max(most, replies)
end
support.clean()
print(("figure 29: %d of %d ways, %d forged datagrams each: replies to one "
  .. "<= %d, a client's has its length"):format(good, #cases, FORGED, most))
os.exit(good == #cases, true)
