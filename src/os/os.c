/* SPDX-License-Identifier: MIT
 *
 * os.c: what every system does in its own way: threads, descriptors that do not
 * block, accept(2) and its failures, and the end of a parent.
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

net_count net_count_calls, net_count_in, net_count_out;

/* Starts a thread in which no signal handler runs. Returns 0 or an errno. */
int net_os_thread(pthread_t *thread, void *(*run)(void *), void *argument) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int err = pthread_create(thread, NULL, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return err;
}

/* Makes a descriptor non-blocking and close-on-exec. Returns 0 or an errno. */
int net_os_nonblock(int fd) {
  int failed = fcntl(fd, F_SETFL, O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC);
  return failed ? errno : 0;
}

/* Makes a socket as SOCK_NONBLOCK, SOCK_CLOEXEC and MSG_NOSIGNAL would, on a
 * system that lacks them. Returns the socket. */
static int prepare(int fd) {
  if (SOCK_NONBLOCK == 0 && fd >= 0) net_os_nonblock(fd);
#ifdef SO_NOSIGPIPE
  int on = 1;
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
  return fd;
}

/* socket(2), non-blocking, close-on-exec and without SIGPIPE; as are the
 * sockets of the next two functions. */
int net_os_socket(int family, int type) {
  return prepare(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

int net_os_socketpair(int family, int type, int fds[2]) {
  if (socketpair(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds))
    return -1;
  prepare(fds[0]);
  prepare(fds[1]);
  return 0;
}

/* accept(2). The peer's address is optional. */
int net_os_accept(int listener, struct sockaddr *peer, socklen_t *len) {
#ifdef NET_HAVE_ACCEPT4
  return accept4(listener, peer, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
  return prepare(accept(listener, peer, len));
#endif
}

/* Opens a descriptor for net_os_accept_and_close to give up. Returns -1 if none
 * is left. */
int net_os_emfile_fd(void) {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Accepts and closes the next client when no descriptor is left: gives up
 * *emfile_fd for it, so that the client sees a close instead of waiting.
 * Returns 0 and sets errno on failure; EAGAIN: no client was waiting (accept(2)
 * looks for a descriptor first). */
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

/* Is this error of accept(2) about one client or the network, rather than about
 * us? The next client may be fine. */
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

/* Does the kernel lack memory for the call at this moment? */
int net_os_errno_is_shortage(int code) {
  return code == ENOBUFS || code == ENOMEM;
}

/* Does close(2) wait for unsent bytes: is SO_LINGER on, with a time? (The
 * kernel may report a very long time as a negative one.) */
int net_os_lingers(int fd) {
  struct linger l = {0};
  socklen_t len = sizeof l;
  return getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len) == 0 && l.l_onoff &&
         l.l_linger != 0;
}

/* Is SO_REUSEPORT set? */
int net_os_reuseport(int fd) {
  int on = 0;
#ifdef SO_REUSEPORT
  socklen_t len = sizeof on;
  getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, &len);
#else
  (void)fd;
#endif
  return on;
}

/* Sets SO_REUSEPORT. Returns 0 or an errno. */
int net_os_set_reuseport(int fd) {
#ifdef SO_REUSEPORT
  int on = 1;
  return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) ? errno : 0;
#else
  (void)fd;
  return ENOPROTOOPT;
#endif
}

/* Called in a child process: makes it end when `parent` ends, however that
 * ends, where the system can do so. */
void net_os_die_with_parent(pid_t parent) {
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
  if (getppid() != parent) _exit(EXIT_FAILURE); /* it has ended already */
}
