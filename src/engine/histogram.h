/* SPDX-License-Identifier: MIT
 *
 * hist.h: a histogram of times in HdrHistogram's layout: cells that are 1 ns
 * wide up to 2 us, and then never wider than a thousandth of the value. It
 * knows neither Lua nor libuv.
 *
 * One thread records. Any other may copy meanwhile; what is asked of the copy
 * then fits together.
 */
#ifndef HIST_H
#define HIST_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { NET_HIST_SUBS = 2048, NET_HIST_BUCKETS = 32 };
enum { NET_HIST_CELLS = (NET_HIST_BUCKETS + 1) * (NET_HIST_SUBS / 2) };
/* An hour; or longer. */
#define NET_HIST_MOST UINT64_C(3600000000000)

typedef struct net_hist {
  uint64_t total; /* of a copy: the sum of its cells */
  _Atomic uint64_t min, max;
  _Atomic uint64_t cells[NET_HIST_CELLS];
} net_hist;

void net_hist_init(net_hist *h);
void net_hist_record(net_hist *h, uint64_t ns);
void net_hist_copy(net_hist *to, const net_hist *from);
uint64_t net_hist_min(const net_hist *h);
uint64_t net_hist_max(const net_hist *h);
double net_hist_mean(const net_hist *h);
double net_hist_stdev(const net_hist *h);
uint64_t net_hist_percentile(const net_hist *h, double percentile);
uint64_t net_hist_between(const net_hist *h, uint64_t from, uint64_t to);
uint64_t net_hist_edge(uint64_t ns);

typedef void (*net_hist_write)(void *data, const char *line, size_t len);
void net_hist_text(const net_hist *h, double divisor, net_hist_write write,
                   void *data);

#endif
