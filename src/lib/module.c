/* SPDX-License-Identifier: MIT
 *
 * module.c: makes the classes, and the table that require "net" returns.
 */
#include "lib/module.h"

#include <string.h>

#include "core/classes.h"
#include "core/loop.h"
#include "lib/coroutine.h"
#include "trace/tracer.h"

enum { BOX = 1 }; /* where the loop's box is on the stack */

/* Makes a class: a table for its methods and one for its metamethods, which are
 * told apart by their names. */
static void new_class(lua_State *L, const char *name,
                      const luaL_Reg *const *parts) {
  luaL_newmetatable(L, name);
  lua_newtable(L); /* meta methods */
  for (; *parts; parts++)
    for (const luaL_Reg *f = *parts; f->name; f++) {
      net_tracer_push(L, f->name, f->func, BOX);
      lua_setfield(L, strncmp(f->name, "__", 2) ? -2 : -3, f->name);
    }
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

#define CLASS(L, name, ...) \
  new_class(L, name, (const luaL_Reg *const[]){__VA_ARGS__, NULL})

/* Adds functions to the table on top. */
static void add(lua_State *L, const luaL_Reg *f) {
  for (; f->name; f++) {
    net_tracer_push(L, f->name, f->func, BOX);
    lua_setfield(L, -2, f->name);
  }
}

int luaopen_net(lua_State *L) {
  luaL_checkversion(L);
  lua_settop(L, 0);
  net_loop_open(L);
  CLASS(L, NET_BUFFER, net_buffer_methods);
  CLASS(L, NET_TASK, net_task_methods);
  CLASS(L, NET_CONNECT, net_connect_methods);
  CLASS(L, NET_POLLSET, net_pollset_methods);
  CLASS(L, NET_DEADLINE, net_deadline_methods);
  CLASS(L, NET_LOOKUP, net_resolver_methods);
  CLASS(L, NET_ECHO, net_echo_engine_methods);
  CLASS(L, NET_HISTOGRAM, net_histogram_methods);
  CLASS(L, NET_LOAD, net_load_engine_methods);
  CLASS(L, NET_SOCK, net_sock_methods, net_attributes_methods,
        net_tcp_info_methods, net_stream_methods, net_io_methods,
        net_echo_methods);
  lua_newtable(L);
  add(L, net_address_functions);
  add(L, net_buffer_functions);
  add(L, net_bytes_functions);
  add(L, net_netdb_functions);
  add(L, net_system_functions);
  add(L, net_sock_functions);
  add(L, net_connect_functions);
  add(L, net_listen_functions);
  add(L, net_select_functions);
  add(L, net_task_functions);
  add(L, net_load_functions);
  net_coroutine_open(L, BOX);
  lua_setfield(L, -2, "coroutine");
  lua_pushliteral(L, NETLAB_VERSION);
  lua_setfield(L, -2, "_VERSION");
  return 1;
}
