-- SPDX-License-Identifier: MIT
--
-- NTP replies: ntp.request gets the input as datagrams from a fake socket.
-- Whatever it returns must make sense.

local net = require "net"
local input = require "tests.fuzz.input"

local clock, at, request = 0, nil, nil

-- Returns the next datagram; the first bit of its flags puts our origin into
-- it.
local function datagram()
  clock = clock + 0.01
  if not at:more() then
    return nil, "recv: timed out (ETIMEDOUT)", "ETIMEDOUT"
  end
  local flags = at:byte()
  local packet = at:take(flags < 0xf0 and 48 or flags & 15)
  if flags & 1 == 1 and #packet == 48 then
    return packet:sub(1, 24) .. request:sub(41, 48) .. packet:sub(33)
  end
  return packet
end

local sock = {}
function sock:settimeout() return self end
function sock:connect() return self end
function sock.send(_, packet)
  request = packet
  return #packet
end
function sock.recv() return datagram() end
setmetatable(sock, { __index = sock, __close = function() end })

package.loaded.net = setmetatable({
  socket = function() return sock end,
  now = function() return clock end,
  time = function() return 1700000000 + clock end,
}, { __index = net })
local ntp = require "net.ntp"
package.loaded.net = net

local function finite(n) return n - n == 0 end

local function believe(reply)
  assert(reply.stratum >= 1 and reply.stratum <= 15)
  assert(reply.leap >= 0 and reply.leap <= 2 and reply.version == 4)
  assert(finite(reply.tx_time) and finite(reply.offset))
  assert(finite(reply.delay) and reply.delay >= 0)
  assert(reply.precision > 0 and reply.precision < 2.0 ^ 128)
  assert(reply.root_delay / 2 + reply.root_dispersion < 16)
  assert(not reply.reference:find "[^\32-\126]")
end

return function(bytes)
  at, clock = input.new(bytes), 0
  local reply, message, code = ntp.request("host", { timeout = 1 })
  if reply then return believe(reply) end
  assert(code == "ETIMEDOUT" or code == "EPROTO", code)
  local pattern = "^ntp host:123: [\32-\126]+ %(" .. code .. "%)$"
  assert(message:find(pattern), message)
end
