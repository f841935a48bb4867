/* SPDX-License-Identifier: MIT
 *
 * counters.h: counts what the kernel does for this process: system calls, and
 * bytes received and sent. One thread writes at a time, any may read.
 */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

extern _Atomic uint64_t net_count_calls, net_count_in, net_count_out;

static inline void net_count_add(_Atomic uint64_t *count, uint64_t n) {
  atomic_store_explicit(count,
                        atomic_load_explicit(count, memory_order_relaxed) + n,
                        memory_order_relaxed);
}

typedef struct net_counts {
  uint64_t calls, in, out;
} net_counts;

/* Returns all three. */
static inline net_counts net_counts_read(void) {
  return (net_counts){net_count_calls, net_count_in, net_count_out};
}

/* Counts a system call; NET_RETRY also repeats it when a signal interrupts it.
 */
#define NET_CALL(call) (net_count_add(&net_count_calls, 1), (call))
#define NET_RETRY(result, call) \
  do (result) = NET_CALL(call); \
  while ((result) < 0 && errno == EINTR)

#endif
