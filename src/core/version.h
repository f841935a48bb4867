/* SPDX-License-Identifier: MIT
 *
 * version.h: the version of netlab, and the oldest Lua it works with.
 */
#ifndef VERSION_H
#define VERSION_H

#include <lua.h>

#define NETLAB_VERSION "0.1.0"

#if LUA_VERSION_RELEASE_NUM < 50404
#error "netlab needs Lua 5.4.4 or newer: in older ones no __close can wait"
#endif

#endif
