-- Lab 4: which service lives at a port?      slide: "finding_service_name"
-- run:  netlab labs/finding_service_name.lua
--
-- Ports are numbers that everybody has agreed on.  The agreement is a file,
-- /etc/services, and not a question to the network: nobody answers for it.

local net = require "net"

for _, port in ipairs { 80, 25 } do
  print(("Port: %d => service name: %s"):format(
    port, assert(net.getservbyport(port, "tcp"))))
end
print(("Port: %d => service name: %s"):format(
  53, assert(net.getservbyport(53, "udp"))))

-- Try: ports 443 and 22; 123, by tcp and by udp; one that nobody has taken.
--      Then start tcp_echo_server --port 8080: does 8080's name change?
