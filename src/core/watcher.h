/* SPDX-License-Identifier: MIT
 *
 * watcher.h: waiting until a descriptor can be read or written.
 */
#ifndef WATCHER_H
#define WATCHER_H

#include "core/state.h"
#include "os/poller.h"

enum { NET_READ, NET_WRITE }; /* the direction of a call */

typedef struct net_watcher {
  net_loop *loop;     /* NULL: the poller does not have it (yet) */
  net_wait *queue[2]; /* the call that reads, the call that writes */
  uint32_t serial;
  int fd;
  char ready;       /* NET_READABLE, NET_WRITABLE: as far as is known */
  char eof_pending; /* NET_HANGUP was reported */
} net_watcher;

void net_watcher_init(net_watcher *w);
int net_watcher_wait(lua_State *L, net_watcher *w, int fd, int dir);
int net_watcher_busy(lua_State *L, const net_watcher *w, int dir);
void net_watcher_exhausted(net_watcher *w);
void net_watcher_report(net_loop *loop, const net_event *event);
void net_watcher_hand_over(net_watcher *w);
void net_watcher_close(net_watcher *w);
void net_watcher_destroy_all(net_loop *loop);

#endif
