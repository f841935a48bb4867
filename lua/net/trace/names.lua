-- SPDX-License-Identifier: MIT
--
-- net.trace.names: the addresses in a trace, and how a socket is called.

local names = {}

--- "127.0.0.1:80", "[::1]:80" as host and port; a path has no port.
function names.split(address)
  local host, port = address:match "^(.*):(%d+)$"
  if not host then return address, nil end
  return host, port
end

--- What of an address two ends of a connection have in common: no zone, and
--- an IPv4 address as itself within IPv6.
function names.plain(address)
  return (address:gsub("^%[([^%]%%]*)%%[^%]]*%]", "[%1]")
    :gsub("^%[::ffff:([%d.]+)%]", "%1"))
end

--- How a task is called; 0 is what runs in none, which is finalizers.
function names.task(number)
  if number == 0 then return "at exit" end
  return number == 1 and "script" or "task " .. number
end

--- "tcp", "udp" or "unix".
function names.kind(family, type)
  if family == "unix" then return "unix" end
  return type == "dgram" and "udp" or "tcp"
end

--- How a socket is called: "tcp 127.0.0.1:9900<-41234" for one that was
--- accepted, "->" for one that has connected; by its number, where it has no
--- name yet.
---@param sock table of id, kind, here, there (addresses or nil), accepted
function names.of(sock)
  local here, there = sock.here or "", sock.there or ""
  if here == "" and there == "" and not sock.accepted then
    return ("%s #%d"):format(sock.kind, sock.id)
  end
  if not sock.there then return sock.kind .. " " .. here end
  local host, port = names.split(there)
  if port and host == names.split(here) then there = port end
  return ("%s %s%s%s"):format(sock.kind, here, sock.accepted and "<-" or "->",
    there)
end

return names
