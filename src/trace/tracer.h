/* SPDX-License-Identifier: MIT
 *
 * tracer.h: the trace of a script, from its start to its stop. It starts before
 * the module is loaded.
 */
#ifndef TRACER_H
#define TRACER_H

#include "trace/log.h"

void net_tracer_start(const net_sink *sink, const char *lab, char **args);
void net_tracer_stop(void);
void net_tracer_push(lua_State *L, const char *name, lua_CFunction f, int box);

/* A call that the echo engine has made. */
typedef struct net_engine_call {
  const char *name, *data; /* "recv", and the bytes */
  uint32_t sock, made;     /* numbers of sockets, or 0 */
  uint64_t begun, ended;   /* ns of uv_hrtime */
  size_t in, out;          /* bytes of data that came, or went */
  const net_addr *addr;    /* of a datagram, or NULL */
} net_engine_call;
void net_tracer_engine_call(lua_State *L, net_loop *loop,
                            const net_engine_call *e);

#endif
