/* SPDX-License-Identifier: MIT
 *
 * task.h: the life of a task, from its spawn to its one end.
 */
#ifndef TASK_H
#define TASK_H

#include "core/state.h"

net_task *net_task_new(lua_State *L, net_loop *loop, int n);
void net_task_anchor(lua_State *L, net_task *t);
int net_task_count_busy(const net_loop *loop);
int net_task_is_returning(lua_State *L, const net_task *t);
void net_task_cancel(net_task *t, lua_State *from);
void net_task_end(net_task *t);
void net_task_destroy(net_task *t);

#endif
