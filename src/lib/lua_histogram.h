/* SPDX-License-Identifier: MIT
 *
 * lua_histogram.h: a histogram of latencies as a Lua object.
 */
#ifndef LUA_HISTOGRAM_H
#define LUA_HISTOGRAM_H

#include <lua.h>

#include "engine/histogram.h"

const net_histogram *net_histogram_push(lua_State *L,
                                        const net_histogram *from);

#endif
