/* SPDX-License-Identifier: MIT
 *
 * load.h: the load generator, which sends an echo server as many messages as it
 * can take, or as many as it is told to.
 *
 * Closed loop: each connection has `depth` messages in flight, and an answer
 * starts the next. Open loop (`rate`): message k is due at k / rate, however
 * slow the server is; it starts late where no connection is free, and its
 * latency counts from when it was due. So a stall of a second raises the
 * latency of every message that was due in it.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdint.h>
#include <sys/socket.h>

#include "engine/histogram.h"

typedef struct net_load net_load;

enum { NET_LOAD_HEADER = 12 }; /* bytes: the smallest datagram */
enum { NET_LOAD_EOF = 4095 };  /* the code of an end of stream: no errno */
enum { NET_LOAD_ERRORS = 16 }; /* errors that are counted apart */

typedef struct net_load_options {
  const struct sockaddr *address; /* inet, inet6 or unix; it is copied */
  socklen_t len;
  int type; /* SOCK_STREAM, SOCK_DGRAM */
  int connections;
  size_t size;       /* bytes of a message */
  int depth;         /* messages in flight on each connection */
  double seconds;    /* 0: until the messages are done */
  uint64_t messages; /* to send; 0: until the time is up */
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
  uint64_t messages;    /* answered in full */
  uint64_t bytes;       /* received */
  uint64_t lost;        /* datagrams without an answer in time */
  uint64_t late;        /* answers after that, and second answers */
  uint64_t corrupt;     /* connections, or datagrams, with wrong bytes */
  double seconds;
  net_load_error errors[NET_LOAD_ERRORS];
} net_load_report;

net_load *net_load_start(const net_load_options *o, int *err);
int net_load_fd(const net_load *l);
int net_load_finished(net_load *l);
net_load_report net_load_snapshot(const net_load *l);
const net_histogram *net_load_histogram(const net_load *l);
net_load_report net_load_stop(net_load *l);
void net_load_free(net_load *l);

#endif
