-- Lab 10: an address that is still in use    slide: "reuse_socket_address"
-- run:  netlab labs/reuse_socket_address.lua --port 8282      (Ctrl-C stops it)
local net = require "net"
local argparse = require "argparse"
local parser = argparse("reuse_socket_address", "SO_REUSEADDR and TIME_WAIT")
parser:option("--port"):convert(net.port):default "8282"
local port = parser:parse().port
local sock <close> = assert(net.socket("inet", "stream"))
print("Old sock state: " .. sock:getsockopt "SO_REUSEADDR")
assert(sock:setsockopt("SO_REUSEADDR", 1))
print("New sock state: " .. sock:getsockopt "SO_REUSEADDR")
local function server(reuse, at)
  local srv = assert(net.socket("inet", "stream"))
  assert(srv:setsockopt("SO_REUSEADDR", reuse))
  local bound, message = srv:bind("localhost", at)
  if bound then return assert(srv:listen(1)) end
  srv:close()
  return nil, message
end
-- The side that closes first keeps the connection in TIME_WAIT for a minute;
-- meanwhile bind to its port fails unless both sockets have SO_REUSEADDR.
for reuse = 0, 1 do
  local srv, client = server(reuse, 0), assert(net.socket("inet", "stream"))
  local host, at = srv:getsockname()
  assert(client:connect(host, at))
  srv:accept():close() -- we close first; the client notices
  client:recv(1)
  client:close()
  srv:close()
  local _ <close>, message = server(reuse, at)
  print(("SO_REUSEADDR %d in TIME_WAIT: %s"):format(reuse, message or "ok"))
end
local srv <close> = assert(server(1, port))
print(("Listening on port: %d "):format(port))
while true do
  local connection, host, from = assert(srv:accept())
  print(("Connected by %s:%d"):format(host, from))
  connection:close()
end
-- Try: run a second one beside it.  Why does SO_REUSEADDR not help there?
