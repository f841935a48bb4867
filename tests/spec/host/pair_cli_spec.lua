-- netlab --pair: two labs in one terminal; and netlab --merge.
local support = require "tests.support"

local host = support.host

-- The beginning of each lab in these specs.
local prelude = [[
local net = require "net"
local argparse = require "argparse"
local parser = argparse "lab"
parser:option "--port"
parser:option "--more"
local args = parser:parse()
io.stdout:setvbuf "line"
local function own_id() return io.open "/proc/self/stat":read "n" end
local function closing()
  return setmetatable({}, { __close = function() print "closed" end })
end
local function listen()
  local sock = assert(net.socket())
  assert(sock:bind("localhost", args.port) and sock:listen())
  return sock
end
]]

local function lab(text)
  return support.write(support.folder() .. "/lab.lua", prelude .. text)
end

local accepting = [[
  local _ <close> = closing()
  local sock <close> = listen()
  print("server", own_id())
  while true do net.spawn(function(s) s:recv(1) end, (sock:accept())) end
]]
local waiting = [[
  local _ <close> = closing()
  local sock <close> = assert(net.connect("localhost", args.port))
  print("client", own_id())
  sock:recv(1)
]]

local function run(server, client, words)
  local command = ("env -u NO_COLOR %s --pair %s %s %s"):format(host, server,
    client, words or "")
  local out, err, status = support.run(command)
  return { out = out, err = err, status = status }
end

-- Returns whether the process exists and has not ended.
local function alive(id)
  local state = support.read("/proc/" .. id .. "/stat"):match "%) (%a)"
  return state ~= nil and state ~= "Z"
end

local function gone(...)
  for _, id in ipairs { ... } do
    support.eventually(function() return not alive(id) end)
  end
end

-- Returns the lines with a label, without the label.
local function said(text, label)
  local lines = {}
  for line in text:gmatch "[^\n]+" do
    lines[#lines + 1] = line:match("^" .. label .. " | (.*)$")
  end
  return table.concat(lines, "\n")
end

describe("netlab --pair", function()
  support.leaves_nothing(before_each, after_each)

  it("runs the TCP echo labs, each line labelled", function()
    local got = run("labs/tcp_echo_server.lua", "labs/tcp_echo_client.lua")
    assert.same({ "", 0 }, { got.err, got.status })
    local client = said(got.out, "client")
    local port = client:match "^Connecting to localhost port (%d+)\n"
    assert.matches("\nSending Test message. This will be echoed\n" ..
      "Received: Test message. Th\n", client)
    assert.matches("Closing connection to the server$", client)
    local server = said(got.out, "server")
    assert.matches("^Starting up echo server on localhost port " .. port ..
      "\nWaiting to receive", server)
    assert.matches("\n1 connections, 1 messages, 33 bytes$", server)
    assert.equal(got.out, got.out:gsub("\27", ""))
  end)

  it("runs the UDP echo labs", function()
    local got = run("labs/udp_echo_server.lua", "labs/udp_echo_client.lua")
    assert.same({ "", 0 }, { got.err, got.status })
    assert.matches("\nreceived Test message. This will be echoed\n",
      said(got.out, "client"))
    assert.matches("\n1 messages, 33 bytes, 0 refused$",
      said(got.out, "server"))
  end)

  it("passes words after -- to the client, after a second -- to the server",
    function()
      local got = run("labs/udp_echo_server.lua", "labs/udp_echo_client.lua",
        "-- --message 'a -- b' -- --once --quiet")
      assert.same({ "", 0 }, { got.err, got.status })
      assert.matches("\nreceived a %-%- b\n", said(got.out, "client"))
      assert.equal(nil, said(got.out, "server"):find "Data")
      got = run(lab(accepting), lab "print(args.more)", "-- --more=--")
      assert.equal("--", said(got.out, "client"))
    end)

  it("exits with the client's status", function()
    local got = run(lab(accepting), lab "os.exit(7, true)")
    assert.same({ "", 7 }, { got.err, got.status })
    assert.matches("closed$", said(got.out, "server"))
    got = run(lab(accepting), lab [[
      os.execute("kill -TERM " .. own_id())
      net.sleep(600)
    ]])
    assert.same({ "", 143 }, { got.err, got.status })
  end)

  it("prints all output of both labs, escaped, to the last byte", function()
    local got = run(lab(accepting), lab [[
      io.write("\27[2J\tstrange \xff\n", "中文 \xC2\x9B1m\u{202E}\n", "\\x1b\n")
      io.stderr:write "an error\r"
      io.write(("x"):rep(200000), "\nno end")
    ]])
    local client = said(got.out, "client")
    assert.matches("^\\x1b%[2J\tstrange \\xff\n" ..
      "中文 \\xc2\\x9b1m\\xe2\\x80\\xae\n\\x1b\n", client)
    assert.equal(200000, select(2, client:gsub("x", "")) - 8)
    assert.matches("\nno end$", client)
    assert.equal("client | an error\\x0d\n", got.err)
  end)

  it("passes its standard input to the client only", function()
    local out, err, status = support.run(("%s --pair %s %s"):format(host,
      lab "print(io.read 'a' == '') listen():accept() net.sleep(600)",
      lab "print(io.read 'a') net.connect('localhost', args.port)"), "typed")
    assert.same({ "", 0 }, { err, status })
    assert.equal("true", said(out, "server"))
    assert.equal("typed", said(out, "client"))
  end)

  it("reports a wrong command line, and starts nothing", function()
    local folder = support.folder()
    local touch = support.write(folder .. "/touch.lua",
      "io.open('" .. folder .. "/begun', 'w'):close()")
    local broken = support.write(folder .. "/broken.lua", "x = = 1")
    for _, case in ipairs {
      { "", "", "--pair needs two labs\nusage: " },
      { touch, "", "--pair needs two labs\nusage: " },
      { touch, touch .. " " .. touch, "--pair needs two labs\nusage: " },
      { touch, touch .. " --once", "'%-%-once' is not an option of %-%-pair" },
      { touch, "/no/such.lua", "cannot open /no/such.lua" },
      { "/no/such.lua", touch, "cannot open /no/such.lua" },
      { touch, broken, "broken.lua:1: unexpected symbol near '='\n" },
      { broken, touch, "broken.lua:1: unexpected symbol near '='\n" },
      { touch, touch .. " --trace=x", "trace x: the name must end in" },
    } do
      local got = run(case[1], case[2])
      assert.same({ "", 1 }, { got.out, got.status })
      assert.matches("^netlab: [^\n]*" .. case[3], got.err)
    end
    assert.equal(nil, io.open(folder .. "/begun"))
  end)

  it("reports a server that ends before it listens", function()
    local client = lab "print 'begun'"
    local got = run(lab "error 'no luck'", client)
    assert.same({ "", 1 }, { got.out, got.status })
    assert.matches("^server | netlab: [^\n]*no luck\nserver | stack traceback",
      got.err)
    assert.matches("\nnetlab: the server ended before it listened " ..
      "%(exit status 1%)\n$", got.err)
    got = run(lab "os.execute('kill -KILL ' .. own_id())", client)
    assert.equal(
      "netlab: the server ended before it listened (signal 9)\n", got.err)
    assert.equal(1, got.status)
    got = run(lab "local s = net.socket() s:bind('localhost', args.port)",
      client)
    assert.same({ "", 1 }, { got.out, got.status })
  end)

  it("reports a server that does not listen, and ends it", function()
    local server = lab "print(own_id()) net.sleep(600)"
    local out, err, status = support.run(host .. " " .. support.write(
      support.folder() .. "/run.lua", ([[
        os.exit(require "netlab.pair".run { server = "%s", client = "none",
          patience = 0.5 }, true)]]):format(server)))
    assert.same({ "netlab: the server does not listen after 0.5 seconds\n",
      1 }, { err, status })
    gone(said(out, "server"))
  end)

  it("reports a server that fails first, and ends the client", function()
    local got = run(lab [[
      assert(listen():accept():recv(1))
      os.exit(3)
    ]], lab [[
      local sock <close> = assert(net.connect("localhost", args.port))
      print(own_id())
      sock:sendall "x"
      net.sleep(600)
    ]])
    assert.equal(1, got.status)
    assert.matches("netlab: the server ended first %(exit status 3%)\n",
      got.err)
    gone(said(got.out, "client"))
  end)

  it("does not report a server that succeeds first", function()
    local got = run(lab "listen():accept():recv(1)", lab [[
      local sock <close> = assert(net.connect("localhost", args.port))
      sock:sendall "x"
      print(select(3, sock:recv(1)))
    ]])
    assert.same({ "client | EOF\n", "", 0 }, { got.out, got.err, got.status })
  end)

  it("ends a server that ignores Ctrl-C", function()
    local got = run(lab [[
      local sock <close> = listen()
      print(own_id())
      pcall(function()
        sock:accept():sendall "x"
        net.sleep(600)
      end)
      net.sleep(600)
    ]], lab [[
      local sock <close> = assert(net.connect("localhost", args.port))
      sock:recv(1)
      os.exit(5)
    ]])
    assert.same({ "", 5 }, { got.err, got.status })
    gone(said(got.out, "server"))
  end)

  it("does not wait for programs that a lab left behind", function()
    local got = run(lab(accepting), lab "os.execute 'sleep 30 & echo $!'")
    assert.same({ "", 0 }, { got.err, got.status })
    os.execute("kill " .. said(got.out, "client"))
  end)

  it("leaves no zombie while the other lab runs", function()
    local process <close> = support.start(("%s --pair %s %s"):format(host,
      lab "listen():accept():recv(1)", lab [[
        local sock <close> = assert(net.connect("localhost", args.port))
        sock:sendall "x"
        assert(not sock:recv(1))
        print "the server has ended"
        net.sleep(600)
      ]]))
    process:expect "(ended)\n"
    support.eventually(function()
      local pipe <close> = io.popen("ps --no-headers -o stat --ppid " ..
        process.pid)
      local states = pipe:read "a"
      return select(2, states:gsub("\n", "")) == 1 and not states:find "Z"
    end)
  end)
end)

-- Starts two labs that wait. Returns the process, and their ids.
local function start_waiting()
  local process = support.start(("%s --pair %s %s"):format(host,
    lab(accepting), lab(waiting)))
  local server = process:expect "server | server\t(%d+)\n"
  local client = process:expect "client | client\t(%d+)\n"
  return process, server, client
end

-- Presses Ctrl-C on a terminal, and prints what was shown.
local terminal = [[
import os, pty, select, sys
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
data, typed = b'', False
while select.select([fd], [], [], 60)[0]:
    try: part = os.read(fd, 65536)
    except OSError: break
    data += part
    if not typed and b'client\t' in data:
        typed = True
        os.write(fd, b'\3')
sys.stdout.buffer.write(data.replace(b'\r\n', b'\n'))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
]]

local function press(environment, words)
  return support.run(("%s env %s %s --pair %s %s %s"):format(
    support.python(terminal), environment, host, lab(accepting),
    lab(waiting), words or ""), "", 90)
end

describe("netlab --pair that is ended", function()
  support.leaves_nothing(before_each, after_each)

  for _, name in ipairs { "INT", "TERM" } do
    it("by SIG" .. name .. " ends both labs in an orderly way", function()
      local process <close>, server, client = start_waiting()
      process:signal(name)
      local out, err, status = process:wait()
      assert.same({ "netlab: interrupted\n", 130 }, { err, status })
      assert.matches("closed$", said(out, "server"))
      assert.matches("closed$", said(out, "client"))
      gone(server, client)
    end)
  end

  it("by SIGKILL leaves no lab behind", function()
    local process <close>, server, client = start_waiting()
    process:signal "KILL"
    process:wait()
    gone(server, client)
  end)

  it("by Ctrl-C on a terminal ends all, in colours until then", function()
    local out, err, status = press "-u NO_COLOR TERM=xterm"
    assert.same({ "", 130 }, { err, status })
    assert.matches("\27%[36mserver |\27%[0m server\t", out)
    assert.matches("\27%[33mclient |\27%[0m client\t", out)
    assert.equal(2, select(2, out:gsub("closed\n", "")), out)
    assert.matches("netlab: interrupted\n$", out)
    gone(out:match "server\t(%d+)", out:match "client\t(%d+)")
  end)

  it("has no colours with NO_COLOR", function()
    local out, _, status = press "TERM=xterm NO_COLOR=1"
    assert.equal(130, status)
    assert.matches("\nclient | client\t", "\n" .. out)
    assert.equal(nil, out:find "\27")
  end)
end)

-- Returns the names of the labs in a trace, in the order of its lines.
local function labs_of(lines)
  local names = {}
  for name in lines:gmatch '"ev":"start"[^\n]*"lab":"[^"]-([%w_]+)%.lua"' do
    names[#names + 1] = name
  end
  return names
end

local server, client = "labs/tcp_echo_server.lua", "labs/tcp_echo_client.lua"
local both = { "tcp_echo_server", "tcp_echo_client" }

describe("netlab --pair --trace=FILE", function()
  support.leaves_nothing(before_each, after_each)

  it("writes one complete trace of both labs", function()
    local folder = support.folder()
    for i, line in ipairs {
      host .. " --trace=%s --pair " .. server .. " " .. client,
      host .. " --pair " .. server .. " " .. client .. " --trace=%s",
    } do
      local path = ("%s/%d.jsonl"):format(folder, i)
      local out, err, status = support.run(line:format(path))
      assert.same({ "", 0 }, { err, status })
      assert.matches("client | Closing", out)
      local lines = support.read(path)
      assert.same(both, labs_of(lines))
      assert.equal(2, select(2, lines:gsub('\n{"ev":"stop"', "")))
      assert.matches('"call":"recv"[^\n]*"engine":"echo"', lines)
      assert.matches('"call":"connect"', lines)
    end
  end)

  it("draws both labs in one picture, in each format", function()
    local folder = support.folder()
    for _, kind in ipairs { "html", "mmd", "json" } do
      local path = folder .. "/run." .. kind
      local got = run(server, client, "--trace=" .. path)
      assert.same({ "", 0 }, { got.err, got.status })
      local picture = support.read(path)
      for _, name in ipairs(both) do assert.matches(name, picture, kind) end
    end
  end)

  it("without a file shows the calls of both as they end", function()
    local got = run(server, client, "--trace")
    assert.equal(0, got.status)
    assert.matches("\nclient | Closing connection to the server\n", got.out)
    local seen = {}
    for line in got.err:gmatch "[^\n]+" do
      local who, call = line:match "^ *[%d.]+ (%l+).* (%l+)%("
      if who then seen[who .. " " .. call] = true end
    end
    for _, line in ipairs { "server listen", "server accept", "server echo",
      "client connect", "client sendall", "client recv", "client close" } do
      assert.is_true(seen[line], line)
    end
  end)

  it("writes what there is when Ctrl-C ends it", function()
    local path = support.folder() .. "/run.jsonl"
    local _, _, status = press("TERM=xterm", "--trace=" .. path)
    assert.equal(130, status)
    assert.same({ "lab", "lab" }, labs_of(support.read(path)))
  end)

  it("writes what there is when its output is not read", function()
    local path = support.folder() .. "/run.jsonl"
    local out, err = support.run(
      ("bash -c '%s --pair %s %s --trace=%s | head -2'")
      :format(host, lab(accepting), lab "while true do print 'x' end", path))
    assert.matches("client | x\n$", out)
    assert.equal("netlab: nobody reads the standard output\n", err)
    assert.same({ "lab", "lab" }, labs_of(support.read(path)))
  end)

  it("reports an unwritable file before a lab starts", function()
    local got = run(server, client, "--trace=/no/such/run.html")
    assert.same({ "", "netlab: trace /no/such/run.html: " ..
      "No such file or directory (ENOENT)\n", 1 },
      { got.out, got.err, got.status })
  end)
end)

describe("netlab --merge", function()
  support.leaves_nothing(before_each, after_each)

  local function merge(words)
    local out, err, status = support.run(host .. " --merge " .. words)
    assert.equal("", out)
    return err, status
  end

  -- Traces of the TCP echo labs, each by itself.
  local function traced()
    local folder = support.folder()
    local port = support.free_port()
    local command = ("%s --trace=%s/%%s.jsonl labs/tcp_echo_%%s.lua " ..
      "--port %d"):format(host, folder, port)
    local serving <close> = support.start(command:format("s", "server"))
    serving:expect "(Waiting)"
    assert.equal(0, select(3, support.run(command:format("c", "client"))))
    serving:signal "INT"
    serving:wait()
    return folder
  end

  it("makes one picture of several traces", function()
    local folder = traced()
    assert.same({ "", 0 }, { merge(("%s/s.jsonl %s/c.jsonl -o %s/run.html")
      :format(folder, folder, folder)) })
    local page = support.read(folder .. "/run.html")
    for _, name in ipairs(both) do assert.matches(name, page) end
    assert.same({ "", 0 }, { merge(("-o %s/run.jsonl %s/s.jsonl %s/c.jsonl")
      :format(folder, folder, folder)) })
    local lines = support.read(folder .. "/run.jsonl")
    assert.same(both, labs_of(lines))
    assert.equal(support.read(folder .. "/s.jsonl") ..
      support.read(folder .. "/c.jsonl"), lines)
  end)

  it("reports an error, and writes nothing", function()
    local folder = support.folder()
    local damaged = support.write(folder .. "/damaged.jsonl", "{}\n")
    local good = support.write(folder .. "/good.jsonl", '{"ev":"start",' ..
      '"v":1,"t":1,"wall":1.5,"pid":1,"lab":"x.lua"}\n')
    local picture = folder .. "/run.html"
    for _, case in ipairs {
      { "", "%-%-merge needs a trace to read\nusage: " },
      { good, "%-%-merge needs %-o and a file to write\nusage: " },
      { good .. " -o", "'%-o' needs argument\nusage: " },
      { good .. " --once -o " .. picture, "'%-%-once' is not an option of " },
      { "/no/such -o " .. picture, "/no/such: No such file or directory\n$" },
      { "/tmp -o " .. picture, "/tmp: Is a directory" },
      { good .. " " .. damaged .. " -o " .. picture, "/damaged.jsonl: line 1" },
      { good .. " -o " .. folder .. "/run.png", "run.png: the name must end" },
      { good .. " -o /no/such/run.html", "No such file or directory" },
    } do
      local err, status = merge(case[1])
      assert.equal(1, status)
      assert.matches("^netlab: [^\n]*" .. case[2], err)
    end
    assert.equal(nil, io.open(picture))
    assert.same({ "", 0 }, { merge(good .. " -o " .. picture) })
  end)
end)
