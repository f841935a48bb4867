-- SPDX-License-Identifier: MIT
--
-- Streams: a real pair of sockets carries chunks of the input. Reads of every
-- kind in between must return what a model returns, so nothing is lost or comes
-- twice.

local net = require "net"
local input = require "tests.fuzz.input"

local near, far, ended
local left -- the model: bytes sent and not yet read

local function send(at)
  if ended then return end
  local chunk = at:take(at:below(64))
  if at:below(64) == 0 then chunk = chunk:rep(100) end
  if chunk == "" then return end
  left = left .. chunk
  assert(far:sendall(chunk))
end

local function finish(at)
  if at:byte() > 192 and not ended then
    ended = true
    assert(far:shutdown "SHUT_WR")
  end
end

-- Checks the result of a read that found too little.
local function expect_code(want, got, message, code)
  if got == nil and code == want then return end
  error(("%s, not %s: %s"):format(code, want, got or message))
end

local function expect(want, used, got, message)
  if got ~= want then error(("%q, not %q (%s)"):format(got, want, message)) end
  if used > 0 then left = left:sub(used + 1) end
end

local function unserved() return ended and "EOF" or "EAGAIN" end

local function recv(at)
  local size, all = 1 + at:below(4096), left
  local got, message, code = near:recv(size)
  if all == "" then return expect_code(unserved(), got, message, code) end
  -- Fewer may come, because the buffer comes first.
  assert(got and #got > 0 and #got <= size, code)
  expect(all:sub(1, #got), #got, got, message)
end

local function peek(at)
  local size, all = 1 + at:below(4096), left
  local got, message, code = near:recv(size, "MSG_PEEK")
  if all == "" then return expect_code(unserved(), got, message, code) end
  assert(got and #got > 0 and #got <= size, code)
  expect(all:sub(1, #got), 0, got, message)
end

local buffer = net.buffer(300)
local function recv_into(at)
  local first, last = at:below(602) - 301, at:below(602) - 301
  local room, all = #("x"):rep(300):sub(first, last), left
  local ok, got, message = pcall(near.recv_into, near, buffer, first, last)
  assert(ok == (room > 0), got)
  if not ok then return end
  if all == "" then return assert(got == nil, message) end
  local from = first > 0 and first or first == 0 and 1 or
    math.max(1, 301 + first)
  assert(got and got >= 1 and got <= room, message)
  expect(all:sub(1, got), got, buffer:sub(from, from + got - 1), message)
end

local function recv_exact(at)
  local size, all = 1 + at:below(6000), left
  local got, message, code = near:recv_exact(size)
  if #all < size then return expect_code(unserved(), got, message, code) end
  expect(all:sub(1, size), size, got, message)
end

-- Returns the next line, and how many bytes it takes with its end.
local function next_line(all)
  local line, stop = all:match "^([^\n]*)\n()"
  if not line then return nil end
  return line:gsub("\r$", ""), stop - 1
end

local function recv_line(at)
  local max, all = 1 + at:below(6000), left
  local line, used = next_line(all)
  if not line and ended and all ~= "" then line, used = all, #all end
  local got, message, code = near:recv_line(max)
  if line and #line <= max then return expect(line, used, got, message) end
  if line or #all > max + 1 or (#all == max + 1 and all:byte(-1) ~= 13) then
    return expect_code("EMSGSIZE", got, message, code)
  end
  expect_code(unserved(), got, message, code)
end

local function recv_all(at)
  local max, all = 1 + at:below(6000), left
  local got, message, code = near:recv_all(max)
  if #all > max then return expect_code("EMSGSIZE", got, message, code) end
  if not ended then return expect_code("EAGAIN", got, message, code) end
  expect(all, #all, got, message)
end

local steps = {
  send, send, send, recv, peek, recv_into, recv_exact, recv_line, recv_line,
  recv_all, finish,
}

-- A task reads lines while the main thread sends.
local function by_lines(at)
  local lines = {}
  local reader <close> = net.spawn(function()
    near:settimeout(nil)
    for line in near:lines() do lines[#lines + 1] = line end
  end)
  while at:more() do
    send(at)
    if at:below(2) == 0 then net.sleep(0) end
  end
  ended = true
  assert(far:shutdown "SHUT_WR")
  reader:join()
  local place = 1
  for _, got in ipairs(lines) do
    local line, newline, stop = left:match("^([^\n]*)(\n?)()", place)
    if newline == "\n" then line = line:gsub("\r$", "") end
    expect(line, 0, got)
    place = stop
  end
  assert(place == #left + 1, "lines are missing")
end

return function(bytes)
  local at = input.new(bytes)
  near, far = net.socketpair()
  local a <close> = assert(near)
  local b <close> = far
  left, ended = "", false
  a:settimeout(0)
  b:settimeout(0)
  if at:byte() > 250 then return by_lines(at) end
  for _ = 1, 40 do
    if not at:more() then break end
    at:choice(steps)(at)
    if #left > 16384 then break end
  end
  -- Reads the rest in one piece.
  if not ended then assert(far:shutdown "SHUT_WR") end
  expect(left, #left, near:recv_all())
end
