/* SPDX-License-Identifier: MIT
 *
 * task.c: tasks as Lua sees them: net.spawn, sleep, run, task:join and
 * task:cancel. A task is a coroutine that the loop resumes.
 *
 *   registry[&tasks_key] = { [t] = task, ... }     the live ones are anchored
 *   debug.getuservalue(task, 1) = its coroutine    with its results or error
 *   its stack = { task, f, arguments ... }         slot 1 is to be closed, so
 *                                                  every end goes by its
 * __close
 */
#include "core/task.h"

#include <errno.h>

#include "core/classes.h"
#include "core/coro.h"
#include "core/deadline.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/loop.h"
#include "core/report.h"
#include "core/tracer.h"
#include "core/wait.h"

static const char tasks_key = 0;

enum { MAX_CLOSING = 100 }; /* each takes some of the C stack */

static net_task *check_task(lua_State *L, int arg) {
  return luaL_checkudata(L, arg, NET_TASK);
}

/* Live tasks that are doing something else than waiting in net.run(). */
static int busy_tasks(const net_loop *loop) {
  int busy = loop->live;
  for (const net_wait *w = loop->idle; w; w = w->next)
    if (w->task) busy--;
  return busy;
}

/* Takes t off the live ones. No Lua: the collector comes here as well. */
static void retire(net_task *t) {
  net_loop *loop = t->wait.loop;
  net_link_remove(&t->link);
  t->link.next = NULL; /* says so */
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
  if (busy_tasks(loop) == 0) net_wait_wake(loop->idle, NET_READY);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key);
  lua_pushnil(L);
  lua_rawsetp(L, -2, t);
  lua_pop(L, 1);
}

/* Ends the coroutines of the student's own in which the task waits, from the
 * innermost. An error of theirs is on top of L; false: there is none. */
static int cancel_inner(net_task *t, lua_State *L) {
  int failed = 0;
  lua_State *outer, *co = t->wait.waiting ? t->wait.in : NULL;
  for (; co && (outer = net_coro_parent(co)) != NULL; co = outer) {
    if (net_reset_thread(co, L) == LUA_OK) continue;
    if (failed) lua_pop(L, 1);
    lua_xmove(co, L, 1);
    failed = 1;
  }
  return failed;
}

/* Ends a suspended task, for the code that runs in `from`: its <close>
 * variables are closed, here and now. */
void net_task_cancel(net_task *t, lua_State *from) {
  net_loop *loop = t->wait.loop;
  lua_State *L = t->wait.L;
  int top = lua_gettop(from);
  if (t->state == NET_LIVE) t->state = NET_ENDED; /* a __close may ask */
  if (net_trace_on) net_call_done(t, "cancelled");
  int failed = cancel_inner(t, from);
  int status = net_reset_thread(L, from);
  if (net_trace_on) net_call_left(loop, L);
  if (status != LUA_OK || failed) t->state = NET_FAILED;
  if (failed && status == LUA_OK)
    lua_pushvalue(from, -1), lua_xmove(from, L, 1);
  lua_settop(from, top);
  net_task_end(t); /* for one that had not begun */
}

/* The state closes, or nobody can see the ended task any more. */
static int task___gc(lua_State *L) {
  net_task *t = check_task(L, 1);
  if (t->link.next) retire(t);
  if (t->state == NET_LIVE) t->state = NET_ENDED;
  while (t->joiners) net_wait_detach(t->joiners);
  return 0;
}

static int task_bodyk(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L) - 1; /* f's results */
}

static int task_body(lua_State *L) { /* task, f, arguments ... */
  lua_toclose(L, 1);
  lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, task_bodyk);
  return task_bodyk(L, LUA_OK, 0);
}

static void push_tasks(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key) != LUA_TNIL) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &tasks_key);
}

/* Makes a task of the function and the n arguments on top of the stack, which
 * begins at the loop's next turn; leaves the task object in their place. */
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
  lua_pushcfunction(co, task_body);
  lua_xmove(L, co, n + 2);
  net_link_append(&loop->tasks, &t->link);
  loop->live++;
  t->wait.waiting = 1;
  net_wait_ready(&t->wait, NET_READY);
  if (net_trace_on) net_trace_spawn(L, t);
  return t;
}

/* net.spawn(f, ...) -> task */
static int net_spawn(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  net_task_new(L, net_loop_get(L), lua_gettop(L) - 1);
  return 1;
}

static int task_joink(lua_State *L, net_wake wake) {
  net_task *t = check_task(L, 1);
  lua_State *co = t->wait.L;
  if (t->state == NET_LIVE && wake == NET_TIMEOUT)
    return net_error(L, "join", NULL, ETIMEDOUT);
  if (t->state == NET_LIVE) return net_wait_on(L, &t->joiners);
  if (t->state == NET_ENDED) return net_error(L, "join", NULL, ECANCELED);
  int n = lua_gettop(co);
  if (t->state == NET_FAILED && n > 1) n = 1; /* the error object */
  luaL_checkstack(L, n, "too many results");
  if (!lua_checkstack(co, n)) return luaL_error(L, "too many results");
  for (int i = lua_gettop(co) - n; i < lua_gettop(co);) {
    lua_pushvalue(co, ++i); /* a second join finds them too */
    lua_xmove(co, L, 1);
  }
  if (t->state == NET_DONE) return n;
  net_loop *loop = net_loop_get(L);
  loop->failed -= t->reported;
  t->reported = 0;
  if (wake != NET_START) net_wait_release(net_wait_of(loop, L));
  if (n == 0) lua_pushnil(L); /* somebody has closed its coroutine */
  return lua_error(L);
}

/* task:join() -> ... */
static int task_join(lua_State *L) {
  net_task *t = check_task(L, 1);
  luaL_argcheck(L, net_loop_get(L)->running != t, 1,
                "a task cannot join itself");
  net_loop_begin(L, "join", t->state == NET_LIVE ? -1 : 0);
  return net_loop_await(L, task_joink);
}

/* task:cancel() -> true */
static int task_cancel(lua_State *L) {
  lua_Debug ar;
  net_task *t = check_task(L, 1);
  net_loop *loop = net_loop_get(L);
  luaL_argcheck(L, loop->running != t, 1,
                "a task cannot cancel itself: return from its function");
  lua_settop(L, 1);
  lua_pushboolean(L, 1);
  if (t->state != NET_LIVE) return 1;
  if ((lua_status(t->wait.L) == LUA_OK && lua_getstack(t->wait.L, 0, &ar)) ||
      net_coro_parent(t->wait.L)) /* or waits in whom resumed it by hand */
    return luaL_error(L, "cannot cancel a task that is running");
  if (loop->closing >= MAX_CLOSING)
    return luaL_error(L, "too many tasks that cancel each other");
  loop->closing++;
  net_task_cancel(t, L);
  loop->closing--;
  if (t->state != NET_FAILED) return 1;
  lua_pushvalue(t->wait.L, -1);
  lua_xmove(t->wait.L, L, 1);
  return lua_error(L);
}

/* task:__close(): called for task_body, or when nothing runs any more in the
 * coroutine, the task has ended, in whatever way. Anywhere else it is a cancel:
 * in a function, or a pcall that has caught an error, of the task itself, too,
 * which goes on to run. */
static int task___close(lua_State *L) {
  lua_Debug ar;
  net_task *t = check_task(L, 1);
  if (L != t->wait.L) return task_cancel(L);
  if (lua_getstack(L, 1, &ar)) {
    lua_getinfo(L, "f", &ar);
    if (lua_tocfunction(L, -1) != task_body) return task_cancel(L);
  }
  net_task_end(t);
  return 0;
}

/* A sleep of 0 waits, too: for its turn. After a deadline it fails, or a loop
 * of such sleeps would never end. */
static int net_sleepk(lua_State *L, net_wake wake) { /* seconds, end */
  if (wake != NET_TIMEOUT) return net_wait_on(L, NULL);
  if (net_wait_of(net_loop_get(L), L)->deadline < (uint64_t)lua_tointeger(L, 2))
    return net_error(L, "sleep", NULL, ETIMEDOUT);
  lua_pushboolean(L, 1);
  return 1;
}

/* net.sleep(seconds) -> true */
static int net_sleep(lua_State *L) {
  lua_Number seconds = luaL_checknumber(L, 1);
  luaL_argcheck(L, seconds >= 0, 1, "seconds must not be negative");
  lua_settop(L, 1);
  lua_pushinteger(L, (lua_Integer)net_deadline_after(seconds));
  net_loop_begin(L, "sleep", seconds > 0 ? seconds : 1e-9);
  return net_loop_await(L, net_sleepk);
}

static int net_runk(lua_State *L, net_wake wake) {
  net_loop *loop = net_loop_get(L);
  net_wait_on(L, &loop->idle);
  if (busy_tasks(loop) > 0 && wake == NET_TIMEOUT)
    return net_error(L, "run", NULL, ETIMEDOUT);
  if (busy_tasks(loop) > 0) return NET_WAIT;
  net_wait_wake(loop->idle, NET_READY);
  lua_pushboolean(L, 1);
  return 1;
}

/* net.run() -> true */
static int net_run(lua_State *L) {
  net_loop_begin(L, "run", -1);
  return net_loop_await(L, net_runk);
}

/* Runs `script` as the first task and turns the loop until no task is alive,
 * or the script has failed. If there is a prompt, it comes when the script has
 * ended well, and the program ends with it. Returns the exit status. */
int net_task_host(lua_State *L, lua_CFunction script,
                  void (*prompt)(lua_State *L)) {
  net_loop *loop = net_loop_find(L);
  loop->hosted = 1;
  loop->current = NULL;
  net_interrupt_catch_sigpipe(loop);
  lua_pushcfunction(L, script);
  net_task *t = net_task_new(L, loop, 0); /* stays on the stack */
  while (prompt ? t->state == NET_LIVE
                : loop->live > 0 && t->state != NET_FAILED)
    if (!net_loop_turn(loop, 1)) {
      lua_writestringerror("netlab: deadlock: %s\n",
                           "the tasks wait for each other");
      loop->failed++;
      break;
    }
  if (prompt && t->state == NET_DONE) prompt(L);
  while (loop->tasks.next != &loop->tasks) {
    net_task *left = net_task_of(loop->tasks.next);
    push_tasks(L);
    lua_rawgetp(L, -1, left); /* so that it stays for its report */
    net_task_cancel(left, L);
    if (left->state == NET_FAILED) net_report_error(left);
    lua_pop(L, 2);
  }
  if (loop->interrupted) return net_interrupt_exit_status();
  return loop->failed > 0;
}

const luaL_Reg net_task_methods[] = {
    {"join", task_join},
    {"cancel", task_cancel},
    {"__close", task___close},
    {"__gc", task___gc},
    {NULL, NULL},
};

const luaL_Reg net_task_functions[] = {
    {"spawn", net_spawn},
    {"sleep", net_sleep},
    {"run", net_run},
    {NULL, NULL},
};
