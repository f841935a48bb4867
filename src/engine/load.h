/* SPDX-License-Identifier: MIT
 *
 * load.h: the contract of the load generator, which asks an echo server as
 * much as it can take, or as often as it is told, and knows no Lua. Below the
 * line is what its own files share:
 *
 *   load.c         as its caller sees it
 *   load_loop.c    its thread: what is started when, until when; what counts
 *   load_stream.c  connections: the pattern goes out and must come back
 *   load_dgram.c   datagrams: each is known by its header
 *
 * Closed loop: each connection has `depth` messages on their way, and an
 * answer starts the next. Open loop (`rate`): message k is due at k / rate,
 * however slow the server is; it starts late where no connection is free, and
 * its latency counts from when it was due. So a server that stalls for a
 * second is seen by every message of that second, and not by one.
 */
#ifndef LOAD_H
#define LOAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "engine/histogram.h"
#include "os/counters.h"
#include "os/os.h"

typedef struct net_load net_load;

enum { NET_LOAD_HEADER = 12 }; /* bytes: the least that a datagram may have */
enum { NET_LOAD_EOF = 4095 };  /* an error's code: libuv's, without its sign */
enum { NET_LOAD_ERRORS = 16 }; /* kinds that are told apart */

typedef struct net_load_options {
  const struct sockaddr *address; /* inet, inet6 or unix; it is copied */
  socklen_t len;
  int type; /* SOCK_STREAM, SOCK_DGRAM */
  int connections;
  size_t size;       /* bytes of a message */
  int depth;         /* messages on their way on each connection */
  double seconds;    /* 0: until the messages are done */
  uint64_t messages; /* that are sent; 0: until the time is up */
  double rate;       /* messages a second in all; 0: closed loop */
  int churn;         /* a stream's connection for each message; depth is 1 */
  int verify;        /* compare every byte */
  double timeout;    /* seconds; of a datagram's answer, and of a connect */
} net_load_options;

typedef struct net_load_error {
  int code; /* errno, or NET_LOAD_EOF; 0: no more */
  uint64_t count;
} net_load_error;

typedef struct net_load_report {
  uint64_t connections; /* opened */
  uint64_t messages;    /* that came back in full */
  uint64_t bytes;       /* received */
  uint64_t lost;        /* datagrams that had no answer in time */
  uint64_t late;        /* answers after that, or the second one */
  uint64_t corrupt;     /* connections, or datagrams, with other bytes */
  double seconds;
  net_load_error errors[NET_LOAD_ERRORS];
} net_load_report;

net_load *net_load_start(const net_load_options *o, int *err);
int net_load_fd(const net_load *l);
int net_load_over(net_load *l);
net_load_report net_load_snapshot(const net_load *l);
const net_histogram *net_load_histogram(const net_load *l);
net_load_report net_load_stop(net_load *l);
void net_load_free(net_load *l);

/* ---- between the generator's files ---- */

/* The thread writes it, any other may read it. */
typedef _Atomic uint64_t net_load_count;

static inline uint64_t net_load_get(const net_load_count *count) {
  return atomic_load_explicit(count, memory_order_relaxed);
}

static inline void net_load_set(net_load_count *count, uint64_t n) {
  atomic_store_explicit(count, n, memory_order_relaxed);
}

static inline void net_load_add(net_load_count *count, uint64_t n) {
  net_load_set(count, net_load_get(count) + n);
}

enum { NET_LOAD_PERIOD = 65521 };  /* a prime: a run that is out of place */
enum { NET_LOAD_CHUNK = 1 << 18 }; /* bytes of one send or receive */

typedef enum {
  NET_LOAD_DOWN, /* it has failed, and is opened again after a pause */
  NET_LOAD_IDLE, /* churn: to be opened for the next message */
  NET_LOAD_CONNECTING,
  NET_LOAD_OPEN
} net_load_state;

typedef struct net_load_slot {
  uint64_t due, sent; /* sent 0: it is free */
  uint32_t tag;
} net_load_slot;

typedef struct net_load_conn {
  struct net_load_conn *next; /* in the queue of those that have room */
  int fd;
  uint32_t index, generation; /* which socket it has: its events' key */
  net_load_state state;
  char queued;
  char tried;     /* its first attempt has come to something */
  char blocked;   /* datagrams: the kernel takes no more now */
  uint32_t live;  /* messages on their way */
  uint64_t since; /* of a pause, or of connect(2) */
  /* streams */
  uint64_t unsent;  /* bytes of what is on its way */
  uint32_t out, in; /* places in the pattern */
  size_t part;      /* bytes of a message that has not come in full */
  uint64_t *due;    /* ring: when each was due */
  uint32_t head;
  /* datagrams */
  net_load_slot *slots;
  uint32_t *free; /* a stack of depth - live slots */
} net_load_conn;

/* What differs between streams and datagrams. */
typedef struct net_load_kind {
  int (*prepare)(net_load *l);
  int (*open)(net_load *l, net_load_conn *c);
  uint32_t (*issue)(net_load *l, net_load_conn *c, uint32_t n, uint64_t due);
  void (*event)(net_load *l, net_load_conn *c, int bits);
  void (*tick)(net_load *l, net_load_conn *c);
} net_load_kind;

typedef enum {
  NET_LOAD_OPENING,
  NET_LOAD_RUNNING,
  NET_LOAD_DRAINING
} net_load_phase;

struct net_load {
  net_load_options o;
  struct sockaddr_storage address;
  const net_load_kind *kind;
  pthread_t thread;
  int joined;
  int watch;
  int inner, outer; /* a pair: a byte or the end tells the other side */
  char *pattern, *buffer;
  net_load_conn *conns;
  net_load_conn *first, **last; /* those that have room, in an open loop */
  uint64_t now, ends, tick;
  uint64_t timeout, interval; /* ns; between ticks */
  uint64_t budget;            /* messages that may still be started */
  uint64_t started;           /* of an open loop: the next one's number */
  uint64_t live;              /* messages on their way, in all */
  uint64_t progress;          /* when the last one was completed */
  net_load_phase phase;
  int opened;    /* connections whose opening has begun */
  int undecided; /* whose first attempt has not come to anything yet */
  int barren;    /* whose first attempt failed */
  int failing;   /* something failed since the last progress */
  int counting;  /* what comes back counts */
  int stopped;   /* the caller wants no more */
  uint32_t tag, source;
  atomic_int over;
  net_load_count began, ended;
  net_load_count connections, messages, bytes, lost, late, corrupt;
  struct {
    _Atomic int code;
    net_load_count count;
  } errors[NET_LOAD_ERRORS];
  net_histogram hist;
};

#define NET_LOAD_WAKE UINT64_MAX /* the key of `inner` */

uint64_t net_load_clock(void);
void *net_load_run(void *load);
void net_load_feed(net_load *l, net_load_conn *c);
void net_load_done(net_load *l, uint64_t due, uint64_t now);
void net_load_error_add(net_load *l, int code);
void net_load_opened(net_load *l, net_load_conn *c);
void net_load_decided(net_load *l, net_load_conn *c, int failed);
void net_load_fail(net_load *l, net_load_conn *c, int code);
int net_load_socket(net_load *l, net_load_conn *c);
int net_load_watch(net_load *l, net_load_conn *c);
int net_load_connect(net_load *l, net_load_conn *c);

extern const net_load_kind net_load_streams, net_load_dgrams;

#endif
