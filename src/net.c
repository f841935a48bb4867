/* SPDX-License-Identifier: MIT
 *
 * net.c: luaopen_net: the classes and the table that require "net" returns.
 */
#include "net.h"

#include <string.h>

/* A class is one table for the methods and one for the metamethods, told apart
 * by their names. */
static void new_class(lua_State *L, const char *name,
                      const luaL_Reg *const *parts) {
  luaL_newmetatable(L, name);
  lua_newtable(L); /* meta methods */
  for (; *parts; parts++)
    for (const luaL_Reg *f = *parts; f->name; f++) {
      lua_pushcfunction(L, f->func);
      lua_setfield(L, strncmp(f->name, "__", 2) ? -2 : -3, f->name);
    }
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

#define CLASS(L, name, ...) \
  new_class(L, name, (const luaL_Reg *const[]){__VA_ARGS__, NULL})

int luaopen_net(lua_State *L) {
  luaL_checkversion(L);
  net_loop_open(L);
  CLASS(L, NET_TASK, net_task_methods);
  CLASS(L, NET_GUARD, net_guard_methods);
  CLASS(L, NET_LOOKUP, net_dns_methods);
  CLASS(L, NET_ECHO, net_echo_engine_methods);
  CLASS(L, NET_SOCK, net_sock_methods, net_attr_methods, net_io_methods,
        net_echo_methods);
  lua_newtable(L);
  luaL_setfuncs(L, net_addr_functions, 0);
  luaL_setfuncs(L, net_dns_functions, 0);
  luaL_setfuncs(L, net_sock_functions, 0);
  luaL_setfuncs(L, net_task_functions, 0);
  lua_pushliteral(L, NETLAB_VERSION);
  lua_setfield(L, -2, "_VERSION");
  return 1;
}
