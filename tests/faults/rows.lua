-- SPDX-License-Identifier: MIT
--
-- What netlab survives: one line a row. `run` proves it, prints "figure N: ..."
-- and exits with 0 only if it holds; `long` is its nightly form. A command that
-- names DRIVER is run once by netlab and once by plain Lua. `seconds` is for one
-- that may take more than 60.
local spec = "tests/support/run . "

return {
}
