/* SPDX-License-Identifier: MIT
 *
 * net.c: luaopen_net: the classes and the table that require "net" returns.
 */
#include "net.h"

#include <string.h>

enum { BOX = 1 }; /* where the loop's box is on the stack */

/* A class is one table for the methods and one for the metamethods, told apart
 * by their names. */
static void new_class(lua_State *L, const char *name,
                      const luaL_Reg *const *parts) {
  luaL_newmetatable(L, name);
  lua_newtable(L); /* meta methods */
  for (; *parts; parts++)
    for (const luaL_Reg *f = *parts; f->name; f++) {
      lua_pushvalue(L, BOX);
      lua_pushcclosure(L, f->func, 1);
      lua_setfield(L, strncmp(f->name, "__", 2) ? -2 : -3, f->name);
    }
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

#define CLASS(L, name, ...) \
  new_class(L, name, (const luaL_Reg *const[]){__VA_ARGS__, NULL})

#define FUNCTIONS(L, list) (lua_pushvalue(L, BOX), luaL_setfuncs(L, list, 1))

int luaopen_net(lua_State *L) {
  luaL_checkversion(L);
  lua_settop(L, 0);
  net_loop_open(L);
  CLASS(L, NET_BUFFER, net_buffer_methods);
  CLASS(L, NET_TASK, net_task_methods);
  CLASS(L, NET_DIAL, net_dial_methods);
  CLASS(L, NET_GATHER, net_gather_methods);
  CLASS(L, NET_DEADLINE, net_deadline_methods);
  CLASS(L, NET_LOOKUP, net_dns_methods);
  CLASS(L, NET_NAME, net_names_methods);
  CLASS(L, NET_ECHO, net_echo_engine_methods);
  CLASS(L, NET_HIST, net_hist_methods);
  CLASS(L, NET_LOAD, net_load_engine_methods);
  CLASS(L, NET_SOCK, net_sock_methods, net_attr_methods, net_info_methods,
        net_stream_methods, net_io_methods, net_echo_methods);
  lua_newtable(L);
  FUNCTIONS(L, net_addr_functions);
  FUNCTIONS(L, net_buffer_functions);
  FUNCTIONS(L, net_dns_functions);
  FUNCTIONS(L, net_names_functions);
  FUNCTIONS(L, net_iface_functions);
  FUNCTIONS(L, net_sock_functions);
  FUNCTIONS(L, net_dial_functions);
  FUNCTIONS(L, net_gai_functions);
  FUNCTIONS(L, net_listen_functions);
  FUNCTIONS(L, net_select_functions);
  FUNCTIONS(L, net_task_functions);
  FUNCTIONS(L, net_deadline_functions);
  FUNCTIONS(L, net_load_functions);
  net_coroutine_open(L, BOX);
  lua_setfield(L, -2, "coroutine");
  lua_pushliteral(L, NETLAB_VERSION);
  lua_setfield(L, -2, "_VERSION");
  return 1;
}
