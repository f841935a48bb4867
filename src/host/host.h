/* SPDX-License-Identifier: MIT
 *
 * host.h: what the host program's files share besides the prompt (prompt.h).
 *
 *   main > record > modules > child
 */
#ifndef HOST_H
#define HOST_H

#include <lua.h>

/* modules.c: the modules that are inside the program. */
void net_modules_preload(lua_State *L);

/* child.c: programs that the host starts; luaopen_ of net.child, and of that
 * the one function that waits for nothing. */
int net_child_open(lua_State *L);
int net_child_terminal(lua_State *L);

/* record.c: the trace of a script, for --trace. */
int net_record_start(const char *target, const char *lab, char **args);
void net_record_stop(void);

#endif
