/* SPDX-License-Identifier: MIT
 *
 * poll.c: waiting until a descriptor can be read or written.
 *
 * A descriptor is watched from its first wait until it is closed, and costs no
 * system call between: the kernel reports each change once, and `can` keeps
 * what it has said until a call has found out otherwise.
 *
 *   loop->polls[fd] = poll     an event names its descriptor and the serial
 *                              number of its poll, so one that comes late, for
 *                              a descriptor that is another's by now, is known
 */
#include "core/watcher.h"

#include <errno.h>
#include <stdlib.h>

#include "core/wait.h"
#include "os/counters.h"

static const int bits[2] = {
    [NET_READ] = NET_READABLE, [NET_WRITE] = NET_WRITABLE};

void net_watcher_init(net_watcher *p) {
  *p = (net_watcher){.ready = NET_READABLE | NET_WRITABLE};
}

/* Makes loop->polls long enough for fd; false: there is no memory for it. */
static int make_room(net_loop *loop, int fd) {
  if (fd < loop->nwatchers) return 1;
  int n = fd < 32 ? 64 : fd * 2;
  net_watcher **watchers =
      realloc(loop->watchers, (size_t)n * sizeof *watchers);
  if (watchers == NULL) return 0;
  for (int i = loop->nwatchers; i < n; i++) watchers[i] = NULL;
  loop->watchers = watchers;
  loop->nwatchers = n;
  return 1;
}

static void watch(lua_State *L, net_watcher *p, int fd) {
  net_loop *loop = net_loop_get(L);
  if (!make_room(loop, fd)) luaL_error(L, "not enough memory");
  if (++loop->serial == 0) loop->serial = 1;
  uint32_t serial = loop->serial;
  uint64_t key = (uint64_t)serial << 32 | (uint32_t)fd;
  if (NET_CALL(net_poller_add(loop->poller, fd, key)))
    luaL_error(L, "cannot watch descriptor %d: %s", fd, uv_strerror(-errno));
  p->loop = loop;
  p->fd = fd;
  p->serial = serial;
  loop->watchers[fd] = p;
}

/* Arms the running call to be tried again when fd, which has said that it
 * cannot be read (written) now, can. Returns NET_WAIT. */
int net_watcher_wait(lua_State *L, net_watcher *p, int fd, int dir) {
  if (p->loop == NULL) watch(L, p, fd);
  p->ready &= (char)~bits[dir];
  net_wait_on(L, &p->queue[dir]);
  net_wait_external(p->queue[dir]);
  return NET_WAIT;
}

/* A stream gave fewer bytes than it was asked for, so it has no more now. Not
 * where its end has been seen, or urgent data, at which recv(2) stops: what is
 * behind will not be reported again. */
void net_watcher_exhausted(net_watcher *p) {
  if (!p->eof_pending) p->ready &= ~NET_READABLE;
}

/* What the loop's watch reports of a descriptor. */
void net_watcher_report(net_loop *loop, const net_event *event) {
  uint32_t fd = (uint32_t)event->key;
  net_watcher *p = fd < (uint32_t)loop->nwatchers ? loop->watchers[fd] : NULL;
  if (p == NULL || p->serial != event->key >> 32) return;
  if (event->bits & NET_HANGUP) p->eof_pending = 1;
  p->ready |= (char)(event->bits & (NET_READABLE | NET_WRITABLE));
  for (int dir = NET_READ; dir <= NET_WRITE; dir++)
    if (event->bits & bits[dir]) net_wait_wake(p->queue[dir], NET_READY);
}

/* Is another call reading (writing) this descriptor? */
int net_watcher_busy(lua_State *L, const net_watcher *p, int dir) {
  return net_wait_busy(L, p->queue[dir]);
}

/* Lets go of a descriptor that goes on to live, with an engine. */
void net_watcher_hand_over(net_watcher *p) {
  if (p->loop == NULL) return;
  NET_CALL(net_poller_remove(p->loop->poller, p->fd));
  p->loop->watchers[p->fd] = NULL;
  net_watcher_init(p);
}

/* Wakes those who wait for a descriptor that is about to be closed. */
void net_watcher_close(net_watcher *p) {
  for (int dir = NET_READ; dir <= NET_WRITE; dir++) {
    net_wait_wake(p->queue[dir], NET_CANCELED);
    while (p->queue[dir]) net_wait_detach(p->queue[dir]);
  }
  if (p->loop) p->loop->watchers[p->fd] = NULL;
  p->loop = NULL;
}

/* The loop is about to go. */
void net_watcher_destroy_all(net_loop *loop) {
  for (int fd = 0; fd < loop->nwatchers; fd++)
    if (loop->watchers[fd]) loop->watchers[fd]->loop = NULL;
  free(loop->watchers);
}
