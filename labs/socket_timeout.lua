-- Lab 6: how long does a call wait?          slide: "socket_timeout"
-- run:  netlab labs/socket_timeout.lua
--
-- The network does not promise an answer.  Without a timeout, a call may wait
-- for ever; with one, it gives up and returns ETIMEDOUT.

local net = require "net"

local s <close> = assert(net.socket("inet", "stream"))
print("Default socket timeout: " .. tostring(s:gettimeout()))
s:settimeout(100)
print("Current socket timeout: " .. tostring(s:gettimeout()))

-- Beyond the slide: a peer that takes our connection, but never sends anything.
local silent <close> = assert(net.socket("inet", "stream"))
assert(silent:bind("localhost", 0))
assert(silent:listen(1))
assert(s:connect(silent:getsockname()))

s:settimeout(0.5)
local start = net.now()
local _, message, code = s:recv(16)
print(("recv gave up after %.1f seconds: %s"):format(net.now() - start, code))
print(message)

-- Try: settimeout(0): which code?  Then settimeout(nil): what ends the wait?
