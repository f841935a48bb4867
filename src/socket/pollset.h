/* SPDX-License-Identifier: MIT
 *
 * pollset.h: waiting for any of several descriptors.
 */
#ifndef POLLSET_H
#define POLLSET_H

#include "core/state.h"

typedef struct net_pollset net_pollset;

net_pollset *net_pollset_open(lua_State *L);
int net_pollset_add(net_pollset *p, int fd);
net_outcome net_pollset_wait(lua_State *L, net_pollset *p);
void net_pollset_clear(net_pollset *p);
void net_pollset_notify_close(lua_State *L, net_pollset *p);
void net_pollset_fd_closing(net_loop *loop, int fd);

#endif
