/* SPDX-License-Identifier: MIT
 *
 * process.h: programs that the host starts: the private module netlab.process,
 * and its function `terminal`, which needs no loop.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <lua.h>

int net_process_open(lua_State *L);
int net_process_terminal(lua_State *L);

#endif
