-- The reference, compared with the loaded modules, lua/README.md and the
-- sources; and the manual page that is made of it.
local net = require "net"
local reference = require "src.man.reference"
local support = require "tests.support"

local META = "lua/meta/net.lua"
-- "ntp" of lua/net/ntp.lua
local MODULES = {}
for file in io.popen("ls lua/net"):lines() do
  MODULES[#MODULES + 1] = file:match "^(.*)%.lua$"
end

local function entries_of(path)
  return reference.parse(support.read(path))
end

-- The entries of the net module, then those of the other modules.
local stubs, all = entries_of(META), {}
for _, entry in ipairs(stubs) do all[#all + 1] = entry end
for _, name in ipairs(MODULES) do
  for _, entry in ipairs(entries_of("lua/net/" .. name .. ".lua")) do
    all[#all + 1] = entry
  end
end

local keys = support.keys

local function map(list, f)
  local mapped = {}
  for i, value in ipairs(list) do mapped[i] = f(value) end
  return mapped
end

local function name_of(it) return it.name end

-- "net.socket(family, type)"
local function signature(entry)
  return ("%s(%s)"):format(entry.name, table.concat(entry.arguments, ", "))
end

-- Returns the entries of a kind as a set of f(entry), by default of names.
local function set(entries, kind, f)
  local found = {}
  for _, entry in ipairs(entries) do
    if entry.kind == kind then found[(f or name_of)(entry)] = entry end
  end
  return found
end

-- Collects the names of the functions in a table and in tables below.
local function functions(names, prefix, t)
  for name, value in pairs(t) do
    if type(value) == "function" then names[prefix .. name] = true end
    if type(value) == "table" then
      functions(names, prefix .. name .. ".", value)
    end
  end
  return names
end

-- Returns what only one of two sets has.
local function difference(wanted, found)
  local list = {}
  for name in pairs(wanted) do
    if not found[name] then list[#list + 1] = "missing: " .. name end
  end
  for name in pairs(found) do
    if not wanted[name] then list[#list + 1] = "unknown: " .. name end
  end
  return list
end

-- Returns what is wrong with an entry.
local function wrong_with(entry)
  local list, returns = {}, entry.returns
  local function must(what, is)
    if not is then list[#list + 1] = entry.name .. " lacks " .. what end
  end
  must("a description", entry.text ~= "")
  for _, field in ipairs(entry.kind == "class" and entry.fields or {}) do
    must("a name and a type in each @field", field.name and field.type)
  end
  if entry.kind ~= "function" then return list end
  must("a line See:", entry.see)
  must("a @param for each parameter, in order",
    table.concat(map(entry.params, name_of), ", ") ==
      table.concat(entry.arguments, ", "))
  must("a @return", #returns > 0)
  for _, result in ipairs(returns) do
    must("a name and a type in each @return", result.name ~= "" and result.type)
  end
  if entry.errors and returns[1].name ~= "..." then
    for i, what in ipairs { "message", "code" } do
      local result = returns[i + 1] or { name = "", text = "" }
      must("a @return for its " .. what, result.name == what or
        result.text:find("or the " .. what .. "$"))
    end
  end
  return list
end

describe("the reference", function()
  it("is valid Lua, and declares what it describes", function()
    local declared, described = functions({}, "net.", dofile(META)), {}
    for name in pairs(set(stubs, "function")) do
      if name:find "^net%." then described[name] = true end
    end
    assert.same({}, difference(declared, described))
  end)

  it("has the functions of the module and the methods of its classes",
    function()
      local have = functions({}, "net.", net)
      local prefixes = {}
      for name, entry in pairs(set(stubs, "class")) do
        if entry.variable then prefixes[name] = entry.variable end
      end
      for name, class in pairs(debug.getregistry()) do
        local methods = type(name) == "string" and name:find "^net%." and
          class.__index or {}
        for method in pairs(methods) do
          local prefix = prefixes[name] or name
          have[prefix .. ":" .. method] = true
        end
      end
      assert.same({}, difference(have, set(stubs, "function")))
    end)

  it("has the functions of the modules in Lua", function()
    for _, name in ipairs(MODULES) do
      assert.same({}, difference(
        functions({}, name .. ".", require("net." .. name)),
        set(entries_of("lua/net/" .. name .. ".lua"), "function")))
    end
  end)

  it("describes everything that it has", function()
    local wrong = {}
    for _, entry in ipairs(all) do
      if entry.kind ~= "section" then
        table.move(wrong_with(entry), 1, 99, #wrong + 1, wrong)
      end
    end
    assert.same({}, wrong)
  end)

  it("has the functions of lua/README.md, with the same parameters", function()
    local rows = {}
    for line in support.read "lua/README.md":gmatch "[^\n]+" do
      local left = line:match "^| (`.-) | " or ""
      for call in left:gmatch "`([%w_.]+[.:][%w_]+%(.-%))`" do
        rows[call] = true
      end
    end
    assert.same({}, difference(set(stubs, "function", signature), rows))
  end)

  it("has the signatures of the comments in C", function()
    local pipe <close> = io.popen "cat src/*/*.c"
    local source, missing = pipe:read "a", {}
    for call in pairs(set(stubs, "function", signature)) do
      if not source:find(" " .. call, 1, true) then
        missing[#missing + 1] = call
      end
    end
    assert.same({}, missing)
  end)

  it("explains each code that it names", function()
    local meanings, unknown = {}, {}
    for _, code in ipairs(set(stubs, "alias")["net.code"].fields) do
      meanings[code.name] = code.text
    end
    for _, entry in ipairs(all) do
      for code in (entry.errors or ""):gmatch '"(.-)"' do
        if not meanings[code] then unknown[code] = entry.name end
      end
    end
    assert.same({}, unknown)
  end)

  it("names only codes that libuv or error.c knows", function()
    local known = support.run "sh -c 'echo \"#include <uv.h>\" | \z
      ${CC:-cc} -E -dM $(pkg-config --cflags libuv) -'"
    known = known .. support.read "src/core/error.c":gsub('"(E%u+)"', "UV__%1 ")
    for _, code in ipairs(set(stubs, "alias")["net.code"].fields) do
      assert.truthy(known:find("UV__" .. code.name .. " "), code.name)
    end
  end)

  it("uses only types that it has", function()
    local known = { ["table"] = true, fun = true, any = true }
    for name in ("nil boolean true number integer string table function thread")
      :gmatch "%S+" do known[name] = true end
    for _, kind in ipairs { "class", "alias" } do
      for name in pairs(set(all, kind)) do known[name] = true end
    end
    local unknown = {}
    local function check(it)
      local names = (it.type or ""):gsub('".-"', ""):gsub("[%w_]+: ", "")
      for name in names:gmatch "[%a_][%w_.]*" do
        if not known[name] then unknown[name] = true end
      end
    end
    for _, entry in ipairs(all) do
      for _, list in ipairs { entry.params, entry.returns, entry.fields } do
        map(list, check)
      end
    end
    assert.same({}, unknown)
  end)

  -- "|once|workers|" next to net_args_keys in C; "" if there is none.
  it("has the options that the C functions take", function()
    local taken, described = {}, {}
    local pipe <close> = io.popen "cat src/*/*.c"
    for list in pipe:read "a":gmatch 'net_args_keys%([^"]-("|.-|")%)' do
      local names = {}
      for name in list:gsub('"%s*"', ""):gmatch "[%w_]+" do names[name] = 1 end
      taken[table.concat(keys(names), " ")] = true
    end
    for name, class in pairs(set(stubs, "class")) do
      if name:find "options$" or name:find "hints$" then
        local names = map(class.fields, name_of)
        table.sort(names)
        described[table.concat(names, " ")] = true
      end
    end
    assert.same({}, difference(taken, described))
  end)

  it("names each socket option in the text of setsockopt", function()
    local rows, named = {}, {}
    local source = support.read "src/socket/option.c"
    for name in source:gmatch "ROW%([%u%d_]+, ([%u%d_]+)%)" do
      rows[name] = true
    end
    for name in source:gmatch '{"([%u%d_]+)", ' do rows[name] = true end
    local text = set(stubs, "function")["sock:setsockopt"].text
    for name in text:gmatch "%f[%w]%u[%u%d]+_[%u_%d]+" do named[name] = true end
    assert.same({}, difference(rows, named))
  end)

  it("has the fields of the engines' reports", function()
    local function fields(class)
      local names = map(set(stubs, "class")[class].fields, name_of)
      table.sort(names)
      return names
    end
    local listener, host, port = support.listener()
    local totals = {}
    local server <close> = net.spawn(function()
      listener:echo { totals = totals }
    end)
    local report = assert(net.load { host = host, port = port, messages = 9 })
    server:cancel()
    local info, sock = listener:info(), support.pair()
    for name, value in pairs(sock:info()) do info[name] = value end
    listener:close()
    assert.same(fields "net.load.report", keys(report))
    assert.same(fields "net.info", keys(info))
    assert.same(fields "net.load.latency", keys(report.latency))
    assert.same(fields "net.histogram.bucket",
      keys(report.histogram:buckets()[1]))
    assert.same(fields "net.echo.totals", keys(totals))
  end)

  it("is set up for editors that open the checkout", function()
    local out, err, status = support.run [[python3 -c '
import json, os
for path in json.load(open(".luarc.json"))["workspace.library"]:
  assert path.startswith("$") or os.path.isdir(path), path
']]
    assert.equal(0, status, out .. err)
  end)
end)

describe("src/man/reference.lua", function()
  it("reads a function", function()
    local entries = reference.parse [=[
-- # Title
--
-- Its text.

--- What it does,
--- in two lines.
---
--- Errors: "EOF" at the
--- end.
---
--- See: read(2).
---@param f? fun(a: string, b: integer) told
---@param ... any
---@return string|nil? data of it
---@return string? message
function x.read(f, ...) end]=]
    assert.same({
      { kind = "section", name = "Title", text = "Its text." },
      { kind = "function", name = "x.read", arguments = { "f", "..." },
        text = "What it does,\nin two lines.", errors = '"EOF" at the end.',
        see = "read(2).", fields = {}, part = "see",
        params = {
          { name = "f", optional = true, text = "told",
            type = "fun(a: string, b: integer)" },
          { name = "...", optional = false, text = "", type = "any" } },
        returns = {
          { name = "data", type = "string|nil?", text = "of it" },
          { name = "message", type = "string?", text = "" } } },
    }, entries)
  end)

  it("raises for a tag of two lines", function()
    for _, text in ipairs { "---@param a integer what\n---   it is",
      "---@param a integer what\n--- it is",
      "---@class net.x\n---@field a integer what\n---   it is" } do
      assert.matches("is below a tag, which must be one line$",
        support.raised(reference.parse, "--- Text.\n" .. text))
    end
  end)

  it("raises for a tag without a type", function()
    for line, message in pairs {
      ["---@param size"] = "'---@param size' has no name and type",
      ["---@field"] = "'---@field ' has no name and type",
      ["---@return"] = "'---@return ' has no type",
    } do
      assert.has_error(function() reference.parse(line) end, message)
    end
  end)

  it("reads a class and an alias, and no other comment", function()
    local class, alias, more = table.unpack(reference.parse [=[
-- Not this.
--- Nor this, which is about nothing.

--- A box.
---@class box
--- Above it.
---@field a? integer
---@field b string behind it
local b = {}

--- A word.
---@alias word
---| "yes" # so
---| string]=])
    assert.equal("A box.", class.text)
    assert.equal("b", class.variable)
    assert.same({
      { name = "a", optional = true, type = "integer", text = "Above it.\n" },
      { name = "b", optional = false, type = "string", text = "behind it" },
    }, class.fields)
    assert.equal("alias word A word.",
      table.concat({ alias.kind, alias.name, alias.text }, " "))
    assert.same({ { name = "yes", text = "so" } }, alias.fields)
    assert.is_nil(more)
  end)
end)

describe("the manual page", function()
  support.leaves_nothing(before_each, after_each)

  it("causes no warning, and has every function", function()
    local out, err, status = support.run(
      "env MANWIDTH=200 man --warnings -E ascii -P cat -l " ..
      support.build .. "/net.3lua")
    assert.equal("", err)
    assert.equal(0, status)
    out = out:gsub(".\b", "")
    for _, entry in ipairs(all) do
      if entry.kind == "function" and not entry.name:find "^reference" then
        assert.truthy(out:find("\n   " .. signature(entry), 1, true),
          entry.name)
      end
    end
  end)
end)
