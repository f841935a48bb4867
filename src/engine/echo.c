/* SPDX-License-Identifier: MIT
 *
 * echo.c: the workers of the echo engine, from their start to their end.
 */
#include "engine/echo.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/echo_worker.h"
#include "os/clock.h"
#include "os/os.h"
#include "os/poller.h"

/* Returns the descriptor that is readable when the caller should call
 * net_echo_turn, or when the engine has finished. */
int net_echo_fd(const net_echo *e) {
  return e->o.observed ? e->workers[0].poller : e->event_pipe[0];
}

/* Serves what is ready, unless threads do, without waiting. Returns in how many
 * milliseconds to call it again at the latest: NET_ECHO_BUSY is at once,
 * NET_ECHO_IDLE when net_echo_fd is readable. */
int net_echo_turn(net_echo *e) {
  net_echo_worker *w = &e->workers[0];
  return w->threaded ? NET_ECHO_IDLE : w->protocol->turn(w, 0);
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

/* Frees what a worker has, after its thread has ended. */
static void worker_end(net_echo_worker *w) {
  if (w->buffer) w->protocol->close(w);
  close_fd(&w->poller);
  close_fd(&w->fd);
  close_fd(&w->emfile_fd);
  free(w->buffer);
}

static int socket_type(int fd) {
  int type = 0;
  socklen_t len = sizeof type;
  getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
  return type;
}

/* Sets an option as it is on the caller's socket. The kernel reports `times` as
 * much as was asked for. */
static void copy_option(int from, int to, int level, int name, int times) {
  int value = 0, other = 0;
  socklen_t len = sizeof value;
  if (getsockopt(from, level, name, &value, &len)) return;
  if (getsockopt(to, level, name, &other, &len) || value == other) return;
  value /= times;
  setsockopt(to, level, name, &value, len);
}

/* Opens another socket at the address of the caller's, for a share of its
 * traffic, if the caller has set SO_REUSEPORT. Returns -1 if not, or on
 * failure. */
static int open_sibling(int fd) {
  struct sockaddr_storage a = {0};
  socklen_t len = sizeof a;
  int on = 1, type = socket_type(fd);
  if (!net_os_reuseport(fd)) return -1;
  if (getsockname(fd, (struct sockaddr *)&a, &len)) return -1;
  if (a.ss_family == AF_UNIX) return -1;
  int other = net_os_socket(a.ss_family, type);
  if (other < 0) return -1;
  copy_option(fd, other, SOL_SOCKET, SO_RCVBUF, 2);
  copy_option(fd, other, SOL_SOCKET, SO_SNDBUF, 2);
  if (a.ss_family == AF_INET6)
    copy_option(fd, other, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!net_os_set_reuseport(other) &&
      !bind(other, (struct sockaddr *)&a, len) &&
      (type != SOCK_STREAM || !listen(other, SOMAXCONN)))
    return other;
  close(other);
  return -1;
}

/* Returns a descriptor for a worker: a duplicate of the caller's for the first,
 * and for every other that has no socket of its own. A client wakes all workers
 * that share a listener, so each gets a share of the clients; EPOLLEXCLUSIVE
 * gave 197 of 200 to one of three. */
static int worker_socket(const net_echo *e, int index) {
  int fd = index > 0 ? open_sibling(e->o.fd) : -1;
  return fd >= 0 ? fd : fcntl(e->o.fd, F_DUPFD_CLOEXEC, 0);
}

/* Returns 0 or an errno, as do the next two functions. */
static int worker_open(net_echo_worker *w, int index) {
  net_echo *e = w->echo;
  w->fd = worker_socket(e, index);
  if (w->fd < 0) return errno;
  w->poller = net_poller_open();
  if (w->poller < 0) return errno;
  if (w->threaded && net_poller_add(w->poller, e->stop_pipe[0], NET_ECHO_STOP))
    return errno;
  int stream = socket_type(w->fd) == SOCK_STREAM;
  w->protocol = stream ? &net_echo_stream : &net_echo_dgram;
  int err = w->protocol->open(w);
  if (err || !w->threaded) return err;
  return net_os_thread(&w->thread, worker_thread, w);
}

static int worker_start(net_echo *e, int index) {
  net_echo_worker *w = &e->workers[index];
  *w = (net_echo_worker){.echo = e, .fd = -1, .poller = -1, .emfile_fd = -1};
  w->threaded = e->o.observed == 0;
  e->count = index + 1;
  int err = worker_open(w, index);
  w->running = err == 0;
  return err;
}

static int open_pipe(int fds[2]) {
  if (pipe(fds)) {
    fds[0] = fds[1] = -1;
    return errno;
  }
  int err = net_os_nonblock(fds[0]);
  return err ? err : net_os_nonblock(fds[1]);
}

/* Starts an engine. Returns NULL and sets *err to an errno on failure. */
net_echo *net_echo_start(const net_echo_options *o, int *err) {
  int count = o->observed ? 1 : o->workers;
  net_echo *e = calloc(1, sizeof *e + (size_t)count * sizeof e->workers[0]);
  *err = ENOMEM;
  if (e == NULL) return NULL;
  e->o = *o;
  e->last = &e->first;
  e->began = net_clock();
  e->stop_pipe[0] = e->stop_pipe[1] = -1;
  e->event_pipe[0] = e->event_pipe[1] = -1;
  *err = 0;
  if (!o->observed) *err = open_pipe(e->stop_pipe);
  if (!o->observed && *err == 0) *err = open_pipe(e->event_pipe);
  for (int i = 0; i < count && *err == 0; i++) *err = worker_start(e, i);
  if (*err == 0) return e;
  net_echo_stop(e);
  return NULL;
}

/* Stops and frees an engine. */
net_echo_totals net_echo_stop(net_echo *e) {
  net_echo_totals t = {.seconds = (double)(net_clock() - e->began) / 1e9};
  atomic_store(&e->stopping, 1);
  close_fd(&e->stop_pipe[1]);
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
  close_fd(&e->stop_pipe[0]);
  close_fd(&e->event_pipe[0]);
  close_fd(&e->event_pipe[1]);
  while (net_echo_next(e)) net_echo_drop(e);
  free(e);
  return t;
}
