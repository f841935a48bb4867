-- The folders of src/ are layers: what each may include, and whose symbols it
-- may need.
local objects = require "tests.support.objects"
local support = require "tests.support"

local MAY_INCLUDE = {
  os = "os", engine = "os engine", core = "os core",
  socket = "os core socket", trace = "os core socket trace",
  lib = "os engine core socket trace lib",
  host = "os engine core socket trace lib host",
}
local PURE = { os = true, engine = true } -- they know neither Lua nor libuv

-- Calls f with "core/loop", "core" and the text of each source and header.
local function each_file(f)
  for path in io.popen "ls src/*/*.[ch]":lines() do
    local name, folder = path:match "^src/((%w+)/[%w_]+)"
    f(name, folder, support.read(path))
  end
end

-- Returns a circle of files that need each other's symbols, below this one.
local function circle(file, owners, path, done)
  if path[file] then return table.concat(path, "\n", path[file]) end
  if done[file] then return end
  done[file], path[file] = true, #path + 1
  for symbol in pairs(objects[file].needs) do
    local owner = owners[symbol]
    if owner then
      path[#path + 1] = ("%s needs %s of %s"):format(file, symbol, owner)
      local found = circle(owner, owners, path, done)
      if found then return found end
      path[#path] = nil
    end
  end
  path[file] = nil
end

describe("the files of src", function()
  it("include what their layer may include", function()
    local wrong = {}
    each_file(function(name, folder, text)
      for other in text:gmatch '#include "(%w+)/' do
        if not (" " .. MAY_INCLUDE[folder] .. " "):find(" " .. other .. " ")
        then wrong[#wrong + 1] = name .. " includes " .. other end
      end
    end)
    assert.same({}, wrong)
  end)

  it("know neither Lua nor libuv in os and engine", function()
    local wrong = {}
    each_file(function(name, folder, text)
      if not PURE[folder] then return end
      for header in text:gmatch "#include <(%w+)%.h>" do
        if header == "uv" or header == "lauxlib" or header:find "^lua" then
          wrong[#wrong + 1] = ("%s includes <%s.h>"):format(name, header)
        end
      end
      for symbol in pairs(objects[name] and objects[name].needs or {}) do
        if symbol:find "^luaL?_" or symbol:find "^uv_" then
          wrong[#wrong + 1] = name .. " needs " .. symbol
        end
      end
    end)
    assert.same({}, wrong)
  end)

  it("do not need each other in a circle", function()
    local owners, done = {}, {}
    for file, symbols in pairs(objects) do
      for symbol in pairs(symbols.defines) do owners[symbol] = file end
    end
    for file in pairs(objects) do
      assert.is_nil(circle(file, owners, {}, done))
    end
  end)
end)
