/* SPDX-License-Identifier: MIT
 *
 * deadline.h: the time by which all the calls of a function must be done.
 */
#ifndef DEADLINE_H
#define DEADLINE_H

#include "core/state.h"

uint64_t net_deadline_after(double seconds);
uint64_t net_deadline_first(const net_loop *loop);
int net_deadline_passed(const net_loop *loop);
void net_deadline_enter(net_loop *loop, net_deadline *d, const lua_State *co,
                        double seconds);
void net_deadline_leave(net_deadline *d);

#endif
