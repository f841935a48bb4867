/* SPDX-License-Identifier: MIT
 *
 * module.h: the module, and the tables of functions and methods it is made of.
 */
#ifndef MODULE_H
#define MODULE_H

#include <lauxlib.h>
#include <lua.h>

extern const luaL_Reg net_address_functions[];
extern const luaL_Reg net_attributes_methods[];
extern const luaL_Reg net_buffer_functions[], net_buffer_methods[];
extern const luaL_Reg net_bytes_functions[];
extern const luaL_Reg net_connect_functions[], net_connect_methods[];
extern const luaL_Reg net_deadline_methods[];
extern const luaL_Reg net_echo_engine_methods[], net_echo_methods[];
extern const luaL_Reg net_histogram_methods[];
extern const luaL_Reg net_io_methods[];
extern const luaL_Reg net_listen_functions[];
extern const luaL_Reg net_load_engine_methods[], net_load_functions[];
extern const luaL_Reg net_netdb_functions[];
extern const luaL_Reg net_pollset_methods[];
extern const luaL_Reg net_resolver_methods[];
extern const luaL_Reg net_select_functions[];
extern const luaL_Reg net_sock_functions[], net_sock_methods[];
extern const luaL_Reg net_stream_methods[];
extern const luaL_Reg net_system_functions[];
extern const luaL_Reg net_task_functions[], net_task_methods[];
extern const luaL_Reg net_tcp_info_methods[];

__attribute__((visibility("default"))) int luaopen_net(lua_State *L);

#endif
