-- SPDX-License-Identifier: MIT
--
-- net.trace: reads what `netlab --trace` has written: the events of a process,
-- a model of several on one axis of time, and the files that show it.
-- netlab(1) says what the events are, net/trace/model.lua what the model is.

local model = require "net.trace.model"
local read = require "net.trace.read"

local trace = {}

local MOST_STARTS = 1000 -- processes in a file

-- The events of all lines, or nil and a message. What follows the last newline
-- may be the beginning of a line.
local function read_lines(text)
  local events, starts, number, rest = {}, 0, 0, 1
  for line, behind in text:gmatch "([^\n]*)\n()" do
    local event, wrong = nil, nil
    number, rest = number + 1, behind
    if line ~= "" then event, wrong = read.event(line) end
    if event and event.ev == "start" then starts = starts + 1 end
    if starts > MOST_STARTS then wrong = "too many processes" end
    if wrong then return nil, ("line %d: %s"):format(number, wrong) end
    events[#events + 1] = event
  end
  events[#events + 1] = (read.event(text:sub(rest)))
  return events
end

--- The events of a trace, in the order of its lines.
---
--- The last line may be incomplete, as when the process was killed. Events and
--- keys that only a newer netlab knows are ignored. The text may hold several
--- traces, one after the other.
---
--- See: netlab(1).
---
--- Errors: "EINVAL" it is not a trace, or a line is damaged: the message says
--- which. For a file, what reading it may fail with.
---@param from any the text of a .jsonl file, or the open file
---@param name? string the file's name, for messages
---@return table[]? events nil where it fails
---@return string? message
---@return string? code
function trace.read(from, name)
  local text, wrong = from, nil
  if io.type(from) == "file" then text, wrong = from:read "a" end
  if type(text) ~= "string" and not wrong then
    error("bad argument #1 to 'read' (string or open file expected)", 2)
  end
  name = name and name .. ": " or ""
  if not text then return nil, name .. wrong, "EIO" end
  local events
  events, wrong = read_lines(text)
  if events and (not events[1] or events[1].ev ~= "start") then
    wrong = "a trace begins with a start event"
  end
  if not wrong then return events end
  return nil, ("%s%s (EINVAL)"):format(name, wrong), "EINVAL"
end

--- Makes a model of one process or more. By default it reads the source of a
--- lab from its file, if there is such a Lua file.
---
--- Raises no error for what a file may hold: what does not fit together is left
--- out.
---
--- See: netlab(1).
---@param list table[][] the events of each process, from trace.read
---@param source_of? fun(lab: string):string? a lab's source
---@return table model
function trace.model(list, source_of)
  return model.of(list, source_of)
end

local WRITERS = {
  mmd = "net.trace.mermaid", json = "net.trace.chrome",
  html = "net.trace.html",
}

-- The lines as they were, one process after the other.
local function lines_of(list)
  local lines = {}
  for _, events in ipairs(list) do
    for _, event in ipairs(events) do lines[#lines + 1] = event.text end
  end
  lines[#lines + 1] = ""
  return table.concat(lines, "\n")
end

-- In Lua, errors of files have a number. The names of the usual ones.
local CODES = { [2] = "ENOENT", [13] = "EACCES", [20] = "ENOTDIR",
                [21] = "EISDIR", [28] = "ENOSPC", [30] = "EROFS" }

local function failed(message, number)
  local code = CODES[number] or "EIO"
  return nil, ("%s (%s)"):format(message, code), code
end

--- Writes a file that shows traces. Its name says how: `.jsonl` the events
--- themselves, `.html` a page, `.mmd` a sequence diagram for Mermaid, `.json`
--- Chrome trace events.
---
--- See: netlab(1).
---
--- Errors: "EINVAL" another name, or what writing the file may fail with.
---@param m table? the model, from trace.model; nil: one is made of the list
---@param list table[][] the events of each process, from trace.read
---@param path string
---@return true? done nil where it fails
---@return string? message
---@return string? code
function trace.write(m, list, path)
  if type(path) ~= "string" then error("path must be a string", 2) end
  local extension = path:match "%.(%w+)$"
  local text
  if extension == "jsonl" then
    text = lines_of(list)
  elseif WRITERS[extension] then
    text = require(WRITERS[extension]).write(m or trace.model(list))
  else
    return nil, path .. ": the name must end in .jsonl, .html, .mmd or .json" ..
      " (EINVAL)", "EINVAL"
  end
  local file <close>, message, number = io.open(path, "wb")
  if not file then return failed(message, number) end
  for _, step in ipairs { "write", "close" } do
    local ok
    ok, message, number = file[step](file, step == "write" and text or nil)
    if not ok then return failed(path .. ": " .. message, number) end
  end
  return true
end

--- Writes such a file from the text of one trace.
---
--- See: netlab(1).
---
--- Errors: those of trace.read and trace.write.
---@param text string
---@param path string
---@return true? done nil where it fails
---@return string? message
---@return string? code
function trace.draw(text, path)
  if type(text) ~= "string" then error("text must be a string", 2) end
  local events, message, code = trace.read(text)
  if not events then return nil, message, code end
  return trace.write(nil, { events }, path)
end

return trace
