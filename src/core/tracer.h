/* SPDX-License-Identifier: MIT
 *
 * tracer.h: what the module tells a tracer, as lua_sethook is for Lua. The
 * tracer of src/trace installs itself before the module is loaded.
 */
#ifndef CORE_TRACER_H
#define CORE_TRACER_H

#include "core/state.h"

struct net_addr;

typedef struct net_tracer {
  void (*task_begins)(lua_State *L, net_task *t); /* the code in L spawned it */
  void (*task_ends)(net_task *t, const char *state);
  void (*wait_begins)(net_wait *w);
  void (*wait_ends)(net_wait *w);
  /* A call that has waited, or gives way, has its results on top of L. */
  void (*call_ends)(lua_State *L, net_wait *w, int results);
  /* No function is under way in L any more: it has ended, or was closed. */
  void (*unwound)(net_loop *loop, const lua_State *L);
  /* The address that the running call sends a datagram to. */
  void (*destination)(net_loop *loop, const struct net_addr *a);
  /* Pushes an iterator that runs f. The socket and the value on top become its
   * upvalues 3 and 4. box: where the loop's box is. */
  void (*push_iterator)(lua_State *L, lua_CFunction f, int box);
} net_tracer;

extern const net_tracer *net_trace; /* NULL: nothing is traced */

#endif
