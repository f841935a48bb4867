-- SPDX-License-Identifier: MIT
--
-- net.trace.mermaid: a model as a sequence diagram for Mermaid: arrows for what
-- tasks sent each other, notes for what they did alone, and a bar on a task
-- that was blocked.

local text = require "net.trace.text"

local mermaid = {}

local MOST = 200      -- messages and notes
local LONGEST = 60    -- characters of one
local BLOCKED = 0.001 -- seconds of waiting that are worth a bar

-- The kinds of calls that are no step of the conversation.
local QUIET = { open = true, property = true }

-- Text in which Mermaid finds no syntax. Its entity for "#" is "#35;".
local function escape(words)
  words = text.cut(text.printable(words), LONGEST)
  words = words:gsub(utf8.charpattern, function(c)
    return not c:find "[%w ,.()_/=*+-]" and
      ("#%d;"):format(utf8.codepoint(c)) or nil
  end)
  return (words:gsub("%f[%w]([eE])([nN][dD])%f[^%w]", function(e, nd)
    return ("#%d;%s"):format(e:byte(), nd)
  end))
end

-- The names of the lanes; with the task, if a process has several.
local function lane_names(m)
  local tasks, labels = {}, {}
  for _, lane in ipairs(m.lanes) do
    tasks[lane.process] = (tasks[lane.process] or 0) + 1
  end
  for i, lane in ipairs(m.lanes) do
    local name = m.processes[lane.process].name
    if tasks[lane.process] > 1 then name = name .. ", " .. lane.name end
    labels[i] = escape(name)
  end
  return labels
end

-- "recv(16)", or "echo: recv(16)" in an engine.
local function call_words(call)
  return ("%s%s(%s)"):format(call.engine and call.engine .. ": " or "",
    call.call, call.args or "")
end

-- The first of an arrow's bytes, if one of its calls carried these bytes only.
local function arrow_data(arrow, from, to)
  if to["in"] == arrow.bytes and from.out ~= arrow.bytes then return to.data end
  return from.out == arrow.bytes and from.data or nil
end

-- The label of an arrow: the connect, or the bytes.
local function arrow_words(arrow, from, to)
  if arrow.kind == "connect" then return call_words(from) end
  local data = arrow_data(arrow, from, to)
  local bytes = arrow.bytes == 1 and "1 byte" or arrow.bytes .. " bytes"
  return data and ("%s %s"):format(bytes, data) or bytes
end

local function by_time(a, b)
  if a.t ~= b.t then return a.t < b.t end
  return a.order < b.order
end

local function put(items, it)
  it.order = #items
  items[#items + 1] = it
end

local function put_arrow(items, m, arrow)
  local from, to = m.calls[arrow.from], m.calls[arrow.to]
  local arrives = math.max(from.from, to.to)
  put(items, { t = arrives, lane = from.lane, other = to.lane,
    line = ("p%d->>p%d: %s"):format(from.lane, to.lane,
      escape(arrow_words(arrow, from, to))) })
end

local function put_lost(items, call)
  local words = text.cut(call_words(call), LONGEST - 6) .. " lost"
  put(items, { t = call.to, lane = call.lane, line = ("p%d-xp%d: %s"):format(
    call.lane, call.lane, escape(words)) })
end

-- A note on a call that has no arrow, that failed or that was blocked.
local function put_note(items, call, is_joined)
  local words, blocked = call_words(call), call.wait >= BLOCKED
  if call.code then
    words = words .. " " .. call.code
  elseif not blocked and (is_joined or QUIET[call.kind]) then
    return
  end
  if blocked then
    words = ("%s, blocked %s"):format(text.cut(words, LONGEST - 18),
      text.seconds(call.wait))
  end
  put(items, { t = call.to, lane = call.lane, since = blocked and call.from,
    line = ("Note over p%d: %s"):format(call.lane, escape(words)) })
end

-- All messages and notes, by time.
local function messages_of(m)
  local items, joined = {}, {}
  for _, arrow in ipairs(m.arrows) do
    joined[arrow.from], joined[arrow.to] = true, true
    put_arrow(items, m, arrow)
  end
  for _, index in ipairs(m.lost) do
    joined[index] = true
    put_lost(items, m.calls[index])
  end
  for i, call in ipairs(m.calls) do put_note(items, call, joined[i]) end
  table.sort(items, by_time)
  return items
end

-- The first MOST of them, and how many were left out. Equal notes in a row are
-- one, with a count.
local function choose(items)
  local shown = {}
  for i, it in ipairs(items) do
    local last = shown[#shown]
    if last and last.line == it.line and not it.other and not it.since then
      last.times = (last.times or 1) + 1
    elseif #shown == MOST then
      return shown, #items - i + 1
    else
      put(shown, it)
    end
  end
  return shown, 0
end

-- Adds a bar around each call that was blocked.
local function add_bars(shown)
  local items = {}
  for _, it in ipairs(shown) do
    if it.since then
      put(items, { t = it.since, lane = it.lane, line = "activate p" ..
        it.lane })
    end
    put(items, it)
    if it.since then
      put(items, { t = it.t, lane = it.lane, line = "deactivate p" .. it.lane })
    end
  end
  table.sort(items, by_time)
  return items
end

--- The text of a sequence diagram. Of a long trace it shows the beginning, and
--- says how much is left out.
---
--- See: mermaid.js.org/syntax/sequenceDiagram.html
---@param m table the model, from trace.model
---@return string diagram
function mermaid.write(m)
  local shown, left_out = choose(messages_of(m))
  local names, seen, lines = lane_names(m), { true }, { "sequenceDiagram" }
  for _, it in ipairs(shown) do
    seen[it.lane], seen[it.other or it.lane] = true, true
  end
  for i, name in ipairs(names) do
    if seen[i] then
      lines[#lines + 1] = ("  participant p%d as %s"):format(i, name)
    end
  end
  for _, it in ipairs(add_bars(shown)) do
    local times = it.times and (" (%d times)"):format(it.times) or ""
    lines[#lines + 1] = "  " .. it.line .. times
  end
  if left_out > 0 then
    lines[#lines + 1] = ("  Note over p1: %d more are not shown"):format(
      left_out)
  end
  lines[#lines + 1] = ""
  return table.concat(lines, "\n")
end

return mermaid
