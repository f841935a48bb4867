/* SPDX-License-Identifier: MIT
 *
 * clock.h: the monotonic clock, which nobody sets. It is the clock of
 * uv_hrtime.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

/* Returns nanoseconds since some moment in the past. */
static inline uint64_t net_clock(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

#endif
