-- SPDX-License-Identifier: MIT
--
-- Traces of real programs, for specs of what writes them.

local json = require "net.json"
local support = require "tests.support"

local record = {}

--- Returns the events in a .jsonl text, whose lines must be complete strict
-- JSON.
function record.events(text)
  assert(text == "" or text:sub(-1) == "\n", "the last line is cut")
  local events = {}
  for line in text:gmatch "([^\n]*)\n" do
    events[#events + 1] = assert(json.decode(line))
  end
  return events
end

--- Runs the host with --trace=FILE.jsonl and these words. Returns the events,
-- the output, the errors, the exit status.
function record.host(words, input)
  local path = support.folder() .. "/run.jsonl"
  local out, err, status = support.run(
    ("%s --trace=%s %s"):format(support.host, path, words), input)
  return record.events(support.read(path)), out, err, status
end

--- Does the same with the text of a script.
function record.script(text, args, input)
  local path = support.write(support.folder() .. "/lab.lua",
    "local net = require 'net' " .. text)
  return record.host(path .. " " .. (args or ""), input)
end

--- Returns the events whose keys are those of `like`.
function record.pick(events, like)
  local list = {}
  for _, event in ipairs(events) do
    local same = true
    for key, value in pairs(like) do same = same and event[key] == value end
    if same then list[#list + 1] = event end
  end
  return list
end

--- Returns one key of each event as a list, with "-" for nil.
function record.column(events, key)
  local list = {}
  for i, event in ipairs(events) do list[i] = event[key] or "-" end
  return list
end

return record
