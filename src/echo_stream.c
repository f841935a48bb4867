/* SPDX-License-Identifier: MIT
 *
 * echo_stream.c: accepts connections and sends back what each one sends. A
 * peer that does not read is not read from: at most one buffer waits for it.
 */
#include "echo.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

enum { ACCEPTS = 64 };                    /* in a row, before others */
enum { CHUNK = 1 << 16, BULK = 1 << 18 }; /* bytes of one read */
enum { PAUSE = 100 };                     /* ms, after accept has failed */

typedef struct conn {
  uv_poll_t poll;                /* its data is the worker */
  struct sockaddr_storage *peer; /* if somebody observes */
  char *rest;                    /* rest[from .. to) is still to be sent */
  uint32_t from, to;
  uint32_t seen; /* when it last did something: ms, of the loop's clock */
  int fd;
  char bulk; /* its last read took all that there was room for */
} conn;

static void observe(conn *c, int kind, const char *data, size_t len) {
  if (c->peer)
    net_echo_observe(c->poll.data, kind, c->peer, sizeof *c->peer, data, len);
}

static void on_conn_closed(uv_handle_t *handle) {
  conn *c = (conn *)handle;
  net_echo_worker *w = handle->data;
  free(c->peer);
  free(c);
  if (!w->threaded) net_echo_release(w->echo);
}

/* Ends a connection. Its memory goes when the loop has let go of it. */
void net_echo_stream_drop(uv_handle_t *connection) {
  conn *c = (conn *)connection;
  net_echo_worker *w = connection->data;
  observe(c, NET_ECHO_CLOSE, NULL, 0);
  atomic_fetch_sub(&w->echo->open, 1);
  free(c->rest);
  c->rest = NULL;
  uv_close(connection, on_conn_closed);
  close(c->fd);
}

static void fail(conn *c) {
  net_echo_worker *w = c->poll.data;
  net_echo_add(&w->errors, 1);
  net_echo_stream_drop((uv_handle_t *)&c->poll);
}

static void on_conn(uv_poll_t *handle, int status, int events);

/* send(2) of what it can take now; -1: the connection is broken. */
static ssize_t send_some(conn *c, const char *data, size_t len) {
  ssize_t n;
  do n = send(c->fd, data, len, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 && errno == EAGAIN ? 0 : n;
}

/* Keeps what the kernel did not take, and reads no more until it has. */
static void keep(conn *c, const char *data, size_t len) {
  c->rest = malloc(len);
  if (c->rest == NULL) {
    fail(c);
    return;
  }
  memcpy(c->rest, data, len);
  c->from = 0;
  c->to = (uint32_t)len;
  uv_poll_start(&c->poll, UV_WRITABLE, on_conn);
}

static void flush(conn *c) {
  net_echo_worker *w = c->poll.data;
  ssize_t n = send_some(c, c->rest + c->from, c->to - c->from);
  if (n < 0) {
    fail(c);
    return;
  }
  c->from += (uint32_t)n;
  if (c->from < c->to) return;
  free(c->rest);
  c->rest = NULL;
  if (w->echo->o.once)
    net_echo_stream_drop((uv_handle_t *)&c->poll);
  else
    uv_poll_start(&c->poll, UV_READABLE, on_conn);
}

static void serve(conn *c) {
  net_echo_worker *w = c->poll.data;
  ssize_t n, sent;
  if (w->echo->queued > NET_ECHO_QUEUE) return; /* the observer comes first */
  do n = recv(c->fd, w->buffer, c->bulk ? BULK : CHUNK, 0);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) return;
  if (n < 0) {
    fail(c);
    return;
  }
  if (n == 0) {
    net_echo_stream_drop((uv_handle_t *)&c->poll);
    return;
  }
  c->bulk = n >= CHUNK;
  net_echo_add(&w->messages, 1);
  net_echo_add(&w->bytes, (uint64_t)n);
  observe(c, NET_ECHO_MESSAGE, w->buffer, (size_t)n);
  sent = send_some(c, w->buffer, (size_t)n);
  if (sent < 0)
    fail(c);
  else if (sent < n)
    keep(c, w->buffer + sent, (size_t)(n - sent));
  else if (w->echo->o.once)
    net_echo_stream_drop((uv_handle_t *)&c->poll);
}

/* libuv reports a broken connection as an error of its own, and watches it no
 * more: the system call says why. */
static void on_conn(uv_poll_t *handle, int status, int events) {
  conn *c = (conn *)handle;
  (void)events;
  c->seen = (uint32_t)uv_now(handle->loop);
  if (c->rest)
    flush(c);
  else
    serve(c);
  if (status < 0 && !uv_is_closing((uv_handle_t *)handle)) fail(c);
}

/* Takes a connection that was accepted; false: there is no memory for it. */
static int conn_open(net_echo_worker *w, int fd,
                     const struct sockaddr_storage *peer) {
  conn *c = calloc(1, sizeof *c);
  if (c == NULL) return 0;
  if (w->echo->o.observed) {
    c->peer = malloc(sizeof *peer);
    if (c->peer) *c->peer = *peer;
  }
  if (uv_poll_init(w->loop, &c->poll, fd)) {
    free(c->peer);
    free(c);
    return 0;
  }
  c->fd = fd;
  c->poll.data = w;
  c->seen = (uint32_t)uv_now(w->loop);
  if (!w->threaded) w->echo->handles++;
  net_echo_add(&w->connections, 1);
  observe(c, NET_ECHO_CONNECT, NULL, 0);
  uv_poll_start(&c->poll, UV_READABLE, on_conn);
  return 1;
}

static void on_listener(uv_poll_t *handle, int status, int events);

/* Closes what has been idle for too long. */
static void close_idle(uv_handle_t *handle, void *worker) {
  net_echo_worker *w = worker;
  if (handle->data != w || handle->type != UV_POLL) return;
  if (handle == (uv_handle_t *)&w->poll || uv_is_closing(handle)) return;
  uint32_t idle = (uint32_t)uv_now(w->loop) - ((conn *)handle)->seen;
  if (idle >= w->echo->o.idle_timeout * 1000) net_echo_stream_drop(handle);
}

/* Looks for idle connections, and accepts again after a pause. */
static void on_timer(uv_timer_t *timer) {
  net_echo_worker *w = timer->data;
  if (w->echo->o.idle_timeout > 0) uv_walk(w->loop, close_idle, w);
  if (!uv_is_active((uv_handle_t *)&w->poll))
    uv_poll_start(&w->poll, UV_READABLE, on_listener);
}

static void pause_accept(net_echo_worker *w) {
  uv_poll_stop(&w->poll);
  if (!uv_is_active((uv_handle_t *)&w->timer))
    uv_timer_start(&w->timer, on_timer, PAUSE, 0);
}

static int accept_one(net_echo_worker *w, struct sockaddr_storage *peer) {
  socklen_t len = sizeof *peer;
  memset(peer, 0, sizeof *peer);
#ifdef __linux__
  return accept4(w->fd, (struct sockaddr *)peer, &len,
                 SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
  int fd = accept(w->fd, (struct sockaddr *)peer, &len);
  if (fd >= 0) fcntl(fd, F_SETFL, O_NONBLOCK);
  if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
#endif
}

static int open_spare(void) {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* There are no descriptors left: the spare one lets us take the client and
 * show it a close, instead of leaving it to wait. */
static int refuse_with_spare(net_echo_worker *w) {
  struct sockaddr_storage peer;
  if (w->spare < 0) w->spare = open_spare();
  if (w->spare < 0) return 0;
  close(w->spare);
  int fd = accept_one(w, &peer);
  if (fd >= 0) close(fd);
  w->spare = open_spare();
  if (fd >= 0) net_echo_add(&w->refused, 1);
  return fd >= 0;
}

/* What accept(2) says of a client that has gone, or of the network, and not
 * of us: there may be others. */
static int is_of_client(int code) {
  switch (code) {
  case EINTR:
  case ECONNABORTED:
  case EPROTO:
  case ENETDOWN:
  case ENETUNREACH:
  case EHOSTUNREACH:
    return 1;
  default:
    return 0;
  }
}

/* False: there is no client now, or none can be accepted for a while. */
static int accept_next(net_echo_worker *w) {
  struct sockaddr_storage peer;
  int fd = accept_one(w, &peer), most = w->echo->o.max_connections;
  if (fd < 0) {
    if (is_of_client(errno)) return 1;
    if (errno == EAGAIN) return 0;
    if (errno == EMFILE && refuse_with_spare(w)) return 1;
    net_echo_add(&w->errors, 1);
    pause_accept(w);
    return 0;
  }
  int open = atomic_fetch_add(&w->echo->open, 1);
  if ((most == 0 || open < most) && conn_open(w, fd, &peer)) return 1;
  atomic_fetch_sub(&w->echo->open, 1);
  net_echo_add(&w->refused, 1);
  close(fd);
  return 1;
}

static void on_listener(uv_poll_t *handle, int status, int events) {
  net_echo_worker *w = handle->data;
  (void)status, (void)events;
  for (int i = 0; i < ACCEPTS && accept_next(w); i++) continue;
}

/* Makes the worker serve its listening socket. */
int net_echo_stream_open(net_echo_worker *w) {
  double idle = w->echo->o.idle_timeout * 1000;
  uint64_t sweep = idle < 40 ? 10 : idle > 4000 ? 1000 : (uint64_t)idle / 4;
  int listens = 0, on = 1;
  socklen_t len = sizeof listens;
  if (getsockopt(w->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len))
    return -errno;
  if (!listens) return UV_EINVAL;
  w->buffer = malloc(BULK);
  if (w->buffer == NULL) return UV_ENOMEM;
  w->spare = open_spare();
  /* Connections inherit it; a UNIX socket has no such option. */
  setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (idle > 0) uv_timer_start(&w->timer, on_timer, sweep, sweep);
  return uv_poll_start(&w->poll, UV_READABLE, on_listener);
}
