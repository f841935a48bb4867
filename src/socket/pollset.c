/* SPDX-License-Identifier: MIT
 *
 * gather.c: waiting for any of several descriptors in one call. A gather is a
 * watch of its own, whose descriptor is waited for as any other; it says that
 * something has happened, and its caller looks where.
 *
 * It stands in the caller's stack, to be closed: however the call ends, also
 * where its task is cancelled, the gather ends with it.
 */
#include "socket/pollset.h"

#include <errno.h>
#include <unistd.h>

#include "core/classes.h"
#include "core/wait.h"
#include "core/watcher.h"
#include "os/counters.h"

struct net_pollset {
  net_link link; /* in loop->selects, or in no list */
  net_watcher poll;
  int watch; /* -1: closed */
};

/* Pushes a new gather; NULL and errno: there is no descriptor for it. */
net_pollset *net_pollset_open(lua_State *L) {
  net_pollset *g = lua_newuserdatauv(L, sizeof *g, 0);
  *g = (net_pollset){.watch = -1};
  net_link_init(&g->link);
  net_watcher_init(&g->poll);
  luaL_setmetatable(L, NET_POLLSET);
  lua_toclose(L, -1);
  g->watch = net_poller_open();
  return g->watch < 0 ? NULL : g;
}

/* Gathers what happens to fd, too, from now on, and that it is ready already;
 * 0, or an errno. It may be added again. */
int net_pollset_add(net_pollset *g, int fd) {
  int failed = NET_CALL(net_poller_add(g->watch, fd, 0));
  return failed && errno != EEXIST ? errno : 0;
}

/* Arms the running call to be tried again when something happens after the
 * last look. Returns NET_WAIT. */
int net_pollset_wait(lua_State *L, net_pollset *g) {
  return net_watcher_wait(L, &g->poll, g->watch, NET_READ);
}

/* Forgets what has happened: the caller is about to look itself. */
void net_pollset_clear(net_pollset *g) {
  net_event events[NET_EVENTS];
  while (net_poller_wait(g->watch, events, 0) == NET_EVENTS) continue;
}

/* Has net_pollset_fd_closing tell this gather. */
void net_pollset_notify_close(lua_State *L, net_pollset *g) {
  net_link_append(&net_loop_get(L)->selects, &g->link);
}

/* Wakes the selects that wait for fd, which is about to be closed: the kernel
 * says nothing about that. */
void net_pollset_fd_closing(net_loop *loop, int fd) {
  for (net_link *l = loop->selects.next; l != &loop->selects; l = l->next) {
    net_pollset *g = (net_pollset *)l; /* link is its first member */
    if (NET_CALL(net_poller_remove(g->watch, fd)) == 0)
      net_wait_wake(g->poll.queue[NET_READ], NET_READY);
  }
}

static int gather___close(lua_State *L) {
  net_pollset *g = luaL_checkudata(L, 1, NET_POLLSET);
  if (g->watch < 0) return 0;
  net_link_remove(&g->link);
  net_watcher_close(&g->poll);
  close(g->watch);
  g->watch = -1;
  return 0;
}

const luaL_Reg net_pollset_methods[] = {
    {"__close", gather___close},
    {"__gc", gather___close},
    {NULL, NULL},
};
