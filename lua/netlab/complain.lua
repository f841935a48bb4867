-- SPDX-License-Identifier: MIT
--
-- netlab.complain: how --pair and --merge say that they cannot do something, as
-- src/host/complain.h does for the rest of the host.

local text = require "net.trace.text"

--- Writes "netlab: ..." to the standard error. Returns nil.
return function(format, ...)
  io.stderr:write("netlab: ", text.printable(format:format(...)), "\n")
  return nil
end
