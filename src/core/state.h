/* SPDX-License-Identifier: MIT
 *
 * state.h: the types that embed each other: the loop, its tasks, and the wait
 * that each of them has. What is done with them is in the headers beside this
 * one.
 *
 * A call that may wait is made by a net_step: it makes its system call, and
 * returns the number of its Lua results, or NET_WAIT after it has joined a
 * queue. Then it is called again, with its (checked) arguments where they were,
 * and is told why.
 *
 *   begin   net_loop_begin: may this call wait, and how long?  (may raise)
 *   arm     net_wait_on:    joins the queue of those that the same event wakes
 *   await   net_loop_await: a task yields, plain Lua's main thread turns the
 *           loop; both come back through the same step
 *
 * Lua code never runs inside uv_run: callbacks only mark waits as ready, and
 * the tasks behind them are resumed when uv_run has returned.
 */
#ifndef STATE_H
#define STATE_H

#include <stdint.h>

#include <lauxlib.h>
#include <lua.h>
#include <uv.h>

#include "core/version.h"
#include "os/fd_table.h"
#include "os/list.h"

typedef enum {
  NET_START,
  NET_READY,
  NET_TIMEOUT,
  NET_CANCELED,
  NET_INTERRUPTED /* by Ctrl-C; only for a call that returns_on_interrupt */
} net_wake;

/* What a step returns: the number of its Lua results, or one of these. */
typedef int net_outcome;
enum {
  NET_WAIT = -1,  /* the wait is armed; call the step again when it is over */
  NET_PROCEED = 0 /* of a check or a part of a step: go on with the next */
};
typedef net_outcome (*net_step)(lua_State *L, net_wake wake);

typedef struct net_loop net_loop;
typedef struct net_task net_task;
struct net_call;
struct net_timer;
struct net_watcher;

/* One call that waits: each task has one, and so has plain Lua's main thread.
 * It stands in at most one queue, and stays there until the call has returned,
 * so a queue also tells that the call is under way. */
typedef struct net_wait {
  net_link ready; /* its place among those to be resumed */
  struct net_wait **queue, *next;
  struct net_timer *timer; /* made when first needed */
  net_loop *loop;
  net_task *task;        /* NULL: plain Lua's main thread */
  lua_State *L, *in;     /* the task's coroutine; the one that waits, which is L
                            or one that was resumed in it */
  const void *sock;      /* the socket that a name is being looked up for */
  struct net_call *call; /* the innermost, while there is a trace */
  uint64_t deadline;     /* of the call under way, ns of uv_hrtime; 0: none */
  int top;               /* of L's stack while it waits */
  net_wake wake;
  char begun;                /* the call has begun, and may wait */
  char waiting, woken;       /* its step returned NET_WAIT; it is in `ready` */
  char interrupted;          /* by Ctrl-C */
  char external;             /* the kernel reports the event it waits for */
  char returns_on_interrupt; /* Ctrl-C ends the call without an error */
} net_wait;

/* A coroutine of the student's own that runs now, and the one it runs in. */
typedef struct net_frame {
  struct net_frame *outer;
  lua_State *co;
} net_frame;

/* The time by which all calls in a coroutine must be done: net.deadline. */
typedef struct net_deadline {
  struct net_deadline **place, *next; /* among the loop's */
  const lua_State *co;
  uint64_t at; /* ns of uv_hrtime */
} net_deadline;

typedef enum { NET_LIVE, NET_DONE, NET_FAILED, NET_ENDED } net_state;

/* A coroutine that the loop resumes; Lua's task object. */
struct net_task {
  net_link link; /* among the loop's live tasks */
  net_wait wait;
  net_wait *joiners;
  net_state state; /* NET_ENDED: cancelled, or closed from outside */
  char yielded;    /* it gave way by coroutine.yield, and waits for nothing */
  char reported;   /* its error has been printed */
  char end_traced; /* the trace has its end */
  uint32_t id;     /* in the trace */
};

struct net_loop {
  uv_loop_t uv;
  uv_async_t interrupt;  /* Ctrl-C came while the loop was turning */
  int poller;            /* of every descriptor that a call waits for */
  int emfile_fd;         /* to give up when there is no other left */
  net_fd_table watchers; /* net_watcher, by descriptor */
  int external;          /* calls that wait for what the poller reports */
  net_link ready, mark;  /* waits to resume; up to where this turn goes */
  net_link tasks;        /* every live task */
  net_link selects;      /* the pollsets to be told of a close */
  net_wait main;         /* plain Lua's main thread */
  net_wait *idle;        /* queue of those in net.run() */
  net_task *running;
  lua_State *volatile current; /* whose Lua code runs; NULL: the loop turns */
  net_frame *frames;           /* the innermost; NULL: current is the task's */
  net_deadline *deadlines;     /* that have not been left, of all coroutines */
  int live;                    /* tasks that have not ended */
  int lookups;                 /* under way, or with a result nobody took yet */
  int failed;                  /* errors printed that nobody joined */
  int immediate;               /* calls in a row that did not have to wait */
  int closing;                 /* task:cancel within task:cancel within ... */
  volatile int pending;        /* Ctrl-C's that nobody has taken yet */
  void (*deliver)(net_loop *); /* hands one to every wait */
  net_task *foreground;        /* at the prompt: the task of the typed line */
  char interactive;            /* there is a prompt: Ctrl-C is for foreground */
  char hosted;                 /* it runs in netlab, not in plain Lua */
  char interrupted;            /* by Ctrl-C; the exit status says so */
  char noyield; /* why the running code cannot yield to the loop; 0: it can */
  char scratch[1 << 18]; /* what recv(2) fills before it is a Lua string */
};

/* Returns the task whose link this is: its first member. */
static inline net_task *net_task_of(net_link *link) {
  return (net_task *)link;
}

/* Returns the loop, which is the first upvalue of each function of the module.
 * Raises in a finalizer that runs after the loop was closed. */
static inline net_loop *net_loop_get(lua_State *L) {
  net_loop **box = lua_touserdata(L, lua_upvalueindex(1));
  if (*box == NULL) luaL_error(L, "the net module is closed");
  return *box;
}

#endif
