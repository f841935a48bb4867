-- What C, Lua and JavaScript each have to know: the copies must agree.
local plot = require "net.plot"
local support = require "tests.support"
local text = require "net.trace.text"

-- Returns the value of an expression in the page's script, by node.
local function in_page(expression)
  local path = support.write(support.folder() .. "/text.js",
    support.read "lua/net/trace/html/text.js" ..
    "console.log(" .. expression .. ");\n")
  local out, err, status = support.run("node " .. path)
  assert.equal(0, status, err)
  return out
end

describe("the copies of", function()
  support.leaves_nothing(before_each, after_each)
  local with_node = support.lacks "node" and pending or it

  -- The invisible code points of several bytes.
  local hidden = {}
  for c = 0x80, 0xffff do
    local is_surrogate = c >= 0xd800 and c < 0xe000
    if not is_surrogate and text.printable(utf8.char(c)) ~= utf8.char(c) then
      hidden[#hidden + 1] = c
    end
  end

  it("invisible characters are those of C", function()
    local list = {}
    local source = support.read "src/trace/strbuf.c"
    source = source:match "invisible%[%]%[2%] = (%b{})"
    for first, last in source:gmatch "{0x(%x+), 0x(%x+)}" do
      for c = tonumber(first, 16), tonumber(last, 16) do list[#list + 1] = c end
    end
    assert.same(list, hidden)
  end)

  with_node("invisible characters are those of the page", function()
    local out = in_page [[
      Array.from({ length: 0x10000 - 0x80 }, (_, i) => i + 0x80)
        .filter((c) => (c < 0xd800 || c > 0xdfff) &&
          text.plain(String.fromCharCode(c)) !== String.fromCharCode(c))
        .join(" ")]]
    assert.equal(table.concat(hidden, " ") .. "\n", out)
  end)

  with_node("durations are those of the page", function()
    local list, want = {}, {}
    for power = -9, 2 do
      for _, digits in ipairs { 1, 1.5, 2.346, 9.99, 9.996 } do
        list[#list + 1] = digits * 10.0 ^ power
        want[#want + 1] = plot.si(list[#list], "s"):gsub("µ", "u")
      end
    end
    local out = in_page(("[%s].map(text.duration).join(`\n`)"):format(
      table.concat(list, ", ")))
    assert.equal(table.concat(want, "\n") .. "\n", (out:gsub("µ", "u")))
  end)

  it("a picture's suffixes are those of C", function()
    local list = {}
    for suffix in support.read "src/host/recorder.c":gmatch '"%.(%l+)"' do
      list[#list + 1] = suffix
    end
    table.sort(list)
    local known = {}
    for suffix in support.read "lua/net/trace.lua"
      :match "local WRITERS = (%b{})":gmatch "(%l+) = " do
      known[#known + 1] = suffix
    end
    known[#known + 1] = "jsonl"
    table.sort(known)
    assert.same(known, list)
  end)
end)
