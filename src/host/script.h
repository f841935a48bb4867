/* SPDX-License-Identifier: MIT
 *
 * script.h: the Lua code that the command line names.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <lua.h>

void net_script_set_arg(lua_State *L);
int net_script_run(lua_State *L);

#endif
