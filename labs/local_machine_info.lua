-- Lab 1: what is this machine called?        slide: "local_machine_info"
-- run:  netlab labs/local_machine_info.lua
--
-- People use host names; packets carry addresses.  The resolver turns one into
-- the other: it looks in /etc/hosts first, then asks a name server.

local net = require "net"

local host_name = assert(net.gethostname())
print("Host name: " .. host_name)

-- The name need not be in /etc/hosts or DNS, so this may fail.
local ip_address, message = net.gethostbyname(host_name)
print("IP address: " .. (ip_address or message))

-- Try: compare with `hostname` and `ip address`.  Is it 127.0.1.1?  Then find
--      the line in /etc/hosts that says so.  Could others use this address?
