-- Lab 12: echo server by TCP                 slide: "echo_server by TCP"
-- run:  netlab labs/tcp_echo_server.lua --port 9900           (Ctrl-C ends it)
local net = require "net"
local argparse = require "argparse"
local data_payload = 2048
local backlog = 128 -- the slide's 5 is too few when 50 clients come at once

local parser = argparse("tcp_echo_server", "Socket Server Example")
parser:option("--port"):convert(net.port):count(1)
parser:option("--host"):default "localhost"
parser:flag("--once", "end each connection after one message, as the slide")
local args = parser:parse()

local sock <close> = assert(net.socket("inet", "stream"))
assert(sock:setsockopt("SO_REUSEADDR", 1))
print(("Starting up echo server on %s port %d"):format(args.host, args.port))
assert(sock:bind(args.host, args.port))
assert(sock:listen(backlog))

-- A connection is a stream: one recv may hold half a message, or three.
local function serve(conn, host, port)
  local client <close> = conn
  repeat
    local data, message, code = client:recv(data_payload)
    if data then
      print("Data: " .. net.escape(data))
      local sent, why = client:sendall(data)
      print(sent and ("sent %s bytes back to ('%s', %d)"):format(
        net.escape(data), host, port) or why)
    elseif code ~= "EOF" then
      print(message)
    end
  until not data or args.once
end

while true do
  print("Waiting to receive message from client")
  net.spawn(serve, assert(sock:accept()))
end
-- Try: `nc localhost 9900` twice.  Then call serve without spawn: who waits?
