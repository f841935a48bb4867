-- SPDX-License-Identifier: MIT
--
-- net.ntp: the time of an NTP server, by the simple protocol (SNTP: RFC 5905,
-- section 14). One datagram goes out, one comes back, and what comes back is
-- believed only after every check of RFC 5905 that a client can make. And a
-- server's side of it: the reply to a request.

local net = require "net"

local ntp = {}

local EPOCH = 2208988800 -- seconds from 1900-01-01 (NTP) to 1970-01-01 (UNIX)
local ERA = 1 << 32      -- NTP's 32 bits of seconds are full in 2036
local VERSION, CLIENT, SERVER = 4, 3, 4
local SIZE = 48          -- bytes of a packet without extensions
local MAXDISP = 16       -- seconds: farther than this is not synchronized
local PRECISION = -20    -- 2^-20 s, since net.time counts microseconds

-- What a server says that follows no other: its own clock is its source.
local LOCAL_STRATUM, LOCAL_CLOCK = 10, "\127\127\1\1"

-- 16.16 and 32.32 bits fixed point, big-endian (RFC 5905, figure 8)
local PACKET = ">BBbb I4 I4 c4 I8 I8 I8 I8"

-- The seconds since the UNIX Epoch of a 64-bit NTP timestamp. The era is the
-- one in which the time lies between 1968 and 2104 (RFC 4330, section 3).
local function to_unix(stamp)
  local seconds = (stamp >> 32) & 0xffffffff
  if seconds < ERA // 2 then seconds = seconds + ERA end
  return seconds - EPOCH + (stamp & 0xffffffff) / ERA
end

-- Four ASCII letters, or fewer and NUL bytes.
local function code_text(reference)
  return net.escape((reference:gsub("\0+$", "")))
end

-- The 64-bit NTP timestamp of seconds since the UNIX Epoch, in its era: the
-- seconds' higher bits are shifted out.
local function from_unix(time)
  local seconds = math.floor(time)
  return seconds + EPOCH << 32 | math.floor((time - seconds) * ERA)
end

-- What is wrong with a reply to the packet that was sent at `origin`; nil when
-- nothing is. `final` says that the server itself has spoken, so that waiting
-- for a better reply is of no use.
local function refuse(reply, origin)
  if #reply < SIZE then return "short packet" end
  local flags, stratum, _, _, delay, dispersion, reference, _, org, rec, xmt =
    PACKET:unpack(reply)
  local leap, version, mode = flags >> 6, flags >> 3 & 7, flags & 7
  if version ~= VERSION then return "wrong version" end
  if mode ~= SERVER then return "wrong mode" end
  if org ~= origin then return "wrong origin timestamp" end
  local final = true
  if stratum == 0 then
    return "kiss code " .. code_text(reference), final
  end
  if stratum > 15 then return "stratum not in 1..15", final end
  if leap == 3 then return "clock not synchronized", final end
  if xmt == 0 or rec == 0 then return "zero timestamp", final end
  if xmt - rec < 0 then return "sent before it was received", final end
  if delay / 65536 / 2 + dispersion / 65536 >= MAXDISP then
    return "root distance over 16 s", final
  end
end

-- The four timestamps of RFC 5905, section 8, and what follows from them.
local function measure(reply, t1, t4)
  local flags, stratum, _, precision, delay, dispersion, reference, _, _, rec,
    xmt = PACKET:unpack(reply)
  local t2, t3 = to_unix(rec), to_unix(xmt)
  if stratum == 1 then
    reference = code_text(reference)
  else
    reference = net.inet_ntoa(reference)
  end
  return {
    tx_time = t3,
    offset = ((t2 - t1) + (t3 - t4)) / 2,
    delay = math.max(0, (t4 - t1) - (t3 - t2)),
    stratum = stratum,
    leap = flags >> 6,
    version = flags >> 3 & 7,
    precision = 2.0 ^ precision,
    root_delay = delay / 65536,
    root_dispersion = dispersion / 65536,
    reference = reference,
  }
end

local function failure(who, reason, code)
  return nil, ("ntp %s: %s (%s)"):format(who, reason, code), code
end

-- Waits for a reply that stands every check, until the deadline; a stranger's
-- packets are passed over, however many there are.
local function receive(sock, who, origin, t1, deadline)
  local reason = "no reply"
  while true do
    local left = deadline - net.now()
    if left <= 0 then return failure(who, reason, "ETIMEDOUT") end
    sock:settimeout(left)
    local reply, message, code = sock:recv(1024)
    local t4 = net.time()
    if reply then
      local wrong, final = refuse(reply, origin)
      if not wrong then return measure(reply, t1, t4) end
      if final then return failure(who, wrong, "EPROTO") end
      reason = "no reply but one with a " .. wrong
    elseif code ~= "ETIMEDOUT" then
      return nil, message, code
    end
  end
end

--- What ntp.request may be told.
---@class net.ntp.options
---@field port? integer|string the server's; 123
---@field timeout? number seconds for all of it, the lookup included; 5

--- What an NTP server has said.
---@class net.ntp.reply
---@field tx_time number when it was sent, in seconds since the Epoch
---@field offset number seconds to add to our clock
---@field delay number seconds there and back
---@field stratum integer 1: the server has a clock of its own; up to 15
---@field leap integer 1, 2: a leap second at the end of the day
---@field reference string what the server follows
---@field version integer of the protocol
---@field precision number seconds between two ticks of its clock
---@field root_delay number seconds from the server to the clock and back
---@field root_dispersion number seconds that it may be wrong besides

--- Asks an NTP server for the time. Raises for a server that is no host name,
--- an unknown option, and values that are no port or no time above 0.
---
--- Errors: "ETIMEDOUT" no reply to be believed came in time, "EPROTO" the
--- server's own reply says not to use it (a kiss code, a clock that is not
--- synchronized), "ECONNREFUSED", "EAI_NONAME", "EAI_AGAIN".
---
--- See: RFC 5905, slide "print_machine_time".
---@param server string a host name or IPv4 address
---@param opts? net.ntp.options
---@return net.ntp.reply? reply
---@return string? message
---@return net.code? code
function ntp.request(server, opts)
  if opts ~= nil and type(opts) ~= "table" then
    error("options must be a table", 2)
  end
  opts = opts or {}
  if type(server) ~= "string" or #server > 253 or server:find "\0" then
    error("server must be a host name", 2)
  end
  for key in pairs(opts) do
    if key ~= "port" and key ~= "timeout" then
      error(("unknown option '%s'"):format(tostring(key)), 2)
    end
  end
  local port, timeout = opts.port or 123, opts.timeout or 5
  local known, wrong = net.port(port)
  if not known then error(wrong, 2) end
  if type(timeout) ~= "number" or timeout <= 0 or timeout ~= timeout then
    error("timeout must be a number of seconds above 0", 2)
  end
  local deadline = net.now() + timeout
  local sock <close>, message, code = net.socket("inet", "dgram")
  if not sock then return nil, message, code end
  -- Connected, so the kernel drops what comes from anybody else.
  local ok
  ok, message, code = sock:settimeout(timeout):connect(server, port)
  if not ok then return nil, message, code end
  -- The server copies our transmit timestamp into its reply. A random one
  -- tells nobody our clock, and a stranger cannot guess it.
  local origin, t1 = math.random(0), net.time()
  ok, message, code = sock:send(PACKET:pack(
    VERSION << 3 | CLIENT, 0, 0, 0, 0, 0, "", 0, 0, 0, origin))
  if not ok then return nil, message, code end
  return receive(sock, server .. ":" .. port, origin, t1, deadline)
end

-- Seconds that fit into a timestamp, and no NaN.
local function is_time(value)
  return type(value) == "number" and value > -1e12 and value < 1e12
end

--- A server's reply to a packet, to be sent to where that came from. Only a
--- client's request has one, and it is never longer than the request, so that
--- two servers cannot answer each other, nor one serve to flood a stranger.
--- The reply says stratum 10, and as its source 127.127.1.1: a clock that
--- follows no other, which a client should like less than one that does.
--- Raises for a request that is no string, and for what is no time.
---
--- Errors: "EPROTO" it is no request.
---
--- See: RFC 5905 section 14, RFC 4330 section 6.
---@param request string the datagram
---@param received number when it came, by net.time
---@param offset? number seconds to tell more than our clock has; 0
---@return string? reply 48 bytes
---@return string? message
---@return net.code? code
function ntp.answer(request, received, offset)
  if type(request) ~= "string" then error("request must be a string", 2) end
  if not is_time(received) then error("received must be seconds", 2) end
  if not is_time(offset or 0) then error("offset must be seconds", 2) end
  if #request < SIZE then return nil, "ntp: short packet (EPROTO)", "EPROTO" end
  local flags, _, poll, _, _, _, _, _, _, _, origin = PACKET:unpack(request)
  local version = flags >> 3 & 7
  if flags & 7 ~= CLIENT or version < 1 or version > VERSION then
    return nil, "ntp: no request of a client (EPROTO)", "EPROTO"
  end
  local came = from_unix(received + (offset or 0))
  local now = from_unix(net.time() + (offset or 0))
  return PACKET:pack(version << 3 | SERVER, LOCAL_STRATUM, poll, PRECISION, 0,
    0, LOCAL_CLOCK, came, origin, came, now)
end

return ntp
