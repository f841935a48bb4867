/* SPDX-License-Identifier: MIT
 *
 * coro.c: resuming a coroutine that may wait. Where it does, every coroutine
 * from it up to the task yields, and gets on top of its stack which one resumed
 * it, and KEY. Of a task that resumes a generator that resumes a reader:
 *
 *   stack of          reader            generator         task
 *   recv waits        sock n            reader            generator
 *   reader yields     sock n gen KEY    reader            generator
 *   generator does    sock n gen KEY    reader task KEY   generator
 *   task does, to the loop
 *
 * When the wait is over, the loop resumes the task, whose resumek removes the
 * two values from the generator and resumes it, and so on down to the reader.
 * net_coro_parent reads them; a coroutine without them does not wait.
 */
#include "core/coro.h"

#include "core/interrupt.h"
#include "core/tracer.h"
#include "core/wait.h"

static const char key = 0;

/* Can the code that runs in L yield to the loop, through all the coroutines
 * between them? */
int net_coro_can_yield(const net_loop *loop, lua_State *L) {
  return lua_isyieldable(L) && !loop->noyield;
}

/* Returns the coroutine in whose resume co waits, or NULL if co does not wait
 * or its parent has ended. */
lua_State *net_coro_parent(lua_State *co) {
  lua_Debug ar;
  if (lua_status(co) != LUA_YIELD || lua_gettop(co) < 2) return NULL;
  if (lua_touserdata(co, -1) != &key) return NULL;
  lua_State *parent = lua_tothread(co, -2);
  return lua_getstack(parent, 0, &ar) ? parent : NULL;
}

/* Goes on to wait after a resume that was not the loop's. Drops what that has
 * put on the stack, so that the mark of net_coro_parent is on top again. */
int net_coro_yield_again(lua_State *L, lua_KContext context, lua_KFunction k) {
  for (int i = lua_gettop(L); i > 0; i--)
    if (lua_touserdata(L, i) == &key) lua_settop(L, i);
  return lua_yieldk(L, 0, context, k);
}

/* Runs co, from L, until it returns, fails or yields. */
static int run(lua_State *L, net_loop *loop, lua_State *co, int args,
               int *results) {
  char noyield = loop->noyield;
  lua_State *outer = loop->current;
  net_frame frame = {loop->frames, co};
  if (loop->running && loop->current != L)
    loop->noyield = NET_FOREIGN;
  else if (loop->running && !lua_isyieldable(L))
    loop->noyield = NET_CALLED_BACK;
  loop->frames = &frame;
  loop->current = co;
  int status = lua_resume(co, L, args, results);
  loop->current = outer;
  loop->frames = frame.outer;
  loop->noyield = noyield;
  if (loop->pending && outer) net_interrupt_set_hook(loop);
  return status;
}

static int resumek(lua_State *L, int status, lua_KContext then) {
  net_loop *loop = net_loop_get(L);
  net_wait *w = loop->running ? &loop->running->wait : NULL;
  lua_State *co = lua_tothread(L, 1);
  int args = lua_gettop(L) - 1, results;
  if (status == LUA_YIELD) { /* resumed: by the loop, or by somebody else? */
    if (loop->current != L || w == NULL || !w->woken)
      return net_coro_yield_again(L, then, resumek);
    lua_settop(L, 1);
    args = 0;
    if (net_coro_parent(co))
      lua_pop(co, 2);
    else /* Lua's own library has closed it */
      net_wait_release(w);
  }
  lua_xmove(L, co, args);
  status = run(L, loop, co, args, &results);
  if (status != LUA_YIELD || w == NULL || !w->waiting) {
    if (net_trace) net_trace->unwound(loop, co);
    return ((net_then)then)(L, co, status, results);
  }
  lua_pop(co, results);
  lua_pushthread(L);
  lua_xmove(L, co, 1); /* a C function has room for two more values */
  lua_pushlightuserdata(co, (void *)&key);
  return lua_yieldk(L, 0, then, resumek);
}

/* Resumes the coroutine at index 1 with the arguments above it, for which it
 * must have room, and returns the results that `then` makes of the outcome. In
 * plain Lua's main thread nothing yields: a wait turns the loop in place. */
int net_coro_resume(lua_State *L, net_then then) {
  return resumek(L, LUA_OK, (lua_KContext)then);
}
