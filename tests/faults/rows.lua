-- SPDX-License-Identifier: MIT
--
-- What netlab survives, one requirement per row. `run` proves it, prints
-- "figure N: ..." and exits with 0 only if it holds; `long` is its nightly
-- form. A command with DRIVER runs once under netlab and once under plain Lua.
-- `seconds` is its limit, if not 120. A row that is judged by time, CPU or
-- memory runs `alone`, and has three tries. `again` runs those specs once more
-- that failed without a report by the checker: they were late.
return {
  { row = 1, required = "the suite under ASan and UBSan: no report",
    again = "make -s asan", seconds = 1500,
    run = [[make -s asan 2>&1 |
      sed "s/^\([0-9]* passed, 0 failed\)$/figure 1: 0 reports, \1/"]] },
  { row = 2, required = "valgrind, the collector at pause 0: no error, no leak",
    again = "make -s valgrind", seconds = 1500,
    run = [[make -s valgrind 2>&1 |
      sed "s/^\([0-9]* passed, 0 failed\)$/figure 2: 0 errors, \1/"]] },
  { row = 3, required = "each allocation fails in turn: no crash, hang or leak",
    seconds = 240, run = "DRIVER tests/faults/memory.lua" },
  { row = 4, required = "calls that are made to fail: bytes in = bytes out",
    run = "DRIVER tests/faults/inject.lua" },
  { row = 5, required = "a write fails: told, woken, closed, 1,000 cases",
    run = "DRIVER tests/faults/reset.lua" },
  { row = 6, required = "reads of <= 3 bytes, writes of <= 7: 10 MiB, equal",
    run = "DRIVER tests/faults/short.lua" },
  { row = 7, required = "random bytes into every parser: no crash",
    seconds = 420, run = "make -s fuzz",
    long = "make -s fuzz RUNS=10000000 SEED=0" },
  { row = 8, required = "200 clients, 64 descriptors: CPU < 5 % while full, "
    .. "ticks >= 95 %, a close for the rest, then 50/50 echoes",
    alone = true, run = "DRIVER tests/faults/full.lua" },
  { row = 9, required = "accept goes on failing: <= 100 wake-ups/s, alive",
    alone = true, run = "DRIVER tests/faults/accept.lua" },
  { row = 10, required = "peers that never read, 1 GiB offered: grown by <= 2 "
    .. "x the cap", run = "DRIVER tests/faults/deaf.lua" },
  { row = 11, required = "100 peers at 1 byte/s: a fast one >= 80 % of alone",
    alone = true, run = "DRIVER tests/faults/slow.lua" },
  { row = 12, required = "a reset within a write, 1,000 cases; no reader: gone "
    .. "in <= 1 s", alone = true,
    run = "DRIVER tests/faults/pipe.lua" },
  { row = 13, required = "the peer half-closes: EOF once, our writes arrive, "
    .. "1,000/1,000", run = "DRIVER tests/faults/half.lua" },
  { row = 14, required = "Ctrl-C in each call, script and task, x 20: one line,"
    .. " closed, 130 (plain Lua: 1), worst <= 100 ms",
    alone = true, run = "DRIVER tests/faults/interrupt.lua" },
  { row = 15, required = "10,000 signals during an echo: nothing lost",
    run = "DRIVER tests/faults/signals.lua" },
  { row = 16, required = "a call that cannot wait where it is says why: >= 8 "
    .. "sites", run = "DRIVER tests/support/busted.lua "
      .. "tests/spec/core/loop_spec.lua tests/spec/core/coroutine_spec.lua" },
  { row = 17, required = "300 ms of work, then 100 ms: min >= 100, typical <= "
    .. "120 ms, 100 of each call", alone = true,
    run = "DRIVER tests/faults/timers.lua" },
  { row = 18, required = "10,000 sockets dropped at every stage: collected, "
    .. "closed", run = "DRIVER tests/faults/collected.lua" },
  { row = 19, required = "every method of a closed socket: EBADF, 2 states",
    run = "DRIVER tests/support/busted.lua tests/spec/socket/sock_spec.lua" },
  { row = 20, required = "cancel and coroutine.close in every kind of wait: "
    .. "closed, never resumed", run = "DRIVER tests/faults/cancel.lua" },
  { row = 21, required = "waiting coroutines: no wrong value in 1,000",
    run = "DRIVER tests/support/busted.lua "
      .. "tests/spec/core/loop_spec.lua tests/spec/core/coroutine_spec.lua" },
  { row = 22, required = "a second reader or writer: EBUSY, nothing mixed",
    run = "DRIVER tests/support/busted.lua tests/spec/socket/sock_spec.lua" },
  { row = 23, required = "closed while waited for, number used again, 10,000: "
    .. "misdelivered 0", run = "DRIVER tests/faults/reuse.lua" },
  { row = 24, required = "1 of 100 tasks fails: 99/99 finish, 3 kinds told",
    run = "DRIVER tests/faults/errors.lua" },
  { row = 25, required = "a script ends at 20 points, 3 ways: clean, <= 1 s",
    alone = true, run = "DRIVER tests/faults/ends.lua" },
  { row = 26, required = "a lookup stuck for 2 s: timeout of 100 ms in <= "
    .. "120, gone in <= 200 ms", alone = true,
    run = "DRIVER tests/faults/stuck.lua" },
  { row = 27, required = "wrong arguments, >= 40: refused, no system call",
    run = "DRIVER tests/faults/arguments.lua" },
  { row = 28, required = ">= 12 kinds of bad NTP replies: accepted 0, one "
    .. "deadline",
    run = "DRIVER tests/support/busted.lua tests/spec/lua/ntp_spec.lua" },
  { row = 29, required = "forged datagrams between echo servers: replies <= 1",
    run = "DRIVER tests/faults/forged.lua" },
  { row = 30, required = "escape bytes on a terminal: raw bytes 0; bytecode: "
    .. "300/300 refused", run = "DRIVER tests/faults/terminal.lua" },
  { row = 31, required = "10,000 open, 64 busy, 100 slow, resets: all served, "
    .. "nothing lost, memory +<= 1 %",
    alone = true, run = "ulimit -n 10500 && DRIVER tests/faults/big.lua" },
  { row = 32, required = "soak: memory +<= 1 % or 128 KiB, descriptors kept",
    alone = true, run = "DRIVER tests/faults/soak.lua" },
}
