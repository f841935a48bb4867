-- SPDX-License-Identifier: MIT
--
-- net.trace.match: finds which call received what another one sent, across
-- processes: a connect and its accept, bytes of a stream by their position in
-- it, datagrams by ports and content. The calls and sockets are those of
-- net/trace/model.lua.

local names = require "net.trace.names"

local match = {}

local NEAR = 64 -- datagrams that are searched for one that came truncated

-- ---- addresses, the same for both ends ----

-- An address that other machines may have as well.
local function is_local(address)
  return address:find "^127%." or address:find "^%[::1%]" or
    not address:find ":%d+$"
end

local function is_wild(host) return host == "0.0.0.0" or host == "[::]" end

-- An address as seen from all machines: a local one is told apart.
local function place_of(address, machine)
  return is_local(address) and machine.index .. " " .. address or address
end

local function port_of(address)
  return select(2, names.split(address)) or address
end

-- The socket's own address and its peer's. A connect to the wildcard address
-- reaches the own host.
local function ends_of(sock)
  local here = names.plain(sock.here or "")
  local there = names.plain(sock.there or "")
  local host, port = names.split(there)
  if is_wild(host) then there = names.split(here) .. ":" .. port end
  local machine = sock.process.machine
  return place_of(here, machine), place_of(there, machine)
end

-- ---- streams ----

-- The call by which each socket connected: the first that succeeded, or one
-- that only began to (on a non-blocking socket).
local function connectors(calls)
  local found = {}
  for _, call in ipairs(calls) do
    local sock = call.event.kind == "connect" and (call.sock or call.new)
    if sock and sock.there and (not found[sock] or
      found[sock].event.code and not call.event.code) then
      found[sock] = call
    end
  end
  return found
end

-- The sockets that connected, by both addresses, in the order of their calls.
local function queue_connectors(calls)
  local queues = {}
  for sock, call in pairs(connectors(calls)) do
    local here, there = ends_of(sock)
    local key = here .. "|" .. there
    queues[key] = queues[key] or { first = 1 }
    table.insert(queues[key], { sock = sock, call = call })
  end
  for _, queue in pairs(queues) do
    table.sort(queue, function(a, b) return a.call.index < b.call.index end)
  end
  return queues
end

-- Each connection is accepted once; those between the same addresses in the
-- order in which they were made.
local function join_accepted(calls, add)
  local queues = queue_connectors(calls)
  for _, call in ipairs(calls) do
    local sock = call.new
    if sock and sock.accepted == call and sock.type == "stream" then
      local here, there = ends_of(sock)
      local queue = queues[there .. "|" .. here]
      local from = queue and queue[queue.first]
      if from and from.call.from <= call.to then
        queue.first = queue.first + 1
        sock.twin, from.sock.twin = from.sock, sock
        add(from.call, call, "connect")
      end
    end
  end
end

-- The calls of each socket that sent bytes, and those that received some.
local function by_sock(calls)
  local sent, received = {}, {}
  local function put(list, call)
    list[call.sock] = list[call.sock] or {}
    table.insert(list[call.sock], call)
  end
  for _, call in ipairs(calls) do
    local event = call.event
    if call.sock and call.sock.type == "stream" then
      if event.kind == "send" and event.out then put(sent, call) end
      if event.kind == "receive" and event["in"] then put(received, call) end
    end
  end
  return sent, received
end

-- The bytes of a stream arrive in the order in which they were sent.
local function flow(sends, receives, add)
  local i, left = 1, sends[1].event.out
  for _, call in ipairs(receives) do
    local want = call.event["in"]
    while want > 0 and sends[i] do
      local n = math.min(want, left)
      if n > 0 then add(sends[i], call, "bytes", n) end
      want, left = want - n, left - n
      if left == 0 then
        i = i + 1
        left = sends[i] and sends[i].event.out
      end
    end
  end
end

local function join_streams(calls, socks, add)
  join_accepted(calls, add)
  local sent, received = by_sock(calls)
  for _, sock in ipairs(socks) do
    local sends, receives = sent[sock], received[sock.twin]
    if sends and receives then flow(sends, receives, add) end
  end
end

-- ---- datagrams ----

local function carries_datagram(call, kind)
  local event = call.event
  return call.sock and call.sock.type == "dgram" and event.kind == kind and
    not event.code and
    not (kind == "receive" and (event.args or ""):find "MSG_PEEK")
end

-- Multicast and broadcast: any number of sockets may get a copy.
local function is_group(address)
  local first = tonumber(address:match "^(%d+)%.")
  if first then return first >= 224 and first < 240 or first == 255 end
  return address:find "^%[ff" ~= nil
end

local function given(address) return address ~= "" and address or nil end

-- The ends of a datagram socket from net.socketpair, which have no addresses.
local function pair_ends(sock)
  local process = sock.process.index
  return ("pair %d.%d"):format(process, sock.id),
    ("pair %d.%d"):format(process, sock.twin.id)
end

-- A datagram socket's address when this call was made, and the address that the
-- call sent to or received from.
local function datagram_ends(call)
  local sock = call.sock
  if sock.twin then return pair_ends(sock) end
  return names.plain(call.here or sock.here or ""),
    names.plain(given(call.event.addr) or call.there or "")
end

-- The ports that a datagram goes to and comes from, without their hosts: a
-- socket at 0.0.0.0 has any of its machine's. The scope is a machine, or "".
local function route(scope, to, from)
  return ("%s|%s|%s"):format(scope, port_of(to), port_of(from))
end

-- The bytes that data stands for. Where data was cut, one netlab may show a
-- character that another shows as \xNN.
local function bytes_of(data)
  return ((data or ""):gsub("\\\\", "\\x5c"):gsub("\\x(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

local function content(event, key)
  return ("|%d %s"):format(event[key] or 0, bytes_of(event.data))
end

-- The datagrams that were sent, in queues by route, and by route and content.
-- In each queue, those before heads[1] have been received; those to a group, by
-- each socket before its own heads[sock].
local function queue_sends(calls)
  local sends, queues = {}, {}
  local function put(key, it)
    queues[key] = queues[key] or { heads = {} }
    table.insert(queues[key], it)
  end
  for _, call in ipairs(calls) do
    if carries_datagram(call, "send") then
      local here, there = datagram_ends(call)
      local scope = is_local(there) and call.sock.process.machine.index or ""
      local it = { call = call, got = {}, many = is_group(there) }
      it.receiver = scope .. "|" .. port_of(there)
      for from in pairs { [here] = true, [""] = true } do -- "": unknown
        put(route(scope, there, from), it)
        put(route(scope, there, from) .. content(call.event, "out"), it)
      end
      sends[#sends + 1] = it
    end
  end
  return sends, queues
end

-- The first datagram near the head that this call may have received: it was
-- sent before, was received by no other call, and `fits`.
local function first_of(queue, call, fits)
  if not queue then return nil end
  local head = queue[1].many and call.sock or 1
  local i = queue.heads[head] or 1
  while queue[i] and queue[i].got[head] do i = i + 1 end
  queue.heads[head] = i
  for k = i, math.min(#queue, i + NEAR) do
    local it = queue[k]
    if it.call.from > call.to then return nil end
    if not it.got[head] and fits(it, call) then return it, head end
  end
end

local function is_same() return true end

-- It came truncated, into a buffer that was too small.
local function is_longer(it, call)
  local sent, got = it.call.event, call.event
  local all, part = bytes_of(sent.data), bytes_of(got.data)
  local most = math.min(#all, #part)
  return (sent.out or 0) > (got["in"] or 0) and
    all:sub(1, most) == part:sub(1, most)
end

-- What recv received may have come from anyone before the socket was connected.
local function find_sent(queues, call)
  local here, there = datagram_ends(call)
  local any = given(call.event.addr) and there or ""
  for _, from in ipairs { there, any } do
    for _, scope in ipairs { call.sock.process.machine.index, "" } do
      local key = route(scope, here, from)
      local it, head = first_of(queues[key .. content(call.event, "in")], call,
        is_same)
      if not it then it, head = first_of(queues[key], call, is_longer) end
      if it then return it, head end
    end
  end
end

-- The scopes and ports at which a datagram could be received.
local function receivers(socks)
  local found = {}
  for _, sock in ipairs(socks) do
    if sock.type == "dgram" then
      local here = sock.twin and pair_ends(sock) or names.plain(sock.here or "")
      found["|" .. port_of(here)] = true
      found[sock.process.machine.index .. "|" .. port_of(here)] = true
    end
  end
  return found
end

-- Joins each datagram with the calls that received it. Returns the lost ones.
local function join_datagrams(calls, socks, add)
  local sends, queues = queue_sends(calls)
  for _, call in ipairs(calls) do
    if carries_datagram(call, "receive") then
      local it, head = find_sent(queues, call)
      if it then
        it.got[head], it.arrived = true, true
        add(it.call, call, "datagram", call.event["in"] or 0)
      end
    end
  end
  local found, lost = receivers(socks), {}
  for _, it in ipairs(sends) do
    if not it.arrived and found[it.receiver] then lost[#lost + 1] = it.call end
  end
  return lost
end

--- The arrows from call to call, sorted by the receiving call; and the calls
--- that sent a datagram which did not arrive at the traced socket it went to.
---@param calls table[] sorted by when they began
---@param socks table[]
---@return table[] arrows from, to (calls), kind, bytes
---@return table[] lost calls
function match.find(calls, socks)
  local list = {}
  local function add(from, to, kind, bytes)
    list[#list + 1] = { from = from, to = to, kind = kind, bytes = bytes }
  end
  join_streams(calls, socks, add)
  local lost = join_datagrams(calls, socks, add)
  table.sort(list, function(a, b)
    if a.to ~= b.to then return a.to.index < b.to.index end
    return a.from.index < b.from.index
  end)
  return list, lost
end

return match
