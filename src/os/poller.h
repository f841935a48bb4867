/* SPDX-License-Identifier: MIT
 *
 * watch.h: which of many descriptors are ready, in one system call. It is
 * epoll(7), or kqueue(2), edge-triggered; it knows neither Lua nor libuv.
 *
 * A descriptor is added once, for both directions. It is reported when it
 * becomes ready, and not again before it has said EAGAIN (or a stream's read
 * was short) and has become ready anew. close(2) takes it off, unless it has a
 * duplicate: so the key that an event brings may be of one that has gone.
 *
 * A watch is a descriptor itself, which can be read when it has events.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdint.h>

enum {
  NET_CAN_READ = 1,
  NET_CAN_WRITE = 2,
  NET_HUNG_UP = 4 /* the end of the stream, or an error: after the data; or
urgent data: in all cases, a short read may not have been the last */
};

typedef struct net_event {
  uint64_t key;
  int bits;
} net_event;

enum { NET_EVENTS = 256 }; /* the most that one call gives */

int net_watch_open(void);
int net_watch_add(int watch, int fd, uint64_t key);
int net_watch_remove(int watch, int fd);
int net_watch_wait(int watch, net_event events[NET_EVENTS], int ms);

#endif
