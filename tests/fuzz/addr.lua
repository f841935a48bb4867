-- SPDX-License-Identifier: MIT
--
-- Addresses: one that is accepted must read back as the same, and a socket must
-- report the address that it was bound to.

local net = require "net"
local system = require "system"
local input = require "tests.fuzz.input"

local unix = assert(net.socket("unix", "stream"))
local inet = assert(net.socket("inet", "dgram"))
local inet6 = assert(net.socket("inet6", "dgram"))

local function check(holds, ...)
  if not holds then error(("%q "):rep(select("#", ...)):format(...), 2) end
end

-- Checks for nil, message, code, as in every failure.
local function refused(message, code, call)
  check(message:match("^" .. call .. ".*: [^:]+ %(" .. code .. "%)$"), message)
end

local function pton(text)
  local bytes, message, code = net.inet_pton("inet", text)
  if not bytes then return refused(message, code, "inet_pton") end
  check(#bytes == 4 and net.inet_ntop("inet", bytes) == text, text)
  check(net.inet_aton(text) == bytes and net.inet_ntoa(bytes) == text, text)
end

local function pton6(text)
  local bytes, zone, code = net.inet_pton("inet6", text)
  if not bytes then return refused(zone, code, "inet_pton") end
  local shown = net.inet_ntop("inet6", bytes, zone)
  local again, same = net.inet_pton("inet6", shown)
  if zone and zone > 1 then return end -- an index that no interface has
  check(#bytes == 16 and again == bytes and same == zone, text, shown)
end

local function aton(text)
  local bytes, message, code = net.inet_aton(text)
  if not bytes then return refused(message, code, "inet_aton") end
  check(net.inet_aton(net.inet_ntoa(bytes)) == bytes, text)
  check(not text:find "[%s\0]", text)
end

local function hex(text)
  check(net.unhexlify(net.hexlify(text)) == text, text)
  local bytes, message, code = net.unhexlify(text)
  if not bytes then return refused(message, code, "unhexlify") end
  check(net.hexlify(bytes) == text:lower(), text)
end

local function unescaped(text)
  return (text:gsub("\\(x?)(%x?%x?)", function(x, digits)
    if x == "" then return "\\" .. digits end
    return string.char(tonumber(digits, 16))
  end))
end

local function escape(text)
  local shown = net.escape(text)
  check(not shown:find "[^\32-\126]", shown)
  check(unescaped(shown:gsub("\\\\", "\\x5c")) == text, text, shown)
end

local function port(text)
  local number, message, code = net.port(text)
  if number then
    return check(math.type(number) == "integer" and number >= 0 and
      number < 65536 and (text == "http" or number == tonumber(text)), text)
  end
  check(code == "EINVAL" and message:find "^port ", message)
end

-- Calls bind, which only keeps the address here.
local function bind(sock, ...)
  system.deny(12)
  local ok, bound, message, code = pcall(sock.bind, sock, ...)
  local calls = system.allow()
  check(ok or calls == 0, ..., bound)
  check(bound or not ok or code:match "^[%u_]+$", ..., message)
  return ok and bound
end

local function name_of(sock)
  system.deny(12)
  local host, number = sock:getsockname()
  system.allow()
  return host, number
end

local function path(text)
  if bind(unix, text) then
    check(name_of(unix) == text, text, name_of(unix))
    check(#text < 108 and (text:byte() == 0 or not text:find "\0"), text)
  end
end

local function host(sock, family, text)
  if not bind(sock, text, 80) then return end
  local shown, number = name_of(sock)
  local plain = text:lower():gsub("%.$", "")
  if text == "" then plain = family == "inet" and "0.0.0.0" or "::" end
  if plain == "localhost" or plain:find "%.localhost$" then
    plain = family == "inet" and "127.0.0.1" or "::1"
  end
  check(net.inet_pton(family, shown) == net.inet_pton(family, plain), text)
  check(number == 80, text)
end

-- Any address that the kernel might return: a family of two bytes, and more.
local function given(text)
  system.name(text)
  for _, sock in ipairs { unix, inet, inet6 } do
    local shown, number = name_of(sock)
    check(type(shown) == "string" and #shown <= 128, text)
    check(not number or number < 65536, text)
  end
end

local kinds = {
  pton, pton6, aton, hex, escape, port, path, given,
  function(text) host(inet, "inet", text) end,
  function(text) host(inet6, "inet6", text) end,
}

return function(bytes)
  local at = input.new(bytes)
  at:choice(kinds)(at:rest())
end
