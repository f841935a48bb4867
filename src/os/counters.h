/* SPDX-License-Identifier: MIT
 *
 * counters.h: counters, and three of what the kernel does for this process: its
 * system calls, and the bytes received and sent.
 */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

/* Written by one thread at a time, read by any. */
typedef _Atomic uint64_t net_count;

extern net_count net_count_calls, net_count_in, net_count_out;

static inline uint64_t net_count_get(const net_count *count) {
  return atomic_load_explicit(count, memory_order_relaxed);
}

static inline void net_count_set(net_count *count, uint64_t n) {
  atomic_store_explicit(count, n, memory_order_relaxed);
}

static inline void net_count_add(net_count *count, uint64_t n) {
  net_count_set(count, net_count_get(count) + n);
}

typedef struct net_counts {
  uint64_t calls, in, out;
} net_counts;

/* Returns the three counters of the process. */
static inline net_counts net_counts_read(void) {
  return (net_counts){net_count_calls, net_count_in, net_count_out};
}

/* Counts a system call. NET_RETRY repeats it when a signal interrupts it. */
#define NET_CALL(call) (net_count_add(&net_count_calls, 1), (call))
#define NET_RETRY(result, call) \
  do (result) = NET_CALL(call); \
  while ((result) < 0 && errno == EINTR)

#endif
