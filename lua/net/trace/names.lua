-- SPDX-License-Identifier: MIT
--
-- net.trace.names: the addresses in a trace, and how sockets and tasks are
-- named.

local names = {}

--- The host and the port of "127.0.0.1:80" or "[::1]:80"; a path has no port.
function names.split(address)
  local host, port = address:match "^(.*):(%d+)$"
  if not host then return address, nil end
  return host, port
end

--- An address as both ends of a connection have it: without its zone, and an
--- IPv4-mapped address as IPv4.
function names.plain(address)
  return (address:gsub("^%[([^%]%%]*)%%[^%]]*%]", "[%1]")
    :gsub("^%[::ffff:([%d.]+)%]", "%1"))
end

--- The name of a task; 0 is for finalizers, which run in no task.
function names.task(number)
  if number == 0 then return "at exit" end
  return number == 1 and "script" or "task " .. number
end

--- "tcp", "udp" or "unix".
function names.kind(family, type)
  if family == "unix" then return "unix" end
  return type == "dgram" and "udp" or "tcp"
end

--- The name of a socket: "tcp 127.0.0.1:9900<-41234" if it was accepted, with
--- "->" if it has connected, and "tcp #3" while it has no address.
---@param sock table { id, kind, accepted, here, there (addresses or nil) }
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
