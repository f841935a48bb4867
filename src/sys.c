/* SPDX-License-Identifier: MIT
 *
 * sys.c: two things that every system has, and each in its own way.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/* Starts a thread in which no signal's handler runs; 0, or an errno. */
int net_sys_thread(pthread_t *thread, void *(*run)(void *), void *argument) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int err = pthread_create(thread, NULL, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return err;
}

/* Makes a descriptor non-blocking, and no child's; 0, or an errno. */
int net_sys_nonblock(int fd) {
  int failed = fcntl(fd, F_SETFL, O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC);
  return failed ? errno : 0;
}
