-- SPDX-License-Identifier: MIT
--
-- netlab.pair: `netlab --pair SERVER.lua CLIENT.lua`: runs two labs in one
-- terminal, the client as soon as the server listens. The trace that each lab
-- writes to its descriptor 3 tells when that is. Only the host has
-- netlab.process.

local net = require "net"
local complain = require "netlab.complain"
local process = require "netlab.process"
local text = require "net.trace.text"
local trace = require "net.trace"

local pair = {}

local PATIENCE = 10 -- seconds for a server to begin to listen
local GRACE = 2 -- seconds for a lab to end after a signal
local REST = 1 -- seconds for what should happen without us
local LONGEST = 65536 -- bytes of a line; a longer one is printed in parts
local COLOURS = { server = "36", client = "33" } -- cyan and yellow

local USAGE = "netlab --pair SERVER.lua CLIENT.lua [--trace[=FILE]] " ..
  "[-- client's args [-- server's args]]"

-- A line that a lab has printed, escaped for a terminal.
local function printable(line)
  return (line:gsub("[^\t]+", text.printable))
end

-- A function that prints a line to `file`, labelled with the lab's name.
local function printer(file, fd, name)
  local label = name .. " | "
  local _, coloured = process.terminal(fd)
  if coloured then
    label = ("\27[%sm%s |\27[0m "):format(COLOURS[name], name)
  end
  return function(line)
    file:write(label .. printable(line) .. "\n")
  end
end

-- Gives each line of a lab's output to `take`, until `take` returns true.
local function read_lines(sock, take)
  local _ <close> = sock
  local line, _, code
  repeat
    line, _, code = sock:recv_line(LONGEST)
    if code == "EMSGSIZE" then line = sock:recv(LONGEST) end
  until not line or take(line)
end

-- Does this line of a trace say that its process waits for clients? `datagrams`
-- collects its datagram sockets. (A quote inside of a value has a backslash
-- before it, so these patterns find keys only.)
local function says_listening(line, datagrams)
  local sock = line:match '"sock":(%d+)'
  if line:find '^{"ev":"sock",.*"type":"dgram"' then datagrams[sock] = true end
  local call = line:match '^{"ev":"call",.*"call":"(%w+)"'
  if not call or line:find(',"code":"', 1, true) then return false end
  return call == "listen" or (call == "bind" and datagrams[sock] == true)
end

-- A function that takes each line of a lab's trace. on_listen is called once.
-- What follows is read only for --trace.
local function tracer(lab, target, on_listen)
  local datagrams, live = {}, nil
  if target == "" then
    local width, colour = process.terminal(2)
    live = require "net.trace.live".new { label = lab.name,
      write = function(line) io.stderr:write(line) end,
      colour = colour, width = width }
  end
  return function(line)
    if live then
      live(line)
    elseif target then
      lab.events[#lab.events + 1] = line
    end
    if on_listen and says_listening(line, datagrams) then
      lab.listens = true
      on_listen()
      on_listen = nil
    end
    return not target and lab.listens
  end
end

-- Starts a lab, and the tasks that read its output and its trace.
local function start(name, file, words, options, on_listen)
  local argv = { process.program() }
  if on_listen or options.trace then argv[2] = "--trace=fd:3" end
  table.insert(argv, file)
  table.move(words, 1, #words, #argv + 1, argv)
  local lab = { name = name, events = {} }
  local output, errors, events
  lab.process, output, errors, events =
    assert(process.spawn(argv, name == "client"))
  local print_error = printer(io.stderr, 2, name)
  lab.readers = {
    net.spawn(read_lines, output, printer(io.stdout, 1, name)),
    net.spawn(read_lines, errors, function(line)
      if lab.stopped and line == "netlab: interrupted" then return end
      print_error(line)
    end),
    net.spawn(function()
      read_lines(events, tracer(lab, options.trace, on_listen))
      if on_listen then on_listen() end -- it has ended
    end),
  }
  return lab
end

-- Ends a lab that does not end by itself within `seconds`: as Ctrl-C does, then
-- as kill(1) does, then at once.
local function stop(lab, seconds)
  for _, name in ipairs { "SIGINT", "SIGTERM", "SIGKILL" } do
    if lab.process:wait(seconds) then return end
    lab.stopped = true
    lab.process:kill(name)
    seconds = GRACE
  end
  lab.process:wait()
end

-- Reads the rest of an ended lab's output; not for longer than REST, because a
-- program that it has started may hold the output open.
local function finish(lab)
  net.deadline(REST, function()
    for _, reader in ipairs(lab.readers) do reader:join() end
  end)
  for _, reader in ipairs(lab.readers) do reader:cancel() end
end

local function how(status)
  if status > 128 then return "signal " .. status - 128 end
  return "exit status " .. status
end

-- A port of the loopback that is free for TCP and UDP.
local function free_port()
  while true do
    local tcp <close> = assert(net.socket("inet", "stream"))
    local udp <close> = assert(net.socket("inet", "dgram"))
    assert(tcp:bind("127.0.0.1", 0))
    local _, port = assert(tcp:getsockname())
    if udp:bind("127.0.0.1", port) then return port end
  end
end

-- The arguments of a lab: the port, then the user's.
local function with_port(port, words)
  words = words or {}
  return table.move(words, 1, #words, 3, { "--port", port })
end

-- Starts the server and waits until it listens. Returns false if it does not.
local function start_server(labs, options, port)
  local patience = net.spawn(net.sleep, options.patience or PATIENCE)
  local words = with_port(port, options.server_words)
  local server = start("server", options.server, words, options,
    function() patience:cancel() end)
  labs[1] = server
  local late = patience:join()
  if labs.interrupted then return false end
  if server.listens then return true end
  local status = server.process:wait(late and 0 or REST)
  if status then
    complain("the server ended before it listened (%s)", how(status))
  else
    complain("the server does not listen after %g seconds",
      options.patience or PATIENCE)
  end
  return false
end

-- A task: ends the client after the server has failed, because what the client
-- waits for may never come.
local function watch(server, client)
  local status = server.process:wait()
  if status == 0 or server.stopped then return end
  complain("the server ended first (%s)", how(status))
  stop(client, REST)
end

-- A task: Ctrl-C or SIGTERM ends the client or, before there is one, the
-- server. When Ctrl-C is typed, the client gets it, too, and should get it only
-- once.
local function take_interrupt(interrupt, labs, name)
  interrupt:wait()
  labs.interrupted = true
  local lab = labs[#labs]
  local has_it = name == "SIGINT" and lab ~= labs[1]
  lab.stopped = true
  stop(lab, has_it and GRACE or 0)
end

-- Runs both labs until the client ends. Returns the exit status.
local function converse(labs, options)
  local port = ("%d"):format(free_port())
  if not start_server(labs, options, port) then return 1 end
  local words = with_port(port, options.client_words)
  local server, client = labs[1], start("client", options.client, words,
    options)
  labs[2] = client
  net.spawn(watch, server, client)
  local status = client.process:wait()
  local ended = server.process:wait(0)
  return (ended and ended ~= 0) and 1 or status
end

-- Draws one picture of the traces of all labs.
local function draw(labs, path)
  local list = {}
  for i, lab in ipairs(labs) do
    local lines = table.concat(lab.events, "\n") .. "\n"
    local events, message, code = trace.read(lines, lab.name)
    if not events then return nil, message, code end
    list[i] = events
  end
  return trace.write(nil, list, path)
end

--- The options of pair.run.
---@class netlab.pair.options
---@field server string the file of a lab
---@field client string the file of another
---@field server_words? string[] its arguments after --port N
---@field client_words? string[] its arguments after --port N
---@field patience? number seconds for the server to listen; 10
--- "": shows both traces while they are made. Else the name of a picture.
---@field trace? string

--- Runs both labs with the same free port as --port N. Ends the server when the
--- client has ended.
---
--- See: netlab(1).
---@param options netlab.pair.options
---@return integer status the client's, or 1 if the server failed
function pair.run(options)
  local labs = {}
  local ctrl_c <close> = process.interrupt "SIGINT"
  local term <close> = process.interrupt "SIGTERM"
  net.spawn(take_interrupt, ctrl_c, labs, "SIGINT")
  net.spawn(take_interrupt, term, labs, "SIGTERM")
  local ok, status = pcall(converse, labs, options)
  for i = #labs, 1, -1 do stop(labs[i], 0) end
  for _, lab in ipairs(labs) do -- may fail to print
    local finished, why = pcall(finish, lab)
    if ok and not finished then ok, status = false, why end
  end
  if options.trace and options.trace ~= "" then
    local drawn, message = draw(labs, options.trace)
    if not drawn then complain("%s", message) end
    status = ok and not drawn and 1 or status
  end
  if not ok then error(status, 0) end
  if not labs.interrupted then return status end
  complain "interrupted"
  return 130
end

-- The options that the command line names; nil: it is wrong.
local function parse(words)
  local options, labs = { client_words = {}, server_words = {} }, {}
  local into = nil -- the list that the following words belong to
  for _, word in ipairs(words) do
    if word == "--" and into ~= options.server_words then
      into = into and options.server_words or options.client_words
    elseif into then
      into[#into + 1] = word
    elseif word == "--trace" or word:find "^%-%-trace=." then
      options.trace = word:match "=(.*)$" or ""
    elseif word:find "^%-" then
      return complain("'%s' is not an option of --pair (a lab's follow --)",
        word)
    else
      labs[#labs + 1] = word
    end
  end
  if #labs ~= 2 then return complain("--pair needs two labs") end
  options.server, options.client = labs[1], labs[2]
  return options
end

-- Can a picture be written there at the end? An empty one can be now.
local function is_picture(path)
  local drawn, message = trace.write(nil, {}, path)
  return drawn or complain("trace %s", message)
end

-- Can these files be run? It is better to complain before either runs.
local function are_labs(...)
  for _, path in ipairs { ... } do
    local lab, message = loadfile(path, "t")
    if not lab then return complain("%s", message) end
  end
  return true
end

--- The command line of --pair.
---
--- See: netlab(1).
---@param ... string the arguments after --pair
---@return integer status the exit status
function pair.main(...)
  local options = parse { ... }
  if not options then io.stderr:write("usage: ", USAGE, "\n") end
  local ready = options and are_labs(options.server, options.client) and
    ((options.trace or "") == "" or is_picture(options.trace))
  return ready and pair.run(options) or 1
end

return pair
