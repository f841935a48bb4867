/* SPDX-License-Identifier: MIT
 *
 * echo.c: the echo engine's workers, from their start to their end, and the
 * events that they queue for an observer.
 */
#include "engine/echo.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Queues an event, if anybody wants that kind, or gives NULL. Memory that is
 * missing costs the observer an event, and nobody else anything. */
net_echo_event *net_echo_observe(net_echo_worker *w, int kind,
                                 const struct sockaddr_storage *addr,
                                 socklen_t addrlen, const char *data,
                                 size_t len) {
  net_echo *e = w->echo;
  if (!(e->o.observed & kind)) return NULL;
  net_echo_event *event = malloc(sizeof *event + len);
  if (event == NULL) return NULL;
  *event = (net_echo_event){
      .at = uv_hrtime(), .kind = kind, .len = len, .addrlen = addrlen};
  memcpy(&event->addr, addr, addrlen);
  if (len > 0) memcpy(event->data, data, len);
  *e->last = event;
  e->last = &event->next;
  e->queued += sizeof *event + len;
  return event;
}

/* The next event, which stays until net_echo_drop; NULL: there is none now. */
const net_echo_event *net_echo_next(const net_echo *e) {
  return e->first;
}

/* Takes the next event off the queue, and frees it. */
void net_echo_drop(net_echo *e) {
  net_echo_event *event = e->first;
  e->first = event->next;
  if (e->first == NULL) e->last = &e->first;
  e->queued -= sizeof *event + event->len;
  free(event);
}

/* Has the engine come to its end by itself? */
int net_echo_over(net_echo *e) {
  return atomic_load(&e->over);
}

/* Called by a worker that has done all it was to do. */
void net_echo_finish(net_echo *e) {
  atomic_store(&e->over, 1);
  if (e->news[1] >= 0 && write(e->news[1], "", 1) < 0) return; /* it is full */
}

/* What the caller waits for: to be read when it is time for net_echo_turn, or
 * when the engine is over. */
int net_echo_fd(const net_echo *e) {
  return e->o.observed ? e->workers[0].watch : e->news[0];
}

/* Serves what there is, where no thread does, and does not wait. Returns after
 * how many milliseconds to call again, though net_echo_fd has nothing to read;
 * negative: never. */
int net_echo_turn(net_echo *e) {
  net_echo_worker *w = &e->workers[0];
  return w->threaded ? -1 : w->protocol->turn(w, 0);
}

static void *worker_thread(void *worker) {
  net_echo_worker *w = worker;
  for (int ms = 0; !atomic_load(&w->echo->stopping);)
    ms = w->protocol->turn(w, ms);
  return NULL;
}

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

/* Turns SO_REUSEPORT on or off; false: it was like that. */
static int set_reuseport(int fd, int on) {
#ifdef SO_REUSEPORT
  int was = on;
  socklen_t len = sizeof was;
  getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &was, &len);
  return !was != !on &&
         !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
#else
  (void)fd, (void)on;
  return 0;
#endif
}

/* When its thread has gone: nothing of the worker is left. */
static void worker_end(net_echo_worker *w) {
  if (w->lonely) set_reuseport(w->fd, 0);
  if (w->buffer) w->protocol->close(w);
  close_fd(&w->watch);
  close_fd(&w->fd);
  close_fd(&w->spare);
  free(w->buffer);
  free(w->conns);
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
  struct sockaddr_storage a = {0};
  socklen_t len = sizeof a;
  int on = 1, type = socket_type(fd);
  if (getsockname(fd, (struct sockaddr *)&a, &len)) return -1;
  if (a.ss_family == AF_UNIX) return -1;
  int other = socket(a.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (other < 0) return -1;
  if (SOCK_NONBLOCK == 0) net_os_nonblock(other);
  copy_option(fd, other, SOL_SOCKET, SO_RCVBUF, 2);
  copy_option(fd, other, SOL_SOCKET, SO_SNDBUF, 2);
  if (a.ss_family == AF_INET6)
    copy_option(fd, other, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) &&
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

static int worker_open(net_echo_worker *w, int index) {
  net_echo *e = w->echo;
  w->fd = worker_socket(e, index);
  if (w->fd < 0) return -errno;
  if (index == 0 && e->o.workers > 1) w->lonely = set_reuseport(w->fd, 1);
  w->watch = net_poller_open();
  if (w->watch < 0) return -errno;
  if (w->threaded && net_poller_add(w->watch, e->alarm[0], NET_ECHO_ALARM))
    return -errno;
  int stream = socket_type(w->fd) == SOCK_STREAM;
  w->protocol = stream ? &net_echo_stream : &net_echo_dgram;
  int err = w->protocol->open(w);
  if (err || !w->threaded) return err;
  return -net_os_thread(&w->thread, worker_thread, w);
}

static int worker_start(net_echo *e, int index) {
  net_echo_worker *w = &e->workers[index];
  *w = (net_echo_worker){.echo = e, .fd = -1, .watch = -1, .spare = -1};
  w->threaded = e->o.observed == 0;
  e->count = index + 1;
  int err = worker_open(w, index);
  w->running = err == 0;
  return err;
}

static int make_pipe(int fds[2]) {
  if (pipe(fds)) {
    fds[0] = fds[1] = -1;
    return -errno;
  }
  int err = net_os_nonblock(fds[0]);
  return err ? -err : -net_os_nonblock(fds[1]);
}

/* Starts the engine. NULL: *err is one of libuv's codes. */
net_echo *net_echo_start(const net_echo_options *o, int *err) {
  int count = o->observed ? 1 : o->workers;
  net_echo *e = calloc(1, sizeof *e + (size_t)count * sizeof e->workers[0]);
  *err = UV_ENOMEM;
  if (e == NULL) return NULL;
  e->o = *o;
  e->last = &e->first;
  e->began = uv_hrtime();
  e->alarm[0] = e->alarm[1] = e->news[0] = e->news[1] = -1;
  *err = 0;
  if (!o->observed) *err = make_pipe(e->alarm);
  if (!o->observed && *err == 0) *err = make_pipe(e->news);
  for (int i = 0; i < count && *err == 0; i++) *err = worker_start(e, i);
  if (*err == 0) return e;
  net_echo_stop(e);
  return NULL;
}

/* Ends the engine: nothing of it is left when this returns. */
net_echo_totals net_echo_stop(net_echo *e) {
  net_echo_totals t = {.seconds = (double)(uv_hrtime() - e->began) / 1e9};
  atomic_store(&e->stopping, 1);
  close_fd(&e->alarm[1]);
  for (int i = 0; i < e->count; i++) {
    net_echo_worker *w = &e->workers[i];
    if (w->threaded && w->running) pthread_join(w->thread, NULL);
    worker_end(w);
    t.connections += w->connections;
    t.messages += w->messages;
    t.bytes += w->bytes;
    t.refused += w->refused;
    t.errors += w->errors;
    t.calls += w->calls;
  }
  close_fd(&e->alarm[0]);
  close_fd(&e->news[0]);
  close_fd(&e->news[1]);
  while (net_echo_next(e)) net_echo_drop(e);
  free(e);
  return t;
}
