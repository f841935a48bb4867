/* SPDX-License-Identifier: MIT
 *
 * fuzz.h: what the files of the fuzzer share.
 *
 *   harness.c  what libFuzzer calls, and the targets tests/fuzz/NAME.lua
 *   system.c   system calls that are counted, and fail or pretend
 *   command.c  the target `command`: the host's command line
 *   load.c     the target `load`: the replies to the load generator
 *   report.c   the target `err`: the code in an error's message
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

/* Runs one input. A fault aborts. */
typedef void (*fuzz_target)(const uint8_t *data, size_t size);
void fuzz_command(const uint8_t *data, size_t size);
void fuzz_load(const uint8_t *data, size_t size);
void fuzz_err(const uint8_t *data, size_t size);

/* Reports what is wrong with this input, and aborts. */
_Noreturn void fuzz_wrong(const char *format, ...);

/* Returns what require "system" does: functions that control system calls. */
int fuzz_open_system(lua_State *L);

#endif
