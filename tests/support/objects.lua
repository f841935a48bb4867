-- SPDX-License-Identifier: MIT
--
-- The symbols of the object files of src/, by nm(1). A file's entry:
-- ["core/loop"] = { defines = { net_run = true }, needs = { uv_run = true } }
local support = require "tests.support"

local objects = {}
local pipe <close> = io.popen("ls src/*/*.c | sed 's,^src/\\(.*\\)c$," ..
  support.build .. "/\\1o,' | xargs nm -AP 2>/dev/null")
for line in pipe:lines() do
  local file, symbol, kind = line:match "(%w+/[%w_]+)%.o: (%S+) (%u)"
  if kind then
    objects[file] = objects[file] or { defines = {}, needs = {} }
    objects[file][kind == "U" and "needs" or "defines"][symbol] = true
  end
end
return objects
