/* SPDX-License-Identifier: MIT
 *
 * echo_dgram.c: sends datagrams back to where they came from, all that have
 * arrived with one system call. Neighbours of one length from one sender leave
 * as one send, which the kernel cuts up again (UDP_SEGMENT, udp(7)).
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
enum { STRIDE = ROOM + 5 * 64 }; /* spreads them over the cache's sets */
enum { LONGEST_RUN = 65000 };    /* bytes of one segmented send */
enum { WELL_KNOWN = 1024 };      /* ports below belong to services */
enum { PATIENCE = 50000 };       /* us that a thread blocks in recvmmsg(2) */

typedef struct control {
  _Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(uint16_t))];
} control;

typedef struct batch {
  struct mmsghdr rx[BATCH], tx[BATCH];
  struct iovec in[BATCH], out[BATCH];
  struct sockaddr_storage from[BATCH];
  int answered[BATCH]; /* those of rx that get an answer, in order */
  control control[BATCH];
  uint16_t own_port;       /* network byte order */
  int size;                /* datagrams to ask for */
  unsigned singles;        /* calls in a row that received one */
  int used;                /* of rx, by the last call */
  int blocks;              /* the socket has been made blocking */
  struct timeval patience; /* the caller's SO_RCVTIMEO */
  int send_flags;
  char data[BATCH * STRIDE];
} batch;

static uint16_t port_of(const struct sockaddr_storage *a) {
  in_port_t port; /* it is at the same place in an IPv6 address */
  memcpy(&port, (const char *)a + offsetof(struct sockaddr_in, sin_port),
         sizeof port);
  return port;
}

/* Is it safe to answer this sender? (Not port 0, not well-known, not ours.) A
 * UNIX sender without a name cannot be answered. */
static int answerable(const batch *b, const struct msghdr *h) {
  const struct sockaddr_storage *a = h->msg_name;
  if (h->msg_namelen <= sizeof a->ss_family) return 0;
  if (a->ss_family == AF_UNIX) return 1;
  uint16_t port = port_of(a);
  return ntohs(port) >= WELL_KNOWN && port != b->own_port;
}

/* recvmmsg(2). Returns the number of datagrams; 0: none now; -1: the call has
 * failed, and datagrams may be waiting nevertheless. While they come one by
 * one, it mostly asks for one, since to find no second costs as much as a
 * call. */
static int receive(net_echo_worker *w, batch *b) {
  int flags = b->blocks ? MSG_WAITFORONE : MSG_DONTWAIT;
  int size = b->singles > 7 && b->singles % 16 ? 1 : b->size;
  for (int i = 0; i < b->used; i++)
    b->rx[i].msg_hdr.msg_namelen = sizeof b->from[i];
  b->used = 0;
  int n = recvmmsg(w->fd, b->rx, (unsigned)size, flags, NULL);
  net_count_add(&w->calls, 1);
  if (n > 0) {
    b->used = n;
    b->singles = n == 1 ? b->singles + 1 : 0;
    return n;
  }
  if (errno == EAGAIN) return 0;
  if (errno != EINTR) net_count_add(&w->errors, 1);
  return -1;
}

/* Counts a received datagram, and shows it to the observer. Returns 0 if it
 * gets no answer. */
static int take(net_echo_worker *w, batch *b, int i) {
  const struct msghdr *h = &b->rx[i].msg_hdr;
  net_count_add(&w->messages, 1);
  net_count_add(&w->bytes, b->rx[i].msg_len);
  if (h->msg_flags & MSG_TRUNC) { /* a part of it would be no echo */
    net_count_add(&w->errors, 1);
    return 0;
  }
  if (!answerable(b, h)) {
    net_count_add(&w->refused, 1);
    return 0;
  }
  net_echo_observe(w, NET_ECHO_MESSAGE, h->msg_name, h->msg_namelen,
                   b->in[i].iov_base, b->rx[i].msg_len);
  return 1;
}

/* Lists in b->answered which of n received datagrams get an answer, and lays
 * the bytes of the answers out in b->out. Returns their number. */
static int take_all(net_echo_worker *w, batch *b, int n) {
  int count = 0;
  for (int i = 0; i < n; i++) {
    if (!take(w, b, i)) continue;
    b->out[count] = (struct iovec){b->in[i].iov_base, b->rx[i].msg_len};
    b->answered[count++] = i;
  }
  return count;
}

/* Can answers i and j leave in one segmented send? */
static int goes_with(const batch *b, int i, int j) {
#ifdef UDP_SEGMENT
  int from = b->answered[i], other = b->answered[j];
  socklen_t len = b->rx[from].msg_hdr.msg_namelen;
  return b->out[i].iov_len == b->out[j].iov_len && b->out[i].iov_len > 0 &&
         b->from[from].ss_family != AF_UNIX &&
         len == b->rx[other].msg_hdr.msg_namelen &&
         memcmp(&b->from[from], &b->from[other], len) == 0;
#else
  (void)b, (void)i, (void)j;
  return 0;
#endif
}

/* Returns the end of the run of answers that are sent together with i. */
static int run_end(const batch *b, int i, int count) {
  size_t len = b->out[i].iov_len, total = len;
  int end = i + 1;
  while (end < count && (total += len) <= LONGEST_RUN && goes_with(b, i, end))
    end++;
  return end;
}

/* Has the kernel cut a send into datagrams of this length. */
static void set_segment(struct msghdr *h, control *room, size_t length) {
#ifdef UDP_SEGMENT
  uint16_t segment = (uint16_t)length;
  h->msg_control = room->bytes;
  h->msg_controllen = sizeof room->bytes;
  struct cmsghdr *c = CMSG_FIRSTHDR(h);
  c->cmsg_level = SOL_UDP;
  c->cmsg_type = UDP_SEGMENT;
  c->cmsg_len = CMSG_LEN(sizeof segment);
  memcpy(CMSG_DATA(c), &segment, sizeof segment);
#else
  (void)h, (void)room, (void)length;
#endif
}

/* Makes a send of each run of answers. Returns the number of sends. */
static int make_sends(batch *b, int count) {
  int m = 0;
  for (int i = 0, end; i < count; i = end, m++) {
    int from = b->answered[i];
    struct msghdr *h = &b->tx[m].msg_hdr;
    end = run_end(b, i, count);
    *h = (struct msghdr){.msg_name = &b->from[from],
                         .msg_namelen = b->rx[from].msg_hdr.msg_namelen,
                         .msg_iov = &b->out[i],
                         .msg_iovlen = (size_t)(end - i)};
    if (end - i > 1) set_segment(h, &b->control[m], b->out[i].iov_len);
  }
  return m;
}

/* Sends the datagrams of a segmented send one by one: a device or a route may
 * not support it (segments longer than the MTU, for example). */
static void send_apart(net_echo_worker *w, const batch *b, int m) {
  const struct msghdr *run = &b->tx[m].msg_hdr;
  for (size_t i = 0; i < (size_t)run->msg_iovlen; i++) {
    struct msghdr one = {.msg_name = run->msg_name,
                         .msg_namelen = run->msg_namelen,
                         .msg_iov = &run->msg_iov[i],
                         .msg_iovlen = 1};
    net_count_add(&w->calls, 1);
    if (sendmsg(w->fd, &one, b->send_flags) < 0) net_count_add(&w->errors, 1);
  }
}

static void observe_answers(net_echo_worker *w, const struct mmsghdr *tx) {
  const struct msghdr *h = &tx->msg_hdr;
  for (size_t i = 0; i < (size_t)h->msg_iovlen; i++)
    net_echo_observe(w, NET_ECHO_ANSWER, h->msg_name, h->msg_namelen,
                     h->msg_iov[i].iov_base, h->msg_iov[i].iov_len);
}

/* Makes m sends. If sendmmsg(2) fails, only its first message has failed; the
 * rest are sent. */
static void send_all(net_echo_worker *w, batch *b, int m) {
  for (int i = 0; i < m;) {
    int n = sendmmsg(w->fd, b->tx + i, (unsigned)(m - i), b->send_flags);
    net_count_add(&w->calls, 1);
    if (n > 0) {
      for (; n > 0; n--) observe_answers(w, b->tx + i++);
    } else if (errno != EINTR) {
      if (b->tx[i].msg_hdr.msg_control && errno != EAGAIN)
        send_apart(w, b, i);
      else
        net_count_add(&w->errors, 1);
      i++;
    }
  }
}

/* Receives and answers once, and returns as `receive` does. */
static int serve(net_echo_worker *w) {
  batch *b = w->buffer;
  int n = receive(w, b);
  if (n > 0) send_all(w, b, make_sends(b, take_all(w, b, n)));
  return n;
}

/* A thread blocks in recvmmsg(2), which saves the wait in the poller, and looks
 * now and then whether it is to stop. */
static int dgram_turn(net_echo_worker *w, int ms) {
  net_event events[NET_EVENTS];
  net_echo *e = w->echo;
  const batch *b = w->buffer;
  if (b->blocks) {
    serve(w);
    return NET_ECHO_BUSY;
  }
  net_poller_wait(w->poller, events, ms);
  net_count_add(&w->calls, 1);
  if (net_echo_finished(e)) return NET_ECHO_IDLE;
  for (int i = 0; i < BATCHES; i++) {
    if (e->queued > NET_ECHO_QUEUE) break; /* the observer comes first */
    int n = serve(w);
    if (n == 0) return NET_ECHO_IDLE;
    if (n < 0 || !e->o.once) continue;
    net_echo_finish(e);
    return NET_ECHO_IDLE;
  }
  return NET_ECHO_BUSY;
}

/* Lets recvmmsg(2) block, for a while, or not. The flag is the caller's as
 * well, whose descriptor is of the same open file. */
static void set_blocking(int fd, int on, const struct timeval *patience) {
  int flags = fcntl(fd, F_GETFL);
  flags = on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
  fcntl(fd, F_SETFL, flags);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, patience, sizeof *patience);
}

/* The first worker restores the caller's socket. */
static void dgram_close(net_echo_worker *w) {
  const batch *b = w->buffer;
  if (b->blocks && w == w->echo->workers) set_blocking(w->fd, 0, &b->patience);
}

static void batch_init(batch *b) {
  for (int i = 0; i < BATCH; i++) {
    b->in[i] = (struct iovec){b->data + (size_t)i * STRIDE, ROOM};
    b->rx[i].msg_hdr.msg_name = &b->from[i];
    b->rx[i].msg_hdr.msg_iov = &b->in[i];
    b->rx[i].msg_hdr.msg_iovlen = 1;
  }
  b->used = BATCH;
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
  const struct timeval patience = {.tv_usec = PATIENCE};
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
  batch_init(b);
  b->own_port = inet ? port_of(&own) : 0;
  b->size = o->once ? 1 : BATCH;
  b->blocks = w->threaded && !o->once;
  /* A UNIX socket's receiver that does not read must not stop the others. */
  b->send_flags = MSG_NOSIGNAL | (inet && b->blocks ? 0 : MSG_DONTWAIT);
  if (!b->blocks)
    return net_poller_add(w->poller, w->fd, NET_ECHO_SOCKET) ? errno : 0;
  len = sizeof b->patience;
  getsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &b->patience, &len);
  set_blocking(w->fd, 1, &patience);
  return 0;
}

const net_echo_protocol net_echo_dgram = {
    .open = dgram_open, .turn = dgram_turn, .close = dgram_close};
