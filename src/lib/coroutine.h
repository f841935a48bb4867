/* SPDX-License-Identifier: MIT
 *
 * coroutine.h: net.coroutine.
 */
#ifndef COROUTINE_H
#define COROUTINE_H

#include <lua.h>

void net_coroutine_open(lua_State *L, int box);

#endif
