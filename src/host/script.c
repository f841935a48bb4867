/* SPDX-License-Identifier: MIT
 *
 * script.c: runs the Lua code that the command line names, chunk by chunk:
 * LUA_INIT, each -e and -l, and the script or the tool in its place. A chunk
 * may wait for the network, so the place reached is kept in `next`.
 */
#include "host/script.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "host/options.h"

enum { NO_CHUNK = -1 };

/* What runs next: 0 is LUA_INIT, then come the options up to the script, then
 * the script itself, at argv[net_host.script]; above that, all is done. */
static int next;

static void load_text(lua_State *L, const char *text, const char *name) {
  if (luaL_loadbufferx(L, text, strlen(text), name, "t")) lua_error(L);
}

static void load_file(lua_State *L, const char *name) {
  if (luaL_loadfilex(L, name, "t")) lua_error(L);
}

static int push_init(lua_State *L) {
  const char *name = "=LUA_INIT" LUA_VERSUFFIX, *init = getenv(name + 1);
  if (init == NULL) init = getenv((name = "=LUA_INIT") + 1);
  if (init == NULL || net_host.noenv) return NO_CHUNK;
  if (init[0] == '@')
    load_file(L, init + 1);
  else
    load_text(L, init, name);
  return 0;
}

/* -l mod, -l global=mod */
static void require(lua_State *L, const char *name) {
  const char *equals = strchr(name, '=');
  lua_pushglobaltable(L);
  if (equals)
    lua_pushlstring(L, name, (size_t)(equals - name));
  else
    lua_pushstring(L, name);
  lua_getglobal(L, "require");
  lua_pushstring(L, equals ? equals + 1 : name);
  lua_call(L, 1, 1);
  lua_rawset(L, -3); /* _G[global] = module */
  lua_pop(L, 1);
}

static int push_option(lua_State *L, const char *word) {
  const char *text = word + 2;
  if (word[1] == 'W') lua_warning(L, "@on", 0);
  if (!strchr("el", word[1])) return NO_CHUNK;
  if (*text == '\0') text = net_host.argv[next++];
  if (word[1] == 'l') {
    require(L, text);
    return NO_CHUNK;
  }
  load_text(L, text, "=(command line)");
  return 0;
}

/* Pushes the words from argv[i] on; returns how many. */
static int push_words(lua_State *L, int i) {
  int words = net_host.argc - i;
  luaL_checkstack(L, words + 4, "too many arguments to the script");
  for (; i < net_host.argc; i++) lua_pushstring(L, net_host.argv[i]);
  return words;
}

/* The module gets the words as they are, with --trace in front of them. */
static int push_tool(lua_State *L) {
  if (luaL_loadstring(L, "os.exit(require(...).main(select(2, ...)), true)"))
    lua_error(L);
  lua_pushstring(L, net_host.tool);
  if (net_host.traced)
    lua_pushfstring(L, "--trace%s%s", net_host.trace ? "=" : "",
                    net_host.trace ? net_host.trace : "");
  return 1 + net_host.traced + push_words(L, net_host.script);
}

static int push_script(lua_State *L) {
  int given = net_host.script < net_host.argc;
  const char *file = given ? net_host.argv[net_host.script] : "-";
  if (net_host.tool) return push_tool(L);
  if (!given && (net_host.chunks || net_host.version || net_host.prompt))
    return NO_CHUNK;
  /* `-` is standard input, but `-- -` a file of that name */
  int is_stdin = strcmp(file, "-") == 0 && !(given && net_host.dashes);
  load_file(L, is_stdin ? NULL : file);
  return given ? push_words(L, net_host.script + 1) : 0;
}

/* Pushes the next chunk and its arguments. Returns how many arguments, or
 * NO_CHUNK when all is done. */
static int push_next(lua_State *L) {
  int args = NO_CHUNK;
  while (args == NO_CHUNK && next <= net_host.script) {
    int i = next++;
    args = i == 0                ? push_init(L)
           : i < net_host.script ? push_option(L, net_host.argv[i])
                                 : push_script(L);
  }
  return args;
}

/* Lua comes back here, too, after a chunk that has waited. */
static int run_chunks(lua_State *L, int status, lua_KContext context) {
  int args;
  (void)status;
  while ((args = push_next(L)) != NO_CHUNK)
    lua_callk(L, args, 0, context, run_chunks);
  return 0;
}

/* The body of the first task. */
int net_script_run(lua_State *L) {
  next = 0;
  return run_chunks(L, LUA_OK, 0);
}

/* Sets the global arg: the script is at 0, its arguments follow, and what is
 * in front of it has negative indices. */
void net_script_set_arg(lua_State *L) {
  int script = net_host.script < net_host.argc ? net_host.script : 0;
  lua_createtable(L, net_host.argc - script, script + 1);
  for (int i = 0; i < net_host.argc; i++) {
    lua_pushstring(L, net_host.argv[i]);
    lua_rawseti(L, -2, i - script);
  }
  lua_setglobal(L, "arg");
}
