-- Lab 5: the order of bytes                  slide: "integer_conversion"
-- run:  netlab labs/integer_conversion.lua 1234
--
-- Most machines store the least significant byte of a number first; packets
-- carry the most significant byte first.  A conversion reverses the bytes.
-- Reversing twice restores the number, so ntohl and htonl do the same.

local net = require "net"
local argparse = require "argparse"

local parser = argparse("integer_conversion", "Host and network byte order")
parser:argument("number", "0 to 65535"):convert(math.tointeger)
  :default "1234"
local data = parser:parse().number
if not math.ult(data, 1 << 16) then
  parser:error "number must be 0 to 65535"
end

local function convert(kind, to_host, to_network)
  print(("Original: %d => %s host byte order: %d, Network byte order: %d")
    :format(data, kind, to_host(data), to_network(data)))
end

convert("Long", net.ntohl, net.htonl)    -- 32-bit
convert("Short", net.ntohs, net.htons)   -- 16-bit

-- Try: 0, 1, 256, 65535.  Which numbers are the same in both orders?  Print
--      them with %08x instead of %d: which bytes have moved?
