-- SPDX-License-Identifier: MIT
--
-- netlab.merge: `netlab --merge A.jsonl B.jsonl -o RUN.html`: the traces of
-- several processes as one picture, on one axis of time.

local text = require "net.trace.text"
local trace = require "net.trace"

local merge = {}

local USAGE = "netlab --merge FILE.jsonl ... -o RUN.html"

local function complain(format, ...)
  io.stderr:write("netlab: ", text.printable(format:format(...)), "\n")
  return nil
end

-- The inputs and the output of the command line; nil: there is a wrong word.
local function parse(words)
  local inputs, output, i = {}, nil, 1
  while words[i] do
    if words[i] == "-o" then
      output = words[i + 1]
      i = i + 1
      if not output then return complain "'-o' needs argument" end
    elseif words[i]:find "^%-." then
      return complain("'%s' is no option of --merge", words[i])
    else
      inputs[#inputs + 1] = words[i]
    end
    i = i + 1
  end
  if #inputs == 0 then return complain "--merge needs a trace to read" end
  if not output then return complain "--merge needs -o and a file to write" end
  return inputs, output
end

-- One process's events, out of a file; or nil and a message.
local function read(path)
  local file <close>, wrong = io.open(path, "rb")
  if not file then return nil, wrong end
  return trace.read(file, path)
end

--- The command line of --merge.
---
--- See: netlab(1).
---@param ... string the words behind --merge
---@return integer status for the program to leave with
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
