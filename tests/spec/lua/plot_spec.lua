-- net.plot and net.json: what they write, read by Python's XML and JSON
-- parsers, and what they refuse.
local json = require "net.json"
local plot = require "net.plot"
local support = require "tests.support"

-- Calls f, which must raise an error that names this file.
local function refused(pattern, f, ...)
  local args = table.pack(...)
  local ok, message = pcall(function()
    local result = f(table.unpack(args, 1, args.n))
    return result
  end)
  assert.is_false(ok, tostring(message))
  assert.matches("tests/spec/lua/plot_spec.lua:%d+: .*" .. pattern, message)
end

-- Returns what Lua text prints in a process with an environment of its own.
local function with(environment, text)
  local path = support.write(support.folder() .. "/script.lua",
    'local plot = require "net.plot"\n' .. text)
  local out, err, status = support.run(("env %s %s %s"):format(environment,
    support.driver, path))
  assert.same({ "", 0 }, { err, status })
  return out
end
local UTF8 = "LC_ALL=C.UTF-8 COLUMNS=40"

describe("plot.si", function()
  support.leaves_nothing(before_each, after_each)

  it("scales time down and other units up, to three digits", function()
    for _, case in ipairs {
      { 0, "s", "0 s" }, { 1, "s", "1 s" }, { 1234, "s", "1234 s" },
      { 0.25, "s", "250 ms" }, { -0.002, "s", "-2 ms" }, { 3e-9, "s", "3 ns" },
      { 0.9996, "s", "1 s" }, { 1e-12, "s", "0.001 ns" },
      { 1200, nil, "1.2 k" }, { 999, nil, "999" }, { 999.6, nil, "1 k" },
      { 0.5, "B", "0.5 B" }, { 1234567, "B/s", "1.23 MB/s" },
      { 5e9, "B/s", "5 GB/s" }, { 9e15, "B", "9000 TB" },
      { math.mininteger, nil, "-9.22e+06 T" },
    } do
      assert.equal(case[3], plot.si(case[1], case[2]))
    end
  end)

  it("writes µ if the locale has it", function()
    local text = 'print(plot.si(35e-6, "s"))'
    assert.equal("35 µs\n", with("LC_ALL=C.UTF-8", text))
    assert.equal("35 µs\n", with("LC_ALL= LC_CTYPE=en_US.utf8 LANG=C", text))
    assert.equal("35 us\n", with("LC_ALL=C LANG=C.UTF-8", text))
    assert.equal("35 us\n", with("-u LC_ALL -u LC_CTYPE -u LANG", text))
  end)

  it("refuses anything but a finite number", function()
    for _, value in ipairs { 0 / 0, 1 / 0, -1 / 0, "1", {} } do
      refused("finite", plot.si, value)
    end
    refused("finite", plot.si, nil)
  end)
end)

describe("plot.row", function()
  it("counts characters, and moves on what follows a wide cell", function()
    assert.equal("  5 µs    a 1", plot.row({ 6, 4, 1, 9 }, "5 µs", "a", 1))
    assert.equal("wide x", plot.row({ 1, 1 }, "wide", "x"))
    refused("width", plot.row, { 1 }, "a", "b")
    refused("width", plot.row, { 1.5 }, "a")
    refused("width", plot.row, { "wide" }, "a")
  end)
end)

describe("plot.bars", function()
  support.leaves_nothing(before_each, after_each)

  it("fills the width with the longest bar, in eighths", function()
    -- 40 columns, 29 of them for bars: 5 + 3 + 3 are not
    assert.equal("one      8 " .. ("█"):rep(29) .. "\n" ..
      "half     4 " .. ("█"):rep(14) .. "▌\n" ..
      "mµ    tiny ▏\nzero     0\n", with(UTF8, [[
      print(plot.bars { { "one", 8 }, { "half", 4 }, { "mµ", 1e-9, "tiny" },
        { "zero", 0 } })]]))
  end)

  it("uses '#' in other locales", function()
    assert.equal("a  2 " .. ("#"):rep(15) .. "\nb  1 " .. ("#"):rep(8) .. "\n",
      with("LC_ALL=C", [[
        print(plot.bars { { "a", 2 }, { "b", 1 }, width = 20 })]]))
  end)

  it("is 80 columns wide without COLUMNS", function()
    local text = 'io.write(utf8.len(plot.bars { { "a", 1 } }))'
    assert.equal("80", with("-u COLUMNS LC_ALL=C.UTF-8", text))
    assert.equal("80", with("COLUMNS=wide LC_ALL=C.UTF-8", text))
    assert.equal("33", with("COLUMNS=33 LC_ALL=C.UTF-8", text))
  end)

  it("draws nothing for no rows", function()
    assert.equal("", plot.bars {})
    assert.equal("a  0", plot.bars { { "a", 0 } })
  end)

  it("refuses lengths that cannot be drawn", function()
    for _, value in ipairs { -1, 0 / 0, 1 / 0, "1" } do
      refused("row 1: the value", plot.bars, { { "a", value } })
    end
    refused("row 2", plot.bars, { { "a", 1 }, { "b" } })
    refused("width", plot.bars, { { "a", 1 }, width = 0 })
    refused("width", plot.bars, { { "a", 1 }, width = 9.5 })
    refused("table", plot.bars, nil)
  end)
end)

-- Prints a chart's elements as lines of "tag class text", and whether all lines
-- and points are within the viewBox.
local PARSE = [[
import re, sys, xml.etree.ElementTree as ET
root = ET.fromstring(sys.stdin.buffer.read())
assert root.tag == '{http://www.w3.org/2000/svg}svg'
width, height = map(float, root.get('viewBox').split()[2:])
print('root', root.get('role'), root.get('width'))
for e in root.iter():
    tag = e.tag.split('}')[1]
    assert tag in 'svg title desc style rect text path circle'.split(), tag
    for key, value in e.attrib.items():
        assert 'href' not in key and not key.startswith('on'), key
        if key in ('d', 'cx', 'cy', 'x', 'y'):
            for i, n in enumerate(re.findall(r'[-\d.]+', value)):
                most = width if key in ('cx', 'x') or key == 'd' and i % 2 == 0\
                    else height
                assert 0 <= float(n) <= most, (key, value)
    if tag not in ('style', 'svg', 'rect'):
        print(tag, e.get('class') or '', (e.text or '').strip())
]]

local function parse(svg)
  local out, err, status = support.run(
    "env PYTHONIOENCODING=utf-8 " .. support.python(PARSE), svg)
  assert.same({ "", 0 }, { err, status })
  return out
end

local function count(text, pattern)
  return select(2, text:gsub(pattern, ""))
end

-- Returns the texts of the ticks along x (middle) or y (end), in order.
local function ticks(svg, anchor)
  local list = {}
  for text in svg:gmatch('text%-anchor="' .. anchor .. '">([^<]*)<') do
    list[#list + 1] = text
  end
  if anchor == "middle" then list[#list] = nil end -- the name of the axis
  return table.concat(list, " ")
end

local function points(...)
  return { series = { { points = { ... } } } }
end

describe("plot.svg", function()
  support.leaves_nothing(before_each, after_each)

  it("is well-formed, with title, legend, lines and points", function()
    local out = parse(plot.svg { title = "Throughput", x = "size",
      y = "speed", x_unit = "B", y_unit = "B/s", log_x = true, series = {
        { name = "small", points = { { 1e3, 1e6 }, { 1e4, 9e6 } } },
        { name = "large", points = { { 1e3, 2e6 }, { 1e4, 3e6 } } } } })
    assert.matches("^root img None\ntitle  Throughput\ndesc  Line chart of " ..
      "speed against size: small, large%.\n", out)
    assert.matches("\ntext t Throughput\n", out)
    for _, text in ipairs { "small", "large", "speed", "size", "10 MB/s",
      "0 B/s", "1 kB", "10 kB" } do
      assert.equal(1, count(out, "\ntext  " .. text:gsub("%p", "%%%0")))
    end
    assert.equal(2, count(out, "\npath c1 d1 s "), out) -- legend and line
    assert.equal(2, count(out, "\npath c2 d2 s "))
    assert.equal(2, count(out, "\ncircle c2 m "))
    assert.matches("\ntitle  large: 10 kB, 3 MB/s\n", out)
  end)

  it("follows the reader's dark or light scheme, and scales", function()
    local svg = plot.svg(points({ 1, 1 }))
    assert.matches("@media %(prefers%-color%-scheme:dark%){", svg)
    assert.matches("^<svg [^>]*viewBox=", svg)
    assert.not_matches("^<svg [^>]*width=", svg)
    assert.equal(1, count(svg, "http")) -- the XML namespace
    assert.not_matches("<script", svg)
  end)

  it("escapes text, and replaces characters that XML lacks", function()
    local nasty = '<b a="1">&amp;</b>\0\27\xff\xed\xa0\x80\u{FFFE}é'
    local chart = points({ 1, 1 })
    chart.title, chart.x, chart.y, chart.series[1].name =
      nasty, nasty, nasty, nasty
    local out = parse(plot.svg(chart))
    local text = '<b a="1">&amp;</b>' .. ("\u{FFFD}"):rep(7) .. "é"
    assert.equal(1, count(out, "\ntitle  " .. text:gsub("%p", "%%%0") .. "\n"))
    assert.equal(3, count(out, "\ntext  " .. text:gsub("%p", "%%%0")))
  end)

  it("cuts a title that does not fit, but not for screen readers",
    function()
      local chart = points({ 1, 1 })
      chart.title = ("ä"):rep(200)
      local out = parse(plot.svg(chart))
      assert.matches("\ntext t " .. ("ä"):rep(75) .. "…\n", out)
      assert.matches("\ntitle  " .. ("ä"):rep(200) .. "\n", out)
    end)

  it("has round ticks around the points", function()
    local chart = points({ 0.3, 0 }, { 9.1, 97 })
    assert.equal("0 1 2 3 4 5 6 7 8 9 10", ticks(plot.svg(chart), "middle"))
    assert.equal("0 20 40 60 80 100", ticks(plot.svg(chart), "end"))
    chart = points({ -3, -12 }, { 3, 44 })
    assert.equal("-3 -2 -1 0 1 2 3", ticks(plot.svg(chart), "middle"))
    assert.equal("-20 -10 0 10 20 30 40 50", ticks(plot.svg(chart), "end"))
    chart = points({ 1, 0.0015 }, { 2, 0.0031 })
    chart.y_unit = "s" -- from 0, unless a point is below
    assert.equal("0 s 500 µs 1 ms 1.5 ms 2 ms 2.5 ms 3 ms 3.5 ms",
      ticks(plot.svg(chart), "end"))
  end)

  it("has ticks on a logarithmic axis: decades, or 1 2 5", function()
    local chart = points({ 3, 2e-6 }, { 2e5, 3e-2 })
    chart.log_x, chart.log_y, chart.y_unit = true, true, "s"
    assert.equal("1 10 100 1 k 10 k 100 k 1 M",
      ticks(plot.svg(chart), "middle"))
    assert.equal("1 µs 10 µs 100 µs 1 ms 10 ms 100 ms",
      ticks(plot.svg(chart), "end"))
    chart = points({ 30, 1 }, { 400, 1 })
    chart.log_x = true
    assert.equal("20 50 100 200 500", ticks(plot.svg(chart), "middle"))
  end)

  it("places points at their ticks", function()
    local chart = points({ 1, 0 }, { 10, 50 }, { 100, 100 })
    chart.log_x = true
    local svg, xs, ys = plot.svg(chart), {}, {}
    for x, y in svg:gmatch 'cx="([%d.]+)" cy="([%d.]+)"' do
      xs[#xs + 1], ys[#ys + 1] = tonumber(x), tonumber(y)
    end
    assert.is_true(math.abs(xs[1] + xs[3] - 2 * xs[2]) < 0.3)
    assert.is_true(math.abs(ys[1] + ys[3] - 2 * ys[2]) < 0.3)
    assert.is_true(ys[1] > ys[3] and xs[1] < xs[3])
    local tick = svg:match '<text x="([%d.]+)" [^>]*"middle">10</text>'
    assert.equal(xs[2], tonumber(tick))
  end)

  it("draws extremes, one point, and equal points", function()
    for _, chart in ipairs {
      points({ 0, 0 }), points({ 5, 7 }, { 5, 7 }), points({ -1, -1 }),
      points({ 1e299, -1e299 }, { -1e299, 1e299 }),
      points({ 5e-324, 5e-324 }, { 0, 0 }),
      points({ 1e15, 1e15 }, { 1e15 + 0.25, 1e15 + 0.5 }),
    } do
      local svg = plot.svg(chart)
      parse(svg)
      assert.is_true(#svg < 8000)
    end
    local chart = points({ 1e-299, 2 }, { 1e299, 2 })
    chart.log_x, chart.log_y = true, true
    parse(plot.svg(chart))
  end)

  it("marks points only if they are few, and wraps a long legend",
    function()
      local many, chart = {}, { series = {} }
      for i = 1, 61 do many[i] = { i, i * i } end
      for i = 1, 12 do
        chart.series[i] = { name = "a rather long name " .. i, points = many }
      end
      local out = parse(plot.svg(chart))
      assert.not_matches("circle", out)
      assert.equal(24, count(out, "\npath c%d d%d s "))
    end)

  it("refuses what it cannot draw, at the caller's line", function()
    local function series(...) return { series = { { points = { ... } } } } end
    local log = series({ 0, 1 })
    log.log_x = true
    refused("logarithmic", plot.svg, log)
    for _, value in ipairs { 0 / 0, 1 / 0, -1 / 0, "1", false } do
      refused("series 1, point 2: .*finite", plot.svg,
        series({ 1, 1 }, { value, 1 }))
      refused("finite", plot.svg, series({ 1, value }))
    end
    refused("finite", plot.svg, series(1))
    refused("table", plot.svg, nil)
    refused("no series", plot.svg, {})
    refused("no series", plot.svg, { series = {} })
    refused("series 1 has no points", plot.svg, series())
    refused("series 1 has no points", plot.svg, { series = { 5 } })
    refused("no option 'logx'", plot.svg, { logx = true })
    refused("title must be a string", plot.svg, { title = 5 })
    refused("log_y must be a boolean", plot.svg, { log_y = 1 })
  end)
end)

describe("json.encode", function()
  support.leaves_nothing(before_each, after_each)

  it("writes what Python reads as the same values", function()
    local text = json.encode {
      array = { 1, 2.5, "three", false, { 4 } }, object = { b = 1, a = {} },
      integer = math.mininteger, float = 3.0, tiny = 5e-324, third = 1 / 3,
      huge = 1.7976931348623157e308, zero = -0.0,
      text = 'a"b\\c/\0\1\31\127\n\té\u{10FFFF}',
    }
    assert.not_matches("\n", text)
    local out, err = support.run(support.python [=[
import json, sys
v = json.load(sys.stdin)
print(v['array'] == [1, 2.5, 'three', False, [4]])
print(v['object'] == {'a': {}, 'b': 1}, list(v['object']), sorted(v) == list(v))
print(v['integer'] == -2**63, type(v['integer']).__name__)
print(v['float'] == 3, type(v['float']).__name__)
print(v['tiny'] == 5e-324, v['third'] == 1/3)
print(v['huge'] == 1.7976931348623157e308)
print(str(v['zero']))
print(v['text'] == 'a"b\\c/\0\1\x1f\x7f\n\té\U0010FFFF')
]=], text)
    assert.equal("", err)
    assert.equal("True\nTrue ['a', 'b'] True\nTrue int\nTrue float\n" ..
      "True True\nTrue\n-0.0\nTrue\n", out)
  end)

  it("refuses what JSON lacks, at the caller's line", function()
    local within = {}
    within[1] = within
    for pattern, value in pairs {
      ["no NaN"] = { x = 0 / 0 }, ["no infinity"] = { -1 / 0 },
      ["no function"] = print, ["not UTF%-8"] = { "\xff" },
      ["keys are strings"] = { [1.5] = 1 }, ["deeper"] = within,
    } do
      refused(pattern, json.encode, value)
    end
    refused("keys are strings", json.encode, { 1, x = 2 })
    refused("keys are strings", json.encode, { nil, 2, x = 1 })
    refused("no nil", json.encode, nil)
  end)
end)

describe("json.decode", function()
  support.leaves_nothing(before_each, after_each)

  it("reads each kind of value, and space around it", function()
    assert.same({ { 1, -2, 2.5, 1e3, 1.5e-3 }, { a = {}, b = { {} } }, true,
      false, "", "a/b\"\\\b\f\n\r\té😀\127" }, json.decode([=[
      [ [1, -2, 2.5, 1E3, 1.5e-3 ], { "a" : [], "b" : [{}] }, true, false, "",
        "a\/b\"\\\b\f\n\r\t\u00e9\uD83D\ude00]=] .. "\127\"\t]\r\n"))
    for text, value in pairs { ["0"] = 0, [" true "] = true, ['"x"'] = "x" } do
      assert.equal(value, json.decode(text))
    end
  end)

  it("reads integers as integers, and larger ones as floats",
    function()
      for text, kind in pairs {
        ["9223372036854775807"] = "integer", ["-9223372036854775808"] =
        "integer", ["9223372036854775808"] = "float", ["1.0"] = "float",
        ["1e0"] = "float", ["-0"] = "integer", ["-0.0"] = "float",
      } do
        local n = json.decode(text)
        assert.equal(kind, math.type(n), text)
        assert.equal(tonumber(text), n)
      end
    end)

  it("reads null as nil, and the last of repeated keys", function()
    assert.same({}, { json.decode "null" })
    assert.same({ b = 3 }, json.decode '{"a":1,"b":2,"b":3,"a":null}')
    assert.same({ nil, 2 }, json.decode "[null,2]")
  end)

  it("reads what json.encode and Python write", function()
    local value = { array = { 1, 2.5, "3", false, { 4 } }, tiny = 5e-324,
      object = { b = 1, a = {} }, integer = math.mininteger, third = 1 / 3,
      text = 'a"b\\c/\0\1\31\127\n\té\u{10FFFF}' }
    assert.same(value, json.decode(json.encode(value)))
    local out = support.run(support.python [=[
import json, sys
print(json.dumps(json.load(sys.stdin), indent=2))]=], json.encode(value))
    assert.same(value, json.decode(out))
  end)

  it("refuses what is not JSON, and names the place", function()
    for text, message in pairs {
      [""] = "value expected at byte 1", ["  "] = "value expected at byte 3",
      ["[1,]"] = "value expected at byte 4",
      ["[1 2]"] = "',' or ']' expected at byte 4",
      ["[1"] = "',' or ']' expected at byte 3",
      ["[01]"] = "',' or ']' expected at byte 3",
      ['{"a"}'] = "':' expected at byte 5",
      ["{1:2}"] = "string expected at byte 2",
      ['{"a":1,}'] = "string expected at byte 8",
      ["{"] = "string expected at byte 2",
      ["1."] = "unexpected text after the value at byte 2",
      ["1 x"] = "unexpected text after the value at byte 3",
      ["0x10"] = "unexpected text after the value at byte 2",
      ["+1"] = "value expected at byte 1", ["-"] = "value expected at byte 1",
      [".5"] = "value expected at byte 1", ["nul"] = "value expected at byte 1",
      ["trues"] = "value expected at byte 1",
      ["NaN"] = "value expected at byte 1",
      ["1e999"] = "number out of range at byte 1",
      ['"a'] = "unfinished string at byte 3",
      ['"a\n"'] = "unfinished string at byte 3",
      ['"\\x41"'] = "unknown escape at byte 2",
      ['"\\u12G4"'] = "unknown escape at byte 2",
      ['"\\ud800"'] = "half of a surrogate pair at byte 2",
      ['"\\ud800\\u0041"'] = "half of a surrogate pair at byte 2",
      ['"\\udc00\\ud800"'] = "half of a surrogate pair at byte 2",
      ['"\xff"'] = "invalid UTF-8 at byte 2",
      ['"\xed\xa0\x80"'] = "invalid UTF-8 at byte 2",
      ["\u{FEFF}1"] = "value expected at byte 1",
      [("["):rep(101)] = "nested deeper than 100 at byte 101",
    } do
      assert.same({ n = 3, nil, "decode: " .. message .. " (EINVAL)",
        "EINVAL" }, table.pack(json.decode(text)))
    end
    assert.is_table(json.decode(("["):rep(100) .. ("]"):rep(100)))
    refused("string expected, got nil", json.decode, nil)
  end)
end)
