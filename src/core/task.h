/* SPDX-License-Identifier: MIT
 *
 * task.h: the life of a task, from its spawn to its one end.
 */
#ifndef TASK_H
#define TASK_H

#include "core/state.h"

net_task *net_task_new(lua_State *L, net_loop *loop, int n);
void net_task_end(net_task *t);
void net_task_cancel(net_task *t, lua_State *from);
int net_task_host(lua_State *L, lua_CFunction script,
                  void (*prompt)(lua_State *L));

#endif
