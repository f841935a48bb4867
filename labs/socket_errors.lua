-- Lab 7: four things can go wrong            slide: "socket_errors"
-- run:  netlab labs/socket_errors.lua --host=HOST --port=PORT --file=FILE
-- When the network fails, a call returns nil, message, code; you decide.
local net = require "net"
local argparse = require "argparse"

local parser = argparse("socket_errors", "Socket Error Examples")
parser:option("--host"):default "localhost"
parser:option("--port"):convert(net.port):default "8080"
parser:option("--file"):default "/"
local args = parser:parse()

local function give_up(what, message)
  print(what .. ": " .. message)
  os.exit(1, true)
end
-- First -- create socket.  Fails if the process has no descriptor left.
local s <close>, message = net.socket("inet", "stream")
if not s then give_up("Error creating socket", message) end

-- Second -- connect.  Either the name is unknown, or nobody answers there.
local ok, code
ok, message, code = s:connect(args.host, args.port)
if not ok and code:match "^EAI_" then
  give_up("Address-related error connecting to server", message)
elseif not ok then
  give_up("Connection error", message)
end
-- Third -- send.  It only hands bytes to the kernel; a lost peer shows later.
ok, message = s:sendall(("GET %s HTTP/1.0\r\n\r\n"):format(args.file))
if not ok then give_up("Error sending data", message) end
-- Fourth -- receive, until the peer ends the stream.
repeat
  local buf
  buf, message, code = s:recv(2048)
  if buf then io.stdout:write((buf:gsub("[^%g \r\n\t]", net.escape))) end
until not buf
if code ~= "EOF" then give_up("Error receiving data", message) end
-- Try: first python3 -m http.server 8080.  Then a wrong name, a port where
--      nobody listens, a file that does not exist.
