-- SPDX-License-Identifier: MIT
--
-- reference.lua: parses the reference, which is annotated Lua, for the manual
-- page and the specs. The head of lua/meta/net.lua describes the dialect.

local reference = {}

-- Splits "fun(a: string) what it is" into the type and the rest of the line.
local function split(text)
  local kind, rest = text:match "^(fun%b()%S*)%s*(.*)$"
  if not kind then kind, rest = text:match "^(%S+)%s*(.*)$" end
  return kind, rest
end

local function malformed(tag, text, lacks)
  error(("'---@%s %s' has no %s"):format(tag, text, lacks), 0)
end

-- Parses a parameter or a field: "name? type text".
local function parse_named(tag, text)
  local name, optional, rest = text:match "^([%w_.]+)(%??)%s+(.*)$"
  local kind, more = split(rest or "")
  if not kind then malformed(tag, text, "name and type") end
  return { name = name, optional = optional == "?", type = kind, text = more }
end

local tags = {}

function tags.param(doc, text)
  table.insert(doc.params, parse_named("param", text))
end

tags["return"] = function(doc, text)
  local kind, rest = split(text)
  if not kind then malformed("return", text, "type") end
  local name, more = rest:match "^([%w_.]*)%s*(.*)$"
  table.insert(doc.returns, { type = kind, name = name, text = more })
end

-- The text before this tag is about the class, the text after it about fields.
function tags.class(doc, text)
  doc.kind, doc.name, doc.about, doc.text = "class", text, doc.text, ""
end

function tags.alias(doc, text) doc.kind, doc.name = "alias", text end

function tags.field(doc, text)
  local field = parse_named("field", text)
  field.text, doc.text = doc.text .. field.text, ""
  table.insert(doc.fields, field)
end

-- Paragraphs that begin with these words are kept apart from the text.
local PARTS = { Errors = "errors", See = "see" }

-- Reads one line of a comment with three dashes.
local function read_line(doc, line)
  local tag, rest = line:match "^@(%w+)%s*(.*)$"
  if doc.tagged and (line:find "^ " or doc.params[1] and line:find "^%w") then
    error(("'--- %s' is below a tag, which must be one line"):format(line), 0)
  end
  if tag then
    doc.tagged = true
    if tags[tag] then tags[tag](doc, rest) end
    return
  end
  if line:find "^|" then
    local value, meaning = line:match '^| "(.-)" # (.*)$'
    if value then
      table.insert(doc.fields, { name = value, text = meaning })
    end
    return
  end
  local word, after = line:match "^(%u%l+): (.*)$"
  if PARTS[word] then
    doc.part = PARTS[word]
    doc[doc.part] = after
  elseif line == "" then
    doc.part = "text"
    doc.text = doc.text .. "\n"
  elseif doc.part == "text" then
    doc.text = doc.text .. line .. "\n"
  else
    doc[doc.part] = doc[doc.part] .. " " .. line
  end
end

local function new_doc()
  return { text = "", part = "text", params = {}, returns = {}, fields = {} }
end

-- Returns the entry that a comment describes, given the line of code below it;
-- nil if it describes none.
local function entry_of(doc, line)
  local name, arguments = line:match "^function ([%w_.:]+)%((.-)%)"
  if name then
    doc.kind, doc.name, doc.arguments = "function", name, {}
    for argument in arguments:gmatch "[%w_.]+" do
      table.insert(doc.arguments, argument)
    end
  end
  if doc.kind == "class" then
    doc.variable = line:match "^local ([%w_]+) ="
  end
  doc.text = (doc.about or doc.text):match "^(.-)%s*$"
  doc.tagged = nil
  return doc.kind and doc or nil
end

-- Returns the entries of annotated Lua, in their order.
--
-- Each entry has a `kind`, a `name` and a `text`. A "function" has `arguments`
-- (a list of names), `params` and `returns` (lists of tables with `name`,
-- `type` and `text`; params also with `optional`), `errors` and `see`. A
-- "class" has `fields` of the same shape, and the `variable` that its methods
-- are written with. An "alias" has its values as `fields`. A "section" is a
-- title with the text below it.
function reference.parse(text)
  local entries, doc, section = {}, nil, nil
  for line in (text .. "\n\n"):gmatch "(.-)\n" do
    local said, plain = line:match "^%-%-%- ?(.*)$", line:match "^%-%- ?(.*)$"
    if said then
      doc = doc or new_doc()
      read_line(doc, said)
    elseif plain then
      local title, rest = line:match "^%-%- (net%.%w+): (.*)$"
      title = title or plain:match "^# (.*)$"
      if title then
        section = { kind = "section", name = title, text = rest or "" }
        table.insert(entries, section)
      elseif section then
        section.text = section.text .. "\n" .. plain
      end
    elseif doc then
      table.insert(entries, entry_of(doc, line))
      doc = nil
    end
    if not plain and not said then section = nil end
  end
  for _, entry in ipairs(entries) do
    entry.text = entry.text:gsub("^\n+", "")
  end
  return entries
end

return reference
