-- Lab 5: the order of bytes                  slide: "integer_conversion"
-- run:  netlab labs/integer_conversion.lua 1234
--
-- Most machines store the least significant byte of a number first; packets
-- carry the most significant byte first.  A conversion swaps the bytes, and
-- swapping twice restores them, so both directions give the same number.

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
--      them with %08x instead of %d: which bytes have moved?
