-- Each lab traced, in each format, and a trace with every byte that the
-- peers counted.
local chrome = require "tests.support.chrome"
local json = require "net.json"
local mermaid = require "tests.support.mermaid"
local record = require "tests.support.record"
local support = require "tests.support"
local trace = require "net.trace"

-- The labs that end by themselves, and their exit status.
local ALONE = {
  { "local_machine_info" }, { "ip4_address_conversion" },
  { "remote_machine_info", "--host localhost" }, { "finding_service_name" },
  { "integer_conversion" }, { "socket_timeout" }, { "modify_buff_size" },
  { "socket_errors", "--port " .. support.free_port(), status = 1 },
  { "socket_modes" }, { "more/buffer_size", "--seconds 0.000001" },
  { "more/tcp_states" },
  { "more/io_models", "--clients 2 --messages 2 --pause 0.01" },
}

-- A server lab, what it prints when it serves, and its client.
local SERVERS = {
  { "tcp_echo_server", "", "Waiting", "tcp_echo_client", "--port PORT" },
  { "udp_echo_server", "", "Waiting", "udp_echo_client", "--port PORT" },
  { "tcp_echo_server", "--quiet", "Waiting", "more/echo_load",
    "--messages 20 --port PORT" },
  { "more/ntp_server", "", "Telling", "print_machine_time",
    "--server localhost --port PORT" },
  { "reuse_socket_address", "", "Listening", "tcp_echo_client",
    "--port PORT", status = 1 },
  { "more/relay", "--to " .. support.free_port(), "Relaying",
    "tcp_echo_client", "--port PORT", status = 1 },
}

-- Starts a lab whose trace goes into the folder.
local function start(folder, name, args)
  local path = ("%s/%s.jsonl"):format(folder, name:gsub("/", "."))
  local process = support.start(("%s --trace=%s labs/%s.lua %s"):format(
    support.host, path, name, args or ""))
  return { name = name, path = path, process = process }
end

-- Waits for its end.
local function finish(lab, status)
  local _, err, got = lab.process:wait()
  assert(got == status, lab.name .. " ended with " .. got .. ": " .. err)
  lab.text = support.read(lab.path)
  return lab
end

-- Runs a server and its client to the end.
local function serve(folder, case)
  local port = support.free_port()
  local server = start(folder, case[1], ("--port %d %s"):format(port, case[2]))
  server.process:expect(case[3])
  local client = start(folder, case[4], (case[5]:gsub("PORT", port)))
  finish(client, case.status or 0)
  server.process:signal "INT"
  return finish(server, 130), client
end

-- Runs all labs. Returns a list of { name, text }.
local function run_all()
  local folder, labs = support.folder(), {}
  for i, case in ipairs(ALONE) do labs[i] = start(folder, case[1], case[2]) end
  for _, case in ipairs(SERVERS) do
    local sub = folder .. "/" .. #labs
    os.execute("mkdir " .. sub)
    table.move({ serve(sub, case) }, 1, 2, #labs + 1, labs)
  end
  for i, case in ipairs(ALONE) do finish(labs[i], case.status or 0) end
  support.clean()
  return labs
end

describe("each lab", function()
  local labs

  setup(function()
    labs = run_all()
    for _, lab in ipairs(labs) do
      lab.events = assert(trace.read(lab.text, lab.name))
    end
  end)
  support.leaves_nothing(before_each, after_each)

  -- Returns the labs' traces in another format, by their index.
  local function drawn(extension)
    local path, texts = support.folder() .. "/x." .. extension, {}
    for i, lab in ipairs(labs) do
      assert(trace.write(nil, { lab.events }, path))
      texts[i] = support.read(path)
    end
    return texts
  end

  it("is among the labs traced", function()
    local there = {}
    for _, lab in ipairs(labs) do there[lab.name] = true end
    local pipe <close> = io.popen "cd labs && ls *.lua more/*.lua"
    for path in pipe:lines() do
      assert.truthy(there[path:match "^(.*)%.lua$"], path)
    end
  end)

  it("as events: complete, and each call is one of the module", function()
    for _, lab in ipairs(labs) do
      local events = record.events(lab.text)
      assert.equal(#events, #lab.events)
      assert.same({ "start", "stop" }, { events[1].ev, events[#events].ev })
      assert.equal("labs/" .. lab.name .. ".lua", events[1].lab)
      local calls = record.pick(events, { ev = "call" })
      assert.is_true(#calls > 0, lab.name)
      for _, call in ipairs(calls) do
        assert.is_true(call["end"] >= call.t and (call.wait or 0) >= 0)
        assert.is_true((call.wait or 0) <= call["end"] - call.t, lab.name)
      end
      assert.not_matches("[^\n -~\x80-\xff]", lab.text)
    end
  end)

  it("as a page: model, source, and only its own script", function()
    for i, html in ipairs(drawn "html") do
      local model = assert(json.decode(html:match(
        '<script type="application/json" id="model">(.-)</script>')))
      local process = model.processes[1]
      assert.equal("labs/" .. labs[i].name .. ".lua", process.lab)
      assert.equal(support.read(process.lab), process.source)
      assert.equal(#record.pick(labs[i].events, { ev = "call" }),
        #model.calls.call.cells)
      local nonce = html:match "script%-src 'nonce%-(%x+)'"
      assert.equal(2, select(2, html:gsub('nonce="' .. nonce .. '"', "")))
      assert.equal(2, select(2, html:gsub("<script", "")))
      assert.is_true(#html < 300 * 1024, labs[i].name .. ": " .. #html)
    end
  end)

  it("as Chrome trace events", function()
    for i, text in ipairs(drawn "json") do
      local events, slices = chrome.check(text), 0
      for _, event in ipairs(events) do
        if event.ph == "X" or event.ph == "i" then slices = slices + 1 end
      end
      assert.is_true(slices >= #record.pick(labs[i].events, { ev = "call" }))
    end
  end)

  it("as a diagram that is valid for Mermaid", function()
    local missing = mermaid.missing()
    if missing then pending(missing) return end
    for i, said in ipairs(mermaid.parse(drawn "mmd")) do
      assert.equal("ok", said, labs[i].name)
    end
  end)
end)

describe("--trace=FILE", function()
  support.leaves_nothing(before_each, after_each)

  it("draws what the script did when it has ended", function()
    local base = support.folder() .. "/run."
    for extension, pattern in pairs { html = "^<!doctype html>",
      mmd = "sequenceDiagram\n", json = '"traceEvents":', jsonl = '^{"ev":' } do
      local path = base .. extension
      local _, err, status = support.run(("%s --trace=%s " ..
        "labs/modify_buff_size.lua"):format(support.host, path))
      assert.same({ "", 0 }, { err, status })
      assert.matches(pattern, support.read(path))
      assert.matches("modify_buff_size", support.read(path))
    end
  end)
end)

describe("the bytes of a trace", function()
  support.leaves_nothing(before_each, after_each)

  -- Returns all values of a key, faster than a strict reader.
  local function sum(text, key)
    local total = 0
    for n in text:gmatch('"' .. key .. '":(%d+)') do total = total + n end
    return total
  end

  -- Sends messages through a traced server. Returns the traces.
  local function compare(server, args)
    local port = support.free_port()
    local folder = support.folder()
    local lab = support.write(folder .. "/server.lua", ([[
      local net = require "net"
      local sock = assert(net.listen("127.0.0.1", %d))
      print "ready"
      %s
    ]]):format(port, server))
    local process <close> = support.start(("%s --trace=%s/run.jsonl %s"):format(
      support.host, folder, lab))
    process:expect "ready"
    local out, err, status = support.run(("%s labs/more/echo_load.lua " ..
      "--messages 10000 --json --port %d %s"):format(support.host, port, args),
      nil, 100)
    assert.same({ "", 0 }, { err, status })
    process:signal "INT"
    process:wait()
    local load = json.decode(out).runs[1]
    assert.same({ 10000, 0, 0 }, { load.messages, load.lost, load.corrupt })
    local text = support.read(folder .. "/run.jsonl")
    assert.same({ load.bytes, load.bytes },
      { sum(text, "in"), sum(text, "out") })
    return text
  end

  it("are those of 10,000 messages through a Lua loop", function()
    local text = compare([[
      while true do
        net.spawn(function(conn)
          local data = conn:recv(65536)
          while data do data = conn:sendall(data) and conn:recv(65536) end
          conn:close()
        end, (sock:accept()))
      end
    ]], "--connections 4 --size 100")
    assert.matches('"call":"sendall"', text)
  end)

  it("are those of 10,000 messages through the engine", function()
    local text = compare("sock:echo()", "--connections 4 --size 100 --depth 4")
    assert.matches('"engine":"echo"', text)
  end)
end)
