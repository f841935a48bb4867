/* SPDX-License-Identifier: MIT
 *
 * coro.h: coroutines of the student's own, resumed inside a task, that wait.
 */
#ifndef CORO_H
#define CORO_H

#include "core/state.h"

/* Ends a coroutine: its <close> variables are closed. */
#if LUA_VERSION_NUM > 504 || LUA_VERSION_RELEASE_NUM >= 50406
#define net_coro_close(L, from) lua_closethread(L, from)
#else
#define net_coro_close(L, from) lua_resetthread(L)
#endif

/* Why a task cannot yield from where its code is. */
enum { NET_CALLED_BACK = 1, NET_FOREIGN };

/* Makes the results of coroutine.resume or of a wrapped function. */
typedef int (*net_then)(lua_State *L, lua_State *co, int status, int results);

int net_coro_can_yield(const net_loop *loop, lua_State *L);
lua_State *net_coro_parent(lua_State *co);
int net_coro_yield_again(lua_State *L, lua_KContext context, lua_KFunction k);
int net_coro_resume(lua_State *L, net_then then);

#endif
