/* SPDX-License-Identifier: MIT
 *
 * loop.c: the loop and the one way to wait. Only this file turns libuv's loop,
 * yields and resumes, so there is one place to look for "who runs next".
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

static const char loop_key = 0, passed_key = 0;

enum { BUDGET = 64 }; /* calls that succeed at once, before others get a turn */
enum { UV_KEY = 0 };  /* of libuv's descriptor in the watch */

/* Why a coroutine's task cannot yield: a C function that calls back is between
 * them, or a coroutine that net.coroutine has not resumed. */
enum { CALLED_BACK = 1, FOREIGN };

/* The loop of this Lua state, for who is no function of the module. */
net_loop *net_loop_find(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &loop_key);
  net_loop **box = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return *box;
}

/* Can the code that runs in L yield to the loop, through all the coroutines
 * between them? */
static int can_yield(const net_loop *loop, lua_State *L) {
  return lua_isyieldable(L) && !loop->noyield;
}

/* Raises unless the code that runs in L can wait here. */
static net_wait *check_wait(lua_State *L, net_loop *loop, const char *call) {
  net_wait *w = net_wait_of(loop, L);
  /* Plain Lua's main thread turns the loop unless it is turning already. */
  if (w && (w->task ? can_yield(loop, L) : !w->waiting)) return w;
  int main_thread = lua_pushthread(L);
  lua_pop(L, 1);
  if (w ? loop->noyield == FOREIGN : !main_thread)
    luaL_error(L,
               "%s may have to wait, which a coroutine can that net.coroutine "
               "resumes; this one was resumed by Lua's own coroutine library, "
               "or is being closed",
               call);
  luaL_error(L,
             "%s may have to wait, which cannot be done inside table.sort, "
             "string.gsub, tostring, require, __gc and the like",
             call);
  return NULL;
}

/* Raises what Ctrl-C raises, in the call that w stands for. */
static int raise_interrupt(lua_State *L, net_wait *w) {
  w->interrupted = 0;
  net_wait_release(w);
  return net_interrupt_raise(L);
}

/* The begin of `call`: raises unless it may wait here; for `seconds` at most,
 * negative for ever. Zero never waits, and so may be called anywhere. */
void net_loop_begin(lua_State *L, const char *call, double seconds) {
  if (seconds == 0) return;
  net_loop *loop = net_loop_get(L);
  net_wait *w = check_wait(L, loop, call);
  net_wait_limit(w, seconds);
  w->begun = 1;
  w->returns_on_interrupt = 0;
  if (w->interrupted) raise_interrupt(L, w);
}

/* Ctrl-C: every wait of every task ends with an error; `running` is left out,
 * as its code is about to get it. At the prompt only the line's task is meant
 * or, while none runs, the line that is being typed. */
void net_loop_interrupt(net_loop *loop) {
  if (loop->interactive && loop->foreground == NULL) loop->interrupted = 1;
  for (net_link *l = loop->tasks.next; l != &loop->tasks; l = l->next) {
    net_task *t = net_task_of(l);
    if (t == loop->running || (loop->interactive && t != loop->foreground))
      continue;
    t->wait.interrupted = 1; /* NOLINT: it is in a ring, and so not NULL */
    net_wait_ready(&t->wait, NET_READY);
  }
  if (loop->main.waiting) loop->main.interrupted = 1;
  net_wait_ready(&loop->main, NET_READY);
}

/* A task has raised an error: whoever joins it takes it, or it is printed. */
static void task_failed(net_loop *loop, net_task *t) {
  t->state = NET_FAILED;
  if (net_trace_on) net_call_done(t, "failed");
  if (net_interrupt_is(t->wait.L, -1))
    loop->interrupted = 1;
  else if (t->joiners == NULL)
    net_report_error(t);
  net_task_cancel(t, loop->main.L);
}

/* Runs a task until it waits, gives way or ends. */
static void resume(net_loop *loop, net_task *t) {
  lua_State *L = t->wait.L;
  int fresh = lua_status(L) == LUA_OK, nres;
  if (fresh && lua_gettop(L) == 0) { /* closed before it began */
    net_task_cancel(t, loop->main.L);
    return;
  }
  if (fresh || t->yielded) { /* it is in no call of ours */
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
    t->state = NET_DONE; /* its results stay on its stack, for join */
    if (net_trace_on) net_call_done(t, "done");
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

/* Lets libuv do what is due, also where nothing but Ctrl-C's handle is left,
 * which does not count as something to wait for. */
static void run_uv(net_loop *loop) {
  uv_ref((uv_handle_t *)&loop->interrupt);
  uv_run(&loop->uv, UV_RUN_NOWAIT);
  uv_unref((uv_handle_t *)&loop->interrupt);
}

/* Lets the watch and libuv say once what has happened (and wait until there
 * is something, if `patient`), which marks waits as ready. */
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

/* Polls once and resumes those whose waits are over. False: nothing can happen
 * any more. Whom they wake in turn waits for the next turn, after the I/O. */
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

/* The wait is over, or it was somebody's coroutine.resume and not the loop:
 * false. What that left on the stack is dropped. */
static int woken(net_wait *w) {
  if (w == NULL || !w->woken) return 0;
  lua_settop(w->in, w->top);
  net_link_remove(&w->ready); /* where plain Lua's main thread still stands */
  w->waiting = w->woken = 0;
  if (net_trace_on) net_call_goes_on(w);
  int late = w->deadline && uv_hrtime() >= w->deadline;
  if (late && w->wake == NET_READY) w->wake = NET_TIMEOUT;
  return 1;
}

/* Goes on to wait. What a resume by somebody else has put on the stack is
 * dropped, so that net_coro_parent finds there what it looks for. */
static int yield_again(lua_State *L, lua_KContext context, lua_KFunction k) {
  for (int i = lua_gettop(L); i > 0; i--)
    if (lua_touserdata(L, i) == &passed_key) lua_settop(L, i);
  return lua_yieldk(L, 0, context, k);
}

/* The results of a call that has been made to give way after it succeeded. */
static int passk(lua_State *L, int status, lua_KContext results) {
  (void)status;
  net_wait *w = net_wait_of(net_loop_get(L), L);
  if (!woken(w)) return yield_again(L, results, passk);
  if (w->interrupted) return raise_interrupt(L, w);
  net_wait_release(w);
  return (int)results;
}

/* A call that could wait has not had to, again: a peer that sends without a
 * pause must not keep this task running for ever. */
static int give_way(lua_State *L, net_wait *w, int results) {
  net_loop *loop = w->loop;
  loop->immediate = 0;
  w->deadline = 0;
  w->waiting = 1;
  w->in = L;
  if (w->task == NULL) {
    net_loop_turn(loop, 0);
    if (w->interrupted) return raise_interrupt(L, w);
    net_wait_release(w);
    return results;
  }
  w->top = lua_gettop(L);
  if (net_trace_on) net_call_ends(L, w, results);
  net_wait_ready(w, NET_READY);
  return lua_yieldk(L, 0, results, passk);
}

/* The end of a call that could wait and has not had to. */
static int succeed(lua_State *L, net_loop *loop, net_wait *w, int results) {
  w->begun = 0;
  if (w->task && !can_yield(loop, L)) return results;
  return ++loop->immediate >= BUDGET ? give_way(L, w, results) : results;
}

/* The same for a call that did not go through net_loop_await. */
int net_loop_finish_sync(lua_State *L, int results) {
  net_loop *loop = net_loop_get(L);
  net_wait *w = net_wait_of(loop, L);
  return w && w->begun ? succeed(L, loop, w, results) : results;
}

/* Where every call that waits comes back to, under both drivers. */
static int awaitk(lua_State *L, int status, lua_KContext context) {
  net_step step = (net_step)context;
  net_loop *loop = net_loop_get(L);
  net_wait *w = net_wait_of(loop, L);
  for (net_wake wake = NET_START;; status = LUA_YIELD) {
    if (status == LUA_YIELD) {
      if (!woken(w)) return yield_again(L, context, awaitk);
      wake = w->wake;
      /* In plain Lua nothing may turn the loop again: the tasks that Ctrl-C
       * ends as well are unwound first. */
      if (w->interrupted && w->task == NULL) net_loop_turn(loop, 0);
      if (w->interrupted && !w->returns_on_interrupt)
        return raise_interrupt(L, w);
      if (w->interrupted) {
        wake = NET_INTERRUPTED;
        w->interrupted = 0;
        net_interrupt_note(loop);
      }
    }
    int results = step(L, wake);
    if (results != NET_WAIT && w == NULL) return results;
    if (results != NET_WAIT) {
      int first = wake == NET_START && w->begun;
      if (wake != NET_START && net_trace_on) net_call_ends(L, w, results);
      net_wait_release(w);
      w->begun = 0;
      return first ? succeed(L, loop, w, results) : results;
    }
    w->top = lua_gettop(L);
    if (w->task) return lua_yieldk(L, 0, context, awaitk);
    do /* once, though it be woken already: the others have their turn */
      if (!net_loop_turn(loop, 1)) {
        net_wait_release(w);
        return luaL_error(L, "deadlock: nothing can end this wait");
      }
    while (!w->woken);
  }
}

/* Makes a call that may wait: its tries, until one has results to return. */
int net_loop_await(lua_State *L, net_step step) {
  return awaitk(L, LUA_OK, (lua_KContext)step);
}

/* Runs co, from L: until it ends, fails or yields. What it calls may wait. */
static int run(lua_State *L, net_loop *loop, lua_State *co, int args,
               int *results) {
  char noyield = loop->noyield;
  lua_State *outer = loop->current;
  net_frame frame = {loop->frames, co};
  if (loop->running && loop->current != L)
    loop->noyield = FOREIGN;
  else if (loop->running && !lua_isyieldable(L))
    loop->noyield = CALLED_BACK;
  loop->frames = &frame;
  loop->current = co;
  int status = lua_resume(co, L, args, results);
  loop->current = outer;
  loop->frames = frame.outer;
  loop->noyield = noyield;
  if (loop->pending && outer) net_interrupt_set_hook(loop);
  return status;
}

/* The coroutine in whose coroutine.resume co waits, in the midst of a call of
 * ours; NULL: it does not, or that one has ended. */
lua_State *net_coro_parent(lua_State *co) {
  lua_Debug ar;
  if (lua_status(co) != LUA_YIELD || lua_gettop(co) < 2) return NULL;
  if (lua_touserdata(co, -1) != &passed_key) return NULL;
  lua_State *outer = lua_tothread(co, -2);
  return lua_getstack(outer, 0, &ar) ? outer : NULL;
}

static int resumek(lua_State *L, int status, lua_KContext then) {
  net_loop *loop = net_loop_get(L);
  lua_State *co = lua_tothread(L, 1);
  int args = lua_gettop(L) - 1, results;
  if (status == LUA_YIELD) { /* is the wait over, or was it not the loop? */
    if (loop->current != L || !loop->running || !loop->running->wait.woken)
      return yield_again(L, then, resumek);
    lua_settop(L, 1);
    args = 0;
    if (net_coro_parent(co))
      lua_pop(co, 2);
    else /* Lua's own library has closed it */
      net_wait_release(&loop->running->wait);
  }
  lua_xmove(L, co, args);
  status = run(L, loop, co, args, &results);
  if (status != LUA_YIELD || !loop->running || !loop->running->wait.waiting) {
    if (net_trace_on) net_call_left(loop, co);
    return ((net_then)then)(L, co, status, results);
  }
  lua_pop(co, results);
  lua_pushthread(L);
  lua_xmove(L, co, 1); /* a C function has room for two more */
  lua_pushlightuserdata(co, (void *)&passed_key);
  return lua_yieldk(L, 0, then, resumek);
}

/* Resumes the coroutine at index 1 with the arguments above it, for which it
 * has room, and returns what `then` makes of the outcome. Where it has to wait,
 * each coroutine down to the task yields, and is resumed again when the wait is
 * over. In plain Lua's main thread it turns the loop where it is. */
int net_loop_resume(lua_State *L, net_then then) {
  return resumek(L, LUA_OK, (lua_KContext)then);
}

static void on_interrupt(uv_async_t *handle) {
  net_loop *loop = handle->data;
  if (loop->pending) net_loop_interrupt(loop); /* else the hook has done it */
  loop->pending = 0;
}

/* The state closes: every userdata above the loop is gone by now. A lookup
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
  run_uv(loop); /* so that it listens to its wake-up */
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
  lua_pop(L, 1);
  loop->emfile_fd = net_os_emfile_fd();
  *box = loop;
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &loop_key);
}
