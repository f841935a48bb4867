-- SPDX-License-Identifier: MIT
--
-- Scripts in a network namespace with a resolver of its own: glibc asks only
-- port 53 of the server in /etc/resolv.conf. Only root may make these.

local net = require "net"
local support = require "tests.support"

local namespace = {}

namespace.possible = os.execute [[
  [ "$(id -u)" = 0 ] &&
    unshare -n -m mount --bind /etc/hosts /etc/resolv.conf 2>/dev/null
]]

--- A command for lookups that starts a name server. It may follow other lines.
namespace.DNSMASQ = [[
PATH=$PATH:/usr/sbin
dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
  --listen-address=127.0.0.1 --bind-interfaces --local=/test/ \
  --address=/lab.test/192.0.2.7 --address=/six.test/2001:db8::7 \
  --address=/here.test/127.0.0.1 --address=/here.test/::1 \
  --cname=alias.test,ptr6.test \
  --address=/dual.test/2001:db8::1 --address=/dual.test/127.0.0.1 \
  --address=/dead.test/2001:db8::1 --address=/dead.test/2001:db8::2 \
  --address=/mixed.test/2001:db8::1 --address=/mixed.test/2001:db8::2 \
  --address=/mixed.test/127.0.0.1 --address=/mixed.test/127.0.0.2 \
  --ptr-record=7.2.0.192.in-addr.arpa,lab.test \
  --host-record=ptr6.test,2001:db8::9 \
  --local=/2.0.192.in-addr.arpa/ 2>/dev/null &
]]

--- Returns the beginning of a script that is the name server itself and never
-- answers: once its query (some bytes of it) has arrived, the lookup is under
-- way. asked() waits for that. under_way(f, ...) repeats f, which times out,
-- until the query has arrived meanwhile, and returns what f returned.
function namespace.silent(query)
  return ([[
local net = require "net"
local server <close> = assert(net.socket("inet", "dgram"))
assert(server:bind("127.0.0.1", 53))
local function arrived(seconds)
  local query = server:settimeout(seconds):recv(512)
  return query and assert(query:find(%q, 1, true))
end
local function asked() assert(arrived(10)) end
local function under_way(f, ...)
  local results
  repeat
    results = table.pack(f(...))
  until arrived(0)
  return table.unpack(results, 1, results.n)
end
]]):format(query)
end

--- Runs a script whose name server is on 127.0.0.1. Returns its output, and how
-- long it ran. `setup` is a command that starts the server, or "".
function namespace.lookups(setup, script)
  local folder = support.folder()
  support.write(folder .. "/resolv.conf",
    "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n")
  support.write(folder .. "/nsswitch.conf", "hosts: files dns\n")
  support.write(folder .. "/script.lua", script)
  support.write(folder .. "/run.sh", ([[
PATH=$PATH:/usr/sbin
ip link set lo up || exit
for file in resolv.conf nsswitch.conf; do
  [ ! -e /etc/$file ] || mount --bind %s/$file /etc/$file || exit
done
%s
%s %s/script.lua
status=$?
[ -z "$!" ] || kill $!
exit $status
]]):format(folder, setup, support.driver, folder))
  local start = net.now()
  local out, err, status = support.run(
    ("timeout 15 unshare -n -m sh %s/run.sh"):format(folder))
  if err ~= "" or status ~= 0 then
    error(("status %d, '%s'"):format(status, err), 2)
  end
  return out, net.now() - start
end

return namespace
