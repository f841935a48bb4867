/* SPDX-License-Identifier: MIT
 *
 * poller_kqueue.c: the poller over kqueue(2), on macOS and the BSDs.
 */
#include "os/poller.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/event.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

int net_poller_open(void) {
  int poller = kqueue();
  if (poller >= 0) fcntl(poller, F_SETFD, FD_CLOEXEC);
  return poller;
}

int net_poller_add(int poller, int fd, uint64_t key) {
  struct kevent change[2];
  EV_SET(&change[0], fd, EVFILT_READ, EV_ADD | EV_CLEAR, 0, 0,
         (void *)(uintptr_t)key);
  EV_SET(&change[1], fd, EVFILT_WRITE, EV_ADD | EV_CLEAR, 0, 0,
         (void *)(uintptr_t)key);
  if (kevent(poller, change, 1, NULL, 0, NULL)) return -1;
  kevent(poller, change + 1, 1, NULL, 0, NULL); /* a poller cannot be written */
  return 0;
}

int net_poller_remove(int poller, int fd) {
  struct kevent change[2];
  EV_SET(&change[0], fd, EVFILT_READ, EV_DELETE, 0, 0, NULL);
  EV_SET(&change[1], fd, EVFILT_WRITE, EV_DELETE, 0, 0, NULL);
  kevent(poller, change + 1, 1, NULL, 0, NULL);
  return kevent(poller, change, 1, NULL, 0, NULL);
}

int net_poller_wait(int poller, net_event events[NET_EVENTS], int ms) {
  struct kevent ready[NET_EVENTS];
  struct timespec limit = {ms / 1000, ms % 1000 * 1000000L};
  int n = kevent(poller, NULL, 0, ready, NET_EVENTS, ms < 0 ? NULL : &limit);
  for (int i = 0; i < n; i++) {
    int bits = ready[i].filter == EVFILT_READ ? NET_READABLE : NET_WRITABLE;
    if (ready[i].flags & (EV_EOF | EV_ERROR)) bits |= NET_READABLE | NET_HANGUP;
    events[i] = (net_event){(uint64_t)(uintptr_t)ready[i].udata, bits};
  }
  return n < 0 && errno == EINTR ? 0 : n;
}
