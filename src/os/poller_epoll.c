/* SPDX-License-Identifier: MIT
 *
 * watch.c: epoll(7) on Linux, kqueue(2) on macOS and the BSDs.
 */
#include "os/poller.h"

#include <errno.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/epoll.h>

/* A new watch; -1 and errno. */
int net_watch_open(void) {
  return epoll_create1(EPOLL_CLOEXEC);
}

/* Watches fd from now on; what it is ready for already is an event, too. */
int net_watch_add(int watch, int fd, uint64_t key) {
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI |
                                    EPOLLET,
                          .data.u64 = key};
  return epoll_ctl(watch, EPOLL_CTL_ADD, fd, &e);
}

/* For a descriptor that stays open, here or as a duplicate. */
int net_watch_remove(int watch, int fd) {
  struct epoll_event unused = {0};
  return epoll_ctl(watch, EPOLL_CTL_DEL, fd, &unused);
}

static int bits_of(uint32_t events) {
  int bits = 0;
  if (events & EPOLLIN) bits |= NET_CAN_READ;
  if (events & EPOLLOUT) bits |= NET_CAN_WRITE;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    bits |= NET_CAN_READ | NET_HUNG_UP;
  if (events & EPOLLPRI) bits |= NET_HUNG_UP; /* recv(2) stops before it */
  if (events & (EPOLLHUP | EPOLLERR)) bits |= NET_CAN_WRITE;
  return bits;
}

/* How many events there are, after at most `ms` milliseconds (negative: as
 * long as it takes). A signal ends the wait with none. */
int net_watch_wait(int watch, net_event events[NET_EVENTS], int ms) {
  struct epoll_event ready[NET_EVENTS];
  int n = epoll_wait(watch, ready, NET_EVENTS, ms);
  for (int i = 0; i < n; i++)
    events[i] = (net_event){ready[i].data.u64, bits_of(ready[i].events)};
  return n < 0 && errno == EINTR ? 0 : n;
}

#else
#include <sys/types.h>

#include <fcntl.h>
#include <stddef.h>
#include <sys/event.h>
#include <sys/time.h>

int net_watch_open(void) {
  int watch = kqueue();
  if (watch >= 0) fcntl(watch, F_SETFD, FD_CLOEXEC);
  return watch;
}

int net_watch_add(int watch, int fd, uint64_t key) {
  struct kevent change[2];
  EV_SET(&change[0], fd, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0,
         (void *)(uintptr_t)key);
  EV_SET(&change[1], fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0,
         (void *)(uintptr_t)key);
  if (kevent(watch, change, 1, NULL, 0, NULL)) return -1;
  kevent(watch, change + 1, 1, NULL, 0, NULL); /* a watch cannot be written */
  return 0;
}

int net_watch_remove(int watch, int fd) {
  struct kevent change[2];
  EV_SET(&change[0], fd, EVFILT_READ, EV_DELETE, 0, 0, NULL);
  EV_SET(&change[1], fd, EVFILT_WRITE, EV_DELETE, 0, 0, NULL);
  kevent(watch, change + 1, 1, NULL, 0, NULL);
  return kevent(watch, change, 1, NULL, 0, NULL);
}

int net_watch_wait(int watch, net_event events[NET_EVENTS], int ms) {
  struct kevent ready[NET_EVENTS];
  struct timespec limit = {ms / 1000, ms % 1000 * 1000000L};
  int n = kevent(watch, NULL, 0, ready, NET_EVENTS, ms < 0 ? NULL : &limit);
  for (int i = 0; i < n; i++) {
    int bits = ready[i].filter == EVFILT_READ ? NET_CAN_READ : NET_CAN_WRITE;
    if (ready[i].flags & (EV_EOF | EV_ERROR))
      bits |= NET_CAN_READ | NET_HUNG_UP;
    events[i] = (net_event){(uint64_t)(uintptr_t)ready[i].udata, bits};
  }
  return n < 0 && errno == EINTR ? 0 : n;
}
#endif
