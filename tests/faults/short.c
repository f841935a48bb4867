/* SPDX-License-Identifier: MIT
 *
 * A preload: each read of a stream socket returns at most 3 bytes, and each
 * write takes at most 7.
 *
 * A short read means that there are no more bytes until a new event, see
 * epoll(7). So the bytes held back cause an event of their own, as if the
 * network had three bytes per packet.
 */
#include <dlfcn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { READ = 3, WRITE = 7, MOST = 65536 };

static struct {
  int watch; /* the epoll descriptor that watches it; 0: none */
  struct epoll_event event;
  char kind; /* 0: unknown so far */
} known[MOST];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_stream(int fd) {
  int type;
  socklen_t len = sizeof type;
  if (fd < 0 || fd >= MOST) return 0;
  if (known[fd].kind) return known[fd].kind == 's';
  int failed = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
  known[fd].kind = !failed && type == SOCK_STREAM ? 's' : 'o';
  return known[fd].kind == 's';
}

int epoll_ctl(int watch, int op, int fd, struct epoll_event *event) {
  static __typeof__(&epoll_ctl) real;
  if (!real) real = REAL(epoll_ctl);
  int failed = real(watch, op, fd, event);
  if (failed || fd < 0 || fd >= MOST) return failed;
  known[fd].watch = op == EPOLL_CTL_DEL ? 0 : watch;
  if (op != EPOLL_CTL_DEL) known[fd].event = *event;
  return 0;
}

int close(int fd) {
  static __typeof__(&close) real;
  if (!real) real = REAL(close);
  if (fd >= 0 && fd < MOST) known[fd].watch = known[fd].kind = 0;
  return real(fd);
}

/* Makes an event of the bytes that are left. */
static ssize_t done(int fd, ssize_t n, size_t asked, size_t most) {
  if (n == (ssize_t)most && asked > most && known[fd].watch)
    epoll_ctl(known[fd].watch, EPOLL_CTL_MOD, fd, &known[fd].event);
  return n;
}

ssize_t recvfrom(int fd, void *bytes, size_t len, int flags,
                 struct sockaddr *from, socklen_t *fromlen) {
  static __typeof__(&recvfrom) real;
  if (!real) real = REAL(recvfrom);
  size_t most = is_stream(fd) && len > READ ? READ : len;
  return done(fd, real(fd, bytes, most, flags, from, fromlen), len, most);
}

ssize_t recv(int fd, void *bytes, size_t len, int flags) {
  return recvfrom(fd, bytes, len, flags, NULL, NULL);
}

ssize_t sendto(int fd, const void *bytes, size_t len, int flags,
               const struct sockaddr *to, socklen_t tolen) {
  static __typeof__(&sendto) real;
  if (!real) real = REAL(sendto);
  size_t most = is_stream(fd) && len > WRITE ? WRITE : len;
  return done(fd, real(fd, bytes, most, flags, to, tolen), len, most);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags) {
  return sendto(fd, bytes, len, flags, NULL, 0);
}

ssize_t read(int fd, void *bytes, size_t len) {
  static __typeof__(&read) real;
  if (!real) real = REAL(read);
  return is_stream(fd) ? recv(fd, bytes, len, 0) : real(fd, bytes, len);
}

ssize_t write(int fd, const void *bytes, size_t len) {
  static __typeof__(&write) real;
  if (!real) real = REAL(write);
  return is_stream(fd) ? send(fd, bytes, len, 0) : real(fd, bytes, len);
}

/* Cuts a message to its first `most` bytes. */
static struct msghdr piece(const struct msghdr *m, struct iovec *v,
                           size_t most) {
  struct msghdr less = *m;
  *v = m->msg_iov[0];
  if (v->iov_len > most) v->iov_len = most;
  less.msg_iov = v;
  less.msg_iovlen = 1;
  return less;
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags) {
  static __typeof__(&recvmsg) real;
  if (!real) real = REAL(recvmsg);
  if (!is_stream(fd) || m->msg_iovlen == 0) return real(fd, m, flags);
  struct iovec v;
  struct msghdr less = piece(m, &v, READ);
  return done(fd, real(fd, &less, flags), READ + 1, READ);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags) {
  static __typeof__(&sendmsg) real;
  if (!real) real = REAL(sendmsg);
  if (!is_stream(fd) || m->msg_iovlen == 0) return real(fd, m, flags);
  struct iovec v;
  struct msghdr less = piece(m, &v, WRITE);
  return done(fd, real(fd, &less, flags), WRITE + 1, WRITE);
}
