/* SPDX-License-Identifier: MIT
 *
 * harness.c: what libFuzzer calls. The program's name selects a target: one in
 * the table below, or the file tests/fuzz/NAME.lua, which returns a function
 * that takes an input and raises if it finds a fault.
 */
#include "fuzz.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/completer.h"
#include "lib/module.h"

/* libFuzzer's counters for a program's edges, here between lines of Lua. */
enum { LINES = 1 << 11 };
__attribute__((
    section("__libfuzzer_extra_counters"))) static uint8_t lines[LINES];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* Lua allocates much, so: no long quarantine, no long stacks. */
const char *__asan_default_options(void) {
  return "quarantine_size_mb=8:malloc_context_size=3";
}

_Noreturn void fuzz_wrong(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("\nfinding: ", stderr);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  abort();
}

static lua_State *lua; /* traceback function */

/* The prompt's candidates begin with the end of the line, and are sorted. */
static void target_complete(const uint8_t *data, size_t size) {
  net_names names;
  char *line = malloc(size ? size : 1);
  memcpy(line, data, size);
  net_completer_find(lua, line, size, &names);
  for (int i = 0; i < names.count; i++) {
    const char *name = names.name[i];
    if (names.typed > size ||
        strncmp(name, line + size - names.typed, names.typed) != 0)
      fuzz_wrong("'%s' is offered", name);
    if (i > 0 && strcmp(names.name[i - 1], name) >= 0)
      fuzz_wrong("'%s' is out of order", name);
  }
  if (lua_gettop(lua) != 1) fuzz_wrong("the stack has %d", lua_gettop(lua));
  free(line);
}

static const struct {
  const char *name;
  fuzz_target run;
} targets[] = {{"command", fuzz_command},
               {"complete", target_complete},
               {"err", fuzz_err},
               {"load", fuzz_load}};

static fuzz_target target;

/* Counts the edge from one line to the next. */
static void on_line(lua_State *L, lua_Debug *ar) {
  static unsigned before;
  (void)L;
  lines[(before * 31 + (unsigned)ar->currentline) % LINES]++;
  before = (unsigned)ar->currentline;
}

static void target_lua(const uint8_t *data, size_t size) {
  lua_pushvalue(lua, 2);
  lua_pushlstring(lua, (const char *)data, size);
  if (lua_pcall(lua, 1, 0, 1) == LUA_OK) return;
  fuzz_wrong("%s", luaL_tolstring(lua, -1, NULL));
}

static int traceback(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

/* Refuses large blocks, instead of using up all memory. */
static void *allocate(void *data, void *block, size_t from, size_t size) {
  (void)data, (void)from;
  if (size > 1 << 20) return NULL;
  if (size > 0) return realloc(block, size);
  free(block);
  return NULL;
}

/* Leaves the traceback function on the stack. */
static void open_lua(void) {
  lua = lua_newstate(allocate, NULL);
  luaL_openlibs(lua);
  lua_pushcfunction(lua, traceback);
  luaL_requiref(lua, "net", luaopen_net, 0);
  luaL_requiref(lua, "system", fuzz_open_system, 0);
  lua_settop(lua, 1);
}

/* Leaves the function of tests/fuzz/NAME.lua on the stack. Lines are counted
 * only for targets that test a module in Lua. */
static void load_target(const char *name) {
  char file[64], module[64];
  snprintf(file, sizeof file, "tests/fuzz/%s.lua", name);
  if (luaL_loadfile(lua, file) || lua_pcall(lua, 0, 1, 1))
    fuzz_wrong("%s", lua_tostring(lua, -1));
  snprintf(module, sizeof module, "lua/net/%s.lua", name);
  FILE *ours = fopen(module, "r");
  if (ours == NULL) return;
  fclose(ours);
  lua_sethook(lua, on_line, LUA_MASKLINE, 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  const char *slash = strrchr(**argv, '/');
  const char *name = slash ? slash + 1 : **argv;
  (void)argc;
  open_lua();
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
    if (strcmp(name, targets[i].name) == 0) target = targets[i].run;
  if (target == NULL) {
    load_target(name);
    target = target_lua;
  }
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  target(data, size);
  return 0;
}
