-- SPDX-License-Identifier: MIT
--
-- net.trace.text: text that is safe on a terminal, times, and columns.

local plot = require "net.plot"

local text = {}

-- The UTF-8 of what may not be shown: controls, characters without a width, and
-- those that break a line or change its direction.
local INVISIBLE = { "[\0-\x1F\x7F]", "\xC2[\x80-\x9F]", "\xD8\x9C",
  "\xE2\x80[\x8B-\x8F\xA8-\xAF]", "\xE2\x81[\xA0-\xAF]", "\xEF\xBB\xBF" }

local function escape(bytes)
  return (bytes:gsub(".", function(c) return ("\\x%02x"):format(c:byte()) end))
end

--- Bytes as a terminal may show them: what is not visible text as \xNN.
function text.printable(bytes)
  if not utf8.len(bytes) then return (bytes:gsub("[^ -~]+", escape)) end
  for _, pattern in ipairs(INVISIBLE) do bytes = bytes:gsub(pattern, escape) end
  return bytes
end

--- A duration in seconds as ASCII: "305 us", "12.3 ms", "1.5 s".
function text.seconds(s)
  return (plot.si(s, "s"):gsub("µ", "u"))
end

-- The columns of a character on a terminal: an ideograph has two.
local function columns_of(c) return c >= 0x2E80 and 2 or 1 end

--- The columns of UTF-8 on a terminal.
function text.columns(words)
  if not words:find "[\x80-\xFF]" then return #words end
  local columns = 0
  for _, c in utf8.codes(words) do columns = columns + columns_of(c) end
  return columns
end

--- UTF-8 cut to at most `most` columns.
function text.cut(words, most)
  if text.columns(words) <= most then return words end
  if most < 3 then return ("..."):sub(1, math.max(0, most)) end
  local columns = 0
  for place, c in utf8.codes(words) do
    columns = columns + columns_of(c)
    if columns > most - 3 then return words:sub(1, place - 1) .. "..." end
  end
end

--- UTF-8 in lines of at most `most` columns, broken at spaces and before
--- ideographs where it can.
function text.wrap(words, most)
  local lines, from, columns = {}, 1, 0
  local stop, go_on -- where the line may end, and the next may begin
  for place, c in utf8.codes(words) do
    if c == 32 or columns_of(c) == 2 then
      stop, go_on = place, c == 32 and place + 1 or place
    end
    columns = columns + columns_of(c)
    if columns > most and place > from then
      if not stop or stop <= from then stop, go_on = place, place end
      lines[#lines + 1] = words:sub(from, stop - 1)
      from, stop = go_on, nil
      columns = text.columns(words:sub(from, utf8.offset(words, 2, place) - 1))
    end
  end
  lines[#lines + 1] = words:sub(from)
  return lines
end

return text
