-- SPDX-License-Identifier: MIT
--
-- netlab.pair: `netlab --pair SERVER.lua CLIENT.lua`: runs two labs in one
-- terminal, the client when the server listens. It knows that from the trace
-- that each lab writes to its descriptor 3, and it needs the host:
-- netlab.process is nowhere else.

local net = require "net"
local text = require "net.trace.text"

local pair = {}

local PATIENCE = 10 -- seconds that a server has to begin to listen
local GRACE = 2 -- seconds that a lab has to end when it is told to
local REST = 1 -- seconds for what is expected to come by itself
local LONGEST = 65536 -- bytes of a line; of a longer one there are parts
local COLOURS = { server = "36", client = "33" } -- cyan and yellow

local USAGE = "netlab --pair SERVER.lua CLIENT.lua [--trace[=FILE]] " ..
  "[-- args [-- server's args]]"

local function complain(format, ...)
  io.stderr:write("netlab: ", format:format(...), "\n")
  return nil
end

--- A line that a lab has printed, without what a terminal would obey.
local function printable(line)
  return (line:gsub("[^\t]+", text.printable))
end

-- A function that prints a line to `file`, and whose it is.
local function printer(file, fd, name)
  local label = name .. " | "
  local _, coloured = require "netlab.process".terminal(fd)
  if coloured then
    label = ("\27[%sm%s |\27[0m "):format(COLOURS[name], name)
  end
  return function(line)
    file:write(label .. printable(line) .. "\n")
  end
end

--- Gives every line of a lab's output to `take`, until that has enough.
local function read_lines(sock, take)
  local _ <close> = sock
  local line, _, code
  repeat
    line, _, code = sock:recv_line(LONGEST)
    if code == "EMSGSIZE" then line = sock:recv(LONGEST) end
  until not line or take(line)
end

-- Does this line of a trace say that its process waits for clients? Keeps in
-- `datagrams` which of its sockets are such. (A quote inside of a value has a
-- backslash before it, so what these patterns find are keys.)
local function says_listening(line, datagrams)
  local sock = line:match '"sock":(%d+)'
  if line:find '^{"ev":"sock",.*"type":"dgram"' then datagrams[sock] = true end
  local call = line:match '^{"ev":"call",.*"call":"(%w+)"'
  if not call or line:find(',"code":"', 1, true) then return false end
  return call == "listen" or (call == "bind" and datagrams[sock] == true)
end

--- What is done with each line of a lab's trace. on_listen is called once; the
-- rest of a trace that nobody has asked for is not read.
local function tracer(lab, trace, on_listen)
  local datagrams, live = {}, nil
  if trace == "" then
    local width, colour = require "netlab.process".terminal(2)
    live = require "net.trace.live".new { label = lab.name,
      write = function(line) io.stderr:write(line) end,
      colour = colour, width = width }
  end
  return function(line)
    if live then
      live(line)
    elseif trace then
      lab.events[#lab.events + 1] = line
    end
    if on_listen and says_listening(line, datagrams) then
      lab.listens = true
      on_listen()
      on_listen = nil
    end
    return not trace and lab.listens
  end
end

--- Starts a lab, and the tasks that read what it says.
local function start(name, file, words, options, on_listen)
  local child = require "netlab.process"
  local argv = { child.program() }
  if on_listen or options.trace then argv[2] = "--trace=fd:3" end
  table.insert(argv, file)
  table.move(words, 1, #words, #argv + 1, argv)
  local lab = { name = name, events = {} }
  local program, output, errors, trace =
    assert(child.spawn(argv, name == "client"))
  lab.child = program
  local print_error = printer(io.stderr, 2, name)
  lab.readers = {
    net.spawn(read_lines, output, printer(io.stdout, 1, name)),
    net.spawn(read_lines, errors, function(line)
      -- What our own Ctrl-C makes it say is no news.
      if lab.told and line == "netlab: interrupted" then return end
      print_error(line)
    end),
    net.spawn(function()
      read_lines(trace, tracer(lab, options.trace, on_listen))
      if on_listen then on_listen() end -- it has ended
    end),
  }
  return lab
end

--- Ends a lab, unless it ends within `seconds` by itself: as Ctrl-C does, then
-- as kill does, then at once.
local function stop(lab, seconds)
  for _, name in ipairs { "SIGINT", "SIGTERM", "SIGKILL" } do
    if lab.child:wait(seconds) then return end
    lab.told = true
    lab.child:kill(name)
    seconds = GRACE
  end
  lab.child:wait()
end

-- The last of what an ended lab has said. A program that it has started may
-- hold its output open: then no longer than that.
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

--- A port of the loopback that is free for both protocols.
local function free_port()
  while true do
    local tcp <close> = assert(net.socket("inet", "stream"))
    local udp <close> = assert(net.socket("inet", "dgram"))
    assert(tcp:bind("127.0.0.1", 0))
    local _, port = assert(tcp:getsockname())
    if udp:bind("127.0.0.1", port) then return port end
  end
end

-- What a lab is told: the port, and then what the user has for it.
local function with_port(port, words)
  words = words or {}
  return table.move(words, 1, #words, 3, { "--port", port })
end

-- Starts the server and waits until it listens; false: it does not.
local function start_server(labs, options, port)
  local patience = net.spawn(net.sleep, options.patience or PATIENCE)
  local words = with_port(port, options.server_words)
  local server = start("server", options.server, words, options,
    function() patience:cancel() end)
  labs[1] = server
  local late = patience:join()
  if labs.interrupted then return false end
  if server.listens then return true end
  local status = server.child:wait(late and 0 or REST)
  if status then
    complain("the server ended before it listened (%s)", how(status))
  else
    complain("the server does not listen, after %g seconds",
      options.patience or PATIENCE)
  end
  return false
end

-- A task: a server that fails while the client is at work. What the client
-- waits for may never come then.
local function mind(server, client)
  local status = server.child:wait()
  if status == 0 or server.told then return end
  complain("the server ended first (%s)", how(status))
  stop(client, REST)
end

-- A task: Ctrl-C, or SIGTERM, ends the client or, before there is one, the
-- server. Where Ctrl-C was typed, the client has been told already, and is to
-- be told once.
local function take_interrupt(interrupt, labs, name)
  interrupt:wait()
  labs.interrupted = true
  local lab = labs[#labs]
  local knows = name == "SIGINT" and lab ~= labs[1]
  lab.told = true
  stop(lab, knows and GRACE or 0)
end

-- Both labs, to the client's end; the exit status.
local function converse(labs, options)
  local port = ("%d"):format(free_port())
  if not start_server(labs, options, port) then return 1 end
  local words = with_port(port, options.client_words)
  local server, client = labs[1], start("client", options.client, words,
    options)
  labs[2] = client
  net.spawn(mind, server, client)
  local status = client.child:wait()
  local ended = server.child:wait(0)
  return (ended and ended ~= 0) and 1 or status
end

-- Writes what the labs' traces have as one picture.
local function draw(labs, path)
  local trace, list = require "net.trace", {}
  for i, lab in ipairs(labs) do
    local lines = table.concat(lab.events, "\n") .. "\n"
    local events, message, code = trace.read(lines, lab.name)
    if not events then return nil, message, code end
    list[i] = events
  end
  return trace.write(nil, list, path)
end

--- What netlab.pair.run is to do.
---@class netlab.pair.options
---@field server string the file of a lab
---@field client string the file of another
---@field server_words? string[] behind --port N
---@field client_words? string[] behind --port N
---@field patience? number seconds that the server has to listen; 10
--- "": what both do is shown as they do it. Else the name of a file for it.
---@field trace? string

--- Runs both labs, each told the same free port, and ends the server when the
--- client has ended.
---
--- See: netlab(1).
---@param options netlab.pair.options
---@return integer status the client's; 1 if the server has failed
function pair.run(options)
  local labs = {}
  local child = require "netlab.process"
  local ctrl_c <close> = child.interrupt "SIGINT"
  local term <close> = child.interrupt "SIGTERM"
  net.spawn(take_interrupt, ctrl_c, labs, "SIGINT")
  net.spawn(take_interrupt, term, labs, "SIGTERM")
  local ok, status = pcall(converse, labs, options)
  for i = #labs, 1, -1 do stop(labs[i], 0) end
  for _, lab in ipairs(labs) do -- fails where nobody reads what we print
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

-- The options in the words of the command line; nil: there is a wrong one.
local function parse(words)
  local options, labs = { client_words = {}, server_words = {} }, {}
  local into = nil -- where the words belong that follow
  for _, word in ipairs(words) do
    if word == "--" and into ~= options.server_words then
      into = into and options.server_words or options.client_words
    elseif into then
      into[#into + 1] = word
    elseif word == "--trace" or word:find "^%-%-trace=." then
      options.trace = word:match "=(.*)$" or ""
    elseif word:find "^%-" then
      return complain("'%s' is no option of --pair (the labs' stand behind --)",
        printable(word))
    else
      labs[#labs + 1] = word
    end
  end
  if #labs ~= 2 then return complain("--pair needs two labs") end
  options.server, options.client = labs[1], labs[2]
  return options
end

-- Can a picture be written there, at the end?
local function is_picture(path)
  local kind = path:match "%.(%w+)$"
  if not ("|jsonl|html|mmd|json|"):find("|" .. tostring(kind) .. "|", 1, true)
  then
    return complain("trace %s: a name that ends in .jsonl, .html, .mmd or " ..
      ".json, please", printable(path))
  end
  local file <close>, message = io.open(path, "wb")
  return file ~= nil or complain("trace %s", printable(message))
end

-- Can these files be run? Better told before anything has begun.
local function are_labs(...)
  for _, path in ipairs { ... } do
    local lab, message = loadfile(path, "t")
    if not lab then return complain("%s", printable(message)) end
  end
  return true
end

--- The command line of --pair.
---
--- See: netlab(1).
---@param ... string the words behind --pair
---@return integer status for the program to leave with
function pair.main(...)
  local options = parse { ... }
  if not options then io.stderr:write("usage: ", USAGE, "\n") end
  local ready = options and are_labs(options.server, options.client) and
    ((options.trace or "") == "" or is_picture(options.trace))
  return ready and pair.run(options) or 1
end

return pair
