/* SPDX-License-Identifier: MIT
 *
 * poller.h: tells which of many descriptors are ready, by one system call:
 * epoll(7) or kqueue(2), edge-triggered.
 *
 * A descriptor is added once, for both directions. It is reported when it
 * becomes ready, and not again until a call on it has failed with EAGAIN (or a
 * stream's read was short) and it becomes ready anew. close(2) removes it,
 * unless it has a duplicate: so an event's key may belong to a descriptor that
 * is closed.
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

int net_poller_open(void);
int net_poller_add(int poller, int fd, uint64_t key);
int net_poller_remove(int poller, int fd);
int net_poller_wait(int poller, net_event events[NET_EVENTS], int ms);

#endif
