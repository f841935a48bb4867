-- sock:echo and the options of its caller's socket, which another process reads
-- through a descriptor of it (pidfd_getfd(2)): before, during and after.
local support = require "tests.support"

-- Opens a socket for each line of its input, "inet stream WORKERS REUSEPORT
-- NODELAY", and serves it from one line to the next. It goes on without a wait,
-- so that only the engine's threads run meanwhile.
local server = [[
local net = require "net"
local function say(...)
  print(...)
  io.stdout:flush()
end
for line in io.lines() do
  local family, type, workers, reuseport, nodelay =
    line:match "(%w+) (%w+) (%d) (%d) (%d)"
  local sock <close> = assert(net.socket(family, type))
  if reuseport == "1" then assert(sock:setsockopt("SO_REUSEPORT", 1)) end
  if nodelay == "1" then assert(sock:setsockopt("TCP_NODELAY", 1)) end
  local path = arg[1] .. "/" .. line:gsub(" ", "-")
  if family == "unix" then
    assert(sock:bind(path))
  else
    assert(sock:bind("127.0.0.1", 0))
  end
  if type == "stream" then assert(sock:listen()) end
  say(sock:fileno(), family == "unix" and path or select(2, sock:getsockname()))
  io.read()
  local task = net.spawn(sock.echo, sock, { workers = tonumber(workers) })
  net.sleep(0)
  say "serves"
  io.read()
  task:cancel()
  say "has served"
  io.read()
end]]

-- Prints a line for each case: the case, and the options three times; and of a
-- TCP connection that was accepted, its TCP_NODELAY.
local observer = [==[
import ctypes, fcntl, os, socket, struct, subprocess, sys

def get_fd(pidfd, fd):
    got = ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, fd, 0)
    if got < 0:
        sys.exit("pidfd_getfd: " + os.strerror(ctypes.get_errno()))
    return got

def option(sock, level, name):
    try:
        return sock.getsockopt(level, name)
    except OSError:
        return "-"

def options(sock):
    flags = fcntl.fcntl(sock.fileno(), fcntl.F_GETFL)
    wait = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)
    own = [option(sock, socket.SOL_SOCKET, socket.SO_REUSEPORT),
           option(sock, socket.IPPROTO_TCP, socket.TCP_NODELAY),
           option(sock, socket.IPPROTO_UDP, 104)] # UDP_GRO
    waits = [int(flags & os.O_NONBLOCK != 0), struct.unpack("qq", wait)[0]]
    return ",".join(map(str, own)), ",".join(map(str, waits))

def accepted(pidfd, pid, client):
    for fd in map(int, os.listdir("/proc/%d/fd" % pid)):
        sock = socket.socket(fileno=get_fd(pidfd, fd)) \
            if os.readlink("/proc/%d/fd/%d" % (pid, fd)).startswith("socket:") \
            else None
        try:
            if sock and sock.getpeername() == client:
                return option(sock, socket.IPPROTO_TCP, socket.TCP_NODELAY)
        except OSError:
            pass
        finally:
            if sock: sock.close()

server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, bufsize=1)
pidfd = os.pidfd_open(server.pid)

def ask(line):
    server.stdin.write(line + "\n")
    return server.stdout.readline().split()

for case in sys.stdin.read().splitlines():
    family, kind = case.split()[:2]
    fd, address = ask(case)
    to = address if family == "unix" else ("127.0.0.1", int(address))
    sock = socket.socket(fileno=get_fd(pidfd, int(fd)))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                    struct.pack("qq", 3, 0))
    seen = [options(sock)]
    ask("")
    nodelay = "-"
    with socket.socket(getattr(socket, "AF_" + family.upper()),
                       getattr(socket, "SOCK_" + kind.upper())) as client:
        client.settimeout(20)
        if family == "unix": client.bind(address + ".client")
        client.connect(to)
        for message in b"first", b"second":
            client.send(message)
            assert client.recv(100) == message
        seen.append(options(sock))
        if family == "inet" and kind == "stream":
            nodelay = accepted(pidfd, server.pid, client.getsockname())
    ask("")
    seen.append(options(sock))
    sock.close()
    server.stdin.write("\n")
    print(case, *(own for own, _ in seen), *(wait for _, wait in seen), nodelay)
server.stdin.close()
sys.exit(server.wait())
]==]

describe("sock:echo, seen by a process that shares the socket,", function()
  support.leaves_nothing(before_each, after_each)

  it("leaves the options as the script has set them", function()
    local folder, cases = support.folder(), {}
    for kind in ("inet stream,inet dgram,unix stream,unix dgram")
      :gmatch "[^,]+" do
      for workers = 1, 2 do
        for reuseport = 0, kind:find "inet" and 1 or 0 do
          for nodelay = 0, kind == "inet stream" and 1 or 0 do
            cases[#cases + 1] = ("%s %d %d %d"):format(kind, workers, reuseport,
              nodelay)
          end
        end
      end
    end
    local out, err, status = support.run(("%s %s %s %s %s"):format(
      support.python(observer), folder, support.driver,
      support.write(folder .. "/server.lua", server), folder),
      table.concat(cases, "\n"))
    if err:find "pidfd_getfd: Op" then
      pending "the kernel forbids it"
      return
    end
    assert.same({ "", 0 }, { err, status })
    for _, case in ipairs(cases) do
      local before, during, after, waits, meanwhile, then_waits, accepted =
        out:match(case .. (" (%S+)"):rep(7) .. "\n")
      assert.same({ case, before, before }, { case, during, after })
      local _, reuseport, nodelay = case:match "(%d) (%d) (%d)$"
      assert.equal(("%s,%s,%s"):format(case:find "inet" and reuseport or 0,
        case:find "inet stream" and nodelay or "-",
        case:find "inet dgram" and 0 or "-"), before)
      assert.same({ "1,3", "1,3" }, { waits, then_waits })
      assert.equal(case:find "dgram" and "0,0" or "1,3", meanwhile)
      assert.equal(case:find "inet stream" and "1" or "-", accepted)
    end
  end)

  it("sets TCP_NODELAY before a connection's second answer, once", function()
    local record = support.folder() .. "/calls"
    for messages, nodelay in ("5:0 50:0 50:1"):gmatch "(%d+):(%d)" do
      local script = support.write(support.folder() .. "/server.lua", ([[
        local net = require "net"
        local sock <close> = net.socket()
        sock:setsockopt("TCP_NODELAY", %s)
        sock:bind("127.0.0.1", 0)
        sock:listen()
        net.spawn(function()
          local _, port = sock:getsockname()
          print(net.load { port = port, messages = %s, connections = 5,
            rate = 1000 }.messages)
          sock:close()
        end)
        sock:echo()]]):format(nodelay, messages))
      assert.same({ messages .. "\n", "", 0 }, { support.run(support.strace(
        "-e trace=setsockopt,accept4", record,
        support.driver .. " " .. script)) })
      local calls, accepts = 0, 0
      local worker = support.read(record):match "(%d+) +accept4"
      for call in support.read(record):gmatch(worker .. " +([^\n]+)") do
        if call:find "TCP_NODELAY" then calls = calls + 1 end
        if call:find "accept4.* = %d" then accepts = accepts + 1 end
      end
      assert.same({ 5, messages == "50" and nodelay == "0" and 5 or 0 },
        { accepts, calls })
    end
  end)
end)
