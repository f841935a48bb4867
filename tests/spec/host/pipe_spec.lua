-- What the host does when the reader of a pipe has gone.
local support = require "tests.support"
if not support.hosted then return end

-- Runs a script | head -1. Returns the output, the errors, the exit status.
local function headless(text)
  local path = support.write(support.folder() .. "/script.lua", text)
  local out, err = support.run(
    ("bash -c '%s %s | head -1; echo ${PIPESTATUS[0]}'"):format(
      support.driver, path))
  local line, status = out:match "^(.*)\n(%d+)\n$"
  return line, err, tonumber(status)
end

local cut = "netlab: nobody reads the standard output\n"

describe("a pipe without a reader", function()
  support.leaves_nothing(before_each, after_each)

  it("as standard output ends the script, also in a wait", function()
    local line, err, status = headless [[
      local net = require "net"
      local closing <close> = setmetatable({}, { __close = function()
        print "closing"
        io.stderr:write "closed\n"
      end })
      net.spawn(function()
        while true do print "x" net.sleep(0.01) end
      end)
      net.sleep(600)
    ]]
    assert.same({ "x", "closed\n" .. cut, 1 }, { line, err, status })
  end)

  it("ends a script that catches the error, too", function()
    local line, _, status = headless "while true do pcall(print, 'x') end"
    assert.same({ "x", 1 }, { line, status })
  end)

  it("ends a server that prints what it does", function()
    local server <close> = support.start(("bash -c '%s %s | head -1'"):format(
      support.driver, support.write(support.folder() .. "/server.lua", [[
        local net = require "net"
        local sock <close> = assert(net.socket("inet", "dgram"))
        assert(sock:bind("127.0.0.1", 0))
        net.spawn(function()
          local peer <close> = net.socket("inet", "dgram")
          while true do
            peer:sendto("x", sock:getsockname())
            net.sleep(0.01)
          end
        end)
        assert(sock:echo { on_message = function(data) print(data) end })
      ]])))
    local out, err = server:wait()
    assert.same({ "x\n", cut }, { out, err })
  end)

  it("elsewhere only makes the write fail", function()
    local out, err, status = support.script [[
      local child = io.popen("exit", "w")
      child:setvbuf "no"
      require "net".sleep(0.1)
      local ok, message
      repeat ok, message = child:write "x" until not ok
      print(message)
    ]]
    assert.same({ "Broken pipe\n", "", 0 }, { out, err, status })
  end)

  it("ends the programs that the script starts, as usual", function()
    assert.equal("141\n", (support.script [[
      os.execute "bash -c 'yes | head -1 >/dev/null; echo ${PIPESTATUS[0]}'"
    ]]))
  end)
end)
