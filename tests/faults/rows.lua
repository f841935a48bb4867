-- SPDX-License-Identifier: MIT
--
-- What netlab survives: one line a row. `run` proves it, prints "figure N: ..."
-- and exits with 0 only if it holds; `long` is its nightly form. A command that
-- names DRIVER is run once by netlab and once by plain Lua. `seconds` is for
-- one that may take more than 60.
return {
  { row = 3, required = "each allocation fails in turn: no crash, hang or leak",
    seconds = 120, run = "DRIVER tests/faults/memory.lua" },
  { row = 4, required = "calls that are made to fail: bytes in = bytes out",
    run = "DRIVER tests/faults/inject.lua" },
  { row = 5, required = "a write fails: told, woken, closed, 1,000 cases",
    run = "DRIVER tests/faults/reset.lua" },
  { row = 6, required = "reads of <= 3 bytes, writes of <= 7: 10 MiB, equal",
    run = "DRIVER tests/faults/short.lua" },
  { row = 8, required = "200 clients, 64 descriptors: CPU < 5 % while full, "
    .. "ticks >= 95 %, a close for the rest, then 50/50 echoes",
    run = "DRIVER tests/faults/full.lua" },
  { row = 9, required = "accept goes on failing: <= 100 wake-ups/s, alive",
    run = "DRIVER tests/faults/accept.lua" },
  { row = 10, required = "peers that never read, 1 GiB offered: grown by <= 2 "
    .. "x the cap", run = "DRIVER tests/faults/deaf.lua" },
  { row = 11, required = "100 peers at 1 byte/s: a fast one >= 80 % of alone",
    run = "DRIVER tests/faults/slow.lua" },
  { row = 12, required = "a reset within a write, 1,000 cases; no reader: gone "
    .. "in <= 1 s", run = "DRIVER tests/faults/pipe.lua" },
  { row = 15, required = "10,000 signals during an echo: nothing lost",
    run = "DRIVER tests/faults/signals.lua" },
  { row = 26, required = "a lookup stuck for 2 s: time-out of 100 ms in <= "
    .. "120, gone in <= 200 ms", run = "DRIVER tests/faults/stuck.lua" },
  { row = 28, required = ">= 12 kinds of bad NTP replies: accepted 0, one "
    .. "deadline", run = "DRIVER tests/support/busted.lua tests/ntp_spec.lua" },
  { row = 29, required = "forged datagrams between echo servers: replies <= 1",
    run = "DRIVER tests/faults/forged.lua" },
  { row = 30, required = "escape bytes on a terminal: raw bytes 0; bytecode: "
    .. "300/300 refused", run = "DRIVER tests/faults/terminal.lua" },
  { row = 31, required = "10,000 open, 64 busy, 100 slow, resets: all served, "
    .. "nothing lost, memory +<= 1 %",
    run = "ulimit -n 10500 && DRIVER tests/faults/big.lua" },
  { row = 32, required = "soak: memory +<= 1 %, descriptors the same",
    run = "DRIVER tests/faults/soak.lua" },
}
