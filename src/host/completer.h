/* SPDX-License-Identifier: MIT
 *
 * completer.h: finds the names that can complete a line.
 */
#ifndef COMPLETER_H
#define COMPLETER_H

#include <stddef.h>

#include <lua.h>

enum { NET_NAMES = 200 };

typedef struct net_names {
  const char *name[NET_NAMES]; /* sorted; they belong to Lua */
  int count;
  int more;     /* there were too many */
  size_t typed; /* bytes of the name that are already in the line */
} net_names;

void net_completer_find(lua_State *L, const char *line, size_t len,
                        net_names *names);

#endif
