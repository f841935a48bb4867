/* SPDX-License-Identifier: MIT
 *
 * process.h: programs that the host starts: the private module
 * netlab.process, and of it the one function that waits for nothing.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <lua.h>

int net_process_open(lua_State *L);
int net_process_terminal(lua_State *L);

#endif
