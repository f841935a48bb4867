/* SPDX-License-Identifier: MIT
 *
 * echo_stream.c: accepts connections and sends back what each one sends. A
 * peer that does not read is not read from: at most one buffer waits for it.
 *
 * The watch tells of a change once, so a connection is served until it has
 * nothing more, or is put by (again) for the others to have their turn.
 */
#include "engine/echo.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ACCEPTS = 64, READS = 16 };        /* in a row, before others */
enum { CHUNK = 1 << 16, BULK = 1 << 18 }; /* bytes of one read */
enum { PAUSE = 100 };                     /* ms, after accept has failed */
enum { SHORTAGE = 10 };                   /* ms, when the kernel lacks memory */

struct net_echo_conn {
  net_echo_worker *worker;
  net_echo_conn *again;          /* the next of those put by */
  struct sockaddr_storage *peer; /* if somebody observes */
  socklen_t peerlen;
  char *rest; /* rest[from .. to) is still to be sent */
  uint32_t from, to;
  uint32_t seen; /* when it last did something: the worker's `now` */
  uint32_t serial;
  int fd;
  char bulk;    /* its last read took all that there was room for */
  char hung_up; /* a short read does not mean that there is no more */
  char put_by;
};

typedef net_echo_conn conn;

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

/* Ends a connection; one that is put by is freed when its turn comes. */
static void drop(conn *c) {
  net_echo_worker *w = c->worker;
  observe(c, NET_ECHO_CLOSE, NULL, 0);
  net_echo_add(&w->calls, 1);
  atomic_fetch_sub(&w->echo->open, 1);
  close(c->fd);
  w->conns[c->fd] = NULL;
  c->fd = -1;
  free(c->rest);
  free(c->peer);
  if (!c->put_by) free(c);
}

static void fail(conn *c) {
  net_echo_add(&c->worker->errors, 1);
  drop(c);
}

/* Lets the others go on first. */
static void put_by(conn *c) {
  if (c->put_by) return;
  c->put_by = 1;
  c->again = c->worker->again;
  c->worker->again = c;
}

/* The kernel lacks what it needs to serve this connection, and will not tell
 * when it has it: false, or the connection is served again in a while. */
static int lacks(conn *c) {
  if (!net_os_errno_is_shortage(errno)) return 0;
  c->worker->lacks = 1;
  put_by(c);
  return 1;
}

/* send(2) of what it can take now; -1: the connection is broken. */
static ssize_t send_some(conn *c, const char *data, size_t len) {
  ssize_t n;
  do n = send(c->fd, data, len, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  net_echo_add(&c->worker->calls, 1);
  if (n > 0) observe(c, NET_ECHO_ANSWER, data, (size_t)n);
  return n < 0 && (errno == EAGAIN || lacks(c)) ? 0 : n;
}

/* Keeps what the kernel did not take: we read no more until it has. */
static int keep(conn *c, const char *data, size_t len) {
  c->rest = malloc(len);
  if (c->rest == NULL) return 0;
  memcpy(c->rest, data, len);
  c->from = 0;
  c->to = (uint32_t)len;
  return 1;
}

/* Is there to be another message, when one has been sent back? */
static int goes_on(conn *c) {
  if (!c->worker->echo->o.once) return 1;
  drop(c);
  return 0;
}

/* The answer to a read; false: the connection can do no more now. */
static int answer(conn *c, const char *data, size_t len) {
  ssize_t n = send_some(c, data, len);
  if (n < 0 || ((size_t)n < len && !keep(c, data + n, len - (size_t)n))) {
    fail(c);
    return 0;
  }
  if (c->rest) return 0;
  return goes_on(c);
}

static int flush(conn *c) {
  ssize_t n = send_some(c, c->rest + c->from, c->to - c->from);
  if (n < 0) {
    fail(c);
    return 0;
  }
  c->from += (uint32_t)n;
  if (c->from < c->to) return 0;
  free(c->rest);
  c->rest = NULL;
  return goes_on(c);
}

/* One read and its answer; false: there is no more to do for it now. */
static int serve_once(conn *c) {
  net_echo_worker *w = c->worker;
  size_t room = c->bulk ? BULK : CHUNK;
  ssize_t n;
  do n = recv(c->fd, w->buffer, room, 0);
  while (n < 0 && errno == EINTR);
  net_echo_add(&w->calls, 1);
  if (n < 0 && (errno == EAGAIN || lacks(c))) return 0;
  if (n < 0) {
    fail(c);
    return 0;
  }
  if (n == 0) {
    drop(c);
    return 0;
  }
  net_echo_add(&w->messages, 1);
  net_echo_add(&w->bytes, (uint64_t)n);
  observe(c, NET_ECHO_MESSAGE, w->buffer, (size_t)n);
  if (n >= CHUNK || n < CHUNK / 8)
    c->bulk = n >= CHUNK; /* between: as before */
  /* A short read has taken all; what NET_HANGUP tells of is behind it, and
   * not reported again. */
  return answer(c, w->buffer, (size_t)n) && ((size_t)n == room || c->hung_up);
}

static void serve(conn *c) {
  net_echo *e = c->worker->echo;
  c->seen = c->worker->now;
  if (c->rest && !flush(c)) return;
  for (int i = 0; i < READS; i++) {
    if (e->queued > NET_ECHO_QUEUE) break; /* the observer comes first */
    if (!serve_once(c)) return;
  }
  put_by(c);
}

/* Gives those their turn that were put by. */
static void serve_again(net_echo_worker *w) {
  conn *next, *c = w->again;
  w->again = NULL;
  w->lacks = 0;
  for (; c; c = next) {
    next = c->again;
    c->put_by = 0;
    if (c->fd < 0)
      free(c);
    else
      serve(c);
  }
}

static void on_event(net_echo_worker *w, const net_event *event) {
  uint32_t fd = (uint32_t)event->key;
  conn *c = fd < (uint32_t)w->nconns ? w->conns[fd] : NULL;
  if (c == NULL || c->serial != event->key >> 32) return; /* it has gone */
  if (event->bits & NET_HANGUP) c->hung_up = 1;
  if (!c->put_by) serve(c);
}

/* Makes w->conns long enough for fd; false: there is no memory for it. */
static int make_room(net_echo_worker *w, int fd) {
  if (fd < w->nconns) return 1;
  int n = fd < 32 ? 64 : fd + fd / 2;
  conn **conns = realloc(w->conns, (size_t)n * sizeof *conns);
  if (conns == NULL) return 0;
  for (int i = w->nconns; i < n; i++) conns[i] = NULL;
  w->conns = conns;
  w->nconns = n;
  return 1;
}

/* Takes a connection that was accepted; false: there is no memory for it. */
static int conn_open(net_echo_worker *w, int fd,
                     const struct sockaddr_storage *peer, socklen_t len) {
  conn *c = make_room(w, fd) ? malloc(sizeof *c) : NULL;
  if (c == NULL) return 0;
  if (++w->serial == 0) w->serial = 1;
  *c = (conn){.worker = w, .fd = fd, .serial = w->serial, .seen = w->now};
  c->hung_up = (char)w->local;
  net_echo_add(&w->calls, 1);
  if (net_poller_add(w->watch, fd, (uint64_t)c->serial << 32 | (uint32_t)fd)) {
    free(c);
    return 0;
  }
  if (w->echo->o.observed) c->peer = malloc(sizeof *peer);
  if (c->peer) *c->peer = *peer;
  c->peerlen = len;
  w->conns[fd] = c;
  net_echo_add(&w->connections, 1);
  observe_connect(c);
  return 1;
}

/* Asks for the peer's address as well, where `peer` is not NULL. */
static int accept_one(net_echo_worker *w, struct sockaddr_storage *peer,
                      socklen_t *len) {
  struct sockaddr *a = (struct sockaddr *)peer;
  *len = sizeof *peer;
  if (peer) memset(peer, 0, sizeof *peer);
#ifdef NET_HAVE_ACCEPT4
  return accept4(w->fd, a, peer ? len : NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
  int fd = accept(w->fd, a, peer ? len : NULL);
  if (fd >= 0) net_os_nonblock(fd);
  return fd;
#endif
}

/* Would close(2) wait until the peer has everything? */
static int lingers(int fd) {
  struct linger l;
  socklen_t len = sizeof l;
  return getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len) == 0 && l.l_onoff &&
         l.l_linger > 0;
}

/* Leaves that to the kernel: the other connections must not wait as well. */
static void unlinger(int fd) {
  struct linger l = {0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

/* Accepts nobody for a while. */
static int pause_accept(net_echo_worker *w) {
  net_echo_add(&w->errors, 1);
  w->resume = (w->now + PAUSE) | 1;
  return 0;
}

/* There are no descriptors left; false: and no client now. */
static int refuse(net_echo_worker *w) {
  if (!net_os_accept_and_close(w->fd, &w->spare))
    return errno == EAGAIN ? 0 : pause_accept(w);
  net_echo_add(&w->refused, 1);
  return 1;
}

/* False: there is no client now, or none can be accepted for a while. */
static int accept_next(net_echo_worker *w) {
  const net_echo_options *o = &w->echo->o;
  struct sockaddr_storage peer;
  socklen_t len;
  int fd = accept_one(w, o->observed ? &peer : NULL, &len);
  net_echo_add(&w->calls, 1);
  if (fd < 0) {
    if (net_os_accept_is_transient(errno)) return 1;
    if (errno == EMFILE || errno == ENFILE) return refuse(w);
    return errno == EAGAIN ? 0 : pause_accept(w);
  }
  if (w->lingers) unlinger(fd);
  int open = atomic_fetch_add(&w->echo->open, 1), most = o->max_connections;
  if ((most == 0 || open < most) && conn_open(w, fd, &peer, len)) return 1;
  atomic_fetch_sub(&w->echo->open, 1);
  net_echo_add(&w->refused, 1);
  close(fd);
  return 1;
}

static void accept_some(net_echo_worker *w) {
  w->resume = 0;
  w->accepts = 0;
  uint64_t before = w->connections + w->refused;
  for (int i = 0; i < ACCEPTS; i++)
    if (!accept_next(w)) return;
  w->accepts = 1;
  if (before == w->connections + w->refused) pause_accept(w);
}

/* Closes what has been idle for too long, four times in that time. */
static void close_idle(net_echo_worker *w) {
  double idle = w->echo->o.idle_timeout * 1000;
  w->sweep = w->now + (idle < 40     ? 10
                       : idle > 4000 ? 1000
                                     : (uint32_t)idle / 4);
  for (int fd = 0; fd < w->nconns; fd++)
    if (w->conns[fd] && w->now - w->conns[fd]->seen >= idle) drop(w->conns[fd]);
}

/* How long there is nothing to do, unless something happens: ms, or -1. */
static int patience(const net_echo_worker *w) {
  int sweep = w->echo->o.idle_timeout > 0 ? (int)(w->sweep - w->now) : -1;
  int resume = w->resume ? (int)(w->resume - w->now) : -1;
  if ((w->again && !w->lacks) || (w->accepts && !w->resume)) return 0;
  if (w->lacks) return SHORTAGE;
  if (sweep < 0 || (resume >= 0 && resume < sweep)) return resume;
  return sweep;
}

static int stream_turn(net_echo_worker *w, int ms) {
  net_event events[NET_EVENTS];
  int n = net_poller_wait(w->watch, events, ms);
  net_echo_add(&w->calls, 1);
  w->now = (uint32_t)(uv_hrtime() / 1000000);
  serve_again(w);
  for (int i = 0; i < n; i++)
    if (events[i].key == NET_ECHO_SOCKET)
      w->accepts = 1;
    else if (events[i].key != NET_ECHO_ALARM)
      on_event(w, &events[i]);
  if (w->resume ? (int)(w->resume - w->now) <= 0 : w->accepts) accept_some(w);
  if (w->echo->o.idle_timeout > 0 && (int)(w->sweep - w->now) <= 0)
    close_idle(w);
  return n == NET_EVENTS ? 0 : patience(w);
}

static void set_nodelay(const net_echo_worker *w, int on) {
  setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void stream_close(net_echo_worker *w) {
  if (w->delays) set_nodelay(w, 0);
  for (int fd = 0; fd < w->nconns; fd++)
    if (w->conns[fd]) drop(w->conns[fd]);
  for (conn *next, *c = w->again; c; c = next) {
    next = c->again;
    free(c);
  }
}

static int stream_open(net_echo_worker *w) {
  int listens = 0, nodelay = 1;
  socklen_t len = sizeof listens;
  if (getsockopt(w->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len))
    return -errno;
  if (!listens) return UV_EINVAL;
  w->buffer = malloc(BULK);
  if (w->buffer == NULL) return UV_ENOMEM;
  w->lingers = lingers(w->fd);
  w->spare = net_os_emfile_fd();
  w->now = (uint32_t)(uv_hrtime() / 1000000);
  w->sweep = w->now;
  /* Connections inherit it; a UNIX socket has no such option, and its reads
   * end where the peer has passed a descriptor, unix(7). */
  w->local = getsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len) != 0;
  w->delays = !nodelay;
  if (w->delays) set_nodelay(w, 1);
  return net_poller_add(w->watch, w->fd, NET_ECHO_SOCKET) ? -errno : 0;
}

const net_echo_protocol net_echo_stream = {
    .open = stream_open, .turn = stream_turn, .close = stream_close};
