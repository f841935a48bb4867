/* SPDX-License-Identifier: MIT
 *
 * completer.h: the names that can stand at the end of a line.
 */
#ifndef COMPLETER_H
#define COMPLETER_H

#include <stddef.h>

#include <lua.h>

enum { NET_NAMES = 200 };

typedef struct net_names {
  const char *name[NET_NAMES]; /* sorted; Lua's own strings */
  int count;
  int more;     /* there are others besides */
  size_t typed; /* bytes of the name that the line has already */
} net_names;

void net_completer_find(lua_State *L, const char *line, size_t len,
                        net_names *names);

#endif
