-- Every lab as a process: its output, compared line by line with its slide, and
-- with real peers: Python's socket, nc, nginx, chrony.
local net = require "net"
local support = require "tests.support"

local function command(name, args)
  return ("%s labs/%s.lua %s"):format(support.driver, name, args or "")
end

-- Runs a lab, which must succeed. Returns its output.
local function lab(name, args)
  local out, err, status = support.run(command(name, args))
  assert.equal("", err)
  assert.equal(0, status)
  return out
end

-- Compares with a golden text, in which <N> is a number, <T> any text.
local function golden(expected, out)
  local lines = {}
  for line in out:gmatch "[^\n]*" do lines[#lines + 1] = line end
  local i = 0
  for line in expected:gmatch "[^\n]*" do
    i = i + 1
    local pattern = line:gsub("%p", "%%%0"):gsub("%%<N%%>", "[%%d.]+")
      :gsub("%%<T%%>", ".+")
    assert.matches("^" .. pattern .. "$", lines[i] or "(nothing)")
  end
  assert.equal(i, #lines, out)
end

-- Starts a server lab on a free port. Returns it and its port when it listens.
local function server(name, args)
  local process = support.start(command(name, "--port 0 " .. (args or "")))
  process:expect "Waiting to receive message from client"
  local pipe <close> = io.popen("ls -l /proc/" .. process.pid .. "/fd")
  local inode = pipe:read "a":match "socket:%[(%d+)%]"
  local kind = name:sub(1, 3)
  for line in io.lines("/proc/net/" .. kind) do
    local port = line:match "^ *%d+: 0100007F:(%x+)"
    if port and line:match(" " .. inode .. " ") then
      return process, tonumber(port, 16)
    end
  end
  error("no port found for " .. name)
end

describe("the labs of one machine", function()
  support.leaves_nothing(before_each, after_each)

  it("local_machine_info", function()
    local pipe <close> = io.popen "uname -n"
    local name = pipe:read "l"
    golden("Host name: " .. name .. "\nIP address: <T>\n",
      lab "local_machine_info")
  end)

  it("remote_machine_info", function()
    golden("IP address of localhost: 127.0.0.1\n",
      lab("remote_machine_info", "--host localhost"))
    golden("no.such.name.invalid: <T> (EAI_<T>)\n",
      lab("remote_machine_info", "--host no.such.name.invalid"))
  end)

  it("ip4_address_conversion", function()
    golden([[
IP Address: 127.0.0.1 => Packed: 7f000001, Unpacked: 127.0.0.1
IP Address: 192.168.0.1 => Packed: c0a80001, Unpacked: 192.168.0.1
]], lab "ip4_address_conversion")
    golden([[
IP Address: 10.0.0.255 => Packed: 0a0000ff, Unpacked: 10.0.0.255
]], lab("ip4_address_conversion", "10.0.0.255"))
  end)

  it("finding_service_name", function()
    golden([[
Port: 80 => service name: http
Port: 25 => service name: smtp
Port: 53 => service name: domain
]], lab "finding_service_name")
  end)

  it("integer_conversion", function()
    local little = string.pack("=I2", 1) == "\1\0"
    local long = little and 3523477504 or 1234
    local short = little and 53764 or 1234
    golden(([[
Original: 1234 => Long host byte order: %d, Network byte order: %d
Original: 1234 => Short host byte order: %d, Network byte order: %d
]]):format(long, long, short, short), lab "integer_conversion")
    golden([[
Original: 0 => Long host byte order: 0, Network byte order: 0
Original: 0 => Short host byte order: 0, Network byte order: 0
]], lab("integer_conversion", "0"))
  end)

  it("socket_timeout", function()
    golden([[
Default socket timeout: nil
Current socket timeout: 100.0
recv gave up after <N> seconds: ETIMEDOUT
recv 127.0.0.1:<N>: timed out (ETIMEDOUT)
]], lab "socket_timeout")
  end)

  it("modify_buff_size", function()
    golden([[
Buffer size [Before]:<N>
Receive buffer [Before]:<N>
Buffer size [After]:8192
Receive buffer [After]:8192
You asked for 4096 bytes.  Linux doubles the value, to have room for its
own bookkeeping, and enforces a minimum and a maximum (socket(7)).
]], lab "modify_buff_size")
    assert.matches("Buffer size %[After%]:20000\n",
      lab("modify_buff_size", "--size 10000"))
  end)

  it("socket_modes", function()
    local out = lab "socket_modes"
    local calls = tonumber(out:match "non%-blocking +called (%d+) time%(s%)")
    assert.is_true(calls >= 2)
    golden([[
Trivial Server launched on socket: ('127.0.0.1', <N>)
blocking      called 1 time(s) in <N> s: a client connected
timeout 0.5 s called 1 time(s) in <N> s: accept: timed out (ETIMEDOUT)
]] .. ("accept: resource temporarily unavailable (EAGAIN)\n"):rep(calls - 1) ..
      "non-blocking  called <N> time(s) in <N> s: a client connected\n", out)
  end)

  it("reuse_socket_address", function()
    local port = support.free_port()
    local process <close> = support.start(
      command("reuse_socket_address", "--port " .. port))
    support.eventually(function()
      local sock <close> = net.socket()
      return sock:connect("127.0.0.1", port)
    end)
    process:expect "Connected by"
    process:signal "INT"
    local out, err, status = process:wait()
    assert.matches("interrupted\n$", err)
    assert.equal(support.interrupted, status)
    golden(([[
Old sock state: 0
New sock state: 1
SO_REUSEADDR 0 in TIME_WAIT: bind 127.0.0.1:<N>: <T> (EADDRINUSE)
SO_REUSEADDR 1 in TIME_WAIT: ok
Listening on port: %d%s
Connected by 127.0.0.1:<N>
]]):format(port, " "), out)
  end)
end)

describe("socket_errors", function()
  support.leaves_nothing(before_each, after_each)

  local function errors(args)
    local out, err, status = support.run(command("socket_errors", args))
    assert.equal("", err)
    return out, status
  end

  it("distinguishes a wrong name and a silent machine", function()
    local out, status = errors "--host no.such.name.invalid --port 80"
    golden("Address-related error connecting to server: <T> (EAI_<T>)\n", out)
    assert.equal(1, status)
    local port = support.free_port()
    out, status = errors("--host localhost --port " .. port)
    golden("Connection error: connect 127.0.0.1:<N>: " ..
      "connection refused (ECONNREFUSED)\n", out)
    assert.equal(1, status)
  end)

  it("prints what nginx sends, as it was received", function()
    local folder, port = support.folder(), support.free_port()
    support.write(folder .. "/index.txt", "served by nginx\n")
    local config = support.write(folder .. "/nginx.conf", ([[
daemon off; master_process off; pid %s/pid; error_log stderr;
events { worker_connections 16; }
http {
  access_log off; root %s;
  client_body_temp_path %s/1; proxy_temp_path %s/2; fastcgi_temp_path %s/3;
  uwsgi_temp_path %s/4; scgi_temp_path %s/5;
  server { listen 127.0.0.1:%d; }
}]]):format(folder, folder, folder, folder, folder, folder, folder, port))
    local nginx <close> = support.start(
      ("nginx -e stderr -p %s -c %s"):format(folder, config))
    support.eventually(function()
      local sock <close> = net.socket()
      return sock:connect("127.0.0.1", port)
    end)
    local out, status = errors(("--port %d --file /index.txt"):format(port))
    assert.equal(0, status)
    assert.matches("^HTTP/1.1 200 OK\r\n.*\r\n\r\nserved by nginx\n$", out)
    out = errors(("--port %d --file /none"):format(port))
    assert.matches("^HTTP/1.1 404 Not Found\r\n", out)
    assert.truthy(nginx.pid)
  end)

  it("reports an error of recv", function()
    local listener, _, port = support.listener()
    net.spawn(function()
      local conn = listener:accept()
      conn:recv(100)
      conn:setsockopt("SO_LINGER", true, 0) -- close with a reset
      conn:close()
    end)
    local out, status = errors("--port " .. port)
    golden("Error receiving data: recv 127.0.0.1:<N>: " ..
      "connection reset by peer (ECONNRESET)\n", out)
    assert.equal(1, status)
  end)
end)

describe("print_machine_time", function()
  support.leaves_nothing(before_each, after_each)

  it("prints chrony's time as ctime does", function()
    local chrony <close>, port = support.chrony()
    local out, _, status
    support.eventually(function()
      out, _, status = support.run(command("print_machine_time",
        ("--server 127.0.0.1 --timeout 1 --port %d"):format(port)))
      return status == 0
    end)
    golden("<T>\nOur clock is off by <T> s (+: fast); delay <N> s; " ..
      "stratum 10, source <T>\n", out)
    local day, year = out:match "^(%a+ %a+ +%d+) %d+:%d+:%d+ (%d+)\n"
    assert.equal(os.date "%a %b %e %Y", day .. " " .. year)
    assert.truthy(chrony.pid)
  end)

  it("reports in one line that nothing answers", function()
    local out, err, status = support.run(command("print_machine_time",
      "--server 127.0.0.1 --timeout 0.2 --port " .. support.free_port()))
    assert.equal("", err)
    golden("No time from 127.0.0.1: <T> (ECONNREFUSED)\n", out)
    assert.equal(1, status)
  end)
end)

describe("TCP echo", function()
  support.leaves_nothing(before_each, after_each)

  it("server and client, both of netlab", function()
    local echo <close>, port = server "tcp_echo_server"
    golden(([[
Connecting to localhost port %d
Sending Test message. This will be echoed
Received: Test message. Th
Received: is will be echoe
Received: d
Closing connection to the server
]]):format(port), lab("tcp_echo_client", "--port " .. port))
    echo:expect "sent "
    echo:stop()
    golden([[
Starting up echo server on localhost port 0
Waiting to receive message from client
Data: Test message. This will be echoed
sent Test message. This will be echoed bytes back to ('127.0.0.1', <N>)
Waiting to receive message from client
]], (echo:output()))
  end)

  it("--quiet prints no messages, but the totals at the end", function()
    local echo <close>, port = server("tcp_echo_server", "--quiet")
    lab("tcp_echo_client", "--port " .. port)
    echo:signal "INT"
    local out, _, status = echo:wait()
    golden([[
Starting up echo server on localhost port 0
Waiting to receive message from client
1 connections, 1 messages, 33 bytes
]], out)
    assert.equal(support.finished, status)
  end)

  it("server answers Python, for as long as Python sends", function()
    local echo <close>, port = server "tcp_echo_server"
    local out, err = support.run(support.python(([[
import socket
s = socket.create_connection(('127.0.0.1', %d))
for word in (b'one', b'two', b'x' * 100000):
    s.sendall(word)
    got = b''
    while len(got) < len(word):
        got += s.recv(65536)
    print(got == word)
s.shutdown(socket.SHUT_WR)
print(s.recv(1))
]]):format(port)))
    assert.equal("", err)
    assert.equal("True\nTrue\nTrue\nb''\n", out)
    assert.truthy(echo.pid)
  end)

  it("server answers nc, and prints its bytes escaped", function()
    local echo <close>, port = server "tcp_echo_server"
    local out = support.run("nc -N 127.0.0.1 " .. port, "esc \27[2J\n")
    assert.equal("esc \27[2J\n", out)
    echo:expect "sent "
    assert.matches("\nData: esc \\x1b%[2J\\x0a\n", (echo:output()))
  end)

  it("--once ends each connection after a message, as the slide", function()
    local echo <close>, port = server("tcp_echo_server", "--once")
    for _ = 1, 2 do
      local sock <close> = net.socket()
      assert(sock:connect("127.0.0.1", port))
      sock:sendall "one"
      assert.equal("one", sock:recv_exact(3))
      assert.equal("EOF", select(3, sock:recv(1)))
    end
    assert.truthy(echo.pid)
  end)

  it("50 clients at once, one of which resets its connection", function()
    local echo <close>, port = server "tcp_echo_server"
    local tasks = {}
    for i = 1, 50 do
      tasks[i] = net.spawn(function()
        local sock <close> = net.socket()
        assert(sock:connect("127.0.0.1", port))
        for round = 1, 4 do
          local text = ("client %d round %d"):format(i, round)
          assert(sock:sendall(text))
          if i == 25 and round == 2 then
            sock:setsockopt("SO_LINGER", true, 0) -- a reset
            return "died"
          end
          assert.equal(text, sock:recv_exact(#text))
        end
        return "served"
      end)
    end
    for i = 1, 50 do
      assert.equal(i == 25 and "died" or "served", (tasks[i]:join()))
    end
    assert.equal("", support.read("/proc/" .. echo.pid .. "/none"))
    assert.matches("Received: Test",
      lab("tcp_echo_client", "--port " .. port))
  end)

  it("client of Python's server", function()
    local python <close> = support.start(support.python [[
import socket
s = socket.socket()
s.bind(('127.0.0.1', 0))
s.listen(1)
print(s.getsockname()[1], flush=True)
c, a = s.accept()
while True:
    data = c.recv(7)
    if not data: break
    c.sendall(data)
]])
    local port = python:expect "(%d+)\n"
    local out = lab("tcp_echo_client",
      ("--port %s --message 'to Python'"):format(port))
    assert.equal("to Python", (out:gsub("[^\n]*\n", function(line)
      return line:match "^Received: (.*)\n" or ""
    end)))
  end)

  it("client reports that nothing listens, or that the server left", function()
    local out, _, status = support.run(
      command("tcp_echo_client", "--port " .. support.free_port()))
    golden([[
Connecting to localhost port <N>
Socket error: connect 127.0.0.1:<N>: connection refused (ECONNREFUSED)
Closing connection to the server
]], out)
    assert.equal(1, status)
    local listener, _, port = support.listener()
    net.spawn(function()
      local conn <close> = listener:accept()
      conn:recv(100)
      conn:sendall "half"
    end)
    out, _, status = support.run(command("tcp_echo_client", "--port " .. port))
    assert.matches("Received: half\nSocket error: recv 127.*%(EOF%)\n", out)
    assert.equal(1, status)
  end)

  it("server's system calls read like the textbook", function()
    local path = support.folder() .. "/trace"
    local port = support.free_port()
    local process <close> = support.start(support.strace(
      "-e trace=network", path, command("tcp_echo_server", "--port " .. port)))
    process:expect "Waiting"
    support.eventually(function()
      return support.read(path):match "listen%("
    end)
    lab("tcp_echo_client", "--port " .. port)
    process:expect "sent "
    local calls = {}
    for call in support.read(path):gmatch "%d+ +(%w+)%(" do
      calls[#calls + 1] = call
    end
    os.execute("kill -INT $(pgrep -P " .. process.pid .. ")")
    process:wait()
    -- recv and send are the system calls recvfrom and sendto, with no address
    local text = table.concat(calls, " ")
    assert.matches("^socket setsockopt bind listen ", text)
    local rest = text:gsub("^socket setsockopt bind listen ", "")
    local n
    repeat rest, n = rest:gsub("^[gs]etsockopt ", "") until n == 0 -- the engine
    assert.matches("^accept4 ", rest)
    for call in rest:gmatch "%w+" do
      assert.is_true(call == "accept4" or call == "recvfrom"
        or call == "sendto", text)
    end
    local trace = support.read(path)
    assert.matches("setsockopt%(%d+, SOL_SOCKET, SO_REUSEADDR, %[1%], 4%)",
      trace)
    assert.matches('recvfrom%(%d+, "Test message. This will be echo', trace)
    assert.matches("sendto%(%d+, \"Test.-, 33, MSG_NOSIGNAL, NULL, 0%) = 33",
      trace)
  end)
end)

describe("UDP echo", function()
  support.leaves_nothing(before_each, after_each)

  it("server and client, both of netlab", function()
    local echo <close>, port = server "udp_echo_server"
    golden(([[
Connecting to localhost port %d
Sending Test message. This will be echoed
received Test message. This will be echoed
Closing connection to the server
]]):format(port), lab("udp_echo_client", "--port " .. port))
    echo:expect "sent .*Waiting"
    echo:stop()
    golden([[
Starting up echo server on localhost port 0
Waiting to receive message from client
received 33 bytes from ('127.0.0.1', <N>)
Data: Test message. This will be echoed
sent 33 bytes back to ('127.0.0.1', <N>)
Waiting to receive message from client
]], (echo:output()))
  end)

  it("server answers Python, one datagram at a time", function()
    local echo <close>, port = server("udp_echo_server", "--once")
    local out, err = support.run(support.python(([[
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b'from Python', ('127.0.0.1', %d))
print(s.recvfrom(100))
]]):format(port)))
    assert.equal("", err)
    assert.equal(("(b'from Python', ('127.0.0.1', %d))\n"):format(port), out)
    local _, _, status = echo:wait() -- --once
    assert.equal(0, status)
  end)

  it("client of Python's server", function()
    local python <close> = support.start(support.python [[
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 0))
print(s.getsockname()[1], flush=True)
data, a = s.recvfrom(2048)
s.sendto(data.upper(), a)
]])
    local port = python:expect "(%d+)\n"
    assert.matches("received TO PYTHON\n", lab("udp_echo_client",
      ("--port %s --message 'to Python'"):format(port)))
  end)

  it("client has a timeout, and reports that nothing answered", function()
    local silent = support.own(net.socket("inet", "dgram"))
    silent:bind("127.0.0.1", 0)
    local out, err, status = support.run(command("udp_echo_client",
      "--timeout 0.2 --port " .. select(2, silent:getsockname())))
    assert.equal("", err)
    assert.equal(1, status)
    golden([[
Connecting to localhost port <N>
Sending Test message. This will be echoed
Nobody answered within 0.2 seconds
Closing connection to the server
]], out)
  end)
end)

describe("bad input", function()
  support.leaves_nothing(before_each, after_each)

  local echoes = { "tcp_echo_server", "tcp_echo_client", "udp_echo_server",
                   "udp_echo_client" }

  local function refused(name, args, pattern)
    local out, err, status = support.run(command(name, args))
    assert.not_equal(0, status)
    assert.matches(pattern, out .. err)
    assert.not_matches("traceback", out .. err)
  end

  for _, name in ipairs(echoes) do
    it(name .. " reports wrong options", function()
      local range = "Error: port must be 0 to 65535 or a service name, got "
      refused(name, "--port 70000", range .. "'70000'")
      refused(name, "--port x", range .. "'x'")
      refused(name, "", "Error: missing option '%-%-port'")
      refused(name, "--port 1 --nonsense", "Error: unknown option")
    end)
  end

  it("a port in use causes one line and a hint", function()
    local _, _, port = support.listener()
    local udp = support.own(net.socket("inet", "dgram"))
    udp:bind("127.0.0.1", port)
    for _, name in ipairs { "tcp_echo_server", "udp_echo_server" } do
      local _, err, status = support.run(command(name, "--port " .. port))
      assert.equal(1, status)
      assert.matches("bind 127.0.0.1:" .. port ..
        ": address already in use %(EADDRINUSE%)\n", err)
      if support.hosted then
        assert.matches("^[^\n]+\n  hint: [^\n]+\n$", err)
      end
    end
  end)

  it("a host that does not resolve causes one line", function()
    refused("tcp_echo_client", "--host no.such.name.invalid --port 1",
      "Socket error: connect no.such.name.invalid:1: .*%(EAI_")
    refused("udp_echo_client", "--host no.such.name.invalid --port 1",
      "Socket error: sendto no.such.name.invalid:1: .*%(EAI_")
  end)

  it("other labs report it, too", function()
    refused("ip4_address_conversion", "1.2.3.x", "inet_aton 1.2.3.x: invalid")
    refused("integer_conversion", "65536", "number must be 0 to 65535")
    refused("integer_conversion", "12x", "Error: malformed argument")
    refused("print_machine_time", "--timeout x", "Error: malformed argument")
    refused("modify_buff_size", "--size x", "Error: malformed argument")
    refused("modify_buff_size", "--size=-5", "size must be 1 to 2147483647")
    refused("modify_buff_size", "--size 5000000000", "size must be 1 to")
  end)
end)

describe("the text of a lab", function()
  local files, page = {}, support.read "labs/README.md"
  local pipe <close> = io.popen "ls labs/*.lua"
  for path in pipe:lines() do files[#files + 1] = path end

  it("is there for each of the slides' 15 programs", function()
    assert.equal(15, #files)
  end)

  for _, path in ipairs(files) do
    it(path .. " keeps to a slide's size", function()
      local lines = {}
      for line in io.lines(path) do
        lines[#lines + 1] = line
        assert.is_true(#line <= 80, line)
      end
      assert.is_true(#lines >= 12 and #lines <= 40)
      assert.matches('^%-%- Lab %d+: .* slide: "', lines[1])
      assert.matches("^%-%- run:  netlab " .. path:gsub("%p", "%%%0"), lines[2])
      assert.matches("\n%-%- Try: ", table.concat(lines, "\n"))
      assert.matches("^%-%-", lines[#lines])
    end)

    it(path .. " is in labs/README.md, with its options", function()
      local text, name = support.read(path), path:match "([%w_]+)%.lua$"
      local row = page:match("\n(| " .. text:match "Lab (%d+)" .. " | `" ..
        name .. "` | [^\n]*)")
      assert.truthy(row)
      for option in text:gmatch 'parser:%l+%("(%-%-[%l-]+)"' do
        assert.truthy(row:find("`" .. option .. "`", 1, true), option)
      end
    end)
  end
end)
