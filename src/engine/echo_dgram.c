/* SPDX-License-Identifier: MIT
 *
 * echo_dgram.c: sends datagrams back to where they came from, as many as have
 * arrived with one system call. Neighbours of one length from one sender leave
 * as one send that the kernel cuts up again (UDP_SEGMENT, udp(7)); what it has
 * joined on the way in (UDP_GRO), too.
 *
 * No answer goes where another server would answer it: not to port 0, not to
 * a well-known port (RFC 6335, section 6) and not to our own port number.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "engine/echo_events.h"
#include "os/os.h"
#include "os/poller.h"

#ifndef SOL_UDP
#define SOL_UDP IPPROTO_UDP
#endif

enum { BATCH = 64 };             /* datagrams of one system call */
enum { BATCHES = 16 };           /* in a row, before others */
enum { ROOM = 1 << 16 };         /* bytes of the longest */
enum { STRIDE = ROOM + 5 * 64 }; /* so that they share no cache set */
enum { JOINED = 65000 };         /* bytes of one segmented send, at most */
enum { WELL_KNOWN = 1024 };      /* ports below belong to services */
enum { PATIENCE = 50000 };       /* us that a thread blocks in recvmmsg(2) */

typedef struct control {
  _Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(int))];
} control;

typedef struct batch {
  struct mmsghdr rx[BATCH], tx[BATCH];
  struct iovec in[BATCH], out[BATCH];
  struct sockaddr_storage from[BATCH];
  control rx_control[BATCH], tx_control[BATCH];
  size_t segment[BATCH]; /* of each send: the length it is cut to; 0: whole */
  uint16_t own_port;     /* network byte order */
  int size;              /* datagrams to ask for */
  unsigned singles;      /* calls in a row that found one */
  int used;              /* of rx, by the last call */
  int joins;             /* UDP_GRO is on */
  int blocks;            /* the descriptor has been made blocking */
  int send_flags;
  char data[BATCH * STRIDE];
} batch;

static uint16_t port_of(const struct sockaddr_storage *a) {
  in_port_t port; /* it is at the same place in an IPv6 address */
  memcpy(&port, (const char *)a + offsetof(struct sockaddr_in, sin_port),
         sizeof port);
  return port;
}

/* May the sender of this one have an answer? A UNIX socket without a name has
 * no address for it. */
static int answerable(const batch *b, const struct msghdr *h) {
  const struct sockaddr_storage *a = h->msg_name;
  if (h->msg_namelen <= sizeof a->ss_family) return 0;
  if (a->ss_family == AF_UNIX) return 1;
  uint16_t port = port_of(a);
  return ntohs(port) >= WELL_KNOWN && port != b->own_port;
}

/* How long the datagrams were that the kernel joined; 0: it is one. */
static size_t joined_length(struct msghdr *h) {
#ifdef UDP_GRO
  for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
    if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
      int length;
      memcpy(&length, CMSG_DATA(c), sizeof length);
      return (size_t)length;
    }
#endif
  (void)h;
  return 0;
}

static void prepare_receive(batch *b, int count) {
  for (int i = 0; i < count; i++) {
    struct msghdr *h = &b->rx[i].msg_hdr;
    h->msg_namelen = sizeof b->from[i];
    h->msg_controllen = b->joins ? sizeof b->rx_control[i] : 0;
    h->msg_control = b->joins ? b->rx_control[i].bytes : NULL;
  }
}

/* recvmmsg(2): how many datagrams; 0: none now; -1: it has failed, and there
 * may be some all the same. Where they come one by one, looking for a second
 * costs as much as a system call: mostly, don't. */
static int receive(net_echo_worker *w, batch *b) {
  int flags = b->blocks ? MSG_WAITFORONE : MSG_DONTWAIT, n;
  int size = b->singles > 7 && b->singles % 16 ? 1 : b->size;
  prepare_receive(b, b->used);
  b->used = 0;
  n = recvmmsg(w->fd, b->rx, (unsigned)size, flags, NULL);
  net_echo_add(&w->calls, 1);
  if (n > 0) {
    b->used = n;
    b->singles = n == 1 ? b->singles + 1 : 0;
    return n;
  }
  if (errno == EAGAIN) return 0;
  if (errno != EINTR) net_echo_add(&w->errors, 1);
  return -1;
}

/* Counts the datagrams of one rx slot; false: there will be no answer to them,
 * and nothing to show to an observer. */
static int take(net_echo_worker *w, batch *b, int i, size_t joined) {
  struct msghdr *h = &b->rx[i].msg_hdr;
  size_t len = b->rx[i].msg_len;
  size_t count = joined > 0 && len > joined ? (len + joined - 1) / joined : 1;
  net_echo_add(&w->messages, count);
  net_echo_add(&w->bytes, len);
  if (h->msg_flags & MSG_TRUNC) { /* a part of it would be no echo */
    net_echo_add(&w->errors, 1);
    return 0;
  }
  if (!answerable(b, h)) {
    net_echo_add(&w->refused, count);
    return 0;
  }
  net_echo_observe(w, NET_ECHO_MESSAGE, h->msg_name, h->msg_namelen,
                   b->in[i].iov_base, len);
  return 1;
}

/* May datagram j leave in one segmented send with datagram i? */
static int goes_with(const batch *b, int i, int j) {
#ifdef UDP_SEGMENT
  const struct msghdr *a = &b->rx[i].msg_hdr, *c = &b->rx[j].msg_hdr;
  const struct sockaddr_storage *from = &b->from[i];
  return b->rx[i].msg_len == b->rx[j].msg_len && b->rx[i].msg_len > 0 &&
         from->ss_family != AF_UNIX && a->msg_namelen == c->msg_namelen &&
         memcmp(from, &b->from[j], a->msg_namelen) == 0;
#else
  return 0;
#endif
}

static void set_segment(batch *b, int m, size_t length) {
  b->segment[m] = length;
#ifdef UDP_SEGMENT
  if (length == 0) return;
  struct msghdr *h = &b->tx[m].msg_hdr;
  h->msg_control = b->tx_control[m].bytes;
  h->msg_controllen = CMSG_SPACE(sizeof(uint16_t));
  struct cmsghdr *c = CMSG_FIRSTHDR(h);
  uint16_t segment = (uint16_t)length;
  c->cmsg_level = SOL_UDP;
  c->cmsg_type = UDP_SEGMENT;
  c->cmsg_len = CMSG_LEN(sizeof segment);
  memcpy(CMSG_DATA(c), &segment, sizeof segment);
#endif
}

/* Makes the sends that answer n received slots; returns how many. */
static int gather(net_echo_worker *w, batch *b, int n) {
  int m = 0;
  for (int i = 0, next; i < n; i = next) {
    size_t joined = b->joins ? joined_length(&b->rx[i].msg_hdr) : 0;
    size_t len = b->rx[i].msg_len, total = len;
    next = i + 1;
    if (!take(w, b, i, joined)) continue;
    b->out[i].iov_len = len;
    while (joined == 0 && next < n && total + len <= JOINED &&
           goes_with(b, i, next) &&
           !(b->joins && joined_length(&b->rx[next].msg_hdr))) {
      take(w, b, next, 0);
      b->out[next++].iov_len = len;
      total += len;
    }
    if (next - i > 1) joined = len;
    b->tx[m].msg_hdr =
        (struct msghdr){.msg_name = &b->from[i],
                        .msg_namelen = b->rx[i].msg_hdr.msg_namelen,
                        .msg_iov = &b->out[i],
                        .msg_iovlen = (size_t)(next - i)};
    set_segment(b, m++, total > joined ? joined : 0);
  }
  return m;
}

/* The datagrams of a segmented send one by one: a device or a route may not
 * have it (segments that are longer than the MTU, say). */
static void send_apart(net_echo_worker *w, batch *b, int m) {
  struct msghdr h = b->tx[m].msg_hdr;
  const struct iovec *all = h.msg_iov;
  size_t count = (size_t)h.msg_iovlen;
  h.msg_control = NULL;
  h.msg_controllen = 0;
  h.msg_iovlen = 1;
  for (size_t i = 0; i < count; i++)
    for (size_t at = 0; at < all[i].iov_len; at += b->segment[m]) {
      size_t left = all[i].iov_len - at;
      if (left > b->segment[m]) left = b->segment[m];
      struct iovec one = {(char *)all[i].iov_base + at, left};
      h.msg_iov = &one;
      net_echo_add(&w->calls, 1);
      if (sendmsg(w->fd, &h, b->send_flags) < 0) net_echo_add(&w->errors, 1);
    }
}

static void observe_answers(net_echo_worker *w, const struct mmsghdr *tx) {
  const struct msghdr *h = &tx->msg_hdr;
  for (size_t i = 0; i < (size_t)h->msg_iovlen; i++)
    net_echo_observe(w, NET_ECHO_ANSWER, h->msg_name, h->msg_namelen,
                     h->msg_iov[i].iov_base, h->msg_iov[i].iov_len);
}

static void reply(net_echo_worker *w, batch *b, int m) {
  for (int i = 0; i < m;) {
    int n = sendmmsg(w->fd, b->tx + i, (unsigned)(m - i), b->send_flags);
    net_echo_add(&w->calls, 1);
    if (n > 0) {
      for (; n > 0; n--) observe_answers(w, b->tx + i++);
    } else if (errno != EINTR) { /* of the first one: go on with the next */
      if (b->segment[i] && errno != EAGAIN)
        send_apart(w, b, i);
      else
        net_echo_add(&w->errors, 1);
      i++;
    }
  }
}

static int serve(net_echo_worker *w) {
  batch *b = w->buffer;
  int n = receive(w, b);
  if (n > 0) reply(w, b, gather(w, b, n));
  return n;
}

/* A thread of its own blocks for each batch, which saves it the wait for the
 * watch, and looks now and then whether it is to stop. */
static int dgram_turn(net_echo_worker *w, int ms) {
  net_event events[NET_EVENTS];
  net_echo *e = w->echo;
  const batch *b = w->buffer;
  if (b->blocks) {
    serve(w);
    return 0;
  }
  net_poller_wait(w->poller, events, ms);
  net_echo_add(&w->calls, 1);
  if (net_echo_finished(e)) return -1;
  for (int i = 0; i < BATCHES; i++) {
    if (e->queued > NET_ECHO_QUEUE) return 0; /* the observer comes first */
    int n = serve(w);
    if (n == 0) return -1;
    if (n < 0 || !e->o.once) continue;
    net_echo_finish(e);
    return -1;
  }
  return 0;
}

/* Lets recvmmsg(2) block, for a while: on a descriptor that we have to put
 * right again, since it shares its flags with the caller's. */
static void set_blocking(net_echo_worker *w, int on) {
  struct timeval patience = {.tv_usec = on ? PATIENCE : 0};
  int flags = fcntl(w->fd, F_GETFL);
  flags = on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
  fcntl(w->fd, F_SETFL, flags);
  setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static int set_joining(net_echo_worker *w, int on) {
#ifdef UDP_GRO
  return setsockopt(w->fd, SOL_UDP, UDP_GRO, &on, sizeof on) == 0 && on;
#else
  (void)w, (void)on;
  return 0;
#endif
}

static void dgram_close(net_echo_worker *w) {
  batch *b = w->buffer;
  if (b->blocks) set_blocking(w, 0);
  if (b->joins) set_joining(w, 0);
}

static void batch_init(batch *b) {
  for (int i = 0; i < BATCH; i++) {
    b->in[i] = (struct iovec){b->data + (size_t)i * STRIDE, ROOM};
    b->out[i].iov_base = b->in[i].iov_base;
    b->rx[i].msg_hdr.msg_name = &b->from[i];
    b->rx[i].msg_hdr.msg_iov = &b->in[i];
    b->rx[i].msg_hdr.msg_iovlen = 1;
  }
  prepare_receive(b, BATCH);
}

/* Was it shut down for reading? A recvmmsg(2) that may block then finds an
 * empty datagram of nobody, again and again. */
static int is_shut(int fd) {
#ifdef POLLRDHUP
  struct pollfd p = {.fd = fd, .events = POLLRDHUP};
  return poll(&p, 1, 0) > 0 && (p.revents & POLLRDHUP);
#else
  (void)fd;
  return 0;
#endif
}

static int dgram_open(net_echo_worker *w) {
  const net_echo_options *o = &w->echo->o;
  struct sockaddr_storage own = {0};
  socklen_t len = sizeof own;
  if (getsockname(w->fd, (struct sockaddr *)&own, &len)) return errno;
  int inet = own.ss_family != AF_UNIX;
  if (inet ? port_of(&own) == 0 : len <= sizeof own.ss_family)
    return EINVAL; /* it is not bound */
  if (is_shut(w->fd)) return ESHUTDOWN;
  batch *b = calloc(1, sizeof *b);
  if (b == NULL) return ENOMEM;
  w->buffer = b;
  b->own_port = inet ? port_of(&own) : 0;
  b->size = o->once ? 1 : BATCH;
  b->send_flags = MSG_NOSIGNAL;
  if (w->threaded && !o->once) {
    if (inet) b->joins = set_joining(w, 1);
    set_blocking(w, 1);
    b->blocks = 1;
  }
  /* A UNIX socket's receiver that does not read must not stop the others. */
  if (!inet || !b->blocks) b->send_flags |= MSG_DONTWAIT;
  batch_init(b);
  if (b->blocks) return 0;
  return net_poller_add(w->poller, w->fd, NET_ECHO_SOCKET) ? errno : 0;
}

const net_echo_protocol net_echo_dgram = {
    .open = dgram_open, .turn = dgram_turn, .close = dgram_close};
