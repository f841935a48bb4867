-- SPDX-License-Identifier: MIT
--
-- Traces for the specs of who writes them: those of real programs.

local json = require "net.json"
local support = require "tests.support"

local record = {}

--- The events in a .jsonl text. Each line is strict JSON, and has all its end.
function record.events(text)
  assert(text == "" or text:sub(-1) == "\n", "the last line is cut")
  local events = {}
  for line in text:gmatch "([^\n]*)\n" do
    events[#events + 1] = assert(json.decode(line))
  end
  return events
end

--- Runs the host with the words behind --trace=FILE.jsonl: the events, then its
-- output, errors and exit status.
function record.host(words, input)
  local path = support.folder() .. "/run.jsonl"
  local out, err, status = support.run(
    ("%s --trace=%s %s"):format(support.host, path, words), input)
  return record.events(support.read(path)), out, err, status
end

--- The same with the text of a script.
function record.script(text, args, input)
  local path = support.write(support.folder() .. "/lab.lua",
    "local net = require 'net' " .. text)
  return record.host(path .. " " .. (args or ""), input)
end

--- Those events of which each key is what `like` says.
function record.pick(events, like)
  local list = {}
  for _, event in ipairs(events) do
    local same = true
    for key, value in pairs(like) do same = same and event[key] == value end
    if same then list[#list + 1] = event end
  end
  return list
end

--- One key of each, as a list; what is not there is "-".
function record.column(events, key)
  local list = {}
  for i, event in ipairs(events) do list[i] = event[key] or "-" end
  return list
end

return record
