/* SPDX-License-Identifier: MIT
 *
 * echo.h: the echo engine, which serves a socket that its caller has bound.
 *
 * Without observers each worker is a thread. With observers there is one worker
 * and no thread: the caller runs it by net_echo_turn whenever net_echo_fd is
 * readable.
 */
#ifndef ECHO_H
#define ECHO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct net_echo net_echo;

/* The kinds of events: bits of `observed`. */
enum {
  NET_ECHO_CONNECT = 1, /* data: our own address, if answers are observed */
  NET_ECHO_MESSAGE = 2,
  NET_ECHO_ANSWER = 4, /* data: as much as could be sent at once */
  NET_ECHO_CLOSE = 8
};

typedef struct net_echo_event {
  struct net_echo_event *next;
  uint64_t at; /* ns of net_clock */
  int kind, fd;
  uint32_t serial; /* of the connection; 0: none */
  socklen_t addrlen;
  struct sockaddr_storage addr; /* the peer's */
  size_t len;
  char data[];
} net_echo_event;

enum { NET_ECHO_WORKERS = 256 }; /* the limit of `workers` */

typedef struct net_echo_options {
  int fd;              /* non-blocking, listening or bound; the caller's */
  int once;            /* one message a connection, or one datagram in all */
  int observed;        /* kinds of events to queue */
  int workers;         /* threads, unless something is observed */
  int max_connections; /* at a time; 0: no limit */
  double idle_timeout; /* seconds; 0: none */
} net_echo_options;

typedef struct net_echo_totals {
  uint64_t connections; /* accepted and served */
  uint64_t messages;    /* reads of a stream; datagrams */
  uint64_t bytes;       /* received */
  uint64_t refused;     /* connections over the limit, unanswered datagrams */
  uint64_t errors;      /* connections and answers that failed */
  uint64_t calls;       /* system calls */
  double seconds;
} net_echo_totals;

/* What net_echo_turn returns in place of milliseconds. */
enum { NET_ECHO_IDLE = -1, NET_ECHO_BUSY = 0 };

net_echo *net_echo_start(const net_echo_options *o, int *err);
int net_echo_fd(const net_echo *e);
int net_echo_turn(net_echo *e);
net_echo_totals net_echo_stop(net_echo *e);

/* In echo_events.c. */
int net_echo_finished(net_echo *e);
const net_echo_event *net_echo_next(const net_echo *e);
void net_echo_drop(net_echo *e);

#endif
