/* SPDX-License-Identifier: MIT
 *
 * load_stream.c: the load over streams. Each connection sends the pattern from
 * a place of its own, without copying it, and compares what it receives with
 * the pattern from the same place on. A byte that is wrong, missing, doubled or
 * of another connection ends the connection.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/load_run.h"
#include "os/clock.h"
#include "os/poller.h"

enum { SEGMENT = 1024 }; /* bytes that fit into one segment for sure */

static int stream_prepare(net_load *l) {
  l->buffer = malloc(NET_LOAD_CHUNK);
  if (l->buffer == NULL) return ENOMEM;
  for (int i = 0; i < l->o.connections; i++) {
    l->conns[i].due = calloc((size_t)l->o.depth, sizeof *l->conns[i].due);
    if (l->conns[i].due == NULL) return ENOMEM;
  }
  return 0;
}

/* A connection that we close keeps its addresses and ports for a minute
 * (TIME_WAIT), and one address has about 28,000 ports. The loopback has more
 * addresses: 127.0.1.1 to 127.0.1.200 take turns. Elsewhere the ports may run
 * out, and the report has EADDRNOTAVAIL. A close by reset would spare the
 * ports, but is an error to the server. */
static void bind_source(net_load *l, int fd) {
#ifdef IP_BIND_ADDRESS_NO_PORT
  const struct sockaddr_in *to = (const struct sockaddr_in *)&l->address;
  int on = 1;
  if (to->sin_family != AF_INET || ntohl(to->sin_addr.s_addr) >> 24 != 127)
    return;
  struct sockaddr_in from = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(0x7f000101 + l->source++ % 200);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&from, sizeof from))
    return; /* it is optional */
#else
  (void)l, (void)fd;
#endif
}

/* Begins to connect. Returns 0 or an errno. */
static int stream_open(net_load *l, net_load_conn *c) {
  int on = 1, whole = l->o.churn && l->o.size <= SEGMENT; /* nothing to delay */
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

/* Sends what the kernel takes. Returns 0 if the connection has failed. */
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

/* Starts n messages. With churn it opens the connection for them, and tries to
 * send before it asks for events: over the loopback the connection is there by
 * then, and the server has something to do meanwhile. */
static uint32_t stream_send_n(net_load *l, net_load_conn *c, uint32_t n,
                              uint64_t due) {
  uint32_t depth = (uint32_t)l->o.depth;
  int fresh = c->state == NET_LOAD_IDLE, err = fresh ? stream_open(l, c) : 0;
  if (err) {
    net_load_fail(l, c, err);
    return 0;
  }
  for (uint32_t i = 0, at = c->head + c->in_flight; i < n; i++, at++)
    c->due[at % depth] = due;
  c->in_flight += n;
  l->in_flight += n;
  c->unsent += (uint64_t)n * l->o.size;
  if (flush(l, c) && fresh) err = net_load_watch(l, c);
  if (err) net_load_fail(l, c, err);
  return n;
}

/* Compares n received bytes, and counts the messages that they complete.
 * Returns 0 if they are not those that were sent. */
static int take(net_load *l, net_load_conn *c, size_t n) {
  if (l->o.verify && memcmp(l->buffer, l->pattern + c->in, n) != 0) return 0;
  if (l->counting) net_count_add(&l->bytes, n);
  c->in = (uint32_t)((c->in + n) % NET_LOAD_PERIOD);
  for (c->part += n; c->part >= l->o.size; c->part -= l->o.size) {
    if (c->in_flight == 0) return 0;
    net_load_done(l, c->due[c->head], l->now);
    if (++c->head == (uint32_t)l->o.depth) c->head = 0;
    c->in_flight--;
  }
  return c->part == 0 || c->in_flight > 0;
}

/* Receives once. Returns 0 if there is no more now, or no connection. */
static int receive(net_load *l, net_load_conn *c, int bits) {
  ssize_t n = recv(c->fd, l->buffer, NET_LOAD_CHUNK, 0);
  if (n < 0 && errno == EINTR) return 1;
  if (n < 0 && errno == EAGAIN) return 0;
  if (n <= 0) {
    net_load_fail(l, c, n < 0 ? errno : NET_LOAD_EOF);
    return 0;
  }
  l->now = net_clock();
  if (!take(l, c, (size_t)n)) {
    net_count_add(&l->corrupt, 1);
    net_load_fail(l, c, 0);
    return 0;
  }
  if (l->o.churn && c->in_flight == 0) {
    close(c->fd);
    c->fd = -1;
    c->generation++; /* kqueue may report it a second time */
    c->state = NET_LOAD_IDLE;
    return 0;
  }
  return n == NET_LOAD_CHUNK || (bits & NET_HANGUP);
}

/* Has connect(2) succeeded? */
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

/* Receives everything before it starts more messages, since a fast server would
 * keep the thread with this connection for ever. */
static void stream_event(net_load *l, net_load_conn *c, int bits) {
  if (c->state == NET_LOAD_CONNECTING && !connected(l, c, bits)) return;
  if ((bits & NET_WRITABLE) && !flush(l, c)) return;
  if (bits & (NET_READABLE | NET_HANGUP))
    while (receive(l, c, bits)) continue;
  net_load_fill(l, c);
}

const net_load_protocol net_load_streams = {
    .prepare = stream_prepare,
    .open = stream_open,
    .send_n = stream_send_n,
    .event = stream_event,
};
