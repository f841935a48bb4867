/* SPDX-License-Identifier: MIT
 *
 * main.c: the program netlab: Lua with the module net inside. It runs the
 * script as the first task, then waits for the tasks that are still alive.
 */
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lualib.h>

#include "host/complain.h"
#include "host/embed.h"
#include "host/options.h"
#include "host/prompt.h"
#include "host/recorder.h"
#include "host/run.h"
#include "host/script.h"
#include "host/terminal.h"
#include "lib/module.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

/* Replaces Lua's coroutine library by net.coroutine, whose coroutines may
 * wait. */
static void replace_coroutine(lua_State *L) {
  luaL_requiref(L, "net", luaopen_net, 0);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -2, "coroutine"); /* net loaded coroutine */
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "coroutine");
  lua_setglobal(L, "coroutine");
  lua_pop(L, 2);
}

static void open_libraries(lua_State *L) {
  lua_pushboolean(L, net_host.noenv);
  lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
  lua_warning(L, "@off", 0); /* Lua 5.5 has them on */
  luaL_openlibs(L);
  net_embed_preload(L);
  replace_coroutine(L);
}

/* A pause above 120 % could double the heap of a server. */
static void set_collector(lua_State *L) {
#ifdef LUA_GCPARAM /* Lua 5.5 */
  lua_gc(L, LUA_GCPARAM, LUA_GCPPAUSE, 120);
#else
  lua_gc(L, LUA_GCINC, 120, 0, 0);
#endif
  lua_gc(L, LUA_GCGEN, 0, 0);
}

/* Protected: runs everything but the command line; returns the exit status. */
static int run(lua_State *L) {
  luaL_checkversion(L);
  open_libraries(L);
  net_script_set_arg(L);
  set_collector(L);
  void (*prompt)(lua_State *) = net_host.prompt ? net_prompt_run : NULL;
  lua_pushinteger(L, net_run_script(L, net_script_run, prompt));
  return 1;
}

/* The collector frees many strings at once. With its defaults, glibc would
 * often return the top of the heap to the kernel and fault it in again: a third
 * of the time of a loop that receives 16 KiB at a time. (Setting the one
 * threshold fixes the other, at a value too small for strings of 128 KiB.) */
static void keep_memory(void) {
#ifdef __GLIBC__
  mallopt(M_TRIM_THRESHOLD, 2 << 20);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

static int run_state(void) {
  keep_memory();
  lua_State *L = luaL_newstate();
  if (L == NULL) return net_complain("not enough memory");
  lua_pushcfunction(L, run);
  int failed = lua_pcall(L, 0, 1, 0);
  int status = failed ? net_complain("%s", luaL_tolstring(L, -1, NULL))
                      : (int)lua_tointeger(L, -1);
  lua_close(L);
  return status;
}

/* The trace names the script, or what runs in its place. */
static int start_trace(void) {
  int given = net_host.script < net_host.argc;
  const char *script = given             ? net_host.argv[net_host.script]
                       : net_host.chunks ? "-e"
                                         : "-";
  return net_recorder_start(net_host.trace, script,
                            net_host.argv + net_host.script + given);
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* each line appears at once */
  if (!net_options_read(argc, argv)) return EXIT_FAILURE;
  if (net_host.instead) return net_host.instead();
  if (net_host.version) net_options_print_version();
  if (net_host.prompt) net_terminal_hook_stdout();
  if (net_host.traced && !net_host.tool && start_trace()) return EXIT_FAILURE;
  int status = run_state();
  net_recorder_stop();
  return status;
}
