/* SPDX-License-Identifier: MIT
 *
 * load_loop.c: the thread of the load generator. It opens the connections,
 * begins when the first attempt of each has succeeded or failed, starts the
 * messages, and ends when the time is up or the messages are done.
 */
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "engine/load_run.h"
#include "os/clock.h"
#include "os/poller.h"

/* Connections opened each millisecond: a listener's queue is short. */
enum { OPENINGS = 64 };

#define MS UINT64_C(1000000)
#define PAUSE (50 * MS)  /* before a failed connection is opened again */
#define DRAIN (300 * MS) /* for the messages in flight when the time is up */

static net_load_conn *next_with_room(net_load *l) {
  net_load_conn *c = l->first;
  l->first = c->next;
  if (l->first == NULL) l->last = &l->first;
  c->queued = 0;
  return c;
}

static uint64_t next_due(const net_load *l) {
  return net_count_get(&l->began) +
         (uint64_t)((double)l->started * (1e9 / l->o.rate));
}

/* Starts the messages that are due, each on the connection that has had room
 * the longest. */
static void dispatch(net_load *l) {
  while (l->first && l->budget > 0) {
    uint64_t due = next_due(l);
    if (due > l->now || due >= l->ends) return;
    net_load_conn *c = next_with_room(l);
    if (!net_load_has_room(l, c)) continue;
    uint32_t n = l->protocol->send_n(l, c, 1, due);
    l->budget -= n;
    l->started += n;
    net_load_fill(l, c);
  }
}

static void open_conn(net_load *l, net_load_conn *c) {
  int err = 0;
  c->state = NET_LOAD_IDLE;
  if (!l->o.churn) err = l->protocol->open(l, c);
  if (err) net_load_fail(l, c, err);
}

/* Opens some connections. Returns 0 unless all of them have been tried. */
static int open_some(net_load *l) {
  for (int i = 0; i < OPENINGS && l->opened < l->o.connections; i++) {
    net_load_conn *c = &l->conns[l->opened];
    open_conn(l, c);
    if (c->state == NET_LOAD_DOWN && !c->decided) { /* the queue is full */
      if (l->now - l->progress < l->timeout) return 0;
      net_load_fail(l, c, ETIMEDOUT);
    }
    l->opened++;
  }
  if (l->opened < l->o.connections) return 0;
  return l->o.churn || l->o.type == SOCK_DGRAM || l->undecided == 0;
}

static void begin(net_load *l) {
  l->now = l->progress = net_clock();
  net_count_set(&l->began, l->now);
  l->phase = NET_LOAD_RUNNING;
  l->counting = 1;
  l->ends =
      l->o.seconds > 0 ? l->now + (uint64_t)(l->o.seconds * 1e9) : UINT64_MAX;
  for (int i = 0; i < l->o.connections; i++) net_load_fill(l, &l->conns[i]);
}

/* The time is up, and no more messages are started. Those in flight do not
 * count in a closed loop: they may arrive so that the close is a clean one. In
 * an open loop they were due in time, and count. */
static void drain(net_load *l) {
  uint64_t most = l->timeout;
  l->phase = NET_LOAD_DRAINING;
  if (l->o.rate <= 0) {
    l->counting = 0;
    net_count_set(&l->ended, l->now);
    if (most > DRAIN) most = DRAIN;
  }
  l->ends = l->now + most;
}

static void tick_conn(net_load *l, net_load_conn *c) {
  uint64_t age = l->now - c->since;
  if (c->state == NET_LOAD_OPEN && l->protocol->tick) l->protocol->tick(l, c);
  if (c->state == NET_LOAD_CONNECTING && age > l->timeout)
    net_load_fail(l, c, ETIMEDOUT);
  if (l->phase != NET_LOAD_RUNNING) return;
  if (c->state == NET_LOAD_DOWN && age > PAUSE) open_conn(l, c);
  net_load_fill(l, c);
}

static void tick(net_load *l) {
  for (int i = 0; i < l->opened; i++) tick_conn(l, &l->conns[i]);
  l->tick = l->now + l->interval;
}

/* Would a run without a time limit never end? Something fails, and no message
 * has been completed for a while. */
static int is_hopeless(const net_load *l) {
  return l->o.seconds <= 0 && l->phase == NET_LOAD_RUNNING && l->failing &&
         l->now - l->progress > l->timeout + 1000 * MS;
}

static int is_finished(const net_load *l) {
  if (l->stopped || is_hopeless(l)) return 1;
  if (l->never_opened == l->o.connections && net_count_get(&l->messages) == 0)
    return 1; /* no server */
  if (l->phase == NET_LOAD_DRAINING) return !l->in_flight || l->now >= l->ends;
  return l->phase == NET_LOAD_RUNNING && !l->in_flight && l->budget == 0;
}

/* Returns when the thread has something to do if no event comes. */
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

/* Waits for events. The poller counts in milliseconds, which is too coarse for
 * an open loop: ppoll(2) waits there, or where there is none, the last
 * millisecond is spent polling. */
static int await(net_load *l, net_event events[NET_EVENTS]) {
  uint64_t now = l->o.rate > 0 ? net_clock() : l->now;
  uint64_t at = wake_time(l), ns = at > now ? at - now : 0;
  int ms = (int)(ns / MS);
  if (l->o.rate <= 0) return net_poller_wait(l->poller, events, ms + (ns > 0));
#ifdef __linux__
  if (ns > 0) {
    struct pollfd p = {.fd = l->poller, .events = POLLIN};
    struct timespec t = {0, (long)ns};
    ppoll(&p, 1, &t, NULL);
    ms = 0;
  }
#endif
  return net_poller_wait(l->poller, events, ms);
}

static void turn(net_load *l) {
  net_event events[NET_EVENTS];
  int n = await(l, events);
  l->now = net_clock();
  for (int i = 0; i < n; i++) {
    if (events[i].key == NET_LOAD_WAKE) {
      if (events[i].bits & NET_READABLE) l->stopped = 1;
      continue;
    }
    net_load_conn *c = &l->conns[net_event_index(&events[i])];
    if (c->generation == net_event_serial(&events[i]))
      l->protocol->event(l, c, events[i].bits);
  }
  if (l->phase == NET_LOAD_OPENING && open_some(l)) begin(l);
  if (l->now >= l->tick) tick(l);
  if (l->phase == NET_LOAD_RUNNING) dispatch(l);
  if (l->phase == NET_LOAD_RUNNING && l->now >= l->ends) drain(l);
}

/* Runs the load: the body of the thread. */
void *net_load_run(void *data) {
  net_load *l = data;
#ifdef __linux__
  prctl(PR_SET_TIMERSLACK, 1UL); /* or each wait is 50 us too long */
#endif
  l->now = l->progress = net_clock();
  while (!is_finished(l)) turn(l);
  if (net_count_get(&l->ended) == 0) net_count_set(&l->ended, net_clock());
  for (int i = 0; i < l->o.connections; i++)
    if (l->conns[i].fd >= 0) close(l->conns[i].fd);
  atomic_store(&l->finished, 1);
  shutdown(l->inner, SHUT_WR);
  return NULL;
}
