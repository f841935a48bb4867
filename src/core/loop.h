/* SPDX-License-Identifier: MIT
 *
 * loop.h: the loop, and the one way to wait.
 */
#ifndef LOOP_H
#define LOOP_H

#include "core/state.h"

void net_loop_open(lua_State *L);
net_loop *net_loop_find(lua_State *L);
int net_loop_turn(net_loop *loop, int patient);
void net_loop_begin(lua_State *L, const char *call, double seconds);
int net_loop_await(lua_State *L, net_step step);
int net_loop_finish_sync(lua_State *L, int results);

#endif
