-- SPDX-License-Identifier: MIT
-- cqueues: a coroutine for each connection.    run:  lua5.4 cqueues.lua PORT
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local loop = cqueues.new()
local server = socket.listen {
  host = "127.0.0.1", port = tonumber(arg[1]), reuseaddr = true,
  nodelay = true, backlog = 1024,
}

local function serve(client)
  client:setmode("bn", "bn")
  local data = client:read(-65536)
  while data and client:write(data) do data = client:read(-65536) end
  client:close()
end

loop:wrap(function()
  for client in server:clients() do
    client:onerror(function(_, _, code) return code end)
    loop:wrap(serve, client)
  end
end)
assert(loop:loop())
