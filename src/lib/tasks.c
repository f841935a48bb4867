/* SPDX-License-Identifier: MIT
 *
 * tasks.c: tasks as Lua sees them: net.spawn, sleep, run, deadline, task:join
 * and task:cancel.
 */
#include <errno.h>

#include "core/args.h"
#include "core/classes.h"
#include "core/coro.h"
#include "core/deadline.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/task.h"
#include "core/wait.h"
#include "lib/module.h"

enum { MAX_CLOSING = 100 }; /* cancels within cancels: each needs C stack */

static net_task *check_task(lua_State *L, int arg) {
  return luaL_checkudata(L, arg, NET_TASK);
}

/* net.spawn(f, ...) -> task */
static int net_spawn(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  net_task_new(L, net_loop_get(L), lua_gettop(L) - 1);
  return 1;
}

/* Pushes the results of a task, or the error it failed with, and leaves them
 * for the next join. Returns their number. */
static int push_results(lua_State *L, const net_task *t) {
  lua_State *co = t->wait.L;
  int n = lua_gettop(co);
  if (t->state == NET_FAILED && n > 1) n = 1; /* the error object */
  luaL_checkstack(L, n, "too many results");
  if (!lua_checkstack(co, n)) return luaL_error(L, "too many results");
  for (int i = lua_gettop(co) - n; i < lua_gettop(co);) {
    lua_pushvalue(co, ++i);
    lua_xmove(co, L, 1);
  }
  return n;
}

static int task_joink(lua_State *L, net_wake wake) {
  net_task *t = check_task(L, 1);
  if (t->state == NET_LIVE && wake == NET_TIMEOUT)
    return net_error(L, "join", NULL, ETIMEDOUT);
  if (t->state == NET_LIVE) return net_wait_on(L, &t->joiners);
  if (t->state == NET_ENDED) return net_error(L, "join", NULL, ECANCELED);
  int n = push_results(L, t);
  if (t->state == NET_DONE) return n;
  net_loop *loop = net_loop_get(L);
  loop->failed -= t->reported;
  t->reported = 0;
  if (wake != NET_START) net_wait_release(net_wait_of(loop, L));
  if (n == 0) lua_pushnil(L); /* its coroutine was closed from outside */
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

/* Does the task run, or is it the parent of a coroutine that does? */
static int is_running(const net_task *t) {
  lua_Debug ar;
  lua_State *co = t->wait.L;
  return (lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar)) ||
         net_coro_parent(co); /* it waits in one that resumed it by hand */
}

/* task:cancel() -> true */
static int task_cancel(lua_State *L) {
  net_task *t = check_task(L, 1);
  net_loop *loop = net_loop_get(L);
  luaL_argcheck(L, loop->running != t, 1,
                "a task cannot cancel itself: return from its function");
  lua_settop(L, 1);
  lua_pushboolean(L, 1);
  if (t->state != NET_LIVE) return 1;
  if (is_running(t))
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

/* task:__close(): the task's own body has ended, in whatever way; elsewhere it
 * is task:cancel(). */
static int task___close(lua_State *L) {
  net_task *t = check_task(L, 1);
  if (!net_task_is_returning(L, t)) return task_cancel(L);
  net_task_end(t);
  return 0;
}

static int task___gc(lua_State *L) {
  net_task_destroy(check_task(L, 1));
  return 0;
}

/* A sleep of 0 waits for its turn, too. Past a deadline it fails, or a loop of
 * such sleeps would never end. */
static int net_sleepk(lua_State *L, net_wake wake) { /* seconds, end */
  if (wake != NET_TIMEOUT) return net_wait_on(L, NULL);
  if (net_wait_of(net_loop_get(L), L)->deadline < (uint64_t)lua_tointeger(L, 2))
    return net_error(L, "sleep", NULL, ETIMEDOUT);
  lua_pushboolean(L, 1);
  return 1;
}

/* net.sleep(seconds) -> true */
static int net_sleep(lua_State *L) {
  double seconds = net_args_seconds(L, 1);
  lua_settop(L, 1);
  lua_pushinteger(L, (lua_Integer)net_deadline_after(seconds));
  net_loop_begin(L, "sleep", seconds > 0 ? seconds : 1e-9);
  return net_loop_await(L, net_sleepk);
}

static int net_runk(lua_State *L, net_wake wake) {
  net_loop *loop = net_loop_get(L);
  net_wait_on(L, &loop->idle);
  int busy = net_task_count_busy(loop) > 0;
  if (busy && wake == NET_TIMEOUT) return net_error(L, "run", NULL, ETIMEDOUT);
  if (busy) return NET_WAIT;
  net_wait_wake(loop->idle, NET_READY);
  lua_pushboolean(L, 1);
  return 1;
}

/* net.run() -> true */
static int net_run(lua_State *L) {
  net_loop_begin(L, "run", -1);
  return net_loop_await(L, net_runk);
}

/* deadline:__close(): the function has returned, or raised an error. */
static int deadline___close(lua_State *L) {
  net_deadline_leave(luaL_checkudata(L, 1, NET_DEADLINE));
  return 0;
}

static int deadlinek(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L) - 1;
}

/* net.deadline(seconds, f, ...) -> ... */
static int deadline(lua_State *L) {
  double seconds = net_args_seconds(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  net_deadline *d = lua_newuserdatauv(L, sizeof *d, 1);
  *d = (net_deadline){0};
  lua_pushthread(L); /* keeps it, so that no other gets its address */
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, NET_DEADLINE);
  lua_replace(L, 1);
  lua_toclose(L, 1);
  net_deadline_enter(net_loop_get(L), d, L, seconds);
  lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, deadlinek);
  return deadlinek(L, LUA_OK, 0);
}

const luaL_Reg net_task_methods[] = {
    {"join", task_join},
    {"cancel", task_cancel},
    {"__close", task___close},
    {"__gc", task___gc},
    {NULL, NULL},
};

const luaL_Reg net_deadline_methods[] = {
    {"__close", deadline___close},
    {"__gc", deadline___close},
    {NULL, NULL},
};

const luaL_Reg net_task_functions[] = {
    {"spawn", net_spawn},   {"sleep", net_sleep}, {"run", net_run},
    {"deadline", deadline}, {NULL, NULL},
};
