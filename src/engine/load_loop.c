/* SPDX-License-Identifier: MIT
 *
 * load_loop.c: the load generator's thread: it opens the connections, begins
 * when each has come to something, starts what may be started, and ends when
 * the time is up or the messages are done.
 */
#include "engine/load.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "os/poller.h"

/* Connects a millisecond: a listener's queue is short. */
enum { OPENINGS = 64 };

#define MS UINT64_C(1000000)
#define PAUSE (50 * MS)  /* before a connection that failed is opened again */
#define DRAIN (300 * MS) /* for what is on its way when the time is up */

/* Counts an error by its code; the last row takes what finds no row. */
void net_load_error_add(net_load *l, int code) {
  int i = 0;
  for (; i < NET_LOAD_ERRORS - 1; i++) {
    int known = atomic_load_explicit(&l->errors[i].code, memory_order_relaxed);
    if (known == code || known == 0) break;
  }
  atomic_store_explicit(&l->errors[i].code, code, memory_order_relaxed);
  net_load_add(&l->errors[i].count, 1);
}

/* A message has come back in full. */
void net_load_done(net_load *l, uint64_t due, uint64_t now) {
  l->live--;
  if (!l->counting) return;
  net_histogram_record(&l->hist, now - due);
  net_load_add(&l->messages, 1);
  l->progress = now;
  l->failing = 0;
}

/* The first attempt of a connection has come to something. */
void net_load_decided(net_load *l, net_load_conn *c, int failed) {
  if (c->tried) return;
  c->tried = 1;
  l->undecided--;
  l->barren += failed;
}

static int has_room(const net_load *l, const net_load_conn *c) {
  return (c->state == NET_LOAD_OPEN || c->state == NET_LOAD_IDLE) &&
         !c->blocked && c->live < (uint32_t)l->o.depth;
}

/* Starts what this connection has room for; in an open loop it waits in the
 * queue until something is due. */
void net_load_feed(net_load *l, net_load_conn *c) {
  if (l->phase != NET_LOAD_RUNNING || !has_room(l, c)) return;
  if (l->o.rate > 0) {
    if (c->queued) return;
    c->queued = 1;
    c->next = NULL;
    *l->last = c;
    l->last = &c->next;
    return;
  }
  uint32_t n = (uint32_t)l->o.depth - c->live;
  if (n > l->budget) n = (uint32_t)l->budget;
  if (n == 0) return;
  n = l->kind->issue(l, c, n, l->now); /* which may put some back */
  l->budget -= n;
}

static net_load_conn *next_with_room(net_load *l) {
  net_load_conn *c = l->first;
  l->first = c->next;
  if (l->first == NULL) l->last = &l->first;
  c->queued = 0;
  return c;
}

static uint64_t next_due(const net_load *l) {
  return net_load_get(&l->began) +
         (uint64_t)((double)l->started * (1e9 / l->o.rate));
}

/* Starts what is due, on the connection that has had room for longest. */
static void dispatch(net_load *l) {
  while (l->first && l->budget > 0) {
    uint64_t due = next_due(l);
    if (due > l->now || due >= l->ends) return;
    net_load_conn *c = next_with_room(l);
    if (!has_room(l, c)) continue;
    uint32_t n = l->kind->issue(l, c, 1, due);
    l->budget -= n;
    l->started += n;
    net_load_feed(l, c);
  }
}

/* A new socket for this connection; -1 and errno. */
int net_load_socket(net_load *l, net_load_conn *c) {
  int type = l->o.type | SOCK_NONBLOCK | SOCK_CLOEXEC;
  c->generation++;
  c->since = l->now;
  c->fd = socket(l->address.ss_family, type, 0);
#ifdef SO_NOSIGPIPE
  int on = 1;
  if (c->fd >= 0) {
    net_os_nonblock(c->fd);
    setsockopt(c->fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
  }
#endif
  return c->fd;
}

/* Asks for its events; 0, or an errno. */
int net_load_watch(net_load *l, net_load_conn *c) {
  uint64_t key = (uint64_t)c->generation << 32 | c->index;
  return net_poller_add(l->watch, c->fd, key) ? errno : 0;
}

/* Begins to connect it; 0, or an errno. */
int net_load_connect(net_load *l, net_load_conn *c) {
  const struct sockaddr *to = (const struct sockaddr *)&l->address;
  return connect(c->fd, to, l->o.len) && errno != EINPROGRESS ? errno : 0;
}

void net_load_opened(net_load *l, net_load_conn *c) {
  c->state = NET_LOAD_OPEN;
  if (l->phase == NET_LOAD_OPENING) l->progress = l->now;
  net_load_add(&l->connections, 1);
}

/* Closes a connection that has failed, for this reason (0: it is counted
 * elsewhere). What was on its way may be started again. A UNIX listener whose
 * queue is full says EAGAIN: that is no failure. */
void net_load_fail(net_load *l, net_load_conn *c, int code) {
  int full = code == EAGAIN;
  if (code && !full) net_load_error_add(l, code);
  if (!full) net_load_decided(l, c, 1);
  l->failing = 1;
  l->budget += c->live;
  l->live -= c->live;
  c->live = 0;
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
  c->generation++;
  c->state = NET_LOAD_DOWN;
  c->since = full ? 0 : l->now;
}

static void open_conn(net_load *l, net_load_conn *c) {
  int err = 0;
  c->state = NET_LOAD_IDLE;
  if (!l->o.churn) err = l->kind->open(l, c);
  if (err) net_load_fail(l, c, err);
}

/* Opens some connections; false: not all of them have been tried yet. */
static int open_some(net_load *l) {
  for (int i = 0; i < OPENINGS && l->opened < l->o.connections; i++) {
    net_load_conn *c = &l->conns[l->opened];
    open_conn(l, c);
    if (c->state == NET_LOAD_DOWN && !c->tried) { /* the queue is full */
      if (l->now - l->progress < l->timeout) return 0;
      net_load_fail(l, c, ETIMEDOUT);
    }
    l->opened++;
  }
  if (l->opened < l->o.connections) return 0;
  return l->o.churn || l->o.type == SOCK_DGRAM || l->undecided == 0;
}

static void begin(net_load *l) {
  l->now = l->progress = net_load_clock();
  net_load_set(&l->began, l->now);
  l->phase = NET_LOAD_RUNNING;
  l->counting = 1;
  l->ends =
      l->o.seconds > 0 ? l->now + (uint64_t)(l->o.seconds * 1e9) : UINT64_MAX;
  for (int i = 0; i < l->o.connections; i++) net_load_feed(l, &l->conns[i]);
}

/* The time is up: nothing more is started. What a closed loop has on its way
 * does not count, and may only come so that the close is a clean one; in an
 * open loop it was due in time, and counts. */
static void drain(net_load *l) {
  uint64_t most = l->timeout;
  l->phase = NET_LOAD_DRAINING;
  if (l->o.rate <= 0) {
    l->counting = 0;
    net_load_set(&l->ended, l->now);
    if (most > DRAIN) most = DRAIN;
  }
  l->ends = l->now + most;
}

static void tick_conn(net_load *l, net_load_conn *c) {
  uint64_t age = l->now - c->since;
  if (c->state == NET_LOAD_OPEN && l->kind->tick) l->kind->tick(l, c);
  if (c->state == NET_LOAD_CONNECTING && age > l->timeout)
    net_load_fail(l, c, ETIMEDOUT);
  if (l->phase != NET_LOAD_RUNNING) return;
  if (c->state == NET_LOAD_DOWN && age > PAUSE) open_conn(l, c);
  net_load_feed(l, c);
}

static void tick(net_load *l) {
  for (int i = 0; i < l->opened; i++) tick_conn(l, &l->conns[i]);
  l->tick = l->now + l->interval;
}

/* Would a run without a time never end? Something fails, and nothing has come
 * back for a while. */
static int is_hopeless(const net_load *l) {
  return l->o.seconds <= 0 && l->phase == NET_LOAD_RUNNING && l->failing &&
         l->now - l->progress > l->timeout + 1000 * MS;
}

static int is_over(const net_load *l) {
  if (l->stopped || is_hopeless(l)) return 1;
  if (l->barren == l->o.connections && net_load_get(&l->messages) == 0)
    return 1; /* there is nobody */
  if (l->phase == NET_LOAD_DRAINING) return !l->live || l->now >= l->ends;
  return l->phase == NET_LOAD_RUNNING && !l->live && l->budget == 0;
}

/* When the thread has something to do, should there be no event. */
static uint64_t wake_time(const net_load *l) {
  uint64_t at = l->tick;
  if (l->phase == NET_LOAD_OPENING) return l->now + MS;
  if (l->ends < at) at = l->ends;
  if (l->phase == NET_LOAD_RUNNING && l->first && l->budget > 0) {
    uint64_t due = next_due(l);
    if (due < at) at = due;
  }
  return at;
}

/* Waits for events. What is due in an open loop waits for no millisecond:
 * ppoll(2) keeps finer time; elsewhere the last one is spent looking. */
static int await(net_load *l, net_event events[NET_EVENTS]) {
  uint64_t now = l->o.rate > 0 ? net_load_clock() : l->now;
  uint64_t at = wake_time(l), ns = at > now ? at - now : 0;
  int ms = (int)(ns / MS);
  if (l->o.rate <= 0) return net_poller_wait(l->watch, events, ms + (ns > 0));
#ifdef __linux__
  if (ns > 0) {
    struct pollfd p = {.fd = l->watch, .events = POLLIN};
    struct timespec t = {0, (long)ns};
    ppoll(&p, 1, &t, NULL);
    ms = 0;
  }
#endif
  return net_poller_wait(l->watch, events, ms);
}

static void turn(net_load *l) {
  net_event events[NET_EVENTS];
  int n = await(l, events);
  l->now = net_load_clock();
  for (int i = 0; i < n; i++) {
    if (events[i].key == NET_LOAD_WAKE) {
      if (events[i].bits & NET_READABLE) l->stopped = 1;
      continue;
    }
    net_load_conn *c = &l->conns[(uint32_t)events[i].key];
    if (c->generation == events[i].key >> 32)
      l->kind->event(l, c, events[i].bits);
  }
  if (l->phase == NET_LOAD_OPENING && open_some(l)) begin(l);
  if (l->now >= l->tick) tick(l);
  if (l->phase == NET_LOAD_RUNNING) dispatch(l);
  if (l->phase == NET_LOAD_RUNNING && l->now >= l->ends) drain(l);
}

/* The thread. */
void *net_load_run(void *data) {
  net_load *l = data;
#ifdef __linux__
  prctl(PR_SET_TIMERSLACK, 1UL); /* or a wait is 50 us longer than it should */
#endif
  l->now = l->progress = net_load_clock();
  while (!is_over(l)) turn(l);
  if (net_load_get(&l->ended) == 0) net_load_set(&l->ended, net_load_clock());
  for (int i = 0; i < l->o.connections; i++)
    if (l->conns[i].fd >= 0) close(l->conns[i].fd);
  atomic_store(&l->over, 1);
  shutdown(l->inner, SHUT_WR);
  return NULL;
}
