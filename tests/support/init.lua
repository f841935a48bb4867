-- SPDX-License-Identifier: MIT
--
-- What the specs share: other programs as peers, files, and the count of open
-- descriptors. It waits by net.sleep, so that the spec's own tasks can run.

local net = require "net"

local support = {}

-- The interpreter that runs labs: the host, or plain Lua with the module.
support.driver = os.getenv "NETLAB_DRIVER" or "./netlab"
support.hosted = support.driver:find "netlab$" ~= nil
support.host = os.getenv "NETLAB_HOST" or "./netlab"
support.build = os.getenv "NETLAB_BUILD" or "build"

-- The exit status after Ctrl-C: of a script that ends with the error, and of
-- one whose call returned and that ran to its end. Plain Lua has its own.
support.interrupted = support.hosted and 130 or 1
support.finished = support.hosted and 130 or 0

local function read(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local text = file:read "a"
  file:close()
  return text
end
support.read = read

--- Calls f until it returns a true value, for up to `seconds`: after 5 ms, then
-- after 10 ms, and so on, at last every 50 ms.
function support.eventually(f, seconds)
  local deadline, pause = net.now() + (seconds or 60), 0
  repeat
    local value = f()
    if value then return value end
    pause = math.min(pause + 0.005, 0.05)
    net.sleep(pause)
  until net.now() > deadline
  error("it did not happen within " .. (seconds or 60) .. " seconds", 2)
end

--- Returns the keys of a table, sorted.
function support.keys(t)
  local list = {}
  for key in pairs(t) do list[#list + 1] = key end
  table.sort(list)
  return list
end

--- Returns which of these programs is missing, or nil.
function support.lacks(...)
  for _, name in ipairs { ... } do
    if not os.execute("command -v " .. name .. " >/dev/null") then
      return "there is no " .. name .. " here"
    end
  end
end

--- Returns the error that f(...) raises.
function support.raised(f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "nothing was raised")
  return message
end

--- Checks that f(...) raises a message that matches, at the line of the call.
-- The socket is argument #1 of a method called like this.
function support.raises(pattern, f, ...)
  local where
  local ok, message = pcall(function(...)
    local here = debug.getinfo(1, "Sl")
    where = ("%s:%d: "):format(here.short_src, here.currentline + 2)
    local result = f(...)
    return result
  end, ...)
  assert(not ok, "nothing was raised")
  message = tostring(message)
  if message:sub(1, #where) ~= where or not message:find(pattern) then
    error(("raised '%s' and not, at %s'%s'"):format(message, where, pattern), 2)
  end
end

local process = {}
process.__index = process

-- What the running spec makes and support.clean() removes: sockets, and
-- numbered files and folders. The runner has a place for these, and removes it.
local sockets, made, ready = {}, 0, 0
local given = os.getenv "SPEC_FOLDER"
local place = given

-- Returns the path of a new file.
local function new_path()
  if not place then
    local pipe <close> = io.popen "mktemp -d"
    place, ready = pipe:read "l", made
  end
  made = made + 1
  return place .. "/" .. made
end

--- Makes support.clean() close a socket.
function support.own(sock)
  sockets[#sockets + 1] = sock
  return sock
end

--- Makes a folder. 32 are made at a time, because a process costs more.
function support.folder()
  local path = new_path()
  if made > ready then
    local paths = { path }
    for i = 1, 31 do paths[#paths + 1] = place .. "/" .. made + i end
    assert(os.execute("mkdir " .. table.concat(paths, " ")))
    ready = made + 31
  end
  return path
end

function support.clean()
  for _, sock in ipairs(sockets) do sock:close() end
  if place and not given then os.execute("rm -rf " .. place) end
  sockets, place = {}, given
end

--- Writes a file and returns its path.
function support.write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
  return path
end

--- Starts a command in the background, with `input` as its standard input.
function support.start(command, input)
  local path = new_path()
  local source = input and support.write(path .. ".in", input) or "/dev/null"
  local pipe = io.popen(("unset SPEC_FOLDER; echo $$; " ..
    "exec <%s >%s.out 2>%s.err; exec %s"):format(source, path, path, command))
  return setmetatable({ path = path, command = command, pipe = pipe,
    pid = pipe:read "n" }, process)
end

--- Returns the standard output and the standard error so far.
function process:output()
  return read(self.path .. ".out"), read(self.path .. ".err")
end

--- Returns the exit status of a process that has ended, or nil. To close the
-- pipe waits for the end, so this looks first whether the process is a zombie.
function process:status()
  local stat = "/proc/" .. self.pid .. "/stat"
  if not self.code and not read(stat):find "%) [^Z]" then
    local _, how, code = self.pipe:close()
    self.code = how == "signal" and 128 + code or code
  end
  return self.code
end

--- Waits for output that matches, and returns the captures.
function process:expect(pattern, seconds)
  local captures
  support.eventually(function()
    captures = table.pack(self:output():match(pattern))
    if captures[1] then return true end
    local status = self:status()
    if status and not self:output():match(pattern) then
      local out, err = self:output()
      error(("'%s' ended (%s) without '%s':\n%s%s"):format(
        self.command, status, pattern, out, err), 0)
    end
  end, seconds)
  return table.unpack(captures, 1, captures.n)
end

--- Waits for the end. Returns the output, the errors, the exit status.
function process:wait(seconds)
  local status = support.eventually(function() return self:status() end,
    seconds)
  local out, err = self:output()
  return out, err, status
end

--- Sends a signal, by its name, to this process only.
function process:signal(name)
  os.execute(("kill -%s %d 2>/dev/null"):format(name, self.pid))
end

--- Ends the process unless it has ended.
function process:stop()
  if not self:status() then self:signal "TERM" end
  return self:wait()
end
process.__close = process.stop

-- Kills what a spec forgot: Lua waits for it when it collects the pipe.
function process:__gc()
  if not self.code then self:signal "KILL" end
end

--- Runs a command. Returns the output, the errors, the exit status.
function support.run(command, input, seconds)
  return support.start(command, input):wait(seconds)
end

--- Runs Lua text in a process of its own, under the same driver.
function support.script(text, input, seconds)
  local path = support.write(support.folder() .. "/script.lua", text)
  return support.run(support.driver .. " " .. path, input, seconds)
end

--- Returns a command that runs another under strace, with its record in `path`.
-- (A sanitizer cannot look for leaks under strace.)
function support.strace(options, path, command)
  return ("env ASAN_OPTIONS=detect_leaks=0 strace -f -q %s -o %s %s"):format(
    options, path, command)
end

--- Returns a command that runs a text in Python, the other end of many specs.
-- Without site packages Python starts in half the time.
function support.python(text)
  return "python3 -S " .. support.write(support.folder() .. "/peer.py", text)
end

--- Runs a program with a pseudo-terminal as its standard error, and returns
-- what that shows. The program must exit with 0.
function support.on_terminal(command)
  local out, err, status = support.run(support.python(([[
import os, pty, subprocess, sys
main, other = pty.openpty()
process = subprocess.Popen(%q, shell=True, stdout=subprocess.DEVNULL,
                           stderr=other)
os.close(other)
data = b''
while True:
    try: part = os.read(main, 4096)
    except OSError: break
    if not part: break
    data += part
sys.stdout.buffer.write(data)
sys.exit(process.wait())
]]):format(command)))
  assert(err == "" and status == 0, err .. "exit status " .. status)
  return out
end

--- Prints what a row of tests/faults/rows.lua measures, if that runs the spec.
function support.figure(row, format, ...)
  if not os.getenv "NETLAB_FIGURES" then return end
  io.write("\nfigure ", row, ": ", format:format(...), "\n")
end

--- Returns how many descriptors this process has open, up to a gap of 64.
function support.descriptors()
  local count, fd, gap = 0, 0, 0
  repeat
    local file = io.open("/proc/self/fdinfo/" .. fd)
    if file then file:close() end
    count, gap, fd = count + (file and 1 or 0), file and 0 or gap + 1, fd + 1
  until gap == 64
  return count
end

--- In a describe block: checks that no spec leaves a descriptor open.
function support.leaves_nothing(before_each, after_each)
  local before
  before_each(function()
    collectgarbage()
    before = support.descriptors()
  end)
  after_each(function()
    support.clean()
    collectgarbage()
    local left, tries = support.descriptors() - before, 0
    while left > 0 and tries < 100 do -- an abandoned lookup may be ending
      net.sleep(0.01)
      left, tries = support.descriptors() - before, tries + 1
    end
    if left > 0 then error(left .. " descriptors left open") end
  end)
end

--- Returns a connected pair of stream sockets over the loopback.
function support.pair(family)
  local host = family == "inet6" and "::1" or "127.0.0.1"
  local listener <close> = assert(net.socket(family or "inet", "stream"))
  assert(listener:bind(host, 0))
  assert(listener:listen(8))
  local client = support.own(assert(net.socket(family or "inet", "stream")))
  assert(client:connect(listener:getsockname()))
  return client, support.own(assert(listener:accept()))
end

--- Returns a listening socket on the loopback, its host and its port.
function support.listener(backlog)
  local listener = support.own(assert(net.socket("inet", "stream")))
  assert(listener:bind("127.0.0.1", 0))
  assert(listener:listen(backlog or 128))
  return listener, listener:getsockname()
end

-- Lua's own seed can be the same in specs that start at once, and so would be
-- their ports.
do
  local file <close> = assert(io.open("/dev/urandom", "rb"))
  math.randomseed((string.unpack("i8", file:read(8))))
end

--- Returns a port of the loopback that is free in both protocols. It is below
-- those that the kernel assigns by itself.
function support.free_port()
  while true do
    local port = math.random(10000, 32000)
    local tcp <close> = assert(net.socket("inet", "stream"))
    local udp <close> = assert(net.socket("inet", "dgram"))
    if tcp:bind("127.0.0.1", port) and udp:bind("127.0.0.1", port) then
      return port
    end
  end
end

--- Starts a real NTP server of stratum 10, which does not touch the clock.
-- Returns its process and its port.
function support.chrony()
  local folder, port = support.folder(), support.free_port()
  local config = support.write(folder .. "/chrony.conf", ([[
local stratum 10
allow 127.0.0.1
bindaddress 127.0.0.1
port %d
cmdport 0
pidfile %s/pid
driftfile %s/drift
]]):format(port, folder, folder))
  return support.start(
    ("env PATH=$PATH:/usr/sbin chronyd -U -u $(id -un) -x -d -f %s")
      :format(config)), port
end

return support
