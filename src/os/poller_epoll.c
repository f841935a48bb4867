/* SPDX-License-Identifier: MIT
 *
 * poller_epoll.c: the poller over epoll(7), on Linux.
 */
#include "os/poller.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Returns a new poller, or -1 and errno. */
int net_poller_open(void) {
  return epoll_create1(EPOLL_CLOEXEC);
}

/* Adds a descriptor. What it is ready for already is reported as well. */
int net_poller_add(int poller, int fd, uint64_t key) {
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI |
                                    EPOLLET,
                          .data.u64 = key};
  return epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
}

/* Removes a descriptor that stays open, here or as a duplicate. */
int net_poller_remove(int poller, int fd) {
  struct epoll_event ignored = {0};
  return epoll_ctl(poller, EPOLL_CTL_DEL, fd, &ignored);
}

static int bits_of(uint32_t events) {
  int bits = 0;
  if (events & EPOLLIN) bits |= NET_READABLE;
  if (events & EPOLLOUT) bits |= NET_WRITABLE;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    bits |= NET_READABLE | NET_HANGUP;
  if (events & EPOLLPRI) bits |= NET_HANGUP; /* recv(2) stops before it */
  if (events & (EPOLLHUP | EPOLLERR)) bits |= NET_WRITABLE;
  return bits;
}

/* Waits for events, `ms` milliseconds at most (negative: for ever), and returns
 * their number. A signal ends the wait with 0. */
int net_poller_wait(int poller, net_event events[NET_EVENTS], int ms) {
  struct epoll_event ready[NET_EVENTS];
  int n = epoll_wait(poller, ready, NET_EVENTS, ms);
  for (int i = 0; i < n; i++)
    events[i] = (net_event){ready[i].data.u64, bits_of(ready[i].events)};
  return n < 0 && errno == EINTR ? 0 : n;
}
