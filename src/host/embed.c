/* SPDX-License-Identifier: MIT
 *
 * embed.c: the modules of lua/, compiled into the program.
 */
#include "host/embed.h"

#include <lauxlib.h>

#include "host/process.h"
#include "lib/module.h"

/* Written by the Makefile. */
static const struct {
  const char *name, *chunk;
  const unsigned char *text;
  size_t len;
} modules[] = {
#include "embed.inc"
};

static int open_module(lua_State *L) {
  size_t i = (size_t)lua_tointeger(L, lua_upvalueindex(1));
  if (luaL_loadbufferx(L, (const char *)modules[i].text, modules[i].len,
                       modules[i].chunk, "t") != LUA_OK)
    return lua_error(L);
  lua_pushstring(L, modules[i].name);
  lua_call(L, 1, 1);
  return 1;
}

/* Makes the modules, and net, known to require. */
void net_embed_preload(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_net);
  lua_setfield(L, -2, "net");
  lua_pushcfunction(L, net_process_open);
  lua_setfield(L, -2, "netlab.process");
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
    lua_pushinteger(L, (lua_Integer)i);
    lua_pushcclosure(L, open_module, 1);
    lua_setfield(L, -2, modules[i].name);
  }
  lua_pop(L, 1);
}
