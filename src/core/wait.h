/* SPDX-License-Identifier: MIT
 *
 * wait.h: a wait, from the queue it joins to its release. Nothing here runs Lua
 * code.
 */
#ifndef WAIT_H
#define WAIT_H

#include "core/state.h"

void net_wait_init(net_loop *loop, net_wait *w, lua_State *L, net_task *task);
net_wait *net_wait_of(net_loop *loop, lua_State *L);
void net_wait_limit(net_wait *w, double seconds);
int net_wait_on(lua_State *L, net_wait **queue);
int net_wait_retry_after(lua_State *L, net_wait **queue, int ms);
void net_wait_external(net_wait *w);
int net_wait_busy(lua_State *L, const net_wait *queue);
void net_wait_ready(net_wait *w, net_wake wake);
void net_wait_wake(net_wait *queue, net_wake wake);
void net_wait_detach(net_wait *w);
void net_wait_release(net_wait *w);
void net_wait_destroy(net_wait *w);

#endif
