-- Lab 5: the order of the bytes              slide: "integer_conversion"
-- run:  netlab labs/integer_conversion.lua 1234
--
-- Most machines keep the least significant byte of a number first; packets
-- carry the most significant one first.  Going over swaps them, and swapping
-- twice is where you began, so "to host" and "to network" give the same.

local net = require "net"
local argparse = require "argparse"

local parser = argparse("integer_conversion", "Host and network byte order")
parser:argument("number", "0 to 4294967295"):convert(math.tointeger)
  :default "1234"
local data = parser:parse().number

local function convert(kind, to_host, to_network)
  print(("Original: %d => %s host byte order: %d, Network byte order: %d")
    :format(data, kind, to_host(data), to_network(data)))
end

if not math.ult(data, 1 << 32) then
  parser:error(data .. " does not fit in 32 bits")
end
convert("Long", net.ntohl, net.htonl)    -- 32-bit
if data >= 1 << 16 then
  parser:error(data .. " does not fit in the 16 bits of a short")
end
convert("Short", net.ntohs, net.htons)   -- 16-bit

-- Try: 0, 1, 256, 65535.  Which numbers are the same in both orders?  Print
--      them with %08x in place of %d: what has changed its place?
