-- The table of traced calls, src/trace/calls.h: it has a row for each function
-- that is worth tracing, and nothing else knows these by name.
local net = require "net"
local kinds = require "tests.support.trace".kinds
local support = require "tests.support"

-- These do nothing on the network, or are traced as something else.
local UNTRACED = {}
for name in ([[escape now time port buffer spawn deadline getrusage __tostring
    sub put __len count percentile buckets text coroutine]]):gmatch "%S+" do
  UNTRACED[name] = true
end

-- The kinds that netlab(1) explains.
local KINDS = { "accept", "connect", "convert", "engine", "name", "open",
  "property", "receive", "send", "socket", "task", "wait" }

describe("the table of calls", function()
  it("has a row for each function of the module", function()
    local missing = {}
    local function look(functions)
      for name, f in pairs(functions) do
        if type(f) == "function" and not kinds[name] and
          not UNTRACED[name] and name ~= "__gc" and name ~= "__close" then
          missing[#missing + 1] = name
        end
      end
    end
    look(net)
    for name, class in pairs(debug.getregistry()) do
      if type(name) == "string" and name:find "^net%." then
        look(class)
        look(class.__index or {})
      end
    end
    assert.same({}, missing)
  end)

  it("has kinds that netlab(1) explains", function()
    local found = {}
    for _, kind in pairs(kinds) do found[kind] = true end
    assert.same(KINDS, support.keys(found))
    local page = support.read "src/man/netlab.1"
    for _, kind in ipairs(KINDS) do
      assert.matches("\n.It Cm " .. kind .. "\n", page)
    end
  end)

  it("is the only one", function()
    local pipe <close> = io.popen("ls src/trace/*.c lua/net/trace/*.lua " ..
      "lua/net/trace/html/*.js lua/netlab/*.lua")
    for path in pipe:lines() do
      local text, found = support.read(path):gsub("%-%-[^\n]*", ""), {}
      for name in pairs(kinds) do
        if text:find('["\'|]' .. name .. '["\'|]') or
          text:find("%f[%w_]" .. name .. " = true") then
          found[#found + 1] = name
        end
      end
      assert.is_true(#found < 4, path .. ": " .. table.concat(found, " "))
    end
  end)
end)
