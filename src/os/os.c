/* SPDX-License-Identifier: MIT
 *
 * sys.c: what every system has, and each in its own way: threads, descriptors
 * that do not block, and what is to be done where accept(2) fails.
 */
#include "os/os.h"
#include "os/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

_Atomic uint64_t net_count_calls, net_count_in, net_count_out;

/* Starts a thread in which no signal's handler runs; 0, or an errno. */
int net_os_thread(pthread_t *thread, void *(*run)(void *), void *argument) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int err = pthread_create(thread, NULL, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return err;
}

/* Makes a descriptor non-blocking, and no child's; 0, or an errno. */
int net_os_nonblock(int fd) {
  int failed = fcntl(fd, F_SETFL, O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC);
  return failed ? errno : 0;
}

/* A descriptor for net_os_accept_and_close to give up; -1: there is none. */
int net_os_emfile_fd(void) {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* There is no descriptor for the client that waits to be accepted: gives up
 * the spare one, takes the client and shows it a close, instead of leaving it
 * to wait. False, and errno: EAGAIN, there was none (accept(2) looks for a
 * descriptor first). */
int net_os_accept_and_close(int listener, int *emfile_fd) {
  if (*emfile_fd < 0) *emfile_fd = net_os_emfile_fd();
  if (*emfile_fd < 0) return 0;
  close(*emfile_fd);
  int fd = accept(listener, NULL, NULL), code = errno;
  if (fd >= 0) close(fd);
  *emfile_fd = net_os_emfile_fd();
  errno = code;
  return fd >= 0;
}

/* Is what accept(2) says about a client that has gone, or about the network,
 * and not about us? There may be other clients. */
int net_os_accept_is_transient(int code) {
  switch (code) {
  case EINTR:
  case ECONNABORTED:
  case EPROTO:
  case ENETDOWN:
  case ENETUNREACH:
  case EHOSTUNREACH:
    return 1;
  default:
    return 0;
  }
}

/* Does the kernel lack something, for the moment, for what we want to do? */
int net_os_errno_is_shortage(int code) {
  return code == ENOBUFS || code == ENOMEM;
}

/* In a new process: it ends when `parent` does, however that ends; where the
 * system can say so. */
void net_os_die_with_parent(pid_t parent) {
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
  if (getppid() != parent) _exit(EXIT_FAILURE); /* it has ended already */
}
