/* SPDX-License-Identifier: MIT
 *
 * stream.h: the buffer of bytes received but not yet returned.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdlib.h>

#include "socket/sock.h"

static inline size_t net_stream_buffered(const net_sock *s) {
  return s->end - s->start;
}

/* Frees the buffer. */
static inline void net_stream_free(net_sock *s) {
  free(s->in);
  s->in = NULL;
  s->start = s->end = s->size = 0;
}

void net_stream_drop(net_sock *s, size_t n);
int net_stream_consume(lua_State *L, net_sock *s, size_t n, size_t more);

#endif
