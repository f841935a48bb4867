/* SPDX-License-Identifier: MIT
 *
 * load_dgram.c: the load over datagrams, many with one system call, from
 * connected sockets. Each datagram has a header that identifies it, and bytes
 * of the pattern from a place that the header determines. So a reply is right,
 * or late (it was given up, or came before), or corrupt; no reply in time is a
 * loss.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/load_run.h"
#include "os/clock.h"
#include "os/os.h"
#include "os/poller.h"

#ifdef NET_HAVE_MMSG
enum { BATCH = 64 }; /* datagrams of one system call */
#else
enum { BATCH = 1 };
#endif
enum { FAILURES = 4 };    /* of recv(2) in a row */
enum { QUEUE = 1 << 20 }; /* bytes of a socket's buffers */

typedef struct header {
  uint32_t slot, tag, check;
} header;

typedef struct batch {
  struct mmsghdr rx[BATCH], tx[BATCH];
  struct iovec in[BATCH], out[BATCH];
  uint32_t slots[BATCH]; /* of the datagrams being sent */
  uint32_t size;         /* datagrams to ask for */
  char data[];
} batch;

_Static_assert(sizeof(header) == NET_LOAD_HEADER, "a header without padding");

/* Returns the check of a header, which shows that it was changed on its way, or
 * belongs to another socket. */
static uint32_t check_of(const net_load_conn *c, uint32_t slot, uint32_t tag) {
  uint64_t x = (uint64_t)tag << 32 | slot;
  x = (x ^ c->index) * UINT64_C(0x9e3779b97f4a7c15);
  return (uint32_t)(x >> 32) ^ (uint32_t)x;
}

/* Returns the bytes that follow the header of a datagram. */
static const char *body_of(const net_load *l, uint32_t tag) {
  return l->pattern + tag * UINT64_C(7919) % NET_LOAD_PERIOD;
}

static int make_batch(net_load *l) {
  size_t stride =
      (l->o.size + 1 + 63) / 64 * 64 + 64; /* 1 more shows a longer one */
  batch *b = calloc(1, sizeof *b + (size_t)2 * BATCH * stride);
  if (b == NULL) return ENOMEM;
  for (size_t i = 0; i < BATCH; i++) {
    b->in[i] = (struct iovec){b->data + i * stride, l->o.size + 1};
    b->out[i] = (struct iovec){b->data + (BATCH + i) * stride, l->o.size};
    b->rx[i].msg_hdr = (struct msghdr){.msg_iov = &b->in[i], .msg_iovlen = 1};
    b->tx[i].msg_hdr = (struct msghdr){.msg_iov = &b->out[i], .msg_iovlen = 1};
  }
  b->size = l->o.depth < BATCH ? (uint32_t)l->o.depth : BATCH;
  l->buffer = b;
  return 0;
}

static int dgram_prepare(net_load *l) {
  uint32_t depth = (uint32_t)l->o.depth;
  for (int i = 0; i < l->o.connections; i++) {
    net_load_conn *c = &l->conns[i];
    c->slots = calloc(depth, sizeof *c->slots);
    c->free = calloc(depth, sizeof *c->free);
    if (c->slots == NULL || c->free == NULL) return ENOMEM;
    for (uint32_t slot = 0; slot < depth; slot++) c->free[slot] = slot;
  }
  return make_batch(l);
}

/* Opens and connects a socket. The kernel names a UNIX socket, so that it can
 * be answered. Returns 0 or an errno. */
static int dgram_open(net_load *l, net_load_conn *c) {
  int size = QUEUE;
  struct sockaddr_storage none = {.ss_family = l->address.ss_family};
  if (net_load_socket(l, c) < 0) return errno;
  setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  if (none.ss_family == AF_UNIX &&
      bind(c->fd, (struct sockaddr *)&none, sizeof none.ss_family))
    return errno;
  int err = net_load_connect(l, c);
  if (!err) err = net_load_watch(l, c);
  if (!err) net_load_opened(l, c);
  return err;
}

/* Counts an error of a socket that stays open: its datagrams will be lost. */
static void note_error(net_load *l, net_load_conn *c, int code) {
  net_load_error_add(l, code);
  net_load_decided(l, c, 1);
}

static void write_dgram(const net_load *l, const net_load_conn *c, uint32_t i) {
  batch *b = l->buffer;
  uint32_t slot = c->free[(uint32_t)l->o.depth - c->in_flight - 1 - i];
  uint32_t tag = l->tag + i;
  header h = {slot, tag, check_of(c, slot, tag)};
  char *data = b->out[i].iov_base;
  b->slots[i] = slot;
  memcpy(data, &h, sizeof h);
  memcpy(data + sizeof h, body_of(l, tag), l->o.size - sizeof h);
}

/* Sends the first n of the batch. Returns how many were sent; 0: the kernel
 * takes none now. One that fails for another reason counts as sent, and will be
 * lost. */
static uint32_t send_batch(net_load *l, net_load_conn *c, uint32_t n) {
  batch *b = l->buffer;
  int sent;
  do {
    if (n == 1)
      sent =
          send(c->fd, b->out[0].iov_base, l->o.size, MSG_NOSIGNAL) < 0 ? -1 : 1;
    else
      sent = sendmmsg(c->fd, b->tx, n, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent > 0) return (uint32_t)sent;
  if (errno == EAGAIN || errno == ENOBUFS) return 0;
  note_error(l, c, errno);
  return 1;
}

/* Starts up to n messages. Returns how many. */
static uint32_t dgram_send_n(net_load *l, net_load_conn *c, uint32_t n,
                             uint64_t due) {
  const batch *b = l->buffer;
  uint32_t done = 0;
  while (done < n && !c->blocked) {
    uint32_t part = n - done < BATCH ? n - done : BATCH;
    for (uint32_t i = 0; i < part; i++) write_dgram(l, c, i);
    uint32_t sent = send_batch(l, c, part);
    for (uint32_t i = 0; i < sent; i++)
      c->slots[b->slots[i]] = (net_load_slot){due, l->now, l->tag++};
    c->in_flight += sent;
    l->in_flight += sent;
    done += sent;
    c->blocked = sent == 0;
  }
  return done;
}

static void free_slot(const net_load *l, net_load_conn *c, uint32_t slot) {
  c->slots[slot].sent = 0;
  c->free[(uint32_t)l->o.depth - c->in_flight] = slot;
  c->in_flight--;
}

/* Matches a reply to its message, and counts it as done, late or corrupt. */
static void match_reply(net_load *l, net_load_conn *c, const char *data,
                        size_t len) {
  header h = {0};
  size_t rest = l->o.size - sizeof h;
  if (l->counting) net_count_add(&l->bytes, len);
  if (len >= sizeof h) memcpy(&h, data, sizeof h);
  int known = len >= sizeof h && h.slot < (uint32_t)l->o.depth &&
              h.check == check_of(c, h.slot, h.tag);
  int intact =
      known && len == l->o.size &&
      (!l->o.verify || memcmp(data + sizeof h, body_of(l, h.tag), rest) == 0);
  if (!intact) net_count_add(&l->corrupt, 1);
  if (!known) return;
  const net_load_slot *s = &c->slots[h.slot];
  if (s->sent == 0 || s->tag != h.tag) {
    if (intact) net_count_add(&l->late, 1);
    return;
  }
  if (intact)
    net_load_done(l, s->due, l->now);
  else
    l->in_flight--;
  free_slot(l, c, h.slot);
}

/* Receives once, and returns as recvmmsg(2) does. */
static int receive(net_load *l, net_load_conn *c) {
  batch *b = l->buffer;
  int n;
  if (b->size > 1) {
    n = recvmmsg(c->fd, b->rx, b->size, MSG_DONTWAIT, NULL);
  } else {
    ssize_t len = recv(c->fd, b->in[0].iov_base, b->in[0].iov_len, 0);
    n = len < 0 ? -1 : 1;
    b->rx[0].msg_len = (unsigned)len;
  }
  if (n > 0) l->now = net_clock();
  for (int i = 0; i < n; i++)
    match_reply(l, c, b->in[i].iov_base, b->rx[i].msg_len);
  if (n > 0) net_load_decided(l, c, 0);
  return n;
}

/* Receives all replies. It stops when no message is in flight, which saves
 * the call that would fail: a reply that is left then is a late one, and can
 * wait. */
static void receive_all(net_load *l, net_load_conn *c) {
  const batch *b = l->buffer;
  int failures = 0;
  while (failures < FAILURES) {
    int n = receive(l, c);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) {
      failures++;
      if (errno != EINTR) note_error(l, c, errno);
      continue;
    }
    if (c->in_flight == 0 || (uint32_t)n < b->size) return;
  }
}

static void dgram_event(net_load *l, net_load_conn *c, int bits) {
  if (bits & NET_WRITABLE) c->blocked = 0;
  if (bits & (NET_READABLE | NET_HANGUP)) receive_all(l, c);
  net_load_fill(l, c);
}

/* Gives up the messages that have been in flight for too long, and lets a
 * blocked connection try again: not every reason ends with an event. */
static void dgram_tick(net_load *l, net_load_conn *c) {
  c->blocked = 0;
  for (uint32_t i = 0; c->in_flight > 0 && i < (uint32_t)l->o.depth; i++) {
    if (c->slots[i].sent == 0 || l->now - c->slots[i].sent < l->timeout)
      continue;
    net_count_add(&l->lost, 1);
    l->in_flight--;
    free_slot(l, c, i);
  }
}

const net_load_protocol net_load_dgrams = {
    .prepare = dgram_prepare,
    .open = dgram_open,
    .send_n = dgram_send_n,
    .event = dgram_event,
    .tick = dgram_tick,
};
