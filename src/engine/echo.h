/* SPDX-License-Identifier: MIT
 *
 * echo.h: the contract of the echo engine, which serves a socket that somebody
 * else has bound, and knows no Lua. Below the line is what its own files share:
 *
 *   echo.c         starts and stops its workers, counts, queues events
 *   echo_stream.c  accepts connections and echoes what each one sends
 *   echo_dgram.c   echoes datagrams, many with one system call
 *
 * Without observers each worker is a thread. With observers there is one, and
 * no thread: the caller gives it its turns, when net_echo_fd can be read.
 */
#ifndef ECHO_H
#define ECHO_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <uv.h>

#include "os/counters.h"
#include "os/os.h"
#include "os/poller.h"

typedef struct net_echo net_echo;

/* What an observer is told: bits of `observed`, and the kind of an event. */
enum {
  NET_ECHO_CONNECT = 1, /* its data: our own address, for who sees answers */
  NET_ECHO_MESSAGE = 2,
  NET_ECHO_ANSWER = 4, /* as much of one as could be sent */
  NET_ECHO_CLOSE = 8
};

typedef struct net_echo_event {
  struct net_echo_event *next;
  uint64_t at; /* when, ns of uv_hrtime */
  int kind, fd;
  uint32_t serial; /* of the connection; 0: there is none */
  socklen_t addrlen;
  struct sockaddr_storage addr; /* the peer's */
  size_t len;
  char data[];
} net_echo_event;

enum { NET_ECHO_WORKERS = 256 }; /* the most there can be */

typedef struct net_echo_options {
  int fd;       /* non-blocking, listening or bound; stays the caller's */
  int once;     /* one message a connection; or one datagram in all */
  int observed; /* kinds of events to queue */
  int workers;  /* threads, where nothing is observed */
  int max_connections; /* at one time; 0: no limit */
  double idle_timeout; /* seconds; 0: none */
} net_echo_options;

typedef struct net_echo_totals {
  uint64_t connections; /* accepted and served */
  uint64_t messages;    /* reads of a stream; datagrams */
  uint64_t bytes;       /* received */
  uint64_t refused;     /* connections over the limit, datagrams not answered */
  uint64_t errors;      /* connections and replies that failed */
  uint64_t calls;       /* of the system */
  double seconds;
} net_echo_totals;

net_echo *net_echo_start(const net_echo_options *o, int *err);
int net_echo_fd(const net_echo *e);
int net_echo_turn(net_echo *e);
const net_echo_event *net_echo_next(const net_echo *e);
void net_echo_drop(net_echo *e);
int net_echo_over(net_echo *e);
net_echo_totals net_echo_stop(net_echo *e);

/* ---- between the engine's files ---- */

/* One thread writes it, any may read it. */
typedef _Atomic uint64_t net_echo_count;

static inline void net_echo_add(net_echo_count *count, uint64_t n) {
  net_count_add(count, n);
}

typedef struct net_echo_worker net_echo_worker;
typedef struct net_echo_conn net_echo_conn;

/* What a protocol does for a worker: open gives 0, or one of libuv's codes;
 * turn waits `ms` at most, serves, and gives how long the next wait may be (0:
 * there is more to do). */
typedef struct net_echo_protocol {
  int (*open)(net_echo_worker *w);
  int (*turn)(net_echo_worker *w, int ms);
  void (*close)(net_echo_worker *w);
} net_echo_protocol;

struct net_echo_worker {
  net_echo *echo;
  const net_echo_protocol *protocol;
  pthread_t thread;
  int fd;    /* its own */
  int watch; /* of fd, the connections and the alarm */
  int spare; /* a descriptor to give up when there are no more */
  int threaded, running;
  int local;   /* it is a UNIX stream socket's */
  int delays;  /* its caller did not set TCP_NODELAY */
  int lonely;  /* nor SO_REUSEPORT, and other workers need it */
  int lingers; /* connections inherit an SO_LINGER that makes close(2) wait */
  char *buffer;
  net_echo_conn **conns; /* by descriptor */
  int nconns;
  uint32_t serial;      /* of the last connection */
  net_echo_conn *again; /* those that were not served to the end */
  int accepts;          /* there may be more to accept */
  uint32_t now;         /* ms, when its turn began */
  uint32_t sweep;       /* when to look for idle connections */
  char lacks;           /* so the kernel said of one of them: in a while */
  uint32_t resume;      /* when to accept again, after a failure; 0: now */
  net_echo_count connections, messages, bytes, refused, errors;
  net_echo_count calls; /* of the system */
};

struct net_echo {
  net_echo_options o;
  int alarm[2], news[2];           /* pipes: to the workers, to the caller */
  atomic_int stopping, over, open; /* open: connections at this time */
  uint64_t began;
  net_echo_event *first, **last;
  size_t queued; /* bytes */
  int count;
  net_echo_worker workers[];
};

enum { NET_ECHO_QUEUE = 1 << 20 }; /* bytes of events before we read no more */

/* Keys of a worker's watch; a connection's has its serial in the upper half. */
enum { NET_ECHO_ALARM, NET_ECHO_SOCKET };

net_echo_event *net_echo_observe(net_echo_worker *w, int kind,
                                 const struct sockaddr_storage *addr,
                                 socklen_t addrlen, const char *data,
                                 size_t len);
void net_echo_finish(net_echo *e);

extern const net_echo_protocol net_echo_stream, net_echo_dgram;

#endif
