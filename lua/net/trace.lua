-- SPDX-License-Identifier: MIT
--
-- net.trace: what `netlab --trace` wrote down, read again: the events of a
-- process, a model of several on one axis of time, and the files that show it.
-- netlab(1) says what the events are, net/trace/model.lua what the model is.

local event = require "net.trace.read"
local model = require "net.trace.model"

local trace = {}

local MOST_STARTS = 1000 -- of processes in a file

-- The events of all lines, or nil and which is damaged. Behind the end of the
-- last, there may be a piece of one.
local function read_lines(text)
  local events, starts, number, rest = {}, 0, 0, 1
  for line, behind in text:gmatch "([^\n]*)\n()" do
    local it, wrong = nil, nil
    number, rest = number + 1, behind
    if line ~= "" then it, wrong = event.read(line) end
    if it and it.ev == "start" then starts = starts + 1 end
    if starts > MOST_STARTS then wrong = "too many processes" end
    if wrong then return nil, ("line %d: %s"):format(number, wrong) end
    events[#events + 1] = it
  end
  events[#events + 1] = (event.read(text:sub(rest)))
  return events
end

--- The events of a trace, in the order of its lines.
---
--- The last line may be cut short, as it is when the process was killed. Events
--- of a kind that is not known, and keys that are not, are passed over: a newer
--- netlab wrote them. Several traces may stand one behind the other.
---
--- See: netlab(1).
---
--- Errors: "EINVAL" it is no trace, or a line of it is damaged: the message
--- says which. For a file, what reading it may fail with.
---@param from any the text of a .jsonl file, or that file, open
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
    wrong = "a trace begins with its start"
  end
  if not wrong then return events end
  return nil, ("%s%s (EINVAL)"):format(name, wrong), "EINVAL"
end

--- The model of one process or more. Unless it is told how, it reads a lab's
--- source from the file, if that is a Lua file here.
---
--- Raises nothing for what a file may hold: what does not fit together is left
--- out.
---
--- See: netlab(1).
---@param list table[][] what trace.read gave, of each
---@param source_of? fun(lab: string):string? a lab's source
---@return table model
function trace.model(list, source_of)
  return model.of(list, source_of)
end

local WRITERS = {
  mmd = "net.trace.mermaid", json = "net.trace.chrome",
  html = "net.trace.html",
}

-- The lines as they were, one process behind the other.
local function lines_of(list)
  local lines = {}
  for _, events in ipairs(list) do
    for _, it in ipairs(events) do lines[#lines + 1] = it.text end
  end
  lines[#lines + 1] = ""
  return table.concat(lines, "\n")
end

-- Errors of files have a number in Lua: the names of those that are usual.
local CODES = { [2] = "ENOENT", [13] = "EACCES", [20] = "ENOTDIR",
                [21] = "EISDIR", [28] = "ENOSPC", [30] = "EROFS" }

local function failed(message, number)
  local code = CODES[number] or "EIO"
  return nil, ("%s (%s)"):format(message, code), code
end

--- Writes a file that shows traces; its name says how: .jsonl the events
--- themselves, .html a page, .mmd a sequence diagram for Mermaid, .json Chrome
--- trace events.
---
--- See: netlab(1).
---
--- Errors: "EINVAL" another name, and what writing the file may fail with.
---@param m table? what trace.model gave; nil: it is made of the list
---@param list table[][] what trace.read gave, of each process
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
    return nil, path .. ": its name must end in .jsonl, .html, .mmd or .json" ..
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

--- Writes such a file from the text of a trace.
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
