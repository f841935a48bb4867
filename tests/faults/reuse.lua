-- SPDX-License-Identifier: MIT
-- Row 23: a socket is closed while another task waits for it, and the next one
-- gets its descriptor number. The waiting task gets ECANCELED, and no event of
-- the old socket reaches the new one.
local net = require "net"

local CASES = os.getenv "LONG" == "1" and 100000 or 10000

local reused, wrong = 0, 0
for i = 1, CASES do
  local a, b = assert(net.socketpair())
  local number, event = b:fileno(), i % 2 == 0
  local waiting = net.spawn(function() return b:recv(1) end)
  net.sleep(0)
  if event then a:send "x" end -- an event for the number is on its way
  b:close()
  local new, peer = assert(net.socketpair())
  if new:fileno() == number then reused = reused + 1 end
  local reader = net.spawn(function() return new:recv(1) end)
  net.sleep(0) -- pending events for the number arrive here
  peer:send "y"
  if select(3, waiting:join()) ~= "ECANCELED" then wrong = wrong + 1 end
  if reader:join() ~= "y" then wrong = wrong + 1 end
  a:close()
  new:close()
  peer:close()
end
print(("figure 23: %d closed while waited for, %d numbers used again, "
  .. "misdelivered %d"):format(CASES, reused, wrong))
os.exit(wrong == 0 and reused == CASES, true)
