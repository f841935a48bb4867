/* SPDX-License-Identifier: MIT
 *
 * watcher.c: waiting until a descriptor can be read or written.
 *
 * A descriptor is in the poller from its first wait until it is closed, and
 * costs no system call in between: the kernel reports each change once, and
 * `ready` keeps it until a call finds out otherwise.
 */
#include "core/watcher.h"

#include <errno.h>
#include <stdlib.h>

#include "core/wait.h"
#include "os/counters.h"

static const int bits[2] = {
    [NET_READ] = NET_READABLE, [NET_WRITE] = NET_WRITABLE};

void net_watcher_init(net_watcher *w) {
  *w = (net_watcher){.ready = NET_READABLE | NET_WRITABLE};
}

static void watch(lua_State *L, net_watcher *w, int fd) {
  net_loop *loop = net_loop_get(L);
  w->serial = net_fd_table_add(&loop->watchers, fd, w);
  if (w->serial == 0) luaL_error(L, "not enough memory");
  uint64_t key = net_event_key(w->serial, (uint32_t)fd);
  if (NET_CALL(net_poller_add(loop->poller, fd, key))) {
    net_fd_table_remove(&loop->watchers, fd);
    luaL_error(L, "cannot watch descriptor %d: %s", fd, uv_strerror(-errno));
  }
  w->loop = loop;
  w->fd = fd;
}

/* Has the running call tried again when fd, which cannot be read (written) now,
 * becomes ready. Returns NET_WAIT. */
int net_watcher_wait(lua_State *L, net_watcher *w, int fd, int dir) {
  if (w->loop == NULL) watch(L, w, fd);
  w->ready &= (char)~bits[dir];
  net_wait_on(L, &w->queue[dir]);
  net_wait_external(w->queue[dir]);
  return NET_WAIT;
}

/* A stream returned fewer bytes than it was asked for, so it has no more now.
 * Not so once the end or urgent data was reported: recv(2) stops there, and no
 * event announces the rest. */
void net_watcher_exhausted(net_watcher *w) {
  if (!w->eof_pending) w->ready &= ~NET_READABLE;
}

/* Records an event of the loop's poller, and wakes the calls it concerns. */
void net_watcher_report(net_loop *loop, const net_event *event) {
  net_watcher *w = net_fd_table_get(&loop->watchers, net_event_index(event));
  if (w == NULL || w->serial != net_event_serial(event)) return;
  if (event->bits & NET_HANGUP) w->eof_pending = 1;
  w->ready |= (char)(event->bits & (NET_READABLE | NET_WRITABLE));
  for (int dir = NET_READ; dir <= NET_WRITE; dir++)
    if (event->bits & bits[dir]) net_wait_wake(w->queue[dir], NET_READY);
}

/* Is another call reading (writing) this descriptor? */
int net_watcher_busy(lua_State *L, const net_watcher *w, int dir) {
  return net_wait_busy(L, w->queue[dir]);
}

/* Takes a descriptor out of the poller and leaves it open, for an engine. */
void net_watcher_hand_over(net_watcher *w) {
  if (w->loop == NULL) return;
  NET_CALL(net_poller_remove(w->loop->poller, w->fd));
  net_fd_table_remove(&w->loop->watchers, w->fd);
  net_watcher_init(w);
}

/* Wakes every call that waits for a descriptor which is about to be closed. */
void net_watcher_close(net_watcher *w) {
  for (int dir = NET_READ; dir <= NET_WRITE; dir++) {
    net_wait_wake(w->queue[dir], NET_CANCELED);
    while (w->queue[dir]) net_wait_detach(w->queue[dir]);
  }
  if (w->loop) net_fd_table_remove(&w->loop->watchers, w->fd);
  w->loop = NULL;
}

/* The loop is about to be freed. */
void net_watcher_destroy_all(net_loop *loop) {
  for (int fd = 0; fd < loop->watchers.size; fd++) {
    net_watcher *w = loop->watchers.objects[fd];
    if (w) w->loop = NULL;
  }
  free(loop->watchers.objects);
}
