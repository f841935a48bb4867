/* SPDX-License-Identifier: MIT
 *
 * loop.c: the loop and the one way to wait. Only this file turns libuv's loop,
 * yields and resumes, so there is one place to look for "who runs next".
 *
 *   registry[&loop_key] = box     box: userdata { net_loop * }, the first one
 *                                 made by the module and so the last one freed
 */
#include "net.h"

#include <math.h>
#include <stdlib.h>

static const char loop_key = 0;

/* A timer outlives its wait, since libuv frees nothing before its callback. */
typedef struct net_timer {
  uv_timer_t handle;
  net_wait *wait;
} net_timer;

net_loop *net_loop_get(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &loop_key);
  net_loop **box = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (*box == NULL) luaL_error(L, "the net module is closed");
  return *box;
}

static void link_remove(net_link *l) {
  l->prev->next = l->next;
  l->next->prev = l->prev;
  l->next = l->prev = l;
}

static void link_append(net_link *list, net_link *l) {
  l->prev = list->prev;
  l->next = list;
  list->prev->next = l;
  list->prev = l;
}

/* The wait of the code that runs in L: its task's or, in plain Lua, the main
 * thread's. A coroutine of the student's own has none. */
static net_wait *wait_of(net_loop *loop, lua_State *L) {
  net_wait *w = loop->running ? &loop->running->wait : &loop->main;
  if (w == &loop->main && loop->hosted) return NULL;
  return w->L == L ? w : NULL;
}

void net_loop_wait_init(net_loop *loop, net_wait *w, lua_State *L,
                        net_task *task) {
  *w = (net_wait){.loop = loop, .L = L, .task = task};
  w->ready.next = w->ready.prev = &w->ready;
}

/* Raises unless the code that runs in L can wait here. */
static net_wait *check_wait(lua_State *L, net_loop *loop, const char *call) {
  net_wait *w = wait_of(loop, L);
  int main_thread = lua_pushthread(L);
  lua_pop(L, 1);
  if (w == NULL && !main_thread)
    luaL_error(L,
               "%s may have to wait, and this coroutine is not a task: "
               "call it from the script, or in a function given to net.spawn",
               call);
  /* Plain Lua's main thread turns the loop unless it is turning already. */
  if (w == NULL || (w->task ? !lua_isyieldable(L) : w->waiting))
    luaL_error(L,
               "%s may have to wait, which cannot be done inside table.sort, "
               "string.gsub, tostring, require, __gc and the like",
               call);
  return w;
}

static int raise_interrupt(net_wait *w) {
  w->interrupted = 0;
  return net_intr_raise(w->L);
}

void net_loop_begin(lua_State *L, const char *call, double seconds) {
  if (seconds == 0) return; /* never waits, so it may be called anywhere */
  net_loop *loop = net_loop_get(L);
  net_wait *w = check_wait(L, loop, call);
  w->deadline = 0;
  if (seconds > 0 && seconds < 1e9)
    w->deadline = uv_hrtime() + (uint64_t)ceil(seconds * 1e9);
  if (w->interrupted) raise_interrupt(w);
}

static void on_timer(uv_timer_t *handle) {
  net_timer *timer = handle->data;
  if (timer->wait) net_loop_ready(timer->wait, NET_TIMEOUT);
}

static void on_timer_closed(uv_handle_t *handle) {
  free(handle->data);
}

/* Arms the timer for the time left, counted from now and never less: libuv
 * counts whole milliseconds and drops the rest of the present one. */
static void timer_start(lua_State *L, net_wait *w) {
  if (w->timer == NULL) {
    w->timer = calloc(1, sizeof *w->timer);
    if (w->timer == NULL) luaL_error(L, "not enough memory");
    uv_timer_init(&w->loop->uv, &w->timer->handle);
    w->timer->handle.data = w->timer;
    w->timer->wait = w;
  }
  uint64_t now = uv_hrtime();
  uint64_t left = w->deadline > now ? w->deadline - now : 0;
  uv_update_time(&w->loop->uv);
  uv_timer_start(&w->timer->handle, on_timer, left / 1000000 + 1, 0);
}

/* Takes w out of its slot, which is about to go; it may be woken already. */
void net_loop_detach(net_wait *w) {
  if (w->slot) {
    *w->slot = w->next;
    if (w->next) w->next->slot = w->slot;
  }
  w->slot = NULL;
  w->next = NULL;
}

/* Ends a wait: it is in no slot and in no queue, nothing will resume it. */
void net_loop_release(net_wait *w) {
  net_loop_detach(w);
  link_remove(&w->ready);
  if (w->timer) uv_timer_stop(&w->timer->handle);
  w->waiting = w->woken = 0;
}

/* Ends a wait for good, with its timer; its memory may go. */
void net_loop_forget(net_wait *w) {
  net_loop_release(w);
  if (w->timer == NULL) return;
  w->timer->wait = NULL;
  uv_close((uv_handle_t *)&w->timer->handle, on_timer_closed);
  w->timer = NULL;
}

/* Puts the running call's wait into `slot` (NULL: only its deadline ends it).
 * Returns NET_WAIT, for the try to return. */
int net_loop_hold(lua_State *L, net_wait **slot) {
  net_loop *loop = net_loop_get(L);
  net_wait *w = wait_of(loop, L);
  if (w->slot != slot || slot == NULL) {
    net_loop_release(w);
    w->slot = slot;
    if (slot) {
      w->next = *slot;
      if (*slot) (*slot)->slot = &w->next;
      *slot = w;
    }
  }
  if (w->deadline) timer_start(L, w);
  net_intr_watch(loop);
  w->waiting = 1;
  return NET_WAIT;
}

/* Does another call than this one hold the slot? */
int net_loop_busy(lua_State *L, const net_wait *holder) {
  return holder != NULL && holder != wait_of(net_loop_get(L), L);
}

/* Queues a waiting call to be tried again, once. */
void net_loop_ready(net_wait *w, net_why why) {
  if (!w->waiting || w->woken) return;
  w->woken = 1;
  w->why = why;
  if (w->timer) uv_timer_stop(&w->timer->handle);
  link_append(&w->loop->ready, &w->ready);
  if (w->loop->turning) uv_stop(&w->loop->uv); /* do not block in this turn */
}

/* Ctrl-C: every wait of every task ends with an error. */
void net_loop_interrupt(net_loop *loop) {
  for (net_link *l = loop->tasks.next; l != &loop->tasks; l = l->next) {
    net_wait *w = &((net_task *)l)->wait; /* link is a task's first member */
    w->interrupted = 1;
    net_loop_ready(w, NET_READY);
  }
  if (loop->main.waiting) loop->main.interrupted = 1;
  net_loop_ready(&loop->main, NET_READY);
}

/* protected: prints the error that ended a task, with its traceback; one that
 * the network has made, and an assert passed on, in one line */
static int report(lua_State *L) {
  net_task *t = lua_touserdata(L, 1);
  const char *message = luaL_tolstring(t->wait.L, -1, NULL);
  if (net_err_is(message))
    lua_pushstring(L, message);
  else
    luaL_traceback(L, t->wait.L, message, 0);
  lua_pop(t->wait.L, 1);
  lua_writestringerror("%s: ", t->wait.loop->hosted ? "netlab" : "net");
  lua_writestringerror("%s\n", lua_tostring(L, -1));
  return 0;
}

/* A task has raised an error: whoever joins it takes it, or it is printed. */
static void task_failed(net_loop *loop, net_task *t) {
  t->state = NET_FAILED;
  if (net_intr_is(t->wait.L, -1)) {
    loop->interrupted = 1;
  } else if (t->joiners == NULL) {
    lua_State *L = loop->main.L;
    t->reported = 1;
    loop->failed++;
    lua_pushcfunction(L, report);
    lua_pushlightuserdata(L, t);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) lua_pop(L, 1);
  }
  net_task_cancel(t);
}

static void resume(net_loop *loop, net_task *t) {
  lua_State *L = t->wait.L;
  int fresh = lua_status(L) == LUA_OK, nres;
  if (fresh && t->wait.interrupted) {
    net_task_cancel(t); /* not begun, so there is nothing to unwind */
    return;
  }
  if (fresh || t->yielded) t->wait.waiting = t->wait.woken = 0;
  t->yielded = 0;
  loop->running = t;
  loop->current = L;
  int status =
      lua_resume(L, loop->main.L, fresh ? lua_gettop(L) - 1 : 0, &nres);
  loop->running = NULL;
  loop->current = NULL;
  if (status == LUA_OK) {
    t->state = NET_DONE; /* its results stay on its stack, for join */
  } else if (status != LUA_YIELD) {
    task_failed(loop, t);
  } else {
    lua_pop(L, nres);
    if (t->wait.waiting) return;
    t->wait.waiting = t->yielded = 1; /* coroutine.yield: others first */
    net_loop_ready(&t->wait, NET_READY);
  }
}

/* Lets libuv work once and resumes those it woke. False: nothing can happen
 * any more. What they wake in turn waits for the next turn, after the I/O. */
int net_loop_turn(net_loop *loop) {
  link_remove(&loop->mark);
  int idle = loop->ready.next == &loop->ready;
  if (idle && !uv_loop_alive(&loop->uv)) return 0;
  lua_State *turner = loop->current;
  loop->current = NULL;
  loop->turning = 1;
  uv_run(&loop->uv, idle ? UV_RUN_ONCE : UV_RUN_NOWAIT);
  loop->turning = 0;
  link_append(&loop->ready, &loop->mark);
  while (loop->ready.next != &loop->mark) {
    net_wait *w = (net_wait *)loop->ready.next; /* ready is its first member */
    link_remove(&w->ready);
    if (w->task) resume(loop, w->task);
  }
  link_remove(&loop->mark);
  loop->current = turner;
  return 1;
}

/* Where every call that waits comes back to, under both drivers. */
static int awaitk(lua_State *L, int status, lua_KContext context) {
  net_try try = (net_try)context;
  net_loop *loop = net_loop_get(L);
  net_wait *w = wait_of(loop, L);
  for (net_why why = NET_FIRST;; status = LUA_YIELD) {
    if (status == LUA_YIELD) {
      /* Somebody's coroutine.resume, and not the loop: wait on. */
      if (w == NULL || !w->woken) return lua_yieldk(L, 0, context, awaitk);
      why = w->why;
      w->waiting = w->woken = 0;
      if (w->interrupted) return raise_interrupt(w);
    }
    int results = try(L, why);
    if (results != NET_WAIT) {
      if (w) net_loop_release(w);
      return results;
    }
    if (w->task) return lua_yieldk(L, 0, context, awaitk);
    while (!w->woken)
      if (!net_loop_turn(loop)) {
        net_loop_release(w);
        return luaL_error(L, "deadlock: nothing can end this wait");
      }
  }
}

int net_loop_await(lua_State *L, net_try try) {
  return awaitk(L, LUA_OK, (lua_KContext)try);
}

static void on_interrupt(uv_async_t *handle) {
  net_loop_interrupt(handle->data);
}

/* The state closes: every userdata above the loop is gone by now. A lookup
 * that still runs keeps the loop's memory, as its thread will write there. */
static int loop_gc(lua_State *L) {
  net_loop **box = lua_touserdata(L, 1), *loop = *box;
  if (loop == NULL) return 0;
  *box = NULL;
  net_intr_forget(loop);
  net_loop_forget(&loop->main);
  uv_close((uv_handle_t *)&loop->interrupt, NULL);
  uv_run(&loop->uv, UV_RUN_NOWAIT);
  if (uv_loop_close(&loop->uv) == 0) free(loop);
  return 0;
}

static int loop_init(net_loop *loop) {
  int err = uv_loop_init(&loop->uv);
  if (err) return err;
  err = uv_async_init(&loop->uv, &loop->interrupt, on_interrupt);
  if (err) {
    uv_loop_close(&loop->uv);
    return err;
  }
  loop->interrupt.data = loop;
  uv_unref((uv_handle_t *)&loop->interrupt);
  return 0;
}

void net_loop_open(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &loop_key) != LUA_TNIL) {
    lua_pop(L, 1); /* the module is loaded a second time */
    return;
  }
  net_loop **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, loop_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  net_loop *loop = calloc(1, sizeof *loop);
  if (loop == NULL) luaL_error(L, "not enough memory");
  int err = loop_init(loop);
  if (err) {
    free(loop);
    luaL_error(L, "cannot start the event loop: %s", uv_strerror(err));
  }
  loop->ready.next = loop->ready.prev = &loop->ready;
  loop->mark.next = loop->mark.prev = &loop->mark;
  loop->tasks.next = loop->tasks.prev = &loop->tasks;
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  net_loop_wait_init(loop, &loop->main, lua_tothread(L, -1), NULL);
  loop->current = loop->main.L;
  lua_pop(L, 1);
  *box = loop;
  lua_rawsetp(L, LUA_REGISTRYINDEX, &loop_key);
}
