-- Lab 3: an address is four bytes            slide: "ip4_address_conversion"
-- run:  netlab labs/ip4_address_conversion.lua 127.0.0.1 192.168.0.1
--
-- "127.0.0.1" is nine characters, for people.  In a packet an address is four
-- bytes, the most significant one first: network byte order.

local net = require "net"
local argparse = require "argparse"

local parser = argparse("ip4_address_conversion", "IPv4 text and bytes")
parser:argument("address", "IPv4 addresses"):args "*"
local args = parser:parse()
local addresses = args.address
if #addresses == 0 then addresses = { "127.0.0.1", "192.168.0.1" } end

for _, ip_addr in ipairs(addresses) do
  local packed, message = net.inet_aton(ip_addr)
  if not packed then
    io.stderr:write(message, "\n")
    os.exit(1, true)
  end
  print(("IP Address: %s => Packed: %s, Unpacked: %s"):format(
    ip_addr, net.hexlify(packed), net.inet_ntoa(packed)))
end

-- Try: 255.255.255.255, then 256.1.1.1, then 127.1.  What does inet_aton(3)
--      say about the last one?
