/* SPDX-License-Identifier: MIT
 *
 * echo.c: the echo engine's workers, from their start to their end, and the
 * events that they queue for an observer.
 */
#include "echo.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef SOCK_CLOEXEC
#define SOCK_CLOEXEC 0
#define SOCK_NONBLOCK 0
#endif

/* Queues an event, if anybody wants that kind. Memory that is missing costs
 * the observer an event, and nobody else anything. */
void net_echo_observe(net_echo_worker *w, int kind,
                      const struct sockaddr_storage *addr, socklen_t addrlen,
                      const char *data, size_t len) {
  net_echo *e = w->echo;
  if (!(e->o.observed & kind)) return;
  net_echo_event *event = malloc(sizeof *event + len);
  if (event == NULL) return;
  *event = (net_echo_event){.kind = kind, .len = len, .addrlen = addrlen};
  memcpy(&event->addr, addr, addrlen);
  if (len > 0) memcpy(event->data, data, len);
  *e->last = event;
  e->last = &event->next;
  e->queued += sizeof *event + len;
  e->o.notify(e->o.data);
}

/* The next event, for the caller to free; NULL: there is none now. */
net_echo_event *net_echo_next(net_echo *e) {
  net_echo_event *event = e->first;
  if (event == NULL) return NULL;
  e->first = event->next;
  if (e->first == NULL) e->last = &e->first;
  e->queued -= sizeof *event + event->len;
  return event;
}

/* Has the engine come to its end by itself? */
int net_echo_over(net_echo *e) {
  return atomic_load(&e->over);
}

/* Called by a worker that has done all it was to do. */
void net_echo_finish(net_echo *e) {
  atomic_store(&e->over, 1);
  uv_async_send(&e->done);
}

static void on_done(uv_async_t *handle) {
  net_echo *e = handle->data;
  e->o.notify(e->o.data);
}

/* The caller's loop has let go of one more handle of ours. */
void net_echo_release(net_echo *e) {
  if (--e->handles > 0) return;
  net_echo_event *event;
  while ((event = net_echo_next(e)) != NULL) free(event);
  free(e);
}

static void on_closed(uv_handle_t *handle) {
  net_echo_worker *w = handle->data;
  if (!w->threaded) net_echo_release(w->echo);
}

static void on_done_closed(uv_handle_t *handle) {
  net_echo_release(handle->data);
}

/* Closes a handle, if it is one of this worker's. */
static void close_handle(uv_handle_t *handle, void *worker) {
  net_echo_worker *w = worker;
  if (handle->data != w || uv_is_closing(handle)) return;
  if (handle->type == UV_POLL && handle != (uv_handle_t *)&w->poll)
    net_echo_stream_drop(handle);
  else
    uv_close(handle, on_closed);
}

/* On the worker's own thread: nothing of it is left when the loop has run. */
static void worker_end(net_echo_worker *w) {
  w->running = 0;
  uv_walk(w->loop, close_handle, w);
  if (w->close) w->close(w);
  if (w->fd >= 0) close(w->fd);
  if (w->spare >= 0) close(w->spare);
  free(w->buffer);
  w->buffer = NULL;
}

static void on_stop(uv_async_t *handle) {
  worker_end(handle->data);
}

static void worker_thread(void *worker) {
  net_echo_worker *w = worker;
  uv_run(&w->own, UV_RUN_DEFAULT);
}

static int socket_type(int fd) {
  int type = 0;
  socklen_t len = sizeof type;
  getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
  return type;
}

/* Gives the socket `to` what the caller has set on his: the kernel reads back
 * `times` as much as one asks for. */
static void copy_option(int from, int to, int level, int name, int times) {
  int value = 0, other = 0;
  socklen_t len = sizeof value;
  if (getsockopt(from, level, name, &value, &len)) return;
  if (getsockopt(to, level, name, &other, &len) || value == other) return;
  value /= times;
  setsockopt(to, level, name, &value, len);
}

/* Another socket with the caller's address, to which the kernel gives its
 * share of the traffic; or -1, where it does not do that. */
static int sibling(int fd) {
#ifdef SO_REUSEPORT
  struct sockaddr_storage a;
  socklen_t len = sizeof a;
  int on = 1, type = socket_type(fd);
  if (getsockname(fd, (struct sockaddr *)&a, &len)) return -1;
  if (a.ss_family == AF_UNIX) return -1;
  int other = socket(a.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (other < 0) return -1;
  copy_option(fd, other, SOL_SOCKET, SO_RCVBUF, 2);
  copy_option(fd, other, SOL_SOCKET, SO_SNDBUF, 2);
  if (a.ss_family == AF_INET6)
    copy_option(fd, other, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) &&
      !setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) &&
      !bind(other, (struct sockaddr *)&a, len) &&
      (type != SOCK_STREAM || !listen(other, SOMAXCONN)))
    return other;
  close(other);
#endif
  (void)fd;
  return -1;
}

/* The first worker has a duplicate of the caller's descriptor, and so has
 * every one that can get no socket of its own. */
static int worker_socket(net_echo *e, int index) {
  int fd = index > 0 ? sibling(e->o.fd) : -1;
  return fd >= 0 ? fd : fcntl(e->o.fd, F_DUPFD_CLOEXEC, 0);
}

static int open_handles(net_echo_worker *w) {
  net_echo *e = w->echo;
  if (w->threaded) {
    int err = uv_async_init(w->loop, &w->stop, on_stop);
    if (err) return err;
    w->stop.data = w;
  }
  int err = uv_poll_init(w->loop, &w->poll, w->fd);
  if (err) return err;
  uv_timer_init(w->loop, &w->timer);
  w->poll.data = w->timer.data = w;
  if (!w->threaded) e->handles += 2;
  int stream = socket_type(w->fd) == SOCK_STREAM;
  return stream ? net_echo_stream_open(w) : net_echo_dgram_open(w);
}

/* Starts a thread in which no signal's handler runs. */
static int start_thread(net_echo_worker *w) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int err = uv_thread_create(&w->thread, worker_thread, w);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return err;
}

static int worker_start(net_echo *e, int index) {
  net_echo_worker *w = &e->workers[index];
  *w = (net_echo_worker){.echo = e, .spare = -1, .loop = e->loop};
  w->threaded = e->o.observed == 0;
  w->fd = worker_socket(e, index);
  if (w->fd < 0) return -errno;
  int err = 0;
  if (w->threaded) {
    err = uv_loop_init(&w->own);
    w->loop = &w->own;
  }
  if (err) {
    close(w->fd);
    return err;
  }
  err = open_handles(w);
  if (!err && w->threaded) err = start_thread(w);
  w->running = !err;
  e->count = index + 1;
  return err;
}

/* Starts the engine. NULL: *err is one of libuv's codes. */
net_echo *net_echo_start(uv_loop_t *loop, const net_echo_options *o, int *err) {
  int count = o->observed ? 1 : o->workers;
  net_echo *e = calloc(1, sizeof *e + (size_t)count * sizeof e->workers[0]);
  *err = UV_ENOMEM;
  if (e == NULL) return NULL;
  e->o = *o;
  e->loop = loop;
  e->last = &e->first;
  e->began = uv_hrtime();
  *err = uv_async_init(loop, &e->done, on_done);
  if (*err) {
    free(e);
    return NULL;
  }
  e->done.data = e;
  e->handles = 1;
  for (int i = 0; i < count && *err == 0; i++) *err = worker_start(e, i);
  if (*err == 0) return e;
  net_echo_stop(e);
  return NULL;
}

/* Ends a worker, whether it had started or not. */
static void worker_stop(net_echo_worker *w) {
  if (!w->threaded) {
    worker_end(w);
    return;
  }
  if (w->running) {
    uv_async_send(&w->stop);
    uv_thread_join(&w->thread);
  } else {
    worker_end(w);
    uv_run(&w->own, UV_RUN_DEFAULT);
  }
  uv_loop_close(&w->own);
}

/* Ends the engine: its descriptors are closed and its threads gone when this
 * returns, the memory goes when the caller's loop has turned. */
net_echo_totals net_echo_stop(net_echo *e) {
  net_echo_totals t = {.seconds = (double)(uv_hrtime() - e->began) / 1e9};
  atomic_store(&e->stopping, 1);
  for (int i = 0; i < e->count; i++) {
    net_echo_worker *w = &e->workers[i];
    worker_stop(w);
    t.connections += w->connections;
    t.messages += w->messages;
    t.bytes += w->bytes;
    t.refused += w->refused;
    t.errors += w->errors;
  }
  uv_close((uv_handle_t *)&e->done, on_done_closed);
  return t;
}
