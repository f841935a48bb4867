/* SPDX-License-Identifier: MIT
 *
 * tracer.h: what the module tells the trace, if there is one.
 */
#ifndef TRACER_H
#define TRACER_H

#include "core/state.h"

extern int net_trace_on;
void net_trace_spawn(lua_State *L, net_task *t);
void net_trace_done(net_task *t, const char *state);
uint32_t net_trace_new(int fd, int family, int type);
struct net_addr;
void net_trace_names(uint32_t id, const struct net_addr *local,
                     const struct net_addr *peer);
void net_call_push(lua_State *L, const char *name, lua_CFunction f, int box);
void net_call_push_lines(lua_State *L, lua_CFunction f, int box);
void net_call_waits(net_wait *w);
void net_call_goes_on(net_wait *w);
void net_call_addr(net_loop *loop, const struct net_addr *a);
void net_call_ends(lua_State *L, net_wait *w, int results);
void net_call_left(net_loop *loop, const lua_State *L);
void net_call_done(net_task *t, const char *state);
typedef struct net_call net_call;
typedef struct net_engine_call {
  const char *name, *data;     /* "recv", and the bytes */
  uint32_t sock, made;         /* numbers of sockets, or 0 */
  uint64_t begun, ended;       /* ns of uv_hrtime */
  size_t in, out;              /* bytes of data that came, or went */
  const struct net_addr *addr; /* of a datagram, or NULL */
} net_engine_call;
void net_call_engine(lua_State *L, net_loop *loop, const net_engine_call *e);

#endif
