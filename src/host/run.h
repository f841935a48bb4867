/* SPDX-License-Identifier: MIT
 *
 * run.h: a script as the first task, and the loop until all tasks have ended.
 */
#ifndef RUN_H
#define RUN_H

#include <lua.h>

int net_run_script(lua_State *L, lua_CFunction script,
                   void (*prompt)(lua_State *L));

#endif
