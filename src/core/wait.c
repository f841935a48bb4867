/* SPDX-License-Identifier: MIT
 *
 * wait.c: one call that waits: the queue it stands in, its timer, and its place
 * among those to be tried again. Nothing here runs Lua code.
 */
#include "core/wait.h"

#include <assert.h>
#include <stdlib.h>

#include "core/deadline.h"
#include "core/interrupt.h"
#include "core/tracer.h"

const net_tracer *net_trace;

/* A timer outlives its wait: libuv uses it until the close callback. */
typedef struct net_timer {
  uv_timer_t handle;
  net_wait *wait;
  int early; /* it may end before the call's deadline */
} net_timer;

void net_wait_init(net_loop *loop, net_wait *w, lua_State *L, net_task *task) {
  *w = (net_wait){.loop = loop, .L = L, .task = task};
  net_link_init(&w->ready);
}

/* Returns the wait of the code that runs in L: its task's or, in plain Lua, the
 * main thread's. NULL: L was resumed by Lua's own coroutine library, or runs in
 * the main thread while the loop turns. */
net_wait *net_wait_of(net_loop *loop, lua_State *L) {
  net_wait *w = loop->running ? &loop->running->wait : &loop->main;
  if (w == &loop->main && loop->hosted) return NULL;
  return loop->current == L ? w : NULL;
}

/* As net_wait_of, for a call that has begun and so has a wait. */
static net_wait *own_wait(lua_State *L) {
  net_wait *w = net_wait_of(net_loop_get(L), L);
  assert(w);
  return w;
}

/* Queues a waiting call to be tried again, once. */
void net_wait_ready(net_wait *w, net_wake wake) {
  if (!w->waiting || w->woken) return;
  w->woken = 1;
  w->wake = wake;
  if (w->timer) uv_timer_stop(&w->timer->handle);
  net_link_append(&w->loop->ready, &w->ready);
}

/* Wakes every waiter in the queue. */
void net_wait_wake(net_wait *queue, net_wake wake) {
  for (; queue; queue = queue->next) net_wait_ready(queue, wake);
}

/* libuv's clock may be coarse: a timer that fires too early by uv_hrtime is
 * started again. */
static void on_timer(uv_timer_t *handle) {
  net_timer *timer = handle->data;
  net_wait *w = timer->wait;
  if (w == NULL) return;
  int late = w->deadline && uv_hrtime() >= w->deadline;
  if (late || timer->early)
    net_wait_ready(w, late ? NET_TIMEOUT : NET_READY);
  else
    uv_timer_start(handle, on_timer, 1, 0);
}

static void on_timer_closed(uv_handle_t *handle) {
  free(handle->data);
}

/* Arms the timer for `ns` from now. If libuv's clock ends it early, on_timer
 * arms it again. */
static void timer_start(lua_State *L, net_wait *w, uint64_t ns, int early) {
  if (w->timer == NULL) {
    w->timer = calloc(1, sizeof *w->timer);
    if (w->timer == NULL) luaL_error(L, "not enough memory");
    uv_timer_init(&w->loop->uv, &w->timer->handle);
    w->timer->handle.data = w->timer;
    w->timer->wait = w;
  }
  w->timer->early = early;
  uv_update_time(&w->loop->uv);
  uv_timer_start(&w->timer->handle, on_timer, (ns + 999999) / 1000000, 0);
}

/* Takes w, which may be woken already, out of its queue. */
void net_wait_detach(net_wait *w) {
  if (w->queue) {
    *w->queue = w->next;
    if (w->next) w->next->queue = w->queue;
  }
  if (w->external) w->loop->external--;
  w->external = 0;
  w->queue = NULL;
  w->next = NULL;
}

/* Ends a wait: nothing will resume it. */
void net_wait_release(net_wait *w) {
  net_wait_detach(w);
  net_link_remove(&w->ready);
  if (w->timer) uv_timer_stop(&w->timer->handle);
  w->waiting = w->woken = 0;
  w->sock = NULL;
}

/* Ends a wait for good, with its timer: its memory may be freed. */
void net_wait_destroy(net_wait *w) {
  net_wait_release(w);
  if (w->timer == NULL) return;
  w->timer->wait = NULL;
  uv_close((uv_handle_t *)&w->timer->handle, on_timer_closed);
  w->timer = NULL;
}

/* Sets the deadline of the call under way: `seconds` from now (negative: none),
 * but not after its first net.deadline. */
void net_wait_limit(net_wait *w, double seconds) {
  uint64_t first = net_deadline_first(w->loop);
  w->deadline = net_deadline_after(seconds);
  if (first && (!w->deadline || first < w->deadline)) w->deadline = first;
}

static uint64_t time_left(const net_wait *w) {
  uint64_t now = uv_hrtime();
  return w->deadline > now ? w->deadline - now : 0;
}

/* Puts the running call's wait into `queue` (NULL: only its deadline ends it).
 * Returns NET_WAIT, for the step to return. */
int net_wait_on(lua_State *L, net_wait **queue) {
  net_wait *w = own_wait(L);
  w->in = L;
  if (w->queue != queue || queue == NULL) {
    net_wait_release(w);
    w->queue = queue;
    if (queue) {
      w->next = *queue;
      if (*queue) (*queue)->queue = &w->next;
      *queue = w;
    }
  }
  if (w->deadline) timer_start(L, w, time_left(w), 0);
  net_interrupt_install(w->loop);
  if (net_trace) net_trace->wait_begins(w);
  w->waiting = 1;
  return NET_WAIT;
}

/* Says that the event comes from outside the program, so that waiting for it
 * is not a deadlock. */
void net_wait_external(net_wait *w) {
  if (!w->external) w->loop->external++;
  w->external = 1;
}

/* Has the running call tried again after `ms` milliseconds, or when the queue
 * is woken: for what the kernel reports no event. Returns NET_WAIT. */
int net_wait_retry_after(lua_State *L, net_wait **queue, int ms) {
  uint64_t ns = (uint64_t)ms * 1000000;
  net_wait *w = own_wait(L);
  net_wait_on(L, queue);
  if (!w->deadline || time_left(w) > ns) timer_start(L, w, ns, 1);
  return NET_WAIT;
}

/* Does another call than this one wait in the queue? */
int net_wait_busy(lua_State *L, const net_wait *queue) {
  if (queue == NULL) return 0;
  const net_wait *own = net_wait_of(net_loop_get(L), L);
  for (; queue; queue = queue->next)
    if (queue->waiting && queue != own) return 1;
  return 0;
}
