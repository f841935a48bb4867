-- Lab 4: which service uses a port?          slide: "finding_service_name"
-- run:  netlab labs/finding_service_name.lua
--
-- Well-known services have port numbers that everybody agrees on.  The list is
-- a file, /etc/services: no packet is sent to look a service up.

local net = require "net"

for _, port in ipairs { 80, 25 } do
  print(("Port: %d => service name: %s"):format(
    port, assert(net.getservbyport(port, "tcp"))))
end
print(("Port: %d => service name: %s"):format(
  53, assert(net.getservbyport(53, "udp"))))

-- Try: ports 443 and 22; 123 with tcp and with udp; a port without a service.
--      Then start tcp_echo_server --port 8080: does the name of 8080 change?
