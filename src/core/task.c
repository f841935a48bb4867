/* SPDX-License-Identifier: MIT
 *
 * task.c: the life of a task: a coroutine that the loop resumes.
 *
 *   registry[&tasks_key] = { [t] = task, ... }     keeps the live ones
 *   debug.getuservalue(task, 1) = its coroutine    with its results or error
 *   its stack = { task, f, arguments ... }         slot 1 is to be closed, so
 *                                                  every end calls its __close
 */
#include "core/task.h"

#include "core/classes.h"
#include "core/coro.h"
#include "core/tracer.h"
#include "core/wait.h"

static const char tasks_key = 0;

/* Returns how many live tasks do something else than wait in net.run(). */
int net_task_count_busy(const net_loop *loop) {
  int busy = loop->live;
  for (const net_wait *w = loop->idle; w; w = w->next)
    if (w->task) busy--;
  return busy;
}

/* Takes t off the live ones. Runs no Lua: the collector calls it as well. */
static void retire(net_task *t) {
  net_loop *loop = t->wait.loop;
  net_link_remove(&t->link);
  t->link.next = NULL; /* it is in no list any more */
  loop->live--;
  net_wait_destroy(&t->wait);
}

/* The one end of every task: it returned, failed, was cancelled or closed. */
void net_task_end(net_task *t) {
  net_loop *loop = t->wait.loop;
  lua_State *L = t->wait.L;
  if (t->link.next == NULL) return; /* it has ended before */
  retire(t);
  if (t->state == NET_LIVE) t->state = NET_ENDED;
  net_wait_wake(t->joiners, NET_READY);
  if (net_task_count_busy(loop) == 0) net_wait_wake(loop->idle, NET_READY);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key);
  lua_pushnil(L);
  lua_rawsetp(L, -2, t);
  lua_pop(L, 1);
}

/* The state closes, or nothing refers to the ended task any more. */
void net_task_destroy(net_task *t) {
  if (t->link.next) retire(t);
  if (t->state == NET_LIVE) t->state = NET_ENDED;
  while (t->joiners) net_wait_detach(t->joiners);
}

/* Closes the student's own coroutines in which the task waits, from the
 * innermost outwards. Pushes the last of their errors onto L; returns false if
 * there was none. */
static int close_inner(net_task *t, lua_State *L) {
  int failed = 0;
  lua_State *parent, *co = t->wait.waiting ? t->wait.in : NULL;
  for (; co && (parent = net_coro_parent(co)) != NULL; co = parent) {
    if (net_coro_close(co, L) == LUA_OK) continue;
    if (failed) lua_pop(L, 1);
    lua_xmove(co, L, 1);
    failed = 1;
  }
  return failed;
}

/* Ends a suspended task, for the code that runs in `from`: its <close>
 * variables are closed here and now. */
void net_task_cancel(net_task *t, lua_State *from) {
  net_loop *loop = t->wait.loop;
  lua_State *L = t->wait.L;
  int top = lua_gettop(from);
  if (t->state == NET_LIVE) t->state = NET_ENDED; /* a __close may ask */
  if (net_trace) net_trace->task_ends(t, "cancelled");
  int failed = close_inner(t, from);
  int status = net_coro_close(L, from);
  if (net_trace) net_trace->unwound(loop, L);
  if (status != LUA_OK || failed) t->state = NET_FAILED;
  if (failed && status == LUA_OK)
    lua_pushvalue(from, -1), lua_xmove(from, L, 1);
  lua_settop(from, top);
  net_task_end(t); /* no __close does it for a task that had not begun */
}

static int bodyk(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L) - 1; /* f's results */
}

static int body(lua_State *L) { /* task, f, arguments ... */
  lua_toclose(L, 1);
  lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, bodyk);
  return bodyk(L, LUA_OK, 0);
}

/* Does task:__close() run because the task's own body returns or is closed? It
 * may also be a <close> variable of any other function. */
int net_task_is_returning(lua_State *L, const net_task *t) {
  lua_Debug ar;
  if (L != t->wait.L) return 0;
  if (!lua_getstack(L, 1, &ar)) return 1; /* nothing runs there any more */
  lua_getinfo(L, "f", &ar);
  int is_body = lua_tocfunction(L, -1) == body;
  lua_pop(L, 1);
  return is_body;
}

static void push_tasks(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key) != LUA_TNIL) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &tasks_key);
}

/* Pushes the object of a live task. */
void net_task_anchor(lua_State *L, net_task *t) {
  push_tasks(L);
  lua_rawgetp(L, -1, t);
  lua_remove(L, -2);
}

/* Makes a task of the function and the n arguments on top of the stack, which
 * begins at the loop's next turn. Leaves the task object in their place. */
net_task *net_task_new(lua_State *L, net_loop *loop, int n) {
  int f = lua_gettop(L) - n;
  net_task *t = lua_newuserdatauv(L, sizeof *t, 1); /* f ... t */
  lua_insert(L, f);                                 /* t f ... */
  lua_State *co = lua_newthread(L);                 /* t f ... co */
  lua_setiuservalue(L, f, 1);                       /* t f ... */
  if (!lua_checkstack(co, n + 4)) luaL_error(L, "too many arguments");
  *t = (net_task){.state = NET_LIVE};
  net_wait_init(loop, &t->wait, co, t);
  push_tasks(L);
  lua_pushvalue(L, f);
  lua_rawsetp(L, -2, t);
  lua_pop(L, 1);
  lua_pushvalue(L, f);
  luaL_setmetatable(L, NET_TASK);
  lua_insert(L, f + 1); /* t t f ... */
  lua_pushcfunction(co, body);
  lua_xmove(L, co, n + 2);
  net_link_append(&loop->tasks, &t->link);
  loop->live++;
  t->wait.waiting = 1;
  net_wait_ready(&t->wait, NET_READY);
  if (net_trace) net_trace->task_begins(L, t);
  return t;
}
