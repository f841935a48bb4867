-- SPDX-License-Identifier: MIT
--
-- net.trace.text: what stands in a trace as text that may be shown anywhere. A
-- trace may come from anybody, so of what it says only printable ASCII is
-- shown as it is. (Data and arguments were escaped when they were written.)

local text = {}

--- Bytes that are no printable ASCII as \xNN.
function text.printable(bytes)
  return (bytes:gsub("[^ -~]", function(c)
    return ("\\x%02x"):format(c:byte())
  end))
end

--- ASCII of at most so many characters.
function text.cut(ascii, most)
  if #ascii <= most then return ascii end
  if most < 3 then return ("..."):sub(1, math.max(0, most)) end
  return ascii:sub(1, most - 3) .. "..."
end

--- A time in seconds, to three or four digits: "305 us", "12.3 ms", "1.50 s".
function text.seconds(s)
  if s < 1e-3 then return ("%.0f us"):format(s * 1e6) end
  if s < 1 then return ("%.1f ms"):format(s * 1e3) end
  return ("%.2f s"):format(s)
end

-- The columns that a character takes on a terminal: an ideograph takes two.
local function columns_of(c) return c >= 0x2E80 and 2 or 1 end

--- The columns that UTF-8 takes on a terminal.
function text.columns(words)
  local columns = 0
  for _, c in utf8.codes(words) do columns = columns + columns_of(c) end
  return columns
end

--- UTF-8 in lines of at most so many columns, broken at spaces and before
--- ideographs, where there are any.
function text.wrap(words, most)
  local lines, from, columns = {}, 1, 0
  local stop, go_on -- where the line may end, and the next begin
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
