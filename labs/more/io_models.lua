-- More: five ways to wait for many clients   after: Labs 9, 12
-- run:  netlab labs/more/io_models.lua    (also: netlab --trace=run.html ...)
-- A read has two parts: the data must arrive, and the kernel must copy it into
-- the program.  The I/O models differ in who waits for the data, and where.
local net, plot, int = require "net", require "net.plot", math.tointeger
local names = { "blocking", "non-blocking", "select", "tasks", "engine" }
local function num(text) return tonumber(text:match "^[%d.]+$") end
local parser = require "argparse" ("io_models", "The same echo, five ways")
parser:option("--model", "run only this one"):choices(names)
parser:option("--clients", "clients at once"):convert(int):default "3"
parser:option("--messages", "messages per client"):convert(int):default "3"
parser:option("--pause", "seconds before a message"):convert(num):default "0.03"
parser:option("--nap", "seconds between polls"):convert(num):default "0.005"
parser:option("--ask", "internal: act as this port's clients"):convert(net.port)
local args = parser:parse()
if args.clients < 1 then parser:error "clients must be 1 or more" end
local models, slowest, ended, first = {}, 0, 0, 0
local function ask(i, messages) -- a client; each starts a little later
  net.sleep(args.pause * i / args.clients)
  local sock <close> = assert(net.connect("127.0.0.1", args.ask))
  for _ = 1, messages do
    local start = net.sleep(args.pause) and net.now()
    assert(assert(sock:sendall "hello"):recv_exact(5))
    slowest = math.max(slowest, net.now() - start)
  end
  ended = ended + 1
end
if args.ask then -- the clients run in a process of their own
  print "ready"
  for i = 1, args.clients do net.spawn(ask, i, args.messages) end
  net.run()
  for _ = ended + 1, args.clients do ask(0, 0) end -- so that all connect
  return print(slowest)
end
-- Blocking: recv does not return before there is data.  One call, and the data
-- is there.  But a server that waits for one client hears no other.
local function serve(conn)
  local sock <close> = conn
  repeat local data = sock:recv(1024) until not (data and sock:sendall(data))
end
function models.blocking(listener)
  for _ = 1, args.clients do serve(assert(listener:accept())) end
end
-- Non-blocking: without data, recv fails at once with EAGAIN.  The program goes
-- on and polls again and again; most calls find nothing.
local function answer(conn) -- false at the end of the stream
  local data, _, code = conn:recv(1024)
  if data then conn:sendall(data) end
  return data or code == "EAGAIN" or (conn:close() and nil)
end
models["non-blocking"] = function(listener)
  local conns, come = {}, 0
  listener:setblocking(false)
  while come < args.clients or next(conns) do
    local new = listener:accept()
    if new then conns[new], come = new:setblocking(false), come + 1 end
    for conn in pairs(conns) do conns[conn] = answer(conn) end
    net.sleep(args.nap)
  end
end
-- Multiplexing: one call waits for all sockets, and returns those with data.
function models.select(listener)
  local conns, come = {}, 0
  while come < args.clients or next(conns) do
    local list = { listener }
    for conn in pairs(conns) do list[#list + 1] = conn end
    for _, sock in ipairs(assert(net.select(list))) do
      local new = sock == listener
      if new then sock, come = assert(sock:accept()), come + 1 end
      conns[sock] = new or answer(sock)
    end
  end
end
-- Tasks: the blocking program, once per client; while one waits, others run.
function models.tasks(listener)
  for _ = 1, args.clients do net.spawn(serve, assert(listener:accept())) end
  net.run()
end
function models.engine(listener, left) -- the same, in C
  local function gone() left = left - 1; return left > 0 or listener:close() end
  listener:echo { on_close = gone }
end
while arg[first - 1] do first = first - 1 end -- the interpreter
local ask_it = "'" .. (arg[first] .. "\0" .. table.concat(arg, "\0", 0))
  :gsub("'", [['\'']]):gsub("%z", "' '") .. "' --ask "
local function row(...) print(plot.row({ 12, 12, 8, 7, 5, 6, 12 }, ...)) end
row("", "system calls", "wake-ups", "CPU", "bytes", "time", "slowest echo")
for _, name in ipairs(args.model and { args.model } or names) do
  local listener <close> = assert(net.listen("127.0.0.1", 0))
  local clients = io.popen(ask_it .. select(2, listener:getsockname()))
  assert(clients and clients:read "l", "the clients have not started")
  local was, start = net.getrusage(), net.now()
  models[name](listener, args.clients)
  local is, time, slow = net.getrusage(), net.now() - start, clients:read "n"
  if not slow then break end -- Ctrl-C
  local cpu = plot.si(is.utime - was.utime + is.stime - was.stime, "s")
  row(name, is.calls - was.calls, is.nvcsw - was.nvcsw, cpu,
    is.received - was.received, plot.si(time, "s"), plot.si(slow, "s"))
end
-- Try: --nap 0.0001, then 0.03.  What does faster polling cost, and who pays?
