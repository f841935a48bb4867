/* SPDX-License-Identifier: MIT
 *
 * coro.h: coroutines that wait inside a task: which one waits in which.
 */
#ifndef CORO_H
#define CORO_H

#include <lua.h>

/* Ends a coroutine: its <close> variables are closed. */
#if LUA_VERSION_NUM > 504 || LUA_VERSION_RELEASE_NUM >= 50406
#define net_reset_thread(L, from) lua_closethread(L, from)
#else
#define net_reset_thread(L, from) lua_resetthread(L)
#endif

lua_State *net_coro_parent(lua_State *co);

#endif
