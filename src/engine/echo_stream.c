/* SPDX-License-Identifier: MIT
 *
 * echo_stream.c: accepts connections and sends back what each one sends. The
 * worker reads nothing more from a peer that does not read: at most one buffer
 * waits for it.
 *
 * The poller reports a change once, so a connection is served until it has
 * nothing more, or is deferred to the next turn so that others have theirs.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/echo_events.h"
#include "os/clock.h"
#include "os/os.h"
#include "os/poller.h"

enum { ACCEPTS = 64, READS = 16 };        /* in a row, before others */
enum { CHUNK = 1 << 16, BULK = 1 << 18 }; /* bytes of one read */
enum { SEGMENT = 1024 };                  /* bytes that fit into one for sure */
enum { PAUSE = 100 };                     /* ms, after accept has failed */
enum { SHORTAGE = 10 };                   /* ms, when the kernel lacks memory */

typedef struct net_echo_conn {
  net_echo_worker *worker;
  struct net_echo_conn *next;    /* among the deferred */
  struct sockaddr_storage *peer; /* if something is observed */
  socklen_t peerlen;
  char *rest; /* rest[from .. to) is still to be sent */
  uint32_t from, to;
  uint32_t last_active; /* the worker's `now` */
  uint32_t serial;
  int fd;
  char bulk;        /* the last read filled the buffer */
  char eof_pending; /* a short read may not be the last one */
  char deferred;
  char sent;    /* something */
  char nodelay; /* TCP_NODELAY is set, or the socket has no such option */
} conn;

static void observe(conn *c, int kind, const char *data, size_t len) {
  if (c->peer == NULL) return;
  net_echo_event *event =
      net_echo_observe(c->worker, kind, c->peer, c->peerlen, data, len);
  if (event == NULL) return;
  event->fd = c->fd;
  event->serial = c->serial;
}

static void observe_connect(conn *c) {
  struct sockaddr_storage own;
  socklen_t len = sizeof own;
  int wanted = c->worker->echo->o.observed & NET_ECHO_ANSWER;
  if (!wanted || getsockname(c->fd, (struct sockaddr *)&own, &len)) len = 0;
  observe(c, NET_ECHO_CONNECT, (char *)&own, len);
}

/* Ends a connection. A deferred one is freed in the next turn. */
static void drop(conn *c) {
  net_echo_worker *w = c->worker;
  observe(c, NET_ECHO_CLOSE, NULL, 0);
  net_count_add(&w->calls, 1);
  atomic_fetch_sub(&w->echo->open, 1);
  close(c->fd);
  net_fd_table_remove(&w->conns, c->fd);
  c->fd = -1;
  free(c->rest);
  free(c->peer);
  if (!c->deferred) free(c);
}

static void fail(conn *c) {
  net_count_add(&c->worker->errors, 1);
  drop(c);
}

/* Has the connection served in the next turn. */
static void defer(conn *c) {
  if (c->deferred) return;
  c->deferred = 1;
  c->next = c->worker->deferred;
  c->worker->deferred = c;
}

/* Has a call on the connection failed only for now? It is deferred if the
 * kernel lacks memory, since no event tells when there is some again. */
static int must_wait(conn *c) {
  if (errno == EAGAIN) return 1;
  if (!net_os_errno_is_shortage(errno)) return 0;
  c->worker->shortage = 1;
  defer(c);
  return 1;
}

/* Sets TCP_NODELAY before the first send that could be delayed. Nothing delays
 * a connection's first segment, so one of a single message saves the call. */
static void set_nodelay(conn *c, size_t len) {
  int on = 1, first = !c->sent;
  c->sent = 1;
  if (first && len <= SEGMENT) return;
  c->nodelay = 1;
  net_count_add(&c->worker->calls, 1);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Sends what the kernel takes now. Returns -1 if the connection is broken. */
static ssize_t send_some(conn *c, const char *data, size_t len) {
  ssize_t n;
  if (!c->nodelay) set_nodelay(c, len);
  do n = send(c->fd, data, len, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  net_count_add(&c->worker->calls, 1);
  if (n > 0) observe(c, NET_ECHO_ANSWER, data, (size_t)n);
  return n < 0 && must_wait(c) ? 0 : n;
}

/* Keeps what the kernel did not take. Returns 0 if there is no memory. */
static int keep_rest(conn *c, const char *data, size_t len) {
  c->rest = malloc(len);
  if (c->rest == NULL) return 0;
  memcpy(c->rest, data, len);
  c->from = 0;
  c->to = (uint32_t)len;
  return 1;
}

/* A message has been sent back. Returns 0 if that ends the connection. */
static int answered(conn *c) {
  if (!c->worker->echo->o.once) return 1;
  drop(c);
  return 0;
}

/* Answers a read. Returns 0 if the connection can do no more now. */
static int answer(conn *c, const char *data, size_t len) {
  ssize_t n = send_some(c, data, len);
  if (n < 0 || ((size_t)n < len && !keep_rest(c, data + n, len - (size_t)n))) {
    fail(c);
    return 0;
  }
  return c->rest == NULL && answered(c);
}

/* Sends the rest of an answer. Returns 0 if the connection can do no more. */
static int send_rest(conn *c) {
  ssize_t n = send_some(c, c->rest + c->from, c->to - c->from);
  if (n < 0) {
    fail(c);
    return 0;
  }
  c->from += (uint32_t)n;
  if (c->from < c->to) return 0;
  free(c->rest);
  c->rest = NULL;
  return answered(c);
}

/* Reads once and answers. Returns 0 if the connection can do no more now. */
static int serve_once(conn *c) {
  net_echo_worker *w = c->worker;
  size_t room = c->bulk ? BULK : CHUNK;
  ssize_t n;
  do n = recv(c->fd, w->buffer, room, 0);
  while (n < 0 && errno == EINTR);
  net_count_add(&w->calls, 1);
  if (n < 0 && must_wait(c)) return 0;
  if (n < 0) {
    fail(c);
    return 0;
  }
  if (n == 0) {
    drop(c);
    return 0;
  }
  net_count_add(&w->messages, 1);
  net_count_add(&w->bytes, (uint64_t)n);
  observe(c, NET_ECHO_MESSAGE, w->buffer, (size_t)n);
  if (n >= CHUNK || n < CHUNK / 8) c->bulk = n >= CHUNK;
  /* A short read has taken all, unless the end or urgent data is behind it:
   * that is not reported again. */
  return answer(c, w->buffer, (size_t)n) &&
         ((size_t)n == room || c->eof_pending);
}

static void serve(conn *c) {
  net_echo *e = c->worker->echo;
  c->last_active = c->worker->now;
  if (c->rest && !send_rest(c)) return;
  for (int i = 0; i < READS; i++) {
    if (e->queued > NET_ECHO_QUEUE) break; /* the observer comes first */
    if (!serve_once(c)) return;
  }
  defer(c);
}

static void serve_deferred(net_echo_worker *w) {
  conn *next, *c = w->deferred;
  w->deferred = NULL;
  w->shortage = 0;
  for (; c; c = next) {
    next = c->next;
    c->deferred = 0;
    if (c->fd < 0)
      free(c);
    else
      serve(c);
  }
}

static void on_event(net_echo_worker *w, const net_event *event) {
  conn *c = net_fd_table_get(&w->conns, net_event_index(event));
  if (c == NULL || c->serial != net_event_serial(event)) return;
  if (event->bits & NET_HANGUP) c->eof_pending = 1;
  if (!c->deferred) serve(c);
}

/* Adds a connection that was accepted. Returns 0 if there is no memory. */
static int conn_open(net_echo_worker *w, int fd,
                     const struct sockaddr_storage *peer, socklen_t len) {
  conn *c = malloc(sizeof *c);
  if (c == NULL) return 0;
  *c = (conn){.worker = w, .fd = fd, .last_active = w->now, .peerlen = len};
  c->serial = net_fd_table_add(&w->conns, fd, c);
  c->eof_pending = (char)w->is_unix;
  c->nodelay = (char)w->nodelay;
  net_count_add(&w->calls, 1);
  uint64_t key = net_event_key(c->serial, (uint32_t)fd);
  if (c->serial == 0 || net_poller_add(w->poller, fd, key)) {
    net_fd_table_remove(&w->conns, fd);
    free(c);
    return 0;
  }
  if (w->echo->o.observed) c->peer = malloc(sizeof *peer);
  if (c->peer) *c->peer = *peer;
  net_count_add(&w->connections, 1);
  observe_connect(c);
  return 1;
}

/* Accepts a client; its address only if something is observed. */
static int accept_one(net_echo_worker *w, struct sockaddr_storage *peer,
                      socklen_t *len) {
  net_count_add(&w->calls, 1);
  if (!w->echo->o.observed) return net_os_accept(w->fd, NULL, NULL);
  *len = sizeof *peer;
  memset(peer, 0, sizeof *peer);
  return net_os_accept(w->fd, (struct sockaddr *)peer, len);
}

/* Leaves unsent bytes to the kernel, so that close(2) makes nobody wait. */
static void unlinger(int fd) {
  struct linger l = {0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

/* Accepts nobody for a while. Returns 0. */
static int pause_accept(net_echo_worker *w) {
  net_count_add(&w->errors, 1);
  w->accept_at = (w->now + PAUSE) | 1;
  return 0;
}

/* Refuses a client when no descriptor is left. Returns 0 if none is waiting. */
static int refuse(net_echo_worker *w) {
  if (!net_os_accept_and_close(w->fd, &w->emfile_fd))
    return errno == EAGAIN ? 0 : pause_accept(w);
  net_count_add(&w->refused, 1);
  return 1;
}

/* Returns 0 if no client is waiting, or none can be accepted for a while. */
static int accept_next(net_echo_worker *w) {
  int most = w->echo->o.max_connections;
  struct sockaddr_storage peer;
  socklen_t len = 0;
  int fd = accept_one(w, &peer, &len);
  if (fd < 0) {
    if (net_os_accept_is_transient(errno)) return 1;
    if (errno == EMFILE || errno == ENFILE) return refuse(w);
    return errno == EAGAIN ? 0 : pause_accept(w);
  }
  if (w->lingers) unlinger(fd);
  int open = atomic_fetch_add(&w->echo->open, 1);
  if ((most == 0 || open < most) && conn_open(w, fd, &peer, len)) return 1;
  atomic_fetch_sub(&w->echo->open, 1);
  net_count_add(&w->refused, 1);
  close(fd);
  return 1;
}

static void accept_some(net_echo_worker *w) {
  w->accept_at = 0;
  w->accepts = 0;
  uint64_t before = w->connections + w->refused;
  for (int i = 0; i < ACCEPTS; i++)
    if (!accept_next(w)) return;
  w->accepts = 1;
  if (before == w->connections + w->refused) pause_accept(w);
}

/* Closes the connections that have been idle for too long. Runs every quarter
 * of that time, but every 10 ms at most and every second at least. */
static void close_idle(net_echo_worker *w) {
  double idle = w->echo->o.idle_timeout * 1000;
  w->sweep_at = w->now + (idle < 40     ? 10
                          : idle > 4000 ? 1000
                                        : (uint32_t)idle / 4);
  for (int fd = 0; fd < w->conns.size; fd++) {
    conn *c = w->conns.objects[fd];
    if (c && w->now - c->last_active >= idle) drop(c);
  }
}

/* Returns how long the next turn may wait for an event. */
static int patience(const net_echo_worker *w) {
  int sweep =
      w->echo->o.idle_timeout > 0 ? (int)(w->sweep_at - w->now) : NET_ECHO_IDLE;
  int resume = w->accept_at ? (int)(w->accept_at - w->now) : NET_ECHO_IDLE;
  if ((w->deferred && !w->shortage) || (w->accepts && !w->accept_at))
    return NET_ECHO_BUSY;
  if (w->shortage) return SHORTAGE;
  if (sweep < 0 || (resume >= 0 && resume < sweep)) return resume;
  return sweep;
}

static uint32_t now_ms(void) {
  return (uint32_t)(net_clock() / 1000000);
}

static int has_come(const net_echo_worker *w, uint32_t ms) {
  return (int)(ms - w->now) <= 0;
}

static int stream_turn(net_echo_worker *w, int ms) {
  net_event events[NET_EVENTS];
  int n = net_poller_wait(w->poller, events, ms);
  net_count_add(&w->calls, 1);
  w->now = now_ms();
  serve_deferred(w);
  for (int i = 0; i < n; i++)
    if (events[i].key == NET_ECHO_SOCKET)
      w->accepts = 1;
    else if (events[i].key != NET_ECHO_STOP)
      on_event(w, &events[i]);
  if (w->accept_at ? has_come(w, w->accept_at) : w->accepts) accept_some(w);
  if (w->echo->o.idle_timeout > 0 && has_come(w, w->sweep_at)) close_idle(w);
  return n == NET_EVENTS ? NET_ECHO_BUSY : patience(w);
}

static void stream_close(net_echo_worker *w) {
  for (int fd = 0; fd < w->conns.size; fd++)
    if (w->conns.objects[fd]) drop(w->conns.objects[fd]);
  free(w->conns.objects);
  for (conn *next, *c = w->deferred; c; c = next) {
    next = c->next;
    free(c);
  }
}

static int stream_open(net_echo_worker *w) {
  int listens = 0;
  socklen_t len = sizeof listens;
  if (getsockopt(w->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len))
    return errno;
  if (!listens) return EINVAL;
  w->buffer = malloc(BULK);
  if (w->buffer == NULL) return ENOMEM;
  w->lingers = net_os_lingers(w->fd);
  w->emfile_fd = net_os_emfile_fd();
  w->now = w->sweep_at = now_ms();
  /* A UNIX socket does not have the option, and its reads end where the peer
   * has passed a descriptor, unix(7). */
  w->is_unix =
      getsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &w->nodelay, &len) != 0;
  if (w->is_unix) w->nodelay = 1;
  return net_poller_add(w->poller, w->fd, NET_ECHO_SOCKET) ? errno : 0;
}

const net_echo_protocol net_echo_stream = {
    .open = stream_open, .turn = stream_turn, .close = stream_close};
