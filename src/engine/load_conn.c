/* SPDX-License-Identifier: MIT
 *
 * load_conn.c: the connections of the load generator: how each is opened,
 * filled with messages and given up, and what is counted meanwhile.
 */
#include <errno.h>
#include <unistd.h>

#include "engine/load_run.h"
#include "os/os.h"
#include "os/poller.h"

/* Counts an error by its code. Further codes share the last row. */
void net_load_error_add(net_load *l, int code) {
  int i = 0;
  for (; i < NET_LOAD_ERRORS - 1; i++) {
    int known = atomic_load_explicit(&l->errors[i].code, memory_order_relaxed);
    if (known == code || known == 0) break;
  }
  atomic_store_explicit(&l->errors[i].code, code, memory_order_relaxed);
  net_count_add(&l->errors[i].count, 1);
}

/* Counts a message that was answered in full. */
void net_load_done(net_load *l, uint64_t due, uint64_t now) {
  l->in_flight--;
  if (!l->counting) return;
  net_histogram_record(&l->hist, now - due);
  net_count_add(&l->messages, 1);
  l->progress = now;
  l->failing = 0;
}

/* Notes whether the first attempt of a connection has succeeded. */
void net_load_decided(net_load *l, net_load_conn *c, int failed) {
  if (c->decided) return;
  c->decided = 1;
  l->undecided--;
  l->never_opened += failed;
}

/* Can another message be started on this connection? */
int net_load_has_room(const net_load *l, const net_load_conn *c) {
  return (c->state == NET_LOAD_OPEN || c->state == NET_LOAD_IDLE) &&
         !c->blocked && c->in_flight < (uint32_t)l->o.depth;
}

/* Starts as many messages as the connection has room for. In an open loop it
 * queues the connection instead, until something is due. */
void net_load_fill(net_load *l, net_load_conn *c) {
  if (l->phase != NET_LOAD_RUNNING || !net_load_has_room(l, c)) return;
  if (l->o.rate > 0) {
    if (c->queued) return;
    c->queued = 1;
    c->next = NULL;
    *l->last = c;
    l->last = &c->next;
    return;
  }
  uint32_t n = (uint32_t)l->o.depth - c->in_flight;
  if (n > l->budget) n = (uint32_t)l->budget;
  if (n == 0) return;
  n = l->protocol->send_n(l, c, n, l->now); /* a failure adds to the budget */
  l->budget -= n;
}

/* Opens a new socket for the connection. Returns it, or -1 and errno. */
int net_load_socket(net_load *l, net_load_conn *c) {
  c->generation++;
  c->since = l->now;
  c->fd = net_os_socket(l->address.ss_family, l->o.type);
  return c->fd;
}

/* Adds the socket to the poller. Returns 0 or an errno. */
int net_load_watch(net_load *l, net_load_conn *c) {
  uint64_t key = net_event_key(c->generation, c->index);
  return net_poller_add(l->poller, c->fd, key) ? errno : 0;
}

/* Begins to connect. Returns 0 or an errno. */
int net_load_connect(net_load *l, net_load_conn *c) {
  const struct sockaddr *to = (const struct sockaddr *)&l->address;
  return connect(c->fd, to, l->o.len) && errno != EINPROGRESS ? errno : 0;
}

void net_load_opened(net_load *l, net_load_conn *c) {
  c->state = NET_LOAD_OPEN;
  if (l->phase == NET_LOAD_OPENING) l->progress = l->now;
  net_count_add(&l->connections, 1);
}

/* Closes a connection that has failed with this error (0: it is counted
 * elsewhere). The messages in flight may be started again. EAGAIN is no
 * failure: connect(2) to a UNIX listener whose queue is full returns it. */
void net_load_fail(net_load *l, net_load_conn *c, int code) {
  int full = code == EAGAIN;
  if (code && !full) net_load_error_add(l, code);
  if (!full) net_load_decided(l, c, 1);
  l->failing = 1;
  l->budget += c->in_flight;
  l->in_flight -= c->in_flight;
  c->in_flight = 0;
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
  c->generation++;
  c->state = NET_LOAD_DOWN;
  c->since = full ? 0 : l->now;
}
