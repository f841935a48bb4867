/* SPDX-License-Identifier: MIT
 *
 * pollset.c: waiting for any of several descriptors in one call. A pollset is a
 * poller of its own, whose descriptor is waited for like any other. It reports
 * that something has happened; the caller finds out what.
 *
 * A pollset is a to-be-closed value on the caller's stack, so it ends with the
 * call, even if the call's task is cancelled.
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
  net_watcher watcher;
  int poller; /* -1: closed */
};

/* Pushes a pollset; returns NULL and errno if there is no descriptor for it. */
net_pollset *net_pollset_open(lua_State *L) {
  net_pollset *p = lua_newuserdatauv(L, sizeof *p, 0);
  *p = (net_pollset){.poller = -1};
  net_link_init(&p->link);
  net_watcher_init(&p->watcher);
  luaL_setmetatable(L, NET_POLLSET);
  lua_toclose(L, -1);
  p->poller = net_poller_open();
  return p->poller < 0 ? NULL : p;
}

/* Adds a descriptor, unless it is there already. That it is ready now counts as
 * an event. Returns 0 or an errno. */
int net_pollset_add(net_pollset *p, int fd) {
  int failed = NET_CALL(net_poller_add(p->poller, fd, 0));
  return failed && errno != EEXIST ? errno : 0;
}

/* Waits for an event since the last net_pollset_clear. Returns NET_WAIT. */
net_outcome net_pollset_wait(lua_State *L, net_pollset *p) {
  return net_watcher_wait(L, &p->watcher, p->poller, NET_READ);
}

/* Discards the events so far: the caller is about to check the descriptors. */
void net_pollset_clear(net_pollset *p) {
  net_event events[NET_EVENTS];
  while (net_poller_wait(p->poller, events, 0) == NET_EVENTS) continue;
}

/* Makes net_pollset_fd_closing wake this pollset. */
void net_pollset_notify_close(lua_State *L, net_pollset *p) {
  net_link_append(&net_loop_get(L)->selects, &p->link);
}

/* Wakes the pollsets that have fd, which is about to be closed: the kernel does
 * not report that. */
void net_pollset_fd_closing(net_loop *loop, int fd) {
  for (net_link *l = loop->selects.next; l != &loop->selects; l = l->next) {
    net_pollset *p = (net_pollset *)l; /* link is its first member */
    if (NET_CALL(net_poller_remove(p->poller, fd)) == 0)
      net_wait_wake(p->watcher.queue[NET_READ], NET_READY);
  }
}

static int pollset___close(lua_State *L) {
  net_pollset *p = luaL_checkudata(L, 1, NET_POLLSET);
  if (p->poller < 0) return 0;
  net_link_remove(&p->link);
  net_watcher_close(&p->watcher);
  close(p->poller);
  p->poller = -1;
  return 0;
}

const luaL_Reg net_pollset_methods[] = {
    {"__close", pollset___close},
    {"__gc", pollset___close},
    {NULL, NULL},
};
