-- The lab io_models: its table, and a trace that shows how the models differ.
local net = require "net"
local record = require "tests.support.record"
local support = require "tests.support"

local NAMES = { "blocking", "non-blocking", "select", "tasks", "engine" }
local LAB = "labs/more/io_models.lua "
local FEW = LAB .. "--clients 2 --messages 2 --pause 0.01 "

-- The lab runs its interpreter again, which must be one word.
local driver = support.driver:find " " and support.host or support.driver

-- Traces one model. Returns the events, how many calls of recv wait, how many
-- calls wait in all, and how many get EAGAIN.
local function traced(model)
  local events, _, err, status = record.host(FEW .. "--model " .. model)
  assert.same({ "", 0 }, { err, status })
  local recvs, all = 0, 0
  for _, call in ipairs(record.pick(events, { ev = "call" })) do
    if call.waits then all = all + 1 end
    if call.waits and call.call == "recv" then recvs = recvs + 1 end
  end
  return events, recvs, all, #record.pick(events, { code = "EAGAIN" })
end

-- Returns the names of the calls on accepted sockets, and accept itself.
local function served(events)
  local names = {}
  for _, call in ipairs(record.pick(events, { ev = "call" })) do
    local name = call.call
    if name == "accept" or name == "recv" or name == "sendall" then
      names[#names + 1] = call.code or name
    end
  end
  return table.concat(names, " ")
end

describe("io_models", function()
  support.leaves_nothing(before_each, after_each)

  it("counts the same bytes for each model", function()
    local out, err, status = support.run(driver .. " " .. FEW)
    assert.same({ "", 0 }, { err, status })
    local rows = {}
    for name, calls, wakes, bytes, slowest in out:gmatch("\n *([%l-]+) +" ..
      "(%d+) +(%d+) +[%d.]+ .?.?s +(%d+) +[%d.]+ m?s +([%d.]+)") do
      rows[#rows + 1] = name
      assert.equal("20", bytes) -- 2 clients, 2 messages, 5 bytes
      assert.is_true(tonumber(calls) >= 12) -- accept, recv, send, and the ends
      assert.is_true(tonumber(wakes) > 0 and tonumber(slowest) > 0)
    end
    assert.same(NAMES, rows)
  end)

  it("runs an interpreter whose path has a space and a quote", function()
    local path = support.folder() .. "/it's two words"
    assert(os.execute(('ln -s "%s" "%s"'):format(
      support.run("readlink -f $(command -v " .. driver .. ")"):sub(1, -2),
      path)))
    local out, err, status = support.run(('"%s" %s--model tasks'):format(path,
      FEW))
    assert.same({ "", 0 }, { err, status })
    assert.matches("\n *tasks ", out)
  end)

  it("blocking: serves one client after the other; recv waits", function()
    local events, recvs, _, refused = traced "blocking"
    assert.equal(("accept recv sendall recv sendall EOF "):rep(2),
      served(events) .. " ")
    assert.is_true(recvs >= 2)
    assert.equal(0, refused)
  end)

  it("non-blocking: no call on a socket waits, many get EAGAIN", function()
    local events, _, waits, refused = traced "non-blocking"
    assert.equal(waits, #record.pick(events, { call = "sleep", waits = 1 }))
    assert.is_true(refused >= 2)
  end)

  it("select: only select waits, and finds the next client", function()
    local events, _, waits, refused = traced "select"
    local ready, asked = "", 0
    for _, call in ipairs(record.pick(events, { ev = "call" })) do
      if call.call == "select" then ready = call.result end
      if call.call == "recv" then
        asked = asked + 1
        assert.matches("socket " .. call.sock .. "[,}]", ready)
      end
    end
    assert.is_true(waits > 0)
    assert.same({ 6, 0 }, { asked, refused }) -- 2 messages and the end, twice
  end)

  it("tasks: recv waits in a task for each client", function()
    local events, recvs, _, refused = traced "tasks"
    assert.same({ 2, 3 }, record.column(record.pick(events, { ev = "task" }),
      "task"))
    assert.is_true(recvs >= 2)
    assert.equal(0, refused)
    for task = 2, 3 do
      assert.equal(3, #record.pick(events, { task = task, call = "recv" }))
    end
  end)

  it("engine: one call, and the engine makes the others", function()
    local events = traced "engine"
    assert.equal(1, #record.pick(events, { call = "echo" }))
    local made = record.pick(events, { engine = "echo" })
    assert.equal(4, #record.pick(made, { call = "recv", ["in"] = 5 }))
    assert.equal(4, #record.pick(made, { call = "send", out = 5 }))
  end)

  it("does not wait for a client that failed", function()
    local out, err, status = support.run(("sh -c 'ulimit -n 60; exec %s %s'")
      :format(driver, LAB .. "--clients 100 --pause 0 --model blocking"))
    assert.equal(0, status)
    assert.matches("connect [%d.:]+: too many open files %(EMFILE%)", err)
    assert.matches("\n *blocking ", out)
  end)

  it("reports clients that do not start", function()
    local file <close> = assert(io.open((LAB:sub(1, -2))))
    local _, err, status = support.run(driver .. " - --model blocking",
      file:read "a")
    assert.equal(1, status)
    assert.matches("the clients have not started", err)
  end)

  it("ends at Ctrl-C, without a traceback", function()
    for _, name in ipairs(NAMES) do -- as a terminal does, to the whole group
      local lab <close> = support.start(("setsid %s %s--pause 60 --model %s")
        :format(driver, LAB, name))
      lab:expect "slowest"
      net.sleep(0.2) -- it serves by now
      os.execute("kill -INT -" .. lab.pid)
      local _, err, status = lab:wait()
      local returns = name == "engine" -- sock:echo returns, and the lab goes on
      if support.hosted or status ~= 130 then -- plain Lua may die by SIGINT
        assert.equal(returns and support.finished or support.interrupted,
          status)
        if status ~= 0 then assert.matches("interrupted\n", err) end
      end
      assert.not_matches("traceback", err)
    end
  end)

  it("reports wrong options", function()
    for args, message in pairs {
      ["--clients 0"] = "clients must be 1 or more",
      ["--pause x"] = "malformed",
      ["--pause=-1"] = "malformed", ["--nap=-0.1"] = "malformed",
      ["--model poll"] = "must be one of 'blocking'",
    } do
      local out, err, status = support.run(driver .. " " .. FEW .. args)
      assert.not_equal(0, status)
      assert.matches("Error: [^\n]*" .. message, out .. err)
    end
  end)
end)
