/* SPDX-License-Identifier: MIT
 *
 * epoll.c: the reference for TCP servers in `make bench`: nothing but system
 * calls. A single thread writes at once what it reads, and keeps only what the
 * kernel does not take, which it writes before it reads more.
 *
 * usage: epoll PORT [tcp [BYTES]]     BYTES of one read: 65536
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256 };

typedef struct conn {
  int fd;
  char *rest; /* NULL: nothing is kept */
  size_t at, len;
} conn;

static int ep;

static void watch(conn *c, int op, uint32_t events) {
  struct epoll_event e = {.events = events, .data.ptr = c};
  if (epoll_ctl(ep, op, c->fd, &e) < 0) perror("epoll_ctl"), exit(1);
}

static void end(conn *c) {
  close(c->fd);
  free(c->rest);
  free(c);
}

static void on_connect(const conn *listener) {
  int on = 1, fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK);
  if (fd < 0) return;
  conn *c = calloc(1, sizeof *c);
  if (c == NULL) perror("calloc"), exit(1);
  c->fd = fd;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

static void on_readable(conn *c, char *buf, size_t size) {
  ssize_t n = read(c->fd, buf, size);
  if (n <= 0) {
    end(c); /* it was ready, so this is the end or an error */
    return;
  }
  ssize_t sent = write(c->fd, buf, (size_t)n);
  if (sent == n) return;
  c->at = 0;
  c->len = (size_t)(n - (sent < 0 ? 0 : sent));
  c->rest = malloc(c->len);
  if (c->rest == NULL) perror("malloc"), exit(1);
  memcpy(c->rest, buf + n - c->len, c->len);
  watch(c, EPOLL_CTL_MOD, EPOLLOUT);
}

static void on_writable(conn *c) {
  ssize_t sent = write(c->fd, c->rest + c->at, c->len - c->at);
  if (sent < 0) {
    end(c);
    return;
  }
  c->at += (size_t)sent;
  if (c->at < c->len) return;
  free(c->rest);
  c->rest = NULL;
  watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static int listen_at(int port) {
  int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in a = {.sin_family = AF_INET,
                          .sin_port = htons((uint16_t)port),
                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 1024) < 0)
    perror("listen"), exit(1);
  return fd;
}

int main(int argc, char **argv) {
  size_t size = argc > 3 ? strtoul(argv[3], NULL, 10) : 65536;
  char *buf = malloc(size);
  if (argc < 2 || buf == NULL) return 2;
  signal(SIGPIPE, SIG_IGN);
  ep = epoll_create1(0);
  conn listener = {.fd = listen_at(atoi(argv[1]))};
  watch(&listener, EPOLL_CTL_ADD, EPOLLIN);
  for (;;) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(ep, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      conn *c = events[i].data.ptr;
      if (c == &listener)
        on_connect(c);
      else if (c->rest)
        on_writable(c);
      else
        on_readable(c, buf, size);
    }
  }
}
