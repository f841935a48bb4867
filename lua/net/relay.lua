-- SPDX-License-Identifier: MIT
--
-- net.relay: a bad network between clients and a server, without root. A
-- datagram may be lost, or arrive after the next one. TCP repairs that, so a
-- stream can only be late, arrive in pieces, or be reset.

local net = require "net"

local relay = {}

local MOST = 1000        -- datagrams under way, as in the queue of a router
local WINDOW = 256 << 10 -- bytes of a stream under way, as in TCP's window
local LARGEST = 65535    -- bytes of a datagram

-- The range of each option, of integers if the option is an integer.
local LATE = { 0.0, 3600.0 }
local DATAGRAMS = { delay = LATE, jitter = LATE, loss = { 0.0, 1.0 },
  seed = { math.mininteger, math.maxinteger }, idle = { 0.001, 1e6 } }
local STREAMS = { delay = LATE, jitter = LATE, seed = DATAGRAMS.seed,
  chunk = { 1, 1 << 20 }, reset_after = { 1, math.maxinteger } }
local OTHERS = { on_event = "function", totals = "table" }

local function wrong(key, value, range)
  if OTHERS[key] then
    return type(value) ~= OTHERS[key] and "must be a " .. OTHERS[key]
  elseif not range then
    return "is not an option"
  elseif math.type(range[1]) == "integer" and math.type(value) ~= "integer" then
    return "must be an integer"
  elseif type(value) ~= "number" or
    not (value >= range[1] and value <= range[2]) then
    return ("must be a number from %.16g to %.16g"):format(range[1], range[2])
  end
end

-- A relay: its options, its totals and its tasks, which end with it. begin
-- raises an error for wrong options at the line of the caller's caller.
local run = {}
run.__index = run

local function begin(sock, host, port, options, ranges)
  if type(sock) ~= "userdata" then error("a socket expected", 3) end
  if type(host) ~= "string" then error("host must be a string", 3) end
  if options ~= nil and type(options) ~= "table" then
    error("options must be a table", 3)
  end
  local known, message = net.port(port)
  if not known then error(message, 3) end
  local self = { host = host, port = port, delay = 0, jitter = 0, loss = 0,
    seed = 1, idle = 60, chunk = 65536, reset_after = math.maxinteger,
    on_event = function() end, totals = {}, tasks = {}, held = {} }
  for key, value in pairs(options or {}) do
    local reason = wrong(key, value, ranges[key])
    if reason then error(("'%s' %s"):format(tostring(key), reason), 3) end
    self[key] = value
  end
  for _, name in ipairs { "up", "down", "lost", "connections", "resets" } do
    self.totals[name] = 0
  end
  return setmetatable(self, run)
end

function run:__close()
  for task in pairs(self.tasks) do task:cancel() end
  if self.opening then self.opening:close() end
end

function run:spawn(f, ...)
  local task
  task = net.spawn(function(...)
    f(...)
    self.tasks[task] = nil
  end, ...)
  self.tasks[task] = true
  return task
end

function run:say(format, ...) self.on_event(format:format(...)) end

function run:count(name, n)
  self.totals[name] = self.totals[name] + n
  return self.totals[name]
end

function run:lose(what, why)
  self:count("lost", 1)
  self:say("%s: lost%s", what, why and ", " .. why or "")
end

local GOLDEN = 0x9e3779b97f4a7c15 -- as splitmix64 does it

local function mix(z)
  z = (z ~ z >> 30) * 0xbf58476d1ce4e5b9
  z = (z ~ z >> 27) * 0x94d049bb133111eb
  return z ~ z >> 31
end

-- The n-th number of a sequence, 0 to 1. It depends on the seed, the sequence's
-- name and n only, so that the same happens in each run.
function run:random(sequence, n)
  local z = self.seed
  for i = 1, #sequence do z = mix(z + GOLDEN) + sequence:byte(i) end
  return (mix(z + n * GOLDEN) >> 11) * 2.0 ^ -53
end

function run:late(sequence, n)
  if self.jitter == 0 then return self.delay end
  return self.delay + self.jitter * self:random(sequence .. " late", n)
end

-- Sends a datagram later, or never. Returns in how many seconds. The task that
-- wakes up sends the datagram that is due first, which may not be its own:
-- sleeps that end within the same millisecond end in any order.
function run:datagram(way, data, who, send)
  local n, held = self:count(way, 1), self.held
  local what = ("%s %d, %d bytes, %s"):format(way, n, #data, who)
  local lost = self:random(way, n) < self.loss
  if lost or #held == MOST then
    self:lose(what, not lost and "the queue is full")
    return 0
  end
  local wait = self:late(way, n)
  self:say("%s: held %.1f ms", what, wait * 1000)
  local due, place = net.now() + wait, #held + 1
  while place > 1 and held[place - 1].due > due do place = place - 1 end
  table.insert(held, place, { due = due, what = what, send = send })
  self:spawn(function()
    net.sleep(wait)
    local first = table.remove(held, 1)
    local ok, message = first.send()
    if not ok then self:lose(first.what, message) end
  end)
  return wait
end

-- Each client has its own socket to the server, so that the answers on it are
-- known to be for that client.
local function upstream(self)
  local family = self.host:find ":" and "inet6" or "inet"
  local server, message, code = net.socket(family, "dgram")
  if not server then return nil, message, code end
  self.opening = server -- to close it if the relay ends during the lookup
  local ok
  ok, message, code = server:connect(self.host, self.port)
  self.opening = nil
  if ok then return server end
  server:close()
  return nil, message, code
end

-- Keeps a client for at least `wait` seconds, until its datagram is sent.
local function seen(client, wait)
  client.seen = math.max(client.seen, net.now() + wait)
end

local function answers(self, client, sock, host, port)
  local server <close>, who = client.server, client.who
  server:settimeout(self.idle)
  repeat
    local data, message, code = server:recv(LARGEST)
    if data then
      seen(client, 0)
      self:datagram("down", data, who, function()
        return sock:sendto(data, host, port)
      end)
    elseif code ~= "ETIMEDOUT" then
      self:say("%s: %s", who, message)
    end
  until not data and net.now() >= client.seen + self.idle
  self:say("%s: silent, forgotten", who)
end

--- The options of relay.datagrams and relay.streams. Some are for one of them
--- only.
---@class net.relay.options
---@field delay? number seconds of delay each way; 0
---@field jitter? number the most seconds of additional random delay; 0
---@field seed? integer of the random numbers; 1
---@field loss? number datagrams: the share that is lost, 0 to 1; 0
---@field idle? number datagrams: seconds to keep a silent client; 60
---@field chunk? integer streams: the most bytes of a piece; 65536
--- Streams: the bytes, both ways together, after which a connection is reset.
---@field reset_after? integer
---@field on_event? fun(text: string) called with a line for each event
---@field totals? net.relay.totals filled however the call ends

--- The totals of a relay.
---@class net.relay.totals
---@field up integer datagrams or bytes from clients
---@field down integer datagrams or bytes from the server
---@field lost integer datagrams
---@field connections integer
---@field resets integer connections that were reset

-- The entry of a client. A new client gets a task for the answers.
local function client_of(self, clients, sock, host, port)
  local who = host .. ":" .. port
  if clients[who] then return clients[who] end
  local server, message, code = upstream(self)
  if not server then return nil, message, code end
  local client = { server = server, who = who, seen = net.now() }
  clients[who] = client
  self:spawn(function()
    answers(self, client, sock, host, port)
    clients[who] = nil
  end)
  return client
end

--- Relays what a bound datagram socket receives to a server, and the answers
--- back, until the socket is closed or the task is cancelled. Which datagrams
--- are lost depends on the seed, the direction and the datagram's number only.
--- Raises an error for wrong arguments.
---
--- Errors: "EBADF", "ECANCELED" the socket was closed, "EBUSY".
---
--- See: udp(7), tc-netem(8).
---@param sock net.socket
---@param host string of the server
---@param port integer|string
---@param options? net.relay.options
---@return nil nothing
---@return string? message
---@return net.code? code
function relay.datagrams(sock, host, port, options)
  local self <close> = begin(sock, host, port, options, DATAGRAMS)
  local clients = {}
  while true do
    local data, from, at = sock:recvfrom(LARGEST)
    if not data then return nil, from, at end
    local client, message = client_of(self, clients, sock, from, at)
    if client then
      seen(client, self:datagram("up", data, client.who, function()
        return client.server:send(data)
      end))
    else
      self:count("up", 1)
      self:lose(from .. ":" .. at, message)
    end
  end
end

-- Resets a connection for both sides, as a crash or a firewall does.
local function break_off(self, link, why)
  if link.why then return end
  link.why = why
  self:count("resets", 1)
  for _, sock in ipairs(link) do
    sock:setsockopt("SO_LINGER", true, 0) -- close(2) sends RST, not FIN
    sock:close()
  end
end

-- Passes a piece on, or the end of the stream, "".
local function pass(self, link, way, to, data)
  if data == "" then
    local ok, message = to:shutdown "SHUT_WR"
    if not ok then break_off(self, link, message) end
    return
  end
  data = data:sub(1, link.left)
  link.left = link.left - #data
  local ok, message = to:sendall(data)
  if not ok then return break_off(self, link, message) end
  link[way] = link[way] + #data
  self:count(way, #data)
  if link.left == 0 then
    break_off(self, link, ("reset after %d bytes"):format(self.reset_after))
  end
end

-- Empties a queue of pieces { when, bytes }, each at its time.
local function drain(self, link, way, to, queue)
  while queue.first <= queue.last and not link.why do
    local piece = queue[queue.first]
    net.sleep(math.max(0, piece[1] - net.now()))
    queue[queue.first] = nil
    queue.first, queue.bytes = queue.first + 1, queue.bytes - #piece[2]
    pass(self, link, way, to, piece[2])
  end
  queue.writer = nil
end

-- Relays one direction. The pieces under way are delayed at the same time, so a
-- delay costs no throughput, up to a window of bytes; and whatever the jitter,
-- no piece overtakes another.
local function pump(self, link, way, from, to)
  local queue, leaves, n = { first = 1, last = 0, bytes = 0 }, 0, 0
  repeat
    local data, message, code = from:recv(self.chunk)
    if not data and code ~= "EOF" then
      return break_off(self, link, message)
    end
    n = n + 1
    leaves = math.max(leaves, net.now() + self:late(way .. link.number, n))
    queue.last, queue.bytes = queue.last + 1, queue.bytes + #(data or "")
    queue[queue.last] = { leaves, data or "" }
    queue.writer = queue.writer or
      self:spawn(drain, self, link, way, to, queue)
    if queue.bytes > WINDOW or not data then queue.writer:join() end
  until not data
end

local function serve(self, conn, number, who)
  local client <close> = conn
  local server <close>, why = net.connect(self.host, self.port,
    { nodelay = true })
  local link = { client, server, number = number, up = 0, down = 0,
    left = self.reset_after }
  if server then
    self:say("%s: connected", who)
    client:setsockopt("TCP_NODELAY", true) -- or a piece would wait for the next
    local up <close> = self:spawn(pump, self, link, "up", client, server)
    pump(self, link, "down", server, client)
    up:join()
  else
    break_off(self, link, why)
  end
  self:say("%s: %d bytes up, %d down: %s", who, link.up, link.down,
    link.why or "ended")
end

--- Relays the connections of a listening socket to a server, every byte in
--- order, until the socket is closed or the task is cancelled. Passes on the
--- end of a direction, and a reset. Raises an error for wrong arguments.
---
--- Errors: "EBADF", "ECANCELED" the socket was closed, "EBUSY".
---
--- See: tcp(7), tc-netem(8).
---@param listener net.socket
---@param host string of the server
---@param port integer|string
---@param options? net.relay.options
---@return nil nothing
---@return string? message
---@return net.code? code
function relay.streams(listener, host, port, options)
  local self <close> = begin(listener, host, port, options, STREAMS)
  while true do
    local client, from, at = listener:accept()
    if not client then return nil, from, at end
    local number = self:count("connections", 1)
    self:spawn(serve, self, client, number, from .. ":" .. at)
  end
end

return relay
