/* SPDX-License-Identifier: MIT
 *
 * histogram.h: a histogram of times in HdrHistogram's layout. Its cells are 1
 * ns wide up to 2 us, and never wider than a thousandth of the value above.
 *
 * One thread records while any other may copy. The figures of a copy are
 * consistent.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "os/counters.h"

enum { NET_HISTOGRAM_SUBS = 2048, NET_HISTOGRAM_BUCKETS = 32 };
enum {
  NET_HISTOGRAM_CELLS = (NET_HISTOGRAM_BUCKETS + 1) * (NET_HISTOGRAM_SUBS / 2)
};
/* An hour. A longer time counts as an hour. */
#define NET_HISTOGRAM_MOST UINT64_C(3600000000000)

typedef struct net_histogram {
  uint64_t total; /* of a copy: the sum of its cells */
  net_count min, max;
  net_count cells[NET_HISTOGRAM_CELLS];
} net_histogram;

void net_histogram_init(net_histogram *h);
void net_histogram_record(net_histogram *h, uint64_t ns);
void net_histogram_copy(net_histogram *to, const net_histogram *from);
uint64_t net_histogram_min(const net_histogram *h);
uint64_t net_histogram_max(const net_histogram *h);
double net_histogram_mean(const net_histogram *h);
double net_histogram_stdev(const net_histogram *h);
uint64_t net_histogram_percentile(const net_histogram *h, double percentile);
uint64_t net_histogram_between(const net_histogram *h, uint64_t from,
                               uint64_t to);
uint64_t net_histogram_edge(uint64_t ns);

typedef void (*net_histogram_write)(void *data, const char *line, size_t len);
void net_histogram_text(const net_histogram *h, double divisor,
                        net_histogram_write write, void *data);

#endif
