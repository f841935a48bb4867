-- SPDX-License-Identifier: MIT
--
-- net.ntp: the time of an NTP server, by the simple protocol (SNTP: RFC 5905,
-- section 14). One datagram goes out and one comes back, which has to pass
-- every check of RFC 5905 that a client can make. Also a server's side: the
-- reply to a request.

local net = require "net"

local ntp = {}

local EPOCH = 2208988800 -- seconds from 1900-01-01 (NTP) to 1970-01-01 (Unix)
local ERA = 1 << 32      -- NTP's 32 bits of seconds overflow in 2036
local VERSION, CLIENT, SERVER = 4, 3, 4
local SIZE = 48          -- bytes of a packet without extensions
local MAXDISP = 16       -- seconds: a server beyond is not synchronized
local PRECISION = -20    -- 2^-20 s, since net.time counts microseconds

-- The stratum and the source of a server that follows no other.
local LOCAL_STRATUM, LOCAL_CLOCK = 10, "\127\127\1\1"

-- 16.16 and 32.32 bits fixed point, big-endian (RFC 5905, figure 8)
local PACKET = ">BBbb I4 I4 c4 I8 I8 I8 I8"

-- The seconds since the Epoch of a 64-bit NTP timestamp, in the era that puts
-- it between 1968 and 2104 (RFC 4330, section 3).
local function to_unix(stamp)
  local seconds = (stamp >> 32) & 0xffffffff
  if seconds < ERA // 2 then seconds = seconds + ERA end
  return seconds - EPOCH + (stamp & 0xffffffff) / ERA
end

-- Four ASCII letters, or fewer and NUL bytes.
local function code_text(reference)
  return net.escape((reference:gsub("\0+$", "")))
end

-- The 64-bit NTP timestamp of seconds since the Epoch. Shifting drops the era.
local function from_unix(time)
  local seconds = math.floor(time)
  return seconds + EPOCH << 32 | math.floor((time - seconds) * ERA)
end

-- What is wrong with a reply to the packet that had the timestamp `origin`, or
-- nil. `final`: the server itself sent it, so a better reply will not come.
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

-- The offset and the delay, by RFC 5905, section 8, and what the reply says.
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

-- Waits until the deadline for a reply that passes every check. Ignores packets
-- of strangers, however many there are.
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
      reason = "no valid reply, but one with " .. wrong
    elseif code ~= "ETIMEDOUT" then
      return nil, message, code
    end
  end
end

--- The options of ntp.request.
---@class net.ntp.options
---@field port? integer|string of the server; 123
---@field timeout? number seconds in all, with the lookup; 5

--- The reply of an NTP server.
---@class net.ntp.reply
---@field tx_time number when the server sent it, in seconds since the Epoch
---@field offset number seconds to add to this machine's clock
---@field delay number seconds of the round trip
---@field stratum integer 1 (the server has a reference clock) to 15
---@field leap integer 1 or 2: the day ends with a leap second
---@field reference string the clock or server that it follows
---@field version integer of the protocol
---@field precision number seconds between two ticks of the server's clock
---@field root_delay number seconds of the round trip to the reference clock
---@field root_dispersion number seconds: the error relative to that clock

--- Asks an NTP server for the time. Raises an error for a wrong argument or an
--- unknown option.
---
--- Errors: "ETIMEDOUT" no valid reply came in time, "EPROTO" the server's reply
--- says not to use it (a kiss code, or its clock is not synchronized),
--- "ECONNREFUSED", "EAI_NONAME", "EAI_AGAIN".
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
  -- A connected socket: the kernel drops what comes from anyone else.
  local ok
  ok, message, code = sock:settimeout(timeout):connect(server, port)
  if not ok then return nil, message, code end
  -- The server copies our transmit timestamp into its reply. A random one does
  -- not reveal our clock, and a stranger cannot guess it.
  local origin, t1 = math.random(0), net.time()
  ok, message, code = sock:send(PACKET:pack(
    VERSION << 3 | CLIENT, 0, 0, 0, 0, 0, "", 0, 0, 0, origin))
  if not ok then return nil, message, code end
  return receive(sock, server .. ":" .. port, origin, t1, deadline)
end

-- Seconds that fit into a timestamp; not NaN.
local function is_time(value)
  return type(value) == "number" and value > -1e12 and value < 1e12
end

--- Makes a server's reply to a packet, to be sent back to its sender. Only the
--- request of a client gets a reply, which is never longer: so two servers
--- cannot answer each other, and none can be used to flood a stranger. The
--- reply has stratum 10 and the source 127.127.1.1, a clock that follows no
--- other, so that clients prefer a better one. Raises an error for a wrong
--- argument.
---
--- Errors: "EPROTO" it is not a request.
---
--- See: RFC 5905 section 14, RFC 4330 section 6.
---@param request string the datagram
---@param received number when it arrived, by net.time
---@param offset? number seconds to add to this machine's clock; 0
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
    return nil, "ntp: not a client's request (EPROTO)", "EPROTO"
  end
  local came = from_unix(received + (offset or 0))
  local now = from_unix(net.time() + (offset or 0))
  return PACKET:pack(version << 3 | SERVER, LOCAL_STRATUM, poll, PRECISION, 0,
    0, LOCAL_CLOCK, came, origin, came, now)
end

return ntp
