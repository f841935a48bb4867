-- SPDX-License-Identifier: MIT
-- Runs busted under either driver. With HARD_GC the collector works all the
-- time, so that memory that is freed too early is noticed.
if os.getenv "HARD_GC" then
  collectgarbage "incremental"
  collectgarbage("setpause", 0)
end
require "busted.runner" { standalone = false }
