-- SPDX-License-Identifier: MIT
-- Row 30: every byte there is, sent to labs that print it on a terminal; and
-- scripts in bytecode.
local net = require "net"
local support = require "tests.support"

local every = {}
for i = 0, 255 do every[i + 1] = string.char(i) end
every = table.concat(every) .. "\27[2J\27]0;mine\7\u{9b}2J\r\nend"

-- Runs a command on a pseudo-terminal. Returns all that it showed.
local PTY = [=[
import os, pty, select, signal, sys
pid, fd = pty.fork()
if pid == 0: os.execvp("sh", ["sh", "-c", "exec " + sys.argv[1]])
data = b""
while select.select([fd], [], [], 10)[0]:
    try: part = os.read(fd, 65536)
    except OSError: break
    if not part: break
    data += part
    sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
]=]

local function on_terminal(command)
  return support.start(("%s '%s %s'"):format(support.python(PTY),
    support.driver, command))
end

-- What a terminal may obey: all but printable ASCII, newlines and tabs.
local function raw(text)
  return select(2, text:gsub("[^ -~\r\n\t]", ""))
end

-- Starts a server that answers every client with `text`. Returns its port.
local function stranger(type, text)
  local sock = support.own(assert(net.socket("inet", type)))
  assert(sock:bind("127.0.0.1", 0))
  if type == "stream" then assert(sock:listen()) end
  net.spawn(function()
    while true do
      local peer, host, port
      if type == "stream" then peer = sock:accept()
      else peer, host, port = sock:recvfrom(65536) end
      if not peer then return end -- closed
      if type == "dgram" then sock:sendto(text(peer), host, port)
      else
        peer:recv(65536)
        peer:sendall(text())
        peer:shutdown "SHUT_WR"
      end
    end
  end)
  return select(2, sock:getsockname())
end

-- Returns an NTP reply (RFC 5905) with a kiss code of four such bytes.
local function kiss(request)
  return "\x24\0\6\xec" .. ("\0"):rep(8) .. "\27[2J" .. ("\0"):rep(8)
    .. request:sub(41, 48) .. ("\1"):rep(16)
end
local function all() return every end

-- The clients that receive these bytes.
local clients = {
  { "labs/tcp_echo_client.lua --port %d", "stream", all,
    "--message=" .. ("x"):rep(#every) },
  { "labs/udp_echo_client.lua --port %d", "dgram", all },
  { "labs/socket_errors.lua --host localhost --port %d", "stream", all },
  { "labs/print_machine_time.lua --server 127.0.0.1 --port %d", "dgram", kiss },
}
-- The servers that print what they receive.
local servers = {
  { "labs/tcp_echo_server.lua --port %d", "stream" },
  { "labs/udp_echo_server.lua --port %d", "dgram" },
}
-- A foreign name in a message that nothing catches.
local MESSAGE = [[
local net = require "net"
local sock <close> = net.socket "unix"
local _, message = net.connect("\27[2J\27]0;mine\7", 80)
print(message)
assert(sock:connect "/no/such/\27[2J\127\u{9b}2J")]]

local shown, bad = 0, 0
local function judge(name, text, expected)
  shown = shown + 1
  local n = raw(text)
  bad = bad + n
  if n > 0 or not text:find(expected, 1, true) then
    bad = bad + 1
    print(name, net.escape(text))
  end
end

for _, case in ipairs(clients) do
  local command, type, answer, option = table.unpack(case)
  local lab = on_terminal(command:format(stranger(type, answer)) .. " " ..
    (option or ""))
  judge(command, lab:wait(), "\\x1b[2J")
end
for _, case in ipairs(servers) do
  local command, type = table.unpack(case)
  local port = support.free_port()
  local lab = on_terminal(command:format(port))
  lab:expect "(Waiting)"
  local sock <close> = net.socket("inet", type)
  assert(sock:connect("127.0.0.1", port))
  sock:settimeout(10)
  assert(sock:send(every) and sock:recv(9))
  lab:expect "(x0aend)"
  judge(command, (lab:output()), "\\x1b[2J")
  lab:stop()
end
do
  local path = support.write(support.folder() .. "/message.lua", MESSAGE)
  judge("message", on_terminal(path):wait(), "\\x1b[2J\\x7f\\xc2\\x9b2J")
end
print(("figure 30: %d programs show every byte on a terminal: %d raw bytes")
  :format(shown, bad))

-- Bytecode, in every way in which the host takes a script, after all that may
-- precede it in a file, whole or cut. (`lua5.4` accepts it.)
local WAYS = { "HOST FILE", "HOST - <FILE", "HOST <FILE",
  "HOST -i FILE </dev/null", "LUA_INIT=@FILE HOST -e ''",
  [[HOST -e "$(tr -d '\0' <FILE)"]] }
local BEFORE = { "", "#!/usr/bin/env netlab\n", "\xef\xbb\xbf",
  "\xef\xbb\xbf# a comment\n" }

-- Returns whether it is refused. Otherwise it prints "it ran".
local function refused(way, path)
  local command = way:gsub("HOST", support.host):gsub("FILE", path)
  local pipe <close> = io.popen(command .. " 2>&1; echo status $?")
  local out = pipe:read "a"
  -- after a #! line, or in -e, it is text, and not valid Lua
  local why = out:match "^netlab: [^\n]-(binary chunk[^\n]*)\nstatus 1\n$"
    or out:match "^netlab: [^\n]-(unexpected symbol[^\n]*)\nstatus 1\n$"
  if why then return true end
  print(way, net.escape(out))
end

local function bytecode()
  local path, tries, good = support.folder() .. "/script.lua", 0, 0
  for n = 1, 50 do
    local text = string.dump(load(("local a = %d print 'it ran'"):format(n)),
      n % 2 == 0)
    if n % 5 == 0 then text = text:sub(1, n) end
    support.write(path, BEFORE[n % #BEFORE + 1] .. text)
    for _, way in ipairs(WAYS) do
      tries, good = tries + 1, good + (refused(way, path) and 1 or 0)
    end
  end
  print(("figure 30: bytecode by %d ways: %d/%d refused"):format(#WAYS, good,
    tries))
  return good == tries
end

local ok = bad == 0
if support.hosted then ok = bytecode() and ok end
support.clean()
os.exit(ok, true)
