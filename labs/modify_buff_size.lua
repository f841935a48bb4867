-- Lab 8: the kernel's buffers                slide: "modify_buff_size"
-- run:  netlab labs/modify_buff_size.lua --size 4096
--
-- What you send stays in the kernel until the peer has acknowledged it, and
-- what arrives stays there until you read it.  Both buffers have a size.

local net = require "net"
local argparse = require "argparse"

local parser = argparse("modify_buff_size", "Socket buffer sizes")
parser:option("--size", "bytes to ask for"):convert(math.tointeger)
  :default "4096"
local size = parser:parse().size
if size < 1 or size >= 1 << 31 then
  parser:error "size must be 1 to 2147483647"
end

local sock <close> = assert(net.socket("inet", "stream"))
local function show(when)
  print(("Buffer size [%s]:%d"):format(when, sock:getsockopt "SO_SNDBUF"))
  print(("Receive buffer [%s]:%d"):format(when, sock:getsockopt "SO_RCVBUF"))
end

show "Before"
assert(sock:setsockopt("TCP_NODELAY", 1))
assert(sock:setsockopt("SO_SNDBUF", size))
assert(sock:setsockopt("SO_RCVBUF", size))
show "After"

print(("You asked for %d bytes.  Linux doubles the value, to have room for its")
  :format(size))
print "own bookkeeping, and enforces a minimum and a maximum (socket(7))."

-- Try: --size 1 and --size 1000000000.  Which limits do you meet?  Half of the
--      maximum is in /proc/sys/net/core/wmem_max and rmem_max.
