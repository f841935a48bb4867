-- SPDX-License-Identifier: MIT
--
-- net.plot: shows what a lab has measured: numbers with units, rows and bars
-- for the terminal, line charts as SVG.

local plot = {}

local MOST = 1e300 -- axes of larger coordinates would overflow

local function is_finite(v)
  return type(v) == "number" and v > -MOST and v < MOST -- false for NaN
end

-- Is the terminal UTF-8? The first of these that is set tells.
local function is_utf8()
  for _, name in ipairs { "LC_ALL", "LC_CTYPE", "LANG" } do
    local value = os.getenv(name)
    if value and value ~= "" then return value:lower():find "utf%-?8" ~= nil end
  end
  return false
end

local SMALL = { { 1, "" }, { 1e-3, "m" }, { 1e-6, "µ" }, { 1e-9, "n" } }
local LARGE = { { 1e12, "T" }, { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" },
                { 1, "" } }

-- A number with so many digits and a prefix: below 1 for seconds, above 1 for
-- all other units.
local function si(value, unit, digits)
  value = value + 0.0 -- math.abs(math.mininteger) is below 0
  local small = unit == "s"
  local steps = small and SMALL or LARGE
  local format = "%." .. digits .. "g"
  local step = steps[#steps]
  for i = 1, #steps do
    -- 999.9 k rounds to 1 M
    local rounded = tonumber(format:format(math.abs(value) / steps[i][1]))
    if rounded >= 1 then step = steps[i] break end
  end
  if value == 0 then step = { 1, "" } end
  local scaled = value / step[1]
  local number = format:format(scaled)
  if number:find "e" and math.abs(scaled) < 1e6 and math.abs(scaled) > 1 then
    number = ("%.0f"):format(scaled) -- 1234 s, not 1.23e+03 s
  end
  local suffix = step[2] .. (unit or "")
  return suffix == "" and number or number .. " " .. suffix
end

--- A number for people: three digits, and its unit with a prefix. Seconds are
--- scaled down ("35 µs", or "us" if the locale is not UTF-8), other units up
--- ("1.2 k", "3.4 GB/s"; a k is 1000). Raises an error for NaN, infinity and
--- what is not a number.
---
--- See: units(7).
---@param value number
---@param unit? string "s", "B", "B/s", ...
---@return string text
function plot.si(value, unit)
  if not is_finite(value) then error("value must be a finite number", 2) end
  local text = si(value, unit, 3)
  return is_utf8() and text or (text:gsub("µ", "u"))
end

local function check_rows(rows)
  if type(rows) ~= "table" then return "bars must be a table of rows" end
  for i, row in ipairs(rows) do
    local value = type(row) == "table" and row[2]
    if not is_finite(value) or value < 0 then
      return ("row %d: the value must be a finite number, 0 or more"):format(i)
    end
  end
  local width = rows.width
  if width and (math.type(width) ~= "integer" or width < 1) then
    return "width must be an integer above 0"
  end
end

local function columns()
  local n = math.tointeger(tonumber(os.getenv "COLUMNS" or ""))
  return n and n > 0 and n or 80
end

local function text_width(text) return utf8.len(text) or #text end

local function widest(texts)
  local width = 0
  for _, text in ipairs(texts) do width = math.max(width, text_width(text)) end
  return width
end

--- A row of a table for a terminal: each text at the right of its column, with
--- one space between columns. A text that is too wide moves the rest. (This
--- counts the characters of "µs"; string.format counts its bytes.) Raises an
--- error unless each text has a column.
---
--- See: string.format.
---@param widths integer[] of the columns, in characters
---@param ... string|number
---@return string line
function plot.row(widths, ...)
  local texts = { ... }
  for i = 1, #texts do
    if type(widths) ~= "table" or math.type(widths[i]) ~= "integer" then
      error("each text of a row needs a width, an integer", 2)
    end
    local text = tostring(texts[i])
    texts[i] = (" "):rep(widths[i] - text_width(text)) .. text
  end
  return table.concat(texts, " ")
end

-- A bar as long as the share (0..1) of so many cells; visible unless it is 0.
local function bar(share, cells, unicode)
  local parts = unicode and 8 or 1
  local n = math.floor(share * cells * parts + 0.5)
  if share > 0 and n == 0 then n = 1 end
  if not unicode then return ("#"):rep(n) end
  local rest = n % 8 -- U+2588 is a full cell, U+258F an eighth
  return ("█"):rep(n // 8) .. (rest > 0 and utf8.char(0x2590 - rest) or "")
end

--- The rows of plot.bars. Each is { label, value, text }; the text, by default
--- plot.si(value), stands before the bar.
---@class net.plot.rows
---@field width? integer columns in all; those of the terminal by COLUMNS, or 80

--- Horizontal bars for a terminal, a line for each row. The greatest value has
--- the longest bar. Bars are drawn with block characters, or with "#" if the
--- locale is not UTF-8. Raises an error for a value that is negative, NaN or
--- infinite, and for a width that is not an integer above 0.
---
--- See: locale(7).
---@param rows net.plot.rows
---@return string lines without a final newline
function plot.bars(rows)
  local wrong = check_rows(rows)
  if wrong then error(wrong, 2) end
  local labels, texts, most = {}, {}, 0
  for i, row in ipairs(rows) do
    labels[i] = tostring(row[1])
    texts[i] = tostring(row[3] or plot.si(row[2]))
    most = math.max(most, row[2])
  end
  local left, right, unicode = widest(labels), widest(texts), is_utf8()
  local cells = math.max(1, (rows.width or columns()) - left - right - 3)
  local lines = {}
  for i, row in ipairs(rows) do
    local line = labels[i] .. (" "):rep(left - text_width(labels[i]) + 2)
      .. (" "):rep(right - text_width(texts[i])) .. texts[i] .. " "
      .. bar(most > 0 and row[2] / most or 0, cells, unicode)
    lines[i] = line:gsub(" +$", "")
  end
  return table.concat(lines, "\n")
end

-- The chart's frame within 720 x 440 units, and the width of a character.
local WIDTH, HEIGHT, RIGHT, BOTTOM, CHAR = 720, 440, 696, 384, 6.6

-- Colour-blind readers can tell the colours of both palettes apart (Okabe and
-- Ito's, adapted); the dashes tell lines apart on paper.
local STYLE = [[
<style>
.b{fill:#fff}.g{stroke:#e3e6ea}.a{stroke:#8a929c}.s{fill:none;stroke-width:2;
stroke-linejoin:round}text{font:12px system-ui,sans-serif;fill:#3c444d}
.t{font-size:16px;font-weight:600;fill:#1b1f24}.m{stroke-width:1.5;fill:#fff}
.c1{stroke:#0072b2}.c2{stroke:#c8500a}.c3{stroke:#00805e}.c4{stroke:#a4487f}
.c5{stroke:#8a6a00}.c6{stroke:#4b5560}.d2{stroke-dasharray:7 3}
.d3{stroke-dasharray:2 3}.d4{stroke-dasharray:9 3 2 3}
.d5{stroke-dasharray:12 4}
@media (prefers-color-scheme:dark){.b,.m{fill:#14181d}.g{stroke:#2b323a}
.a{stroke:#7d8792}text{fill:#c3cad2}.t{fill:#f0f3f6}
.c1{stroke:#56b4e9}.c2{stroke:#f0914a}.c3{stroke:#2fcf9f}.c4{stroke:#e08fc0}
.c5{stroke:#e6c229}.c6{stroke:#aeb8c2}}
</style>]]

-- Text in XML. Invalid UTF-8, and what XML forbids, becomes U+FFFD.
local function escape(text)
  local _, bad = utf8.len(text)
  while bad do
    text = text:sub(1, bad - 1) .. "\u{FFFD}" .. text:sub(bad + 1)
    _, bad = utf8.len(text, bad)
  end
  text = text:gsub("[%z\1-\8\11\12\14-\31]", "\u{FFFD}")
    :gsub("\u{FFFE}", "\u{FFFD}"):gsub("\u{FFFF}", "\u{FFFD}")
  return (text:gsub('[&<>"]', { ["&"] = "&amp;", ["<"] = "&lt;",
                                [">"] = "&gt;", ['"'] = "&quot;" }))
end

-- At most so many characters.
local function cut(text, most)
  if (utf8.len(text) or 0) <= most then return text end
  return text:sub(1, utf8.offset(text, most) - 1) .. "…"
end

-- The ticks of a linear axis: multiples of 1, 2 or 5 times a power of ten.
local function linear_ticks(lo, hi, most)
  if hi - lo < 1e-12 * math.max(math.abs(lo), math.abs(hi), 1e-280) then
    local room = math.abs(hi) * 0.1
    lo, hi = lo - room, hi + (room > 0 and room or 1)
  end
  local step = 10 ^ math.floor(math.log((hi - lo) / most, 10))
  for _, factor in ipairs { 2, 2.5, 2 } do -- 1, 2, 5, 10
    if (hi - lo) / step > most then step = step * factor end
  end
  lo, hi = math.floor(lo / step) * step, math.ceil(hi / step) * step
  local ticks = {}
  for i = 0, math.floor((hi - lo) / step + 0.5) do
    local value = lo + i * step
    ticks[#ticks + 1] = math.abs(value) < step / 1e6 and 0 or value
  end
  return ticks
end

-- The ticks of a logarithmic axis: powers of ten, with 2 and 5 times these if
-- there is room, or only every second or third power.
local function log_ticks(lo, hi, most)
  local first = math.floor(math.log(lo, 10) + 1e-9)
  local last = math.ceil(math.log(hi, 10) - 1e-9)
  if first == last then last = last + 1 end
  local few = (last - first) * 3 + 1 <= most
  local every = math.ceil((last - first + 1) / most)
  local ticks = {}
  for power = first, first + math.ceil((last - first) / every) * every, every do
    for _, factor in ipairs(few and { 1, 2, 5 } or { 1 }) do
      local value = factor * 10.0 ^ power
      if value <= 10.0 ^ last * 1.01 or not few then
        ticks[#ticks + 1] = value
      end
    end
  end
  -- Drop the ticks that are not needed to enclose the points.
  if not few then return ticks end
  while #ticks > 2 and ticks[2] <= lo do table.remove(ticks, 1) end
  while #ticks > 2 and ticks[#ticks - 1] >= hi do table.remove(ticks) end
  return ticks
end

-- An axis over a range: its ticks, and the function from values to 0..1.
local function axis(lo, hi, is_log, most)
  local ticks = (is_log and log_ticks or linear_ticks)(lo, hi, most)
  local from, to = ticks[1], ticks[#ticks]
  if is_log then
    local span = math.log(to) - math.log(from)
    return ticks, function(v) return (math.log(v) - math.log(from)) / span end
  end
  return ticks, function(v) return (v - from) / (to - from) end
end

local KEYS = { title = "string", desc = "string", x = "string", y = "string",
               x_unit = "string", y_unit = "string", log_x = "boolean",
               log_y = "boolean", series = "table" }

local function check_point(opts, point)
  local x, y
  if type(point) == "table" then x, y = point[1], point[2] end
  if not is_finite(x) or not is_finite(y) then
    return "a point must be two finite numbers"
  end
  if opts.log_x and x < 1 / MOST or opts.log_y and y < 1 / MOST then
    return "a logarithmic axis takes no value of 0 or below"
  end
end

local function check_chart(opts)
  if type(opts) ~= "table" then return "a chart must be a table" end
  for key, value in pairs(opts) do
    if not KEYS[key] then return ("no option '%s'"):format(tostring(key)) end
    if type(value) ~= KEYS[key] then
      return ("%s must be a %s"):format(key, KEYS[key])
    end
  end
  if not opts.series or #opts.series == 0 then return "there are no series" end
  for i, series in ipairs(opts.series) do
    local points = type(series) == "table" and series.points
    if type(points) ~= "table" or #points == 0 then
      return ("series %d has no points"):format(i)
    end
    for k, point in ipairs(points) do
      local wrong = check_point(opts, point)
      if wrong then return ("series %d, point %d: %s"):format(i, k, wrong) end
    end
  end
end

-- The least and the greatest coordinate of all points, 1 (x) or 2 (y).
local function range(all, which)
  local lo, hi = math.huge, -math.huge
  for _, series in ipairs(all) do
    for _, point in ipairs(series.points) do
      lo, hi = math.min(lo, point[which]), math.max(hi, point[which])
    end
  end
  return lo, hi
end

local function line(class, x1, y1, x2, y2)
  return ('<path class="%s" d="M%.1f %.1fL%.1f %.1f"/>'):format(
    class, x1, y1, x2, y2)
end

local function text(x, y, more, words)
  return ('<text x="%.1f" y="%.1f"%s>%s</text>'):format(x, y, more,
    escape(words))
end

-- Thirty pairs of colour and dashes, which then repeat.
local function colour(i) return "c" .. (i - 1) % 6 + 1 end
local function stroke(i) return colour(i) .. " d" .. (i - 1) % 5 + 1 .. " s" end

-- Puts the legend in rows below the title. Returns the y below it.
local function legend(out, all, top)
  if #all == 1 and not all[1].name then return top end
  local x, y = 24, top + 14
  for i, series in ipairs(all) do
    local name = cut(tostring(series.name or i), 40)
    local wide = 34 + text_width(name) * CHAR + 18
    if x > 24 and x + wide > RIGHT then x, y = 24, y + 18 end
    out[#out + 1] = line(stroke(i), x, y - 4, x + 26, y - 4)
    out[#out + 1] = text(x + 34, y, "", name)
    x = x + wide
  end
  return y + 6
end

-- Draws a series: its line, and its points unless there are many. A point shows
-- its values when the pointer rests on it.
local function draw(out, series, i, place, units)
  local path, marks = {}, {}
  for k, point in ipairs(series.points) do
    local x, y = place(point[1], point[2])
    path[k] = ("%.1f %.1f"):format(x, y)
    marks[k] = ('<circle class="%s m" cx="%.1f" cy="%.1f" r="3.5">' ..
      "<title>%s: %s, %s</title></circle>"):format(colour(i), x, y,
      escape(tostring(series.name or i)), escape(si(point[1], units[1], 3)),
      escape(si(point[2], units[2], 3)))
  end
  out[#out + 1] = ('<path class="%s" d="M%s"/>'):format(stroke(i),
    table.concat(path, "L"))
  if #marks <= 60 then out[#out + 1] = table.concat(marks, "\n") end
end

-- The head: the text for screen readers, the colours, the title.
local function head(opts)
  local names = {}
  for i, series in ipairs(opts.series) do
    names[i] = tostring(series.name or i)
  end
  local title = opts.title or "Chart"
  local desc = opts.desc or ("Line chart of %s against %s: %s."):format(
    opts.y or "y", opts.x or "x", table.concat(names, ", "))
  return {
    ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">')
      :format(WIDTH, HEIGHT),
    "<title>" .. escape(title) .. "</title>",
    "<desc>" .. escape(desc) .. "</desc>",
    STYLE,
    ('<rect class="b" width="%d" height="%d"/>'):format(WIDTH, HEIGHT),
    text(24, 30, ' class="t"', cut(title, 76)),
  }
end

--- The chart that plot.svg draws.
---@class net.plot.chart
---@field series net.plot.series[]
---@field title? string
---@field x? string the label of the axis
---@field y? string
---@field x_unit? string as in plot.si: "s", "B/s"
---@field y_unit? string
---@field log_x? boolean true: the axis is logarithmic
---@field log_y? boolean
---@field desc? string the chart in words, for readers who cannot see it

--- A line through points, in their order.
---@class net.plot.series
---@field name? string
---@field points number[][] { { x, y }, ... }

--- A line chart, as the text of an SVG file that needs no other file. It
--- follows the reader's choice of dark or light. A linear y axis begins at 0
--- unless a point is below. Raises an error for an unknown option, a series
--- without points, NaN and infinity, and for 0 or below on a logarithmic axis.
---
--- See: www.w3.org/TR/SVG2.
---@param chart net.plot.chart
---@return string svg
function plot.svg(chart)
  local wrong = check_chart(chart)
  if wrong then error(wrong, 2) end
  local all, out = chart.series, head(chart)
  local top = legend(out, all, 38) + (chart.y and 30 or 10)
  local lo, hi = range(all, 2)
  if not chart.log_y then lo = math.min(0, lo) end
  local y_ticks, y_at = axis(lo, hi, chart.log_y, 8)
  lo, hi = range(all, 1)
  local x_ticks, x_at = axis(lo, hi, chart.log_x, 9)
  local labels = {}
  for i, tick in ipairs(y_ticks) do labels[i] = si(tick, chart.y_unit, 6) end
  local left = 32 + widest(labels) * CHAR
  local function place(x, y)
    return left + x_at(x) * (RIGHT - left), BOTTOM - y_at(y) * (BOTTOM - top)
  end
  for i, tick in ipairs(y_ticks) do
    local _, y = place(x_ticks[1], tick)
    out[#out + 1] = line(i == 1 and "a" or "g", left, y, RIGHT, y)
    out[#out + 1] = text(left - 8, y + 4, ' text-anchor="end"', labels[i])
  end
  for i, tick in ipairs(x_ticks) do
    local x = place(tick, y_ticks[1])
    out[#out + 1] = line(i == 1 and "a" or "g", x, top, x, BOTTOM)
    out[#out + 1] = text(x, BOTTOM + 20, ' text-anchor="middle"',
      si(tick, chart.x_unit, 6))
  end
  out[#out + 1] = text(24, top - 16, "", cut(chart.y or "", 80))
  out[#out + 1] = text((left + RIGHT) / 2, HEIGHT - 14,
    ' text-anchor="middle"', cut(chart.x or "", 80))
  local units = { chart.x_unit, chart.y_unit }
  for i, series in ipairs(all) do draw(out, series, i, place, units) end
  out[#out + 1] = "</svg>\n"
  return table.concat(out, "\n")
end

return plot
