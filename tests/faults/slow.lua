-- SPDX-License-Identifier: MIT
-- Row 11: the speed of a peer next to 100 that send a byte per second, compared
-- with one that has its server for itself. Two servers are measured in turn,
-- and the upper quartiles compared, as a busy machine halves a rate now and
-- then.
local net = require "net"
local support = require "tests.support"
local help = require "tests.faults.help"

local SLOW, ROUNDS = 100, os.getenv "LONG" == "1" and 400 or 40

local function measure(port)
  local report = assert(net.load { port = port, seconds = 0.05,
    connections = 4 })
  assert(report.corrupt == 0 and report.lost == 0)
  return report.rate
end

-- Each sends one byte per second, and reads its answers.
local function drip(port)
  local socks = {}
  for i = 1, SLOW do socks[i] = help.client(port) end
  while true do
    for _, sock in ipairs(socks) do
      assert(sock:sendall "s" and sock:recv_exact(1) == "s")
      net.sleep(1 / SLOW)
    end
  end
end

local function quartile(list)
  table.sort(list)
  return list[math.ceil(#list * 3 / 4)]
end

local function compare(alone, beside)
  local rates = { {}, {} }
  for i = 1, ROUNDS do
    rates[1][i], rates[2][i] = measure(alone), measure(beside)
  end
  return quartile(rates[2]) / quartile(rates[1])
end

local function run(mode)
  local _ <close>, alone = help.server(mode)
  local _ <close>, beside = help.server(mode)
  local _ <close> = net.spawn(drip, beside)
  net.sleep(0.2)
  local ratio
  for _ = 1, 3 do -- again, if the machine was too busy
    ratio = compare(alone, beside)
    if ratio >= 0.8 then break end
  end
  print(("figure 11: %s: %.0f %% of alone"):format(mode, ratio * 100))
  return ratio >= 0.8
end

local ok = run "lua"
ok = run "echo" and ok
support.clean()
os.exit(ok, true)
