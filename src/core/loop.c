/* SPDX-License-Identifier: MIT
 *
 * loop.c: the loop and the one way to wait. Only this file turns libuv's loop
 * and resumes tasks, so it is the place to look for "who runs next".
 *
 *   registry[&loop_key] = box     box: userdata { net_loop * }, the first one
 *                                 made by the module and so the last one freed
 */
#include "core/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/coro.h"
#include "core/deadline.h"
#include "core/interrupt.h"
#include "core/report.h"
#include "core/task.h"
#include "core/tracer.h"
#include "core/wait.h"
#include "core/watcher.h"
#include "os/counters.h"
#include "os/os.h"

static const char loop_key = 0;

enum { BUDGET = 64 }; /* calls in a row that need not wait, before others run */
enum { UV_KEY = 0 };  /* of libuv's descriptor in the poller */

/* Returns the loop of this Lua state, for callers that lack the module's
 * upvalue. */
net_loop *net_loop_find(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &loop_key);
  net_loop **box = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return *box;
}

/* Returns the wait of the code that runs in L; raises if that cannot wait. */
static net_wait *check_wait(lua_State *L, net_loop *loop, const char *call) {
  net_wait *w = net_wait_of(loop, L);
  /* Plain Lua's main thread turns the loop unless it is turning already. */
  if (w && (w->task ? net_coro_can_yield(loop, L) : !w->waiting)) return w;
  int main_thread = lua_pushthread(L);
  lua_pop(L, 1);
  if (w ? loop->noyield == NET_FOREIGN : !main_thread)
    luaL_error(L,
               "%s may have to wait, which of all coroutines only one can that "
               "net.coroutine resumes; this one was resumed by Lua's own "
               "coroutine library, or is being closed",
               call);
  luaL_error(L,
             "%s may have to wait, which cannot be done inside table.sort, "
             "string.gsub, tostring, require, __gc and the like",
             call);
  return NULL;
}

/* Raises the error of Ctrl-C in the call that waits in w. */
static int raise_interrupt(lua_State *L, net_wait *w) {
  w->interrupted = 0;
  net_wait_release(w);
  return net_interrupt_raise(L);
}

/* Begins `call`, which may wait `seconds` (negative: for ever). Raises if it
 * cannot wait here; 0 never waits, and so may be called anywhere. */
void net_loop_begin(lua_State *L, const char *call, double seconds) {
  if (seconds == 0) return;
  net_loop *loop = net_loop_get(L);
  net_wait *w = check_wait(L, loop, call);
  net_wait_limit(w, seconds);
  w->begun = 1;
  w->returns_on_interrupt = 0;
  if (w->interrupted) raise_interrupt(L, w);
}

/* Ctrl-C: every wait of every task ends with an error. At the prompt only that
 * of the foreground task does or, while there is none, the line that is typed.
 * The running task is left out: its code gets the error itself. */
static void interrupt(net_loop *loop) {
  if (loop->interactive && loop->foreground == NULL) loop->interrupted = 1;
  for (net_link *l = loop->tasks.next; l != &loop->tasks; l = l->next) {
    net_task *t = net_task_of(l);
    if (t == loop->running) continue;
    if (loop->interactive && t != loop->foreground) continue;
    t->wait.interrupted = 1; /* NOLINT: it is in a ring, and so not NULL */
    net_wait_ready(&t->wait, NET_READY);
  }
  if (loop->main.waiting) loop->main.interrupted = 1;
  net_wait_ready(&loop->main, NET_READY);
}

/* Ends a task that has raised an error, and prints it if no join waits. */
static void task_failed(net_loop *loop, net_task *t) {
  t->state = NET_FAILED;
  if (net_trace) net_trace->task_ends(t, "failed");
  if (net_interrupt_is(t->wait.L, -1))
    loop->interrupted = 1;
  else if (t->joiners == NULL)
    net_report_error(t);
  net_task_cancel(t, loop->main.L);
}

/* Runs a task until it waits, yields or ends. */
static void resume(net_loop *loop, net_task *t) {
  lua_State *L = t->wait.L;
  int fresh = lua_status(L) == LUA_OK, nres;
  if (fresh && lua_gettop(L) == 0) { /* closed before it began */
    net_task_cancel(t, loop->main.L);
    return;
  }
  if (fresh || t->yielded) { /* it is in no call of the module */
    t->wait.waiting = t->wait.woken = t->yielded = 0;
    if (t->wait.interrupted) {
      loop->interrupted = 1;
      net_task_cancel(t, loop->main.L);
      return;
    }
  }
  loop->running = t;
  loop->current = L;
  if (loop->pending) net_interrupt_set_hook(loop);
  int arguments = fresh ? lua_gettop(L) - 1 : 0;
  int status = lua_resume(L, loop->main.L, arguments, &nres);
  loop->running = NULL;
  loop->current = NULL;
  if (status == LUA_OK) {
    t->state = NET_DONE; /* join finds its results on its stack */
    if (net_trace) net_trace->task_ends(t, "done");
  } else if (status != LUA_YIELD) {
    task_failed(loop, t);
  } else {
    lua_pop(L, nres);
    if (t->wait.waiting) return;
    t->wait.waiting = t->yielded = 1; /* coroutine.yield: others first */
    t->wait.in = L;
    net_wait_ready(&t->wait, NET_READY);
  }
}

/* Lets libuv do what is due. The handle of Ctrl-C is referenced only here, so
 * that it does not keep the loop alive. */
static void run_uv(net_loop *loop) {
  uv_ref((uv_handle_t *)&loop->interrupt);
  uv_run(&loop->uv, UV_RUN_NOWAIT);
  uv_unref((uv_handle_t *)&loop->interrupt);
}

/* Asks the poller and libuv once what has happened (and waits for something, if
 * `patient`), which marks waits as ready. */
static void poll_once(net_loop *loop, int patient) {
  net_event events[NET_EVENTS];
  int ms = 0, due = 0;
  if (patient) {
    uv_update_time(&loop->uv);
    ms = uv_loop_alive(&loop->uv) ? uv_backend_timeout(&loop->uv) : -1;
  }
  int n = NET_CALL(net_poller_wait(loop->poller, events, ms));
  for (int i = 0; i < n; i++)
    if (events[i].key == UV_KEY)
      due = 1;
    else
      net_watcher_report(loop, &events[i]);
  if (!due && !uv_loop_alive(&loop->uv)) return;
  uv_update_time(&loop->uv);
  if (due || uv_backend_timeout(&loop->uv) == 0) run_uv(loop);
}

/* Polls once and resumes every call that was woken by then; a call that these
 * wake is resumed in the next turn, after polling again. Returns false when
 * nothing can happen any more. */
int net_loop_turn(net_loop *loop, int patient) {
  net_link_remove(&loop->mark);
  int idle = loop->ready.next == &loop->ready;
  if (idle && loop->external == 0 && !uv_loop_alive(&loop->uv)) return 0;
  loop->immediate = 0;
  lua_State *turner = loop->current;
  net_frame *frames = loop->frames;
  loop->current = NULL;
  loop->frames = NULL;
  poll_once(loop, idle && patient);
  net_link_append(&loop->ready, &loop->mark);
  while (loop->ready.next != &loop->mark) {
    net_wait *w = (net_wait *)loop->ready.next; /* ready is its first member */
    net_link_remove(&w->ready);
    if (w->task) resume(loop, w->task);
  }
  net_link_remove(&loop->mark);
  loop->current = turner;
  loop->frames = frames;
  if (loop->pending && turner) net_interrupt_set_hook(loop);
  return 1;
}

/* Did the loop resume the coroutine of w? False: other code did. */
static int is_woken(const net_wait *w) {
  return w && w->woken;
}

/* Takes w out of those to be resumed, and drops what others have put on the
 * stack. */
static void leave_wait(net_wait *w) {
  lua_settop(w->in, w->top);
  net_link_remove(&w->ready); /* where plain Lua's main thread still stands */
  w->waiting = w->woken = 0;
  if (net_trace) net_trace->wait_ends(w);
}

/* The end of a wait for which others had a turn: see give_way. */
static int gave_wayk(lua_State *L, int status, lua_KContext results) {
  (void)status;
  net_wait *w = net_wait_of(net_loop_get(L), L);
  if (!is_woken(w)) return net_coro_yield_again(L, results, gave_wayk);
  leave_wait(w);
  if (w->interrupted) return raise_interrupt(L, w);
  net_wait_release(w);
  return (int)results;
}

/* Gives the other tasks a turn before a call returns that did not have to wait:
 * a peer that sends without a pause must not keep a task running for ever. */
static int give_way(lua_State *L, net_wait *w, int results) {
  w->loop->immediate = 0;
  w->deadline = 0;
  w->waiting = 1;
  w->in = L;
  if (w->task == NULL) {
    net_loop_turn(w->loop, 0);
    if (w->interrupted) return raise_interrupt(L, w);
    net_wait_release(w);
    return results;
  }
  w->top = lua_gettop(L);
  if (net_trace) net_trace->call_ends(L, w, results);
  net_wait_ready(w, NET_READY);
  return lua_yieldk(L, 0, results, gave_wayk);
}

/* Ends a call that could wait and did not have to. */
static int finish_sync(lua_State *L, net_wait *w, int results) {
  net_loop *loop = w->loop;
  w->begun = 0;
  if (w->task && !net_coro_can_yield(loop, L)) return results;
  return ++loop->immediate >= BUDGET ? give_way(L, w, results) : results;
}

/* The same for a call that did not go through net_loop_await. */
int net_loop_finish_sync(lua_State *L, int results) {
  net_wait *w = net_wait_of(net_loop_get(L), L);
  return w && w->begun ? finish_sync(L, w, results) : results;
}

/* Ends a call, whose results are on top of the stack. */
static int finish(lua_State *L, net_wait *w, net_wake wake, int results) {
  if (w == NULL) return results; /* it could not wait */
  int sync = wake == NET_START && w->begun;
  if (wake != NET_START && net_trace) net_trace->call_ends(L, w, results);
  net_wait_release(w);
  w->begun = 0;
  return sync ? finish_sync(L, w, results) : results;
}

/* Turns the loop in plain Lua's main thread until w is woken: at least once, so
 * that the tasks have their turn. */
static void turn_until_woken(lua_State *L, net_wait *w) {
  do
    if (!net_loop_turn(w->loop, 1)) {
      net_wait_release(w);
      luaL_error(L, "deadlock: nothing can end this wait");
    }
  while (!w->woken);
}

/* Leaves a wait that was woken and returns why. Raises the error of Ctrl-C,
 * unless the call returns on it. */
static net_wake wake_of(lua_State *L, net_wait *w) {
  leave_wait(w);
  int late = w->deadline && uv_hrtime() >= w->deadline;
  if (late && w->wake == NET_READY) w->wake = NET_TIMEOUT;
  if (!w->interrupted) return w->wake;
  /* In plain Lua nothing may turn the loop again: the tasks that Ctrl-C ends as
   * well are unwound first. */
  if (w->task == NULL) net_loop_turn(w->loop, 0);
  if (!w->returns_on_interrupt) raise_interrupt(L, w);
  w->interrupted = 0;
  w->loop->interrupted = 1; /* the exit status says so */
  return NET_INTERRUPTED;
}

/* Makes a call that may wait: repeats its step until that has results. A task
 * yields after each step that waits, and comes back here by its continuation;
 * plain Lua's main thread stays in the loop below. */
static int awaitk(lua_State *L, int status, lua_KContext context) {
  net_step step = (net_step)context;
  net_wait *w = net_wait_of(net_loop_get(L), L);
  net_wake wake = NET_START;
  if (status == LUA_YIELD) {
    if (!is_woken(w)) return net_coro_yield_again(L, context, awaitk);
    wake = wake_of(L, w);
  }
  for (;;) {
    int results = step(L, wake);
    if (results != NET_WAIT) return finish(L, w, wake, results);
    w->top = lua_gettop(L);
    if (w->task) return lua_yieldk(L, 0, context, awaitk);
    turn_until_woken(L, w);
    wake = wake_of(L, w);
  }
}

/* Makes a call that may wait: its steps, until one has results to return. */
int net_loop_await(lua_State *L, net_step step) {
  return awaitk(L, LUA_OK, (lua_KContext)step);
}

/* Ctrl-C reached running code. Plain Lua may never turn the loop again, so its
 * tasks are unwound now. */
static void deliver(net_loop *loop) {
  interrupt(loop);
  if (!loop->running && !loop->hosted) net_loop_turn(loop, 0);
}

static void on_interrupt(uv_async_t *handle) {
  net_loop *loop = handle->data;
  if (loop->pending) interrupt(loop); /* else the hook has done it */
  loop->pending = 0;
}

/* The state closes: every userdata that uses the loop is gone by now. A lookup
 * that still runs keeps the loop's memory, as its thread will write there. */
static int loop_gc(lua_State *L) {
  net_loop **box = lua_touserdata(L, 1), *loop = *box;
  if (loop == NULL) return 0;
  *box = NULL;
  net_interrupt_uninstall(loop);
  net_wait_destroy(&loop->main);
  net_watcher_destroy_all(loop);
  close(loop->poller);
  if (loop->emfile_fd >= 0) close(loop->emfile_fd);
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
  run_uv(loop); /* so that it watches its wake-up */
  loop->poller = net_poller_open();
  if (loop->poller >= 0 &&
      net_poller_add(loop->poller, uv_backend_fd(&loop->uv), UV_KEY) == 0)
    return 0;
  err = -errno;
  if (loop->poller >= 0) close(loop->poller);
  uv_close((uv_handle_t *)&loop->interrupt, NULL);
  uv_run(&loop->uv, UV_RUN_NOWAIT);
  uv_loop_close(&loop->uv);
  return err;
}

/* Pushes the box of this state's loop, and makes the loop if need be. */
void net_loop_open(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &loop_key) != LUA_TNIL) return;
  lua_pop(L, 1);
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
  net_link_init(&loop->ready);
  net_link_init(&loop->mark);
  net_link_init(&loop->tasks);
  net_link_init(&loop->selects);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  net_wait_init(loop, &loop->main, lua_tothread(L, -1), NULL);
  loop->current = loop->main.L;
  loop->deliver = deliver;
  lua_pop(L, 1);
  loop->emfile_fd = net_os_emfile_fd();
  *box = loop;
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &loop_key);
}
