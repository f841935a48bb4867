-- System calls that fail where they hardly ever do: strace(1) sees to it. Each
-- is an error that names the call, and the script goes on.
local support = require "tests.support"

-- The output of a script under strace, which makes calls fail as `inject` says.
local function with(inject, script)
  local folder = support.folder()
  local path = support.write(folder .. "/script.lua", script)
  local trace = inject:match "^[^:]+"
  local out, err = support.run(support.strace(
    ("-e trace=%s -e inject=%s"):format(trace, inject), folder .. "/trace",
    support.driver .. " " .. path))
  return out, err
end

-- What fails, how, and what a script then says.
local cases = {
  { "a wait that the kernel cannot watch", "epoll_ctl:error=ENOSPC:when=4+", [[
      local net = require "net"
      local a, b = net.socketpair()
      print(select(2, pcall(a.recv, a, 1)))
      b:send "x"
      a:settimeout(0)
      print(a:recv(1))
    ]], "[^\n]*cannot watch descriptor %d+: no space left on device\nx\n" },
  { "getsockopt", "getsockopt:error=ENOBUFS", [[
      print(select(2, require "net".socket():getsockopt "SO_TYPE"))
    ]], "getsockopt SO_TYPE: no buffer space available %(ENOBUFS%)\t" },
  { "setsockopt", "setsockopt:error=ENOMEM", [[
      local sock = require "net".socket()
      print(select(2, sock:setsockopt("SO_KEEPALIVE", true)))
    ]], "setsockopt SO_KEEPALIVE: not enough memory %(ENOMEM%)\t" },
  { "listen", "listen:error=EADDRINUSE", [[
      print(select(2, require "net".listen("127.0.0.1", 0)))
    ]], "listen 127.0.0.1:0: address already in use %(EADDRINUSE%)\t" },
  { "getsockname", "getsockname:error=ENOBUFS", [[
      print(select(3, require "net".socket():getsockname()))
    ]], "ENOBUFS\n" },
  { "a load generator's thread", "clone3,clone:error=EAGAIN", [[
      local net = require "net"
      print(select(3, net.load { port = 9, messages = 1 }))
    ]], "EAGAIN\n" },
  { "the echo engine's threads", "clone3,clone:error=EAGAIN", [[
      local net = require "net"
      local sock = assert(net.listen("127.0.0.1", 0))
      print(select(3, sock:echo { workers = 2 }))
      print(sock:getsockname())
    ]], "EAGAIN\n127.0.0.1\t%d+\n" },
  { "a load generator's own watch", "epoll_create1:error=EMFILE:when=3+", [[
      local net = require "net"
      print(select(3, net.load { port = 9, messages = 1 }))
    ]], "EMFILE\n" },
}

describe("a system call that fails:", function()
  support.leaves_nothing(before_each, after_each)

  for _, case in ipairs(cases) do
    local name, inject, script, expected = table.unpack(case)
    it(name, function()
      local out, err = with(inject, script)
      assert.matches("^" .. expected, out, err)
    end)
  end

  it("the loop cannot start, and says why", function()
    for _, nth in ipairs { "epoll_create1:error=EMFILE:when=1",
      "epoll_create1:error=EMFILE:when=2", "epoll_ctl:error=ENOSPC:when=3" } do
      local _, err = with(nth, "require 'net'")
      assert.matches("cannot start the event loop: ", err)
    end
  end)
end)
