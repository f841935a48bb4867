/* SPDX-License-Identifier: MIT
 *
 * load_run.h: what the files of the load generator share, bottom-up:
 *
 *   load_conn.c    connections: opened, filled with messages, failed; counters
 *   load_stream.c  streams: the pattern goes out and must come back
 *   load_dgram.c   datagrams: a header identifies each
 *   load_loop.c    the thread: what to start when, and until when
 *   load.c         starts, asks and stops it
 */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/load.h"
#include "os/counters.h"

/* The pattern repeats after a prime, so that misplaced bytes never fit. */
enum { NET_LOAD_PERIOD = 65521 };
enum { NET_LOAD_CHUNK = 1 << 18 }; /* bytes of one send or receive */

typedef enum {
  NET_LOAD_DOWN, /* failed; opened again after a pause */
  NET_LOAD_IDLE, /* churn: opened for the next message */
  NET_LOAD_CONNECTING,
  NET_LOAD_OPEN
} net_load_state;

typedef struct net_load_slot {
  uint64_t due, sent; /* sent 0: the slot is free */
  uint32_t tag;
} net_load_slot;

typedef struct net_load_conn {
  struct net_load_conn *next; /* in the queue of those with room */
  int fd;
  uint32_t index, generation; /* of its socket: the key of its events */
  net_load_state state;
  char queued;
  char decided;       /* the first attempt has succeeded or failed */
  char blocked;       /* datagrams: the kernel takes no more now */
  uint32_t in_flight; /* messages */
  uint64_t since;     /* of a pause, or of connect(2) */
  /* streams */
  uint64_t unsent;  /* bytes of the messages in flight */
  uint32_t out, in; /* places in the pattern */
  size_t part;      /* bytes of a message that has not come in full */
  uint64_t *due;    /* ring: when each message was due */
  uint32_t head;
  /* datagrams */
  net_load_slot *slots;
  uint32_t *free; /* a stack of depth - in_flight slots */
} net_load_conn;

/* What differs between streams and datagrams. `prepare` and `open` return 0 or
 * an errno, `send_n` the number of messages it has started. */
typedef struct net_load_protocol {
  int (*prepare)(net_load *l);
  int (*open)(net_load *l, net_load_conn *c);
  uint32_t (*send_n)(net_load *l, net_load_conn *c, uint32_t n, uint64_t due);
  void (*event)(net_load *l, net_load_conn *c, int bits);
  void (*tick)(net_load *l, net_load_conn *c);
} net_load_protocol;

typedef enum {
  NET_LOAD_OPENING,
  NET_LOAD_RUNNING,
  NET_LOAD_DRAINING
} net_load_phase;

struct net_load {
  net_load_options o;
  struct sockaddr_storage address;
  const net_load_protocol *protocol;
  pthread_t thread;
  int joined;
  int poller;
  int inner, outer; /* a pair: a shutdown of one end stops the other side */
  char *pattern;
  void *buffer;
  net_load_conn *conns;
  net_load_conn *first, **last; /* connections with room, in an open loop */
  uint64_t now, ends, tick;
  uint64_t timeout, interval; /* ns; of a loss, between ticks */
  uint64_t budget;            /* messages that may still be started */
  uint64_t started;           /* of an open loop */
  uint64_t in_flight;         /* messages, in all */
  uint64_t progress;          /* when the last message was completed */
  net_load_phase phase;
  int opened;       /* connections whose opening has begun */
  int undecided;    /* connections whose first attempt is not decided */
  int never_opened; /* connections whose first attempt failed */
  int failing;      /* something failed since the last progress */
  int counting;     /* answers count */
  int stopped;      /* by the caller */
  uint32_t tag, source;
  atomic_int finished;
  net_count began, ended;
  net_count connections, messages, bytes, lost, late, corrupt;
  struct {
    _Atomic int code;
    net_count count;
  } errors[NET_LOAD_ERRORS];
  net_histogram hist;
};

#define NET_LOAD_WAKE UINT64_MAX /* the key of `inner` */

/* load_conn.c */
void net_load_error_add(net_load *l, int code);
void net_load_done(net_load *l, uint64_t due, uint64_t now);
void net_load_decided(net_load *l, net_load_conn *c, int failed);
int net_load_has_room(const net_load *l, const net_load_conn *c);
void net_load_fill(net_load *l, net_load_conn *c);
int net_load_socket(net_load *l, net_load_conn *c);
int net_load_watch(net_load *l, net_load_conn *c);
int net_load_connect(net_load *l, net_load_conn *c);
void net_load_opened(net_load *l, net_load_conn *c);
void net_load_fail(net_load *l, net_load_conn *c, int code);

extern const net_load_protocol net_load_streams, net_load_dgrams;

void *net_load_run(void *load); /* load_loop.c */

#endif
