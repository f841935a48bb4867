/* SPDX-License-Identifier: MIT
 *
 * echo_worker.h: what the files of the echo engine share, bottom-up:
 *
 *   echo_events.c  queues events, and ends the engine
 *   echo_stream.c  accepts connections and echoes what each one sends
 *   echo_dgram.c   echoes datagrams, many with one system call
 *   echo.c         starts and stops the workers
 */
#ifndef ECHO_WORKER_H
#define ECHO_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/echo.h"
#include "os/counters.h"
#include "os/fd_table.h"

typedef struct net_echo_worker net_echo_worker;
struct net_echo_conn;

/* What differs between streams and datagrams. `open` returns 0 or an errno.
 * `turn` serves what is ready after at most `ms` milliseconds, and returns how
 * long the next turn may wait: milliseconds, NET_ECHO_BUSY or NET_ECHO_IDLE. */
typedef struct net_echo_protocol {
  int (*open)(net_echo_worker *w);
  int (*turn)(net_echo_worker *w, int ms);
  void (*close)(net_echo_worker *w);
} net_echo_protocol;

struct net_echo_worker {
  net_echo *echo;
  const net_echo_protocol *protocol;
  pthread_t thread;
  int threaded, running;
  int fd;     /* the worker's own */
  int poller; /* of fd, the connections and the stop pipe */
  void *buffer;
  net_count connections, messages, bytes, refused, errors, calls;
  /* streams */
  int is_unix;
  int nodelay; /* connections inherit TCP_NODELAY, or need none */
  int lingers; /* connections inherit an SO_LINGER with a time */
  int emfile_fd;
  net_fd_table conns;
  struct net_echo_conn *deferred; /* to be served again in the next turn */
  int shortage;       /* one was deferred since the kernel lacks memory */
  int accepts;        /* more clients may be waiting */
  uint32_t accept_at; /* when to accept again after a failure; 0: now */
  uint32_t sweep_at;  /* when to look for idle connections */
  uint32_t now;       /* ms, at the beginning of the turn */
};

struct net_echo {
  net_echo_options o;
  int stop_pipe[2];  /* closed to stop the workers */
  int event_pipe[2]; /* readable when the engine has finished */
  atomic_int stopping, finished, open; /* open: connections */
  uint64_t began;
  net_echo_event *first, **last;
  size_t queued; /* bytes of events */
  int count;
  net_echo_worker workers[];
};

enum { NET_ECHO_QUEUE = 1 << 20 }; /* bytes of events that halt all reading */

/* Keys in a worker's poller. A connection's key has its serial number, which is
 * not 0, in the upper half. */
enum { NET_ECHO_STOP, NET_ECHO_SOCKET };

extern const net_echo_protocol net_echo_stream, net_echo_dgram;

#endif
