/* SPDX-License-Identifier: MIT
 *
 * echo.h: the contract of the echo engine, which serves a socket that somebody
 * else has bound, and knows no Lua. Below the line is what its own files share:
 *
 *   echo.c         starts and stops its workers, counts, queues events
 *   echo_stream.c  accepts connections and echoes what each one sends
 *   echo_dgram.c   echoes datagrams, many with one system call
 *
 * Without observers each worker is a thread with a loop of its own. With
 * observers there is one, on the caller's loop, where Lua can be called.
 */
#ifndef ECHO_H
#define ECHO_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <uv.h>

typedef struct net_echo net_echo;

/* What an observer is told: bits of `observed`, and the kind of an event. */
enum { NET_ECHO_CONNECT = 1, NET_ECHO_MESSAGE = 2, NET_ECHO_CLOSE = 4 };

typedef struct net_echo_event {
  struct net_echo_event *next;
  int kind;
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
  int max_connections;        /* at one time; 0: no limit */
  double idle_timeout;        /* seconds; 0: none */
  void (*notify)(void *data); /* on the caller's loop: events, or the end */
  void *data;
} net_echo_options;

typedef struct net_echo_totals {
  uint64_t connections; /* accepted and served */
  uint64_t messages;    /* reads of a stream; datagrams */
  uint64_t bytes;       /* received */
  uint64_t refused;     /* connections over the limit, datagrams not answered */
  uint64_t errors;      /* connections and replies that failed */
  double seconds;
} net_echo_totals;

net_echo *net_echo_start(uv_loop_t *loop, const net_echo_options *o, int *err);
net_echo_event *net_echo_next(net_echo *e);
int net_echo_over(net_echo *e);
net_echo_totals net_echo_stop(net_echo *e);

/* ---- between the engine's files ---- */

/* One thread writes it, any may read it. */
typedef _Atomic uint64_t net_echo_count;

static inline void net_echo_add(net_echo_count *count, uint64_t n) {
  atomic_store_explicit(count,
                        atomic_load_explicit(count, memory_order_relaxed) + n,
                        memory_order_relaxed);
}

typedef struct net_echo_worker {
  net_echo *echo;
  uv_loop_t *loop; /* the caller's, or `own` */
  uv_loop_t own;
  uv_thread_t thread;
  uv_async_t stop;
  uv_poll_t poll;   /* of fd, the listener or the datagram socket */
  uv_timer_t timer; /* closes what is idle; ends a pause of accept */
  int fd;           /* its own */
  int spare;        /* a descriptor to give up when there are no more */
  int threaded, running;
  char *buffer;
  void (*close)(struct net_echo_worker *w); /* NULL: nothing to put right */
  net_echo_count connections, messages, bytes, refused, errors;
} net_echo_worker;

struct net_echo {
  net_echo_options o;
  uv_loop_t *loop;
  uv_async_t done; /* on the caller's loop */
  int handles;     /* open on the caller's loop; the last one frees all */
  atomic_int stopping, over, open; /* open: connections at this time */
  uint64_t began;
  net_echo_event *first, **last;
  size_t queued; /* bytes */
  int count;
  net_echo_worker workers[];
};

enum { NET_ECHO_QUEUE = 1 << 20 }; /* bytes of events before we read no more */

void net_echo_observe(net_echo_worker *w, int kind,
                      const struct sockaddr_storage *addr, socklen_t addrlen,
                      const char *data, size_t len);
void net_echo_finish(net_echo *e);
void net_echo_release(net_echo *e);

/* A protocol's part: what a worker needs, and its events. */
int net_echo_stream_open(net_echo_worker *w);
void net_echo_stream_drop(uv_handle_t *connection);
int net_echo_dgram_open(net_echo_worker *w);

#endif
