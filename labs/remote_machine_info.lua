-- Lab 2: the address of another machine      slide: "remote_machine_info"
-- run:  netlab labs/remote_machine_info.lua --host www.python.org
--
-- The name server's answer may come late or never, and the name may not exist.
-- Each failure has a code of its own (EAI_AGAIN, EAI_NONAME).

local net = require "net"
local argparse = require "argparse"

local parser = argparse("remote_machine_info", "Address of a remote machine")
parser:option("--host", "the machine to look up"):default "www.python.org"
local args = parser:parse()

local ip_address, message = net.gethostbyname(args.host)
if ip_address then
  print(("IP address of %s: %s"):format(args.host, ip_address))
else
  print(("%s: %s"):format(args.host, message))
end

-- Try: --host localhost, --host no.such.name, and a name while the network
--      cable is unplugged.  Which of the three did a name server answer?
