-- Servers that have no descriptor left for their clients.
local support = require "tests.support"

-- A listener, and clients that have a descriptor already. No other is left.
local setup = [[
local net = require "net"
local listener, clients, others = assert(net.socket()), {}, {}
assert(listener:bind("127.0.0.1", 0))
assert(listener:listen())
for i = 1, 3 do clients[i] = assert(net.socket()) end
local sock -- all are kept, or the collector would free a descriptor
repeat sock = net.socket() others[#others + 1] = sock until not sock
local function come(i) assert(clients[i]:connect(listener:getsockname())) end
local function fate(i)
  clients[i]:settimeout(10)
  return (select(3, clients[i]:recv(1)))
end
]]

local function run(script)
  local path = support.write(support.folder() .. "/script.lua", setup .. script)
  local out, err = support.run(("sh -c 'ulimit -n 30; exec %s %s'"):format(
    support.driver, path))
  assert.equal("", err)
  return out
end

describe("a server without descriptors", function()
  support.leaves_nothing(before_each, after_each)

  it("closes its clients' connections, and goes on accepting", function()
    assert.equal("EOF EOF accepted\n", run [[
      come(1)
      come(2)
      local task = net.spawn(function() return listener:accept() end)
      io.write(fate(1), " ", fate(2), " ")
      others[1]:close()
      come(3)
      print(task:join() and "accepted")
    ]])
  end)

  it("keeps to its timeout", function()
    assert.equal("ETIMEDOUT EOF\n", run [[
      come(1)
      listener:settimeout(0.1)
      print((select(3, listener:accept())) .. " " .. fate(1))
    ]])
  end)

  it("gets the error if it never waits", function()
    assert.equal("EAGAIN EMFILE EOF EAGAIN\n", run [[
      listener:settimeout(0)
      local function code() return (select(3, listener:accept())) end
      io.write(code(), " ")
      come(1)
      print(code(), fate(1), code())
    ]]:gsub("\t", " "))
  end)
end)
