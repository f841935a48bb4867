-- SPDX-License-Identifier: MIT
--
-- netlab.merge: `netlab --merge A.jsonl B.jsonl -o RUN.html`: the traces of
-- several processes in one picture, on one axis of time.

local complain = require "netlab.complain"
local trace = require "net.trace"

local merge = {}

local USAGE = "netlab --merge FILE.jsonl ... -o RUN.html"

-- The inputs and the output that the command line names; nil: it is wrong.
local function parse(words)
  local inputs, output, i = {}, nil, 1
  while words[i] do
    if words[i] == "-o" then
      output = words[i + 1]
      i = i + 1
      if not output then return complain "'-o' needs argument" end
    elseif words[i]:find "^%-." then
      return complain("'%s' is not an option of --merge", words[i])
    else
      inputs[#inputs + 1] = words[i]
    end
    i = i + 1
  end
  if #inputs == 0 then return complain "--merge needs a trace to read" end
  if not output then return complain "--merge needs -o and a file to write" end
  return inputs, output
end

-- The events in a file, or nil and a message.
local function read(path)
  local file <close>, wrong = io.open(path, "rb")
  if not file then return nil, wrong end
  return trace.read(file, path)
end

--- The command line of --merge.
---
--- See: netlab(1).
---@param ... string the arguments after --merge
---@return integer status the exit status
function merge.main(...)
  local inputs, output = parse { ... }
  if not inputs then
    io.stderr:write("usage: ", USAGE, "\n")
    return 1
  end
  local list = {}
  for i, path in ipairs(inputs) do
    local events, message = read(path)
    if not events then
      complain("%s", message)
      return 1
    end
    list[i] = events
  end
  local written, message = trace.write(nil, list, output)
  if not written then complain("%s", message) end
  return written and 0 or 1
end

return merge
