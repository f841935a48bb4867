-- `make bench`, in short: what it measures and compares, not how fast the
-- servers are.
local support = require "tests.support"

if not support.hosted then return end -- it is a script for the host

local function bench(args)
  return support.run(support.host .. " tests/bench/run.lua " .. args)
end

-- Returns the rows of a Markdown table: the cells, by server.
local function rows_of(text)
  local rows = {}
  for line in text:gmatch "| (%l[^\n]*) |\n" do
    local cells = {}
    for cell in line:gmatch "[^|]+" do
      cells[#cells + 1] = cell:match "^%s*(.-)%s*$"
    end
    rows[cells[1]] = cells
  end
  return rows
end

describe("the benchmark", function()
  support.leaves_nothing(before_each, after_each)

  for scenario, names in pairs { t64 = { "epoll", "c", "lua" },
    u64 = { "udp", "c", "lua" } } do
    it("compares servers with the reference: " .. scenario, function()
      local out, err, status = bench("--rounds 1 --seconds 0.5 --only c,lua " ..
        "--scenario " .. scenario)
      assert.same({ "", 0 }, { err, status })
      assert.matches("\n### [^\n]+ %(`" .. scenario .. "`%)\n", out)
      local rows = rows_of(out)
      for _, name in ipairs(names) do
        local cells = assert(rows[name], name)
        assert.equal(8, #cells)
        assert.is_true(tonumber((cells[2]:match "^[%d.]+")) > 0)
        assert.matches("^%d+%.%d%d$", cells[3])
        assert.matches("^[%d.]+ %S*s$", cells[6])
        if scenario == "t64" then assert.equal("0", cells[8]) end
        rows[name], rows.server = nil, nil
      end
      assert.same({}, rows)
      assert.matches("^1%.00$", out:match("| " .. names[1] .. " |[^|]+| (%S+)"))
    end)
  end

  it("prints JSON", function()
    local out, err, status = bench("--rounds 2 --seconds 0.05 --only c,buffer "
      .. "--scenario t64k --json")
    assert.same({ "", 0 }, { err, status })
    for _, name in ipairs { "epoll", "c", "buffer" } do
      assert.matches('"name":"' .. name .. '","p50":[%d.e-]+,"p99":', out)
    end
    assert.equal(6, select(2, out:gsub('"corrupt":0,', "")))
    assert.equal(6, select(2, out:gsub('"errors":{},', "")))
  end)

  it("ends its servers when it is interrupted", function()
    -- Only this run's servers have such a name.
    local run = support.start("env NETLAB_BUILD=$PWD/" .. support.build .. " "
      .. support.host .. " tests/bench/run.lua --only c --scenario t64 " ..
      "--seconds 30")
    local pid = support.eventually(function()
      local pipe <close> = io.popen("pgrep -f \"^$PWD/" .. support.build ..
        "/bench/epoll \"")
      return pipe:read "l"
    end)
    support.eventually(function() -- more than the start takes: it serves
      local user, system = support.read("/proc/" .. pid .. "/stat")
        :match("%) %S" .. (" %S+"):rep(10) .. " (%d+) (%d+) ")
      return user + system >= 10
    end)
    run:signal "INT"
    local _, err, status = run:wait()
    assert.not_equal(0, status)
    assert.matches("interrupted", err)
    assert.equal("", support.read("/proc/" .. pid .. "/cmdline"))
  end)

  it("reports wrong options", function()
    for args, message in pairs {
      ["--rounds 0"] = "0 is not 1, 2, 3", ["--seconds x"] = "x is not > 0",
      ["--only c,d"] = "d is none of epoll,", ["--scenario x"] = "t1,t64,",
    } do
      local _, err, status = bench(args)
      assert.not_equal(0, status)
      assert.matches(message, err)
    end
  end)
end)
