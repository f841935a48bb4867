-- netlab's sockets and those of other programs, each as the other's client and
-- server.
local net = require "net"
local support = require "tests.support"

local function program(command)
  return function(kind, role, address)
    return ("%s %s %s %s"):format(command, kind, role, address), "ready"
  end
end

-- socat joins two addresses: its own input and output, or a cat that answers.
-- Datagrams have no end, so its client gets the number of bytes to wait for.
local socat = {
  tcp = { server = "TCP4-LISTEN:%s,bind=127.0.0.1,fork,backlog=32",
          client = "TCP4:127.0.0.1:%s" },
  udp = { server = "UDP4-RECVFROM:%s,bind=127.0.0.1,fork",
          client = "UDP4:127.0.0.1:%s,readbytes=%d" },
  unix = { server = "UNIX-LISTEN:%s,fork,backlog=32",
           client = "UNIX-CONNECT:%s" },
  unixgram = { server = "UNIX-RECVFROM:%s,fork",
               client = "UNIX-CLIENT:%s,type=2,bind=%s.$$,readbytes=%d" },
}

local function socat_command(kind, role, address, size)
  local other = socat[kind][role]:gsub("%%s", address):gsub("%%d", size or 0)
  if role == "server" then -- cat would cut a datagram on a busy machine
    local echo = (kind == "udp" or kind == "unixgram") and "PIPE" or "EXEC:cat"
    return ("socat -d -d -t 10 -b 65536 %s %s 2>&1"):format(other, echo),
      "%l+ing on"
  end
  return ("sh -c 'exec socat -t 10 -b 65536 STDIO %s'"):format(other)
end

local peers = {
  { "LuaSocket", program "lua5.4 tests/support/peers/luasocket.lua",
    there = [[lua5.4 -e 'require "socket"']] },
  { "luv", program "lua5.4 tests/support/peers/luv.lua",
    there = [[lua5.4 -e 'require "luv"']], lacks = "unixgram" },
  { "Python", program "python3 -S tests/support/peers/python.py",
    there = "python3 -V" },
  { "socat", socat_command, there = "socat -V", no_empty = true },
}

-- Bytes of every value, in an order that a shift would not keep.
local function bytes(size)
  local list = {}
  for i = 1, math.min(size, 65537) do
    list[i] = string.char((i * 167 + (i >> 8) * 59) & 255)
  end
  return table.concat(list):rep(size // 65537 + 1):sub(1, size)
end

local messages = {
  stream = { bytes(1), "\0", bytes(1000), bytes(65536), bytes(1000000) },
  dgram = { bytes(1), "\0", bytes(1000), bytes(60000), "" },
}

local kinds = {
  { "tcp", "inet", "stream" }, { "udp", "inet", "dgram" },
  { "unix", "unix", "stream" }, { "unixgram", "unix", "dgram" },
}

local function address(family)
  if family == "unix" then return support.folder() .. "/sock" end
  return "127.0.0.1", support.free_port()
end

-- Starts a peer that ends by itself, should the spec not end it.
local function start(command, input)
  return support.start("timeout 60 " .. command, input)
end

-- assert.equal would print a million bytes.
local function same(expected, got, what)
  if got == expected then return end
  error(("%s: sent %d bytes, got back %s"):format(what, #expected,
    type(got) == "string" and #got .. " others" or tostring(got)), 2)
end

local serve = {
  stream = function(sock)
    while true do
      net.spawn(function(client)
        local conn <close> = client
        assert(conn:sendall(assert(conn:recv_all())))
      end, (assert(sock:accept())))
    end
  end,
  dgram = function(sock)
    while true do
      local data, host, port = assert(sock:recvfrom(65536))
      assert(port and sock:sendto(data, host, port) or sock:sendto(data, host))
    end
  end,
}

local ask = {
  stream = function(sock, data, ...)
    assert(sock:connect(...))
    local sender <close> = net.spawn(function()
      assert(assert(sock:sendall(data)):shutdown "SHUT_WR")
    end)
    local answer = sock:recv_all()
    sender:join()
    return answer
  end,
  dgram = function(sock, data, host, port)
    if not port then assert(sock:bind(address "unix")) end
    assert(port and sock:sendto(data, host, port) or sock:sendto(data, host))
    local answer, from, number = sock:recvfrom(65536)
    assert.same({ host, port }, { from, number })
    return answer
  end,
}

for _, peer in ipairs(peers) do
  local name, command = peer[1], peer[2]
  local there = os.execute(peer.there .. " >/dev/null 2>&1") and it or pending

  local function each_message(kind, f)
    for _, data in ipairs(messages[kind]) do
      if data ~= "" or not peer.no_empty then f(data) end
    end
  end

  describe(name, function()
    support.leaves_nothing(before_each, after_each)

    for _, row in ipairs(kinds) do
      local kind, family, how = table.unpack(row)
      if kind == peer.lacks then goto continue end

      there("is a client of our server over " .. kind, function()
        local sock <close> = assert(net.socket(family, how))
        local host, port = address(family)
        assert(sock:bind(host, port))
        if how == "stream" then assert(sock:listen()) end
        local server = net.spawn(serve[how], sock)
        local clients = {}
        each_message(how, function(data)
          clients[#clients + 1] = { data,
            start(command(kind, "client", port or host, #data), data) }
        end)
        for _, client in ipairs(clients) do
          local out, err, status = client[2]:wait()
          assert.equal("0 ", status .. " " .. err)
          same(client[1], out, kind)
        end
        server:cancel()
      end)

      there("is a server of our client over " .. kind, function()
        local host, port = address(family)
        local line, ready = command(kind, "server", port or host)
        local server <close> = start(line)
        server:expect(ready)
        each_message(how, function(data)
          local sock <close> = assert(net.socket(family, how)):settimeout(20)
          same(data, ask[how](sock, data, host, port), kind)
        end)
      end)

      ::continue::
    end
  end)
end
