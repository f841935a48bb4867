-- Lab 1: what is this machine called?        slide: "local_machine_info"
-- run:  netlab labs/local_machine_info.lua
--
-- A host name is for people; packets need an address.  The resolver turns the
-- one into the other: first from /etc/hosts, then by asking a name server.

local net = require "net"

local host_name = assert(net.gethostname())
print("Host name: " .. host_name)

-- Your own name need not be known to the network, so this may fail.
local ip_address, message = net.gethostbyname(host_name)
print("IP address: " .. (ip_address or message))

-- Try: compare with `hostname` and `ip address`.  Is it 127.0.1.1?  Then find
--      the line in /etc/hosts that says so, and say why others cannot use it.
