-- SPDX-License-Identifier: MIT
-- Row 24: one task of 100 fails with a string, a table or nil. It is reported
-- with a traceback, the other 99 finish, and netlab exits with 1. (In plain Lua
-- the script goes on, and has its own status.)
local support = require "tests.support"

local kinds = {
  string = { "'went wrong'", "went wrong\nstack traceback:\n.*in %S+ 'deep'" },
  table = { "{}", "%(error object is a table value%)" },
  ["nil"] = { "nil", "%(error object is a nil value%)" },
}

local finished, told, count = {}, 0, 0
for name, kind in pairs(kinds) do
  local out, err, status = support.script(([[
    local net = require "net"
    local finished = 0
    local function deep() error(%s) end
    for i = 1, 100 do
      net.spawn(function()
        net.sleep(i %% 7 / 1000)
        if i == 50 then deep() end
        net.sleep(0.001)
        finished = finished + 1
        if finished == 99 then print(finished) end
      end)
    end
    net.run()
  ]]):format(kind[1]))
  count = count + 1
  finished[count] = (tonumber(out) or 0) .. "/99"
  local once = select(2, err:gsub("net%l*: ", "")) == 1
  if out == "99\n" and err:find(kind[2]) and once
    and status == (support.hosted and 1 or 0) then
    told = told + 1
  else
    print(("%s: '%s', '%s', %s"):format(name, out, err, status))
  end
end
support.clean()
print(("figure 24: %s tasks finished, %d/%d kinds of error told"):format(
  table.concat(finished, ", "), told, count))
os.exit(told == count, true)
