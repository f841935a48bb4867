-- SPDX-License-Identifier: MIT
--
-- net.lua: writes the manual page net(3lua) from the reference, in the macros
-- of groff_man(7): netlab src/man/net.lua FILE ... >net.3lua

local net = require "net"
local reference = dofile((arg[0]:gsub("[^/]+$", "reference.lua")))

local ESCAPES = { ["\\"] = "\\e", ["-"] = "\\-", ["~"] = "\\(ti",
  ["^"] = "\\(ha", ["'"] = "\\(aq" }

-- Escapes text, so that groff prints it as it is; only `code` becomes bold.
local function escape(text)
  text = text:gsub("[\\%-~^']", ESCAPES):gsub(utf8.charpattern, function(c)
    return #c > 1 and ("\\[u%04X]"):format(utf8.codepoint(c)) or nil
  end)
  return (text:gsub("`(.-)`", "\\fB%1\\fR"):gsub("^%.", "\\&."))
end

local function say(text)
  print((escape(text):gsub("%s+", " "):gsub(" $", "")))
end

-- Prints a heading, which also begins a paragraph. A quote within the quotes is
-- doubled.
local begun
local function heading(macro, text)
  print(("%s \"%s\""):format(macro, (escape(text):gsub('"', '""'))))
  begun = true
end

local function paragraph()
  if not begun then print ".PP" end
  begun = false
end

-- Prints paragraphs; the lines of an indented one are kept apart.
local function paragraphs(text)
  for part in (text .. "\n\n"):gmatch "(.-)\n\n+" do
    if part:find "^ " then
      print ".IP\n.nf"
      local indent = #part:match "^ +"
      for line in part:gmatch "[^\n]+" do
        print(escape(line:sub(indent + 1)))
      end
      print ".fi"
    elseif part ~= "" then
      paragraph()
      say(part)
    end
  end
end

-- Prints a parameter, a field or a value of an alias.
local function item(name, kind, text)
  print ".TP"
  print("\\fI" .. escape(name) .. "\\fR" .. escape(kind or ""))
  if text:find "%S" then say(text) else print "\\&" end
end

local function items(list)
  for _, it in ipairs(list) do
    local optional = it.optional and "optional " or ""
    item(it.name, it.type and (" (%s%s)"):format(optional, it.type), it.text)
  end
end

-- Describes the results: "Returns host, port (of the peer); or nil, message,
-- code."
local function results(entry)
  local good, bad = {}, { "nil, message, code" }
  for _, result in ipairs(entry.returns) do
    local text = result.text:gsub("[;,]? ?or the %w+$", "")
    if text ~= "" then text = (" (%s)"):format(text) end
    if result.name == "..." then
      good[#good + 1] = result.text
    elseif text:find "if it failed: " then
      bad[#bad + 1] = result.name .. text:gsub("if it failed: ", "")
    elseif not entry.errors or
      result.name ~= "message" and result.name ~= "code" then
      good[#good + 1] = result.name .. text
    end
  end
  local text = "Returns " .. table.concat(good, ", ")
  if entry.errors then text = text .. "; or " .. table.concat(bad, ", ") end
  return text .. "."
end

local show = {}

function show.section(entry)
  local module = entry.name:find "^net%."
  heading(".SH", module and entry.name or entry.name:upper())
  paragraphs((entry.text:gsub("^%l", string.upper)))
end

show["function"] = function(entry)
  heading(".SS", ("%s(%s)"):format(entry.name,
    table.concat(entry.arguments, ", ")))
  paragraphs(entry.text)
  items(entry.params)
  paragraph()
  say(results(entry))
  if entry.errors then
    print ".br"
    say("Errors: " .. entry.errors)
  end
  print ".br"
  say("See: " .. entry.see)
end

function show.class(entry)
  if entry.name == "net" then
    heading(".SH", "DESCRIPTION")
  elseif #entry.fields > 0 then
    heading(".SS", entry.name)
  end
  paragraphs(entry.text)
  items(entry.fields)
end

function show.alias(entry)
  heading(".SS", entry.name)
  paragraphs(entry.text)
  items(entry.fields)
end

print '.\\" Made by src/man/net.lua from lua/meta/net.lua and lua/net.'
print(('.TH net 3lua "" "netlab %s" "netlab"'):format(net._VERSION))
print ".nh\n.ad l" -- so that codes are not hyphenated
print '.SH NAME\nnet \\- sockets, tasks and echo engines for Lua'
print '.SH SYNOPSIS\n.nf\n.B local net = require \\(dqnet\\(dq\n.fi'
for _, path in ipairs(arg) do
  local file <close> = assert(io.open(path))
  for _, entry in ipairs(reference.parse(file:read "a")) do
    show[entry.kind](entry)
  end
end
