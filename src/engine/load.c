/* SPDX-License-Identifier: MIT
 *
 * load.c: starts the load generator, takes its figures, and stops it.
 */
#include "engine/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/load_run.h"
#include "os/clock.h"
#include "os/os.h"
#include "os/poller.h"

#define TICK UINT64_C(20000000) /* ns between searches for timeouts */

/* Makes the bytes to send: one period, and a chunk more, so that a send or a
 * comparison need not wrap around. */
static char *make_pattern(void) {
  size_t size = NET_LOAD_PERIOD + NET_LOAD_CHUNK;
  char *pattern = malloc(size);
  uint64_t x = 1;
  for (size_t i = 0; pattern && i < size; i++) {
    x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    pattern[i] =
        i < NET_LOAD_PERIOD ? (char)(x >> 56) : pattern[i - NET_LOAD_PERIOD];
  }
  return pattern;
}

static int open_pair(net_load *l) {
  int pair[2];
  if (net_os_socketpair(AF_UNIX, SOCK_STREAM, pair)) return errno;
  l->inner = pair[0];
  l->outer = pair[1];
  l->poller = net_poller_open();
  if (l->poller < 0 || net_poller_add(l->poller, l->inner, NET_LOAD_WAKE))
    return errno;
  return 0;
}

/* Allocates everything, so that no memory can be missing later. */
static int prepare(net_load *l) {
  int err = open_pair(l);
  if (err) return err;
  l->pattern = make_pattern();
  l->conns = calloc((size_t)l->o.connections, sizeof *l->conns);
  if (l->pattern == NULL || l->conns == NULL) return ENOMEM;
  for (int i = 0; i < l->o.connections; i++) {
    l->conns[i].index = (uint32_t)i;
    l->conns[i].fd = -1;
  }
  return l->protocol->prepare(l);
}

/* Starts a generator. Returns NULL and sets *err to an errno on failure. */
net_load *net_load_start(const net_load_options *o, int *err) {
  net_load *l = calloc(1, sizeof *l);
  *err = ENOMEM;
  if (l == NULL) return NULL;
  l->o = *o;
  memcpy(&l->address, o->address, o->len);
  l->o.address = NULL;
  l->protocol = o->type == SOCK_DGRAM ? &net_load_dgrams : &net_load_streams;
  l->poller = l->inner = l->outer = -1;
  l->last = &l->first;
  l->undecided = o->connections;
  l->budget = o->messages ? o->messages : UINT64_MAX;
  l->timeout = (uint64_t)(o->timeout * 1e9);
  l->interval = l->timeout / 4 < TICK ? l->timeout / 4 : TICK;
  net_histogram_init(&l->hist);
  *err = prepare(l);
  if (*err == 0) *err = net_os_thread(&l->thread, net_load_run, l);
  if (*err == 0) return l;
  net_load_free(l);
  return NULL;
}

/* Returns a descriptor that is readable when the run has finished. */
int net_load_fd(const net_load *l) {
  return l->outer;
}

/* Has the run ended by itself? */
int net_load_finished(net_load *l) {
  return atomic_load(&l->finished);
}

/* Returns the figures so far. Any thread may call it, at any time. */
net_load_report net_load_snapshot(const net_load *l) {
  uint64_t began = net_count_get(&l->began), ended = net_count_get(&l->ended);
  net_load_report r = {.connections = net_count_get(&l->connections),
                       .messages = net_count_get(&l->messages),
                       .bytes = net_count_get(&l->bytes),
                       .lost = net_count_get(&l->lost),
                       .late = net_count_get(&l->late),
                       .corrupt = net_count_get(&l->corrupt)};
  if (ended == 0) ended = net_clock();
  if (began) r.seconds = (double)(ended - began) / 1e9;
  for (int i = 0; i < NET_LOAD_ERRORS; i++) {
    r.errors[i].code =
        atomic_load_explicit(&l->errors[i].code, memory_order_relaxed);
    r.errors[i].count = net_count_get(&l->errors[i].count);
  }
  return r;
}

/* Returns the latencies. The thread goes on recording, so copy them. */
const net_histogram *net_load_histogram(const net_load *l) {
  return &l->hist;
}

/* Ends the run and its thread, and returns the figures. May be called again. */
net_load_report net_load_stop(net_load *l) {
  shutdown(l->outer, SHUT_WR);
  if (!l->joined) pthread_join(l->thread, NULL);
  l->joined = 1;
  return net_load_snapshot(l);
}

/* Frees a generator that was stopped. */
void net_load_free(net_load *l) {
  for (int i = 0; l->conns && i < l->o.connections; i++) {
    free(l->conns[i].due);
    free(l->conns[i].slots);
    free(l->conns[i].free);
  }
  if (l->poller >= 0) close(l->poller);
  if (l->inner >= 0) close(l->inner);
  if (l->outer >= 0) close(l->outer);
  free(l->conns);
  free(l->pattern);
  free(l->buffer);
  free(l);
}
