/* SPDX-License-Identifier: MIT
 *
 * os.h: the differences between systems. No other header asks which system
 * this is, and nothing in this folder knows Lua or libuv.
 */
#ifndef OS_H
#define OS_H

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __linux__
#define NET_MSG_TRUNC MSG_TRUNC /* recv(2) returns a datagram's full length */
#else
#define NET_MSG_TRUNC 0
#endif

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* such a system has SO_NOSIGPIPE instead */
#endif
#ifdef SOCK_CLOEXEC
#define NET_HAVE_ACCEPT4 1 /* a system has both or neither */
#else
#define SOCK_CLOEXEC 0 /* such a system needs fcntl(2) after socket(2) */
#define SOCK_NONBLOCK 0
#endif

#ifdef __NetBSD__ /* IPv4 has no interface index there: EINVAL */
struct ip_mreqn {
  struct in_addr imr_multiaddr, imr_address;
  int imr_ifindex;
};
#endif
#ifndef __linux__
#undef SO_PEERCRED /* its structure differs elsewhere, or is missing */
#endif

#ifdef MSG_WAITFORONE
#define NET_HAVE_MMSG 1
#else /* no recvmmsg(2): one datagram at a time */
#define MSG_WAITFORONE 0
struct mmsghdr {
  struct msghdr msg_hdr;
  unsigned msg_len;
};
static inline int recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags,
                           void *timeout) {
  ssize_t len = recvmsg(fd, &m->msg_hdr, flags);
  (void)n, (void)timeout;
  m->msg_len = (unsigned)len;
  return len < 0 ? -1 : 1;
}
static inline int sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags) {
  (void)n;
  return sendmsg(fd, &m->msg_hdr, flags) < 0 ? -1 : 1;
}
#endif

int net_os_thread(pthread_t *thread, void *(*run)(void *), void *argument);
int net_os_nonblock(int fd);
int net_os_socket(int family, int type);
int net_os_socketpair(int family, int type, int fds[2]);
int net_os_accept(int listener, struct sockaddr *peer, socklen_t *len);
int net_os_lingers(int fd);
int net_os_reuseport(int fd);
int net_os_set_reuseport(int fd);
int net_os_emfile_fd(void);
int net_os_accept_and_close(int listener, int *emfile_fd);
int net_os_accept_is_transient(int code);
int net_os_errno_is_shortage(int code);
void net_os_die_with_parent(pid_t parent);

#endif
