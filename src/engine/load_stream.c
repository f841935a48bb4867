/* SPDX-License-Identifier: MIT
 *
 * load_stream.c: connections. Each sends the pattern from a place of its own,
 * straight from where it lies, and what comes in is compared with it from the
 * same place on: a byte that is wrong, missing, doubled or of another
 * connection ends the connection.
 */
#include "engine/load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/poller.h"

enum { ONE = 1024 }; /* bytes that fit into one segment */

static int stream_prepare(net_load *l) {
  l->buffer = malloc(NET_LOAD_CHUNK);
  if (l->buffer == NULL) return ENOMEM;
  for (int i = 0; i < l->o.connections; i++) {
    l->conns[i].due = calloc((size_t)l->o.depth, sizeof *l->conns[i].due);
    if (l->conns[i].due == NULL) return ENOMEM;
  }
  return 0;
}

/* Each connection that we close keeps its pair of addresses and ports for a
 * minute (TIME_WAIT), and one address has 28,000 ports or so. On the loopback
 * we have more addresses: 127.0.1.1 to 127.0.1.200 take turns. Elsewhere the
 * ports may run out, and the report says EADDRNOTAVAIL; a close by reset would
 * spare them, but the server would see it as an error. */
static void bind_source(net_load *l, int fd) {
#ifdef IP_BIND_ADDRESS_NO_PORT
  const struct sockaddr_in *to = (const struct sockaddr_in *)&l->address;
  int on = 1;
  if (to->sin_family != AF_INET || ntohl(to->sin_addr.s_addr) >> 24 != 127)
    return;
  struct sockaddr_in from = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(0x7f000101 + l->source++ % 200);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&from, sizeof from)) return; /* no matter */
#else
  (void)l, (void)fd;
#endif
}

/* Begins to connect; 0, or an errno. */
static int stream_open(net_load *l, net_load_conn *c) {
  int on = 1, whole = l->o.churn && l->o.size <= ONE; /* nothing to delay */
  if (net_load_socket(l, c) < 0) return errno;
  if (l->address.ss_family != AF_UNIX && !whole)
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (l->o.churn) bind_source(l, c->fd);
  c->state = NET_LOAD_CONNECTING;
  c->unsent = 0;
  c->part = 0;
  c->head = 0;
  c->out = c->in =
      (uint32_t)((c->index * UINT64_C(7919) + c->generation * UINT64_C(31)) %
                 NET_LOAD_PERIOD);
  int err = net_load_connect(l, c);
  return err || l->o.churn ? err : net_load_watch(l, c);
}

static void stream_opened(net_load *l, net_load_conn *c) {
  net_load_opened(l, c);
  net_load_decided(l, c, 0);
}

/* Sends what the kernel takes; false: the connection has failed. */
static int flush(net_load *l, net_load_conn *c) {
  while (c->unsent > 0) {
    size_t len = c->unsent < NET_LOAD_CHUNK ? c->unsent : NET_LOAD_CHUNK;
    ssize_t n = send(c->fd, l->pattern + c->out, len, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return 1;
    if (n < 0 && errno == ENOTCONN && c->state == NET_LOAD_CONNECTING) return 1;
    if (n < 0) {
      net_load_fail(l, c, errno);
      return 0;
    }
    if (c->state == NET_LOAD_CONNECTING) stream_opened(l, c);
    c->out = (uint32_t)((c->out + (uint64_t)n) % NET_LOAD_PERIOD);
    c->unsent -= (uint64_t)n;
  }
  return 1;
}

/* Starts n messages. With churn the connection is opened for it, and the send
 * tried at once: over the loopback, it is connected by then, and the server has
 * something to do while we ask for the events. */
static uint32_t stream_issue(net_load *l, net_load_conn *c, uint32_t n,
                             uint64_t due) {
  uint32_t depth = (uint32_t)l->o.depth;
  int fresh = c->state == NET_LOAD_IDLE, err = fresh ? stream_open(l, c) : 0;
  if (err) {
    net_load_fail(l, c, err);
    return 0;
  }
  for (uint32_t i = 0, at = c->head + c->live; i < n; i++, at++)
    c->due[at % depth] = due;
  c->live += n;
  l->live += n;
  c->unsent += (uint64_t)n * l->o.size;
  if (flush(l, c) && fresh) err = net_load_watch(l, c);
  if (err) net_load_fail(l, c, err);
  return n;
}

/* Compares what has come in, and counts what it completes; false: it is not
 * what was sent. */
static int take(net_load *l, net_load_conn *c, size_t n) {
  if (l->o.verify && memcmp(l->buffer, l->pattern + c->in, n) != 0) return 0;
  if (l->counting) net_load_add(&l->bytes, n);
  c->in = (uint32_t)((c->in + n) % NET_LOAD_PERIOD);
  for (c->part += n; c->part >= l->o.size; c->part -= l->o.size) {
    if (c->live == 0) return 0;
    net_load_done(l, c->due[c->head], l->now);
    if (++c->head == (uint32_t)l->o.depth) c->head = 0;
    c->live--;
  }
  return c->part == 0 || c->live > 0;
}

/* Receives once; false: there is no more now, or the connection has gone. */
static int receive(net_load *l, net_load_conn *c, int bits) {
  ssize_t n = recv(c->fd, l->buffer, NET_LOAD_CHUNK, 0);
  if (n < 0 && errno == EINTR) return 1;
  if (n < 0 && errno == EAGAIN) return 0;
  if (n <= 0) {
    net_load_fail(l, c, n < 0 ? errno : NET_LOAD_EOF);
    return 0;
  }
  l->now = net_load_clock();
  if (!take(l, c, (size_t)n)) {
    net_load_add(&l->corrupt, 1);
    net_load_fail(l, c, 0);
    return 0;
  }
  if (l->o.churn && c->live == 0) {
    close(c->fd);
    c->fd = -1;
    c->generation++; /* kqueue may have a second event for it */
    c->state = NET_LOAD_IDLE;
    return 0;
  }
  return n == NET_LOAD_CHUNK || (bits & NET_HANGUP);
}

/* Has connect(2) come to its end, a good one? */
static int connected(net_load *l, net_load_conn *c, int bits) {
  int err = 0;
  socklen_t len = sizeof err;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);
  if (err) {
    net_load_fail(l, c, err);
    return 0;
  }
  if (!(bits & NET_WRITABLE)) return 0;
  stream_opened(l, c);
  return 1;
}

/* Takes all that has come in, and only then starts more: or a server that is
 * fast enough would keep us with this connection for ever. */
static void stream_event(net_load *l, net_load_conn *c, int bits) {
  if (c->state == NET_LOAD_CONNECTING && !connected(l, c, bits)) return;
  if ((bits & NET_WRITABLE) && !flush(l, c)) return;
  if (bits & (NET_READABLE | NET_HANGUP))
    while (receive(l, c, bits)) continue;
  net_load_feed(l, c);
}

const net_load_kind net_load_streams = {
    .prepare = stream_prepare,
    .open = stream_open,
    .issue = stream_issue,
    .event = stream_event,
};
