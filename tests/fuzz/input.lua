-- SPDX-License-Identifier: MIT
--
-- Makes numbers, texts and values from the bytes of an input, which end in
-- zeros. `local at = input.new(bytes)`.

local input = {}
input.__index = input

function input.new(bytes)
  return setmetatable({ bytes = bytes, place = 1 }, input)
end

function input:byte()
  local byte = self.bytes:byte(self.place) or 0
  self.place = self.place + 1
  return byte
end

function input:more() return self.place <= #self.bytes end

--- Returns an integer from 0 to n - 1, at most 65535.
function input:below(n)
  local byte = self:byte()
  return (n > 256 and byte << 8 | self:byte() or byte) % n
end

function input:choice(list) return list[1 + self:below(#list)] end

--- Returns so many bytes, or fewer at the end.
function input:take(n)
  local text = self.bytes:sub(self.place, self.place + n - 1)
  self.place = self.place + n
  return text
end

function input:text() return self:take(self:byte()) end

function input:rest() return self:take(#self.bytes) end

--- Returns eight bytes as string.unpack reads them.
function input:number(format)
  return (format:unpack(self:take(8) .. ("\0"):rep(8)))
end

return input
