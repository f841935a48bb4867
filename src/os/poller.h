/* SPDX-License-Identifier: MIT
 *
 * poller.h: tells which of many descriptors are ready, by one system call:
 * epoll(7) or kqueue(2), edge-triggered.
 *
 * A descriptor is added once, for both directions. It is reported when it
 * becomes ready, and not again until a call on it has failed with EAGAIN (or a
 * stream's read was short) and it becomes ready anew. close(2) removes it,
 * unless it has a duplicate. The key of an event may therefore be that of a
 * closed descriptor, and has two halves: an index, and a serial number that
 * tells the users of one index apart.
 *
 * A poller is a descriptor itself, which is readable while it has events.
 */
#ifndef POLLER_H
#define POLLER_H

#include <stdint.h>

enum {
  NET_READABLE = 1,
  NET_WRITABLE = 2,
  /* The end of the stream or an error, behind the data, or urgent data: a short
   * read may not be the last one. */
  NET_HANGUP = 4
};

typedef struct net_event {
  uint64_t key;
  int bits;
} net_event;

enum { NET_EVENTS = 256 }; /* the most that one call returns */

static inline uint64_t net_event_key(uint32_t serial, uint32_t index) {
  return (uint64_t)serial << 32 | index;
}

static inline uint32_t net_event_index(const net_event *e) {
  return (uint32_t)e->key;
}

static inline uint32_t net_event_serial(const net_event *e) {
  return (uint32_t)(e->key >> 32);
}

int net_poller_open(void);
int net_poller_add(int poller, int fd, uint64_t key);
int net_poller_remove(int poller, int fd);
int net_poller_wait(int poller, net_event events[NET_EVENTS], int ms);

#endif
