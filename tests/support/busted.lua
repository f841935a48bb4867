-- SPDX-License-Identifier: MIT
-- The test runner, as a script for either driver. HARD_GC: the collector
-- works all the time, so that what is freed too early is found.
if os.getenv "HARD_GC" then
  collectgarbage "incremental"
  collectgarbage("setpause", 0)
end
require "busted.runner" { standalone = false }
