/* SPDX-License-Identifier: MIT
 *
 * histogram.c: counts how often each time was measured, to three digits.
 *
 * The cells of bucket b are 2^b ns wide. Bucket 0 has 2048 of them, and every
 * other 1024, since the buckets before it cover its lower half:
 *
 *   cell = b * 1024 + (ns >> b), for the least b where ns >> b is below 2048
 */
#include "engine/histogram.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SHIFT = 10, HALF = 1 << SHIFT, TICKS = 5 };

static uint32_t cell_of(uint64_t ns) {
  uint32_t bucket =
      53 - (uint32_t)__builtin_clzll(ns | (NET_HISTOGRAM_SUBS - 1));
  return (bucket << SHIFT) + (uint32_t)(ns >> bucket);
}

static uint32_t bucket_of(uint32_t cell) {
  return cell < NET_HISTOGRAM_SUBS ? 0 : (cell >> SHIFT) - 1;
}

/* Returns the least time that counts in a cell. */
static uint64_t lowest(uint32_t cell) {
  uint32_t bucket = bucket_of(cell);
  return (uint64_t)(cell - (bucket << SHIFT)) << bucket;
}

static uint64_t highest(uint32_t cell) {
  return lowest(cell + 1) - 1;
}

/* Returns the middle of a cell, which stands for all its times in a mean. */
static double middle(uint32_t cell) {
  return (double)(lowest(cell) + (UINT64_C(1) << bucket_of(cell) >> 1));
}

void net_histogram_init(net_histogram *h) {
  memset(h, 0, sizeof *h);
  net_count_set(&h->min, UINT64_MAX);
}

/* Counts a time. */
void net_histogram_record(net_histogram *h, uint64_t ns) {
  if (ns > NET_HISTOGRAM_MOST) ns = NET_HISTOGRAM_MOST;
  net_count_add(&h->cells[cell_of(ns)], 1);
  if (ns < net_count_get(&h->min)) net_count_set(&h->min, ns);
  if (ns > net_count_get(&h->max)) net_count_set(&h->max, ns);
}

/* Copies a histogram, into which another thread may be recording. */
void net_histogram_copy(net_histogram *to, const net_histogram *from) {
  to->total = 0;
  for (uint32_t i = 0; i < NET_HISTOGRAM_CELLS; i++) {
    uint64_t count = net_count_get(&from->cells[i]);
    net_count_set(&to->cells[i], count);
    to->total += count;
  }
  net_count_set(&to->min, net_count_get(&from->min));
  net_count_set(&to->max, net_count_get(&from->max));
}

/* Return the least and the greatest time that was measured; 0: none was. */
uint64_t net_histogram_min(const net_histogram *h) {
  return h->total ? net_count_get(&h->min) : 0;
}

uint64_t net_histogram_max(const net_histogram *h) {
  return net_count_get(&h->max);
}

double net_histogram_mean(const net_histogram *h) {
  double sum = 0;
  for (uint32_t i = 0; i < NET_HISTOGRAM_CELLS; i++)
    sum += (double)net_count_get(&h->cells[i]) * middle(i);
  return h->total ? sum / (double)h->total : 0;
}

double net_histogram_stdev(const net_histogram *h) {
  double sum = 0, mean = net_histogram_mean(h);
  for (uint32_t i = 0; i < NET_HISTOGRAM_CELLS; i++) {
    double distance = middle(i) - mean;
    sum += (double)net_count_get(&h->cells[i]) * distance * distance;
  }
  return h->total ? sqrt(sum / (double)h->total) : 0;
}

/* Returns the time that so many in a hundred did not exceed; of 0, the least
 * one. As in HdrHistogram it is the end of a cell, but at most the greatest
 * time. */
uint64_t net_histogram_percentile(const net_histogram *h, double percentile) {
  if (percentile > 100) percentile = 100;
  double exact = percentile / 100 * (double)h->total;
  uint64_t seen = 0, rank = (uint64_t)ceil(exact - exact * 1e-15);
  if (rank < 1) rank = 1;
  for (uint32_t i = 0; i < NET_HISTOGRAM_CELLS; i++) {
    seen += net_count_get(&h->cells[i]);
    if (seen < rank) continue;
    uint64_t most = net_histogram_max(h), end = highest(i);
    if (percentile <= 0) return lowest(i);
    return end < most ? end : most;
  }
  return 0;
}

/* Returns how many times are in [from, to). */
uint64_t net_histogram_between(const net_histogram *h, uint64_t from,
                               uint64_t to) {
  uint64_t count = 0;
  if (to > NET_HISTOGRAM_MOST) to = NET_HISTOGRAM_MOST + 1;
  for (uint32_t i = 0; i < NET_HISTOGRAM_CELLS; i++)
    if (lowest(i) >= from && lowest(i) < to)
      count += net_count_get(&h->cells[i]);
  return count;
}

/* Returns the next edge of a bar above this time: six in each decade. */
uint64_t net_histogram_edge(uint64_t ns) {
  static const uint64_t steps[] = {10, 15, 20, 30, 50, 70};
  if (ns < 10) return 10;
  for (uint64_t unit = 1;; unit *= 10)
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
      if (steps[i] * unit > ns) return steps[i] * unit;
}

/* Returns the distance to the next row. Each halving of the distance to 100 %
 * has the same number of rows. */
static double step_from(double percentile) {
  double halves = 2;
  while (halves * (100 - percentile) <= 100) halves *= 2;
  return 100 / (TICKS * halves);
}

/* Writes the rows; the last is for 100 %. */
static void write_rows(const net_histogram *h, double divisor,
                       net_histogram_write write, void *data) {
  char line[128];
  double next = 0;
  uint64_t seen = 0;
  for (uint32_t i = 0; i < NET_HISTOGRAM_CELLS && seen < h->total; i++) {
    uint64_t count = net_count_get(&h->cells[i]);
    double value = (double)highest(i) / divisor;
    int len = 0;
    seen += count;
    while (count && next <= 100.0 * (double)seen / (double)h->total) {
      len = snprintf(line, sizeof line, "%12.3f %2.12f %10llu %14.2f\n", value,
                     next / 100, (unsigned long long)seen, 100 / (100 - next));
      write(data, line, (size_t)len);
      next += step_from(next);
      if (seen == h->total) break;
    }
    if (seen < h->total) continue;
    len = snprintf(line, sizeof line, "%12.3f %2.12f %10llu\n", value, 1.0,
                   (unsigned long long)seen);
    write(data, line, (size_t)len);
  }
}

/* Writes HdrHistogram's table of percentiles, which its plotters read, a line
 * at a time. The divisor is the unit of the values: 1e6 for milliseconds. */
void net_histogram_text(const net_histogram *h, double divisor,
                        net_histogram_write write, void *data) {
  char text[256];
  int len = snprintf(text, sizeof text, "%12s %14s %10s %14s\n\n", "Value",
                     "Percentile", "TotalCount", "1/(1-Percentile)");
  write(data, text, (size_t)len);
  write_rows(h, divisor, write, data);
  len = snprintf(
      text, sizeof text,
      "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n"
      "#[Max     = %12.3f, Total count    = %12llu]\n"
      "#[Buckets = %12d, SubBuckets     = %12d]\n",
      net_histogram_mean(h) / divisor, net_histogram_stdev(h) / divisor,
      h->total ? (double)highest(cell_of(net_histogram_max(h))) / divisor : 0,
      (unsigned long long)h->total, NET_HISTOGRAM_BUCKETS, NET_HISTOGRAM_SUBS);
  write(data, text, (size_t)len);
}
