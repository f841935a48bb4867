/* SPDX-License-Identifier: MIT
 *
 * tracer.c: the calls of the module in a trace: where each was made, its
 * arguments and results, how long it waited, and what the kernel did for it.
 *
 * When there is a trace, `traced` stands in the place of each function of the
 * module, and records where its call begins and ends. For a call that yields,
 * the hooks of core/tracer.h tell when it begins to wait, is woken and ends. A
 * call that raises is noticed later: when the next call of its coroutine begins
 * or ends, or when the coroutine is unwound.
 *
 *   upvalues of traced: 1 the loop's box, 2 the function and its row, 3 and on
 *   the function's own
 */
#include "trace/tracer.h"

#include <stdlib.h>
#include <string.h>

#include "core/tracer.h"
#include "os/counters.h"
#include "trace/calls.h"

/* A function of the module, and its row of the table. */
typedef struct function {
  const call_row *row;
  lua_CFunction f;
} function;

enum { LEVELS = 1000 }; /* of a stack that are looked at */

/* A call that has not ended. The calls of a task are a chain: an observer of a
 * server calls others, and a finalizer may run wherever Lua makes an object. */
typedef struct net_call {
  net_link link;          /* among all of them: its first member */
  struct net_call *outer; /* in the same task */
  const call_row *row;
  lua_State *L;
  net_sock *on; /* the socket of a method, or NULL */
  uint32_t task, sock;
  uint32_t waits;
  uint64_t begun, wait, held; /* ns; held: since when it waits, or 0 */
  net_counts counted;         /* what the kernel did for it */
  net_text line, args, data, addr;
} net_call;

static net_link calls = {&calls, &calls};
static net_call *unused;
static net_counts charged; /* of the process, up to the last charge */

/* Charges the system calls and bytes counted since the last charge to `call`
 * (NULL: to nobody). */
static void charge_syscalls(net_call *call) {
  net_counts now = net_counts_read();
  if (call) {
    call->counted.calls += now.calls - charged.calls;
    call->counted.in += now.in - charged.in;
    call->counted.out += now.out - charged.out;
  }
  charged = now;
}

static net_wait *wait_of(net_loop *loop) {
  return loop->running ? &loop->running->wait : &loop->main;
}

/* ---- its line ---- */

static net_strbuf *begin_line(const net_call *call, uint64_t end) {
  int sent = call->row->role != TAKES || call->counted.out > 0;
  net_strbuf *b = net_log_begin("call", call->begun);
  NET_NUMBER(b, "end", end);
  NET_NONZERO(b, "wait", call->wait + (call->held ? end - call->held : 0));
  NET_NONZERO(b, "waits", call->waits);
  NET_NONZERO(b, "sys", call->counted.calls);
  NET_NUMBER(b, "task", call->task);
  NET_NONZERO(b, "sock", call->sock);
  net_strbuf_bytes(b, call->row->keys, call->row->len);
  NET_TEXT(b, "args", &call->args);
  NET_TEXT(b, "line", &call->line);
  NET_NONZERO(b, "in", call->counted.in);
  NET_NONZERO(b, "out", call->counted.out);
  if (sent) NET_TEXT(b, "data", &call->data);
  NET_TEXT(b, "addr", &call->addr);
  return b;
}

static void end_line(net_strbuf *b, const net_call *call) {
  net_log_end(b, call->counted.in > 0 || call->counted.out > 0);
}

/* Takes the innermost call off the chain. */
static void leave(net_wait *w) {
  net_call *call = w->call;
  w->call = call->outer;
  net_link_remove(&call->link);
  call->outer = unused;
  unused = call;
}

/* The innermost call has ended without results: it raised, or its task was
 * cancelled. */
static void leave_raised(net_wait *w) {
  net_call *call = w->call;
  net_strbuf *b = begin_line(call, uv_hrtime());
  NET_PLAIN(b, "code", "raised", strlen("raised"));
  end_line(b, call);
  leave(w);
}

/* ---- which calls raised ----
 *
 * Nothing tells when a call raises, so it stays in its task's chain. But it no
 * longer has a frame on the stack of its coroutine:
 *
 *   w->call -> D    in a coroutine that code in L resumed: L runs again, so D
 *              |    raised
 *              C    in L
 *              B    in L         the stack of L:  traced
 *              A    in L                          a function of the script
 *              |                                  traced
 *              ...  in the coroutine that resumed L
 *
 * Three calls in L and two frames: one raised, and it is the innermost, C. */

static int traced(lua_State *L);

/* Counts the frames of `traced` on L's stack, from `level` on; up to `most`. */
static int count_frames(lua_State *L, int level, int most) {
  int n = 0;
  lua_Debug ar;
  if (!lua_checkstack(L, 1)) return most;
  for (int i = level; n < most && i < LEVELS && lua_getstack(L, i, &ar); i++) {
    lua_getinfo(L, "f", &ar);
    n += lua_tocfunction(L, -1) == traced;
    lua_pop(L, 1);
  }
  return n;
}

/* Leaves the calls that raised. Returns the innermost call under way in L, or
 * NULL. level: 1 if the running call is not in the chain yet, else 0. */
static net_call *innermost(net_wait *w, lua_State *L, int level) {
  int n = 0;
  net_call *call = w->call;
  while (call && call->L != L) call = call->outer;
  if (call == NULL) return NULL;
  while (w->call != call) leave_raised(w);
  for (; call && call->L == L; call = call->outer) n++;
  if (n == 1 && level == 0) return w->call; /* it is the running one */
  for (n -= count_frames(L, level, n); n > 0; n--) leave_raised(w);
  return w->call && w->call->L == L ? w->call : NULL;
}

static void on_unwound(net_loop *loop, const lua_State *L) {
  net_wait *w = wait_of(loop);
  while (w->call && w->call->L == L) leave_raised(w);
}

/* ---- its begin ---- */

static net_call *new_call(void) {
  net_call *call = unused ? unused : malloc(sizeof *call);
  if (unused) unused = unused->outer;
  if (call == NULL) net_log_lost();
  return call;
}

static net_call *begin(lua_State *L, net_loop *loop, const call_row *row,
                       net_sock *s) {
  net_wait *w = wait_of(loop);
  innermost(w, L, 1);
  net_call *call = new_call();
  if (call == NULL) return NULL;
  charge_syscalls(w->call && !w->call->held ? w->call : NULL);
  call->row = row;
  call->L = L;
  call->task = loop->running ? loop->running->id : 0;
  call->on = s;
  call->sock = s ? net_log_sock(s) : 0;
  call->waits = 0;
  call->wait = call->held = 0;
  call->counted = (net_counts){0};
  net_format_clear(&call->data);
  net_format_clear(&call->addr);
  net_format_line(&call->line, L);
  net_format_values(&call->args, L, s ? 2 : 1,
                    row->role >= ITERATES ? 0 : lua_gettop(L),
                    row->role == TAKES ? &call->data : NULL);
  if (row->role == TAKES && s) net_format_bytes(&call->data, L, 2, NET_SHOWN);
  net_link_append(&calls, &call->link);
  call->outer = w->call; /* not sooner: a finalizer may have run */
  w->call = call;
  call->begun = uv_hrtime();
  return call;
}

/* ---- its waits ---- */

static void on_wait_begins(net_wait *w) {
  net_call *call = innermost(w, w->in, 0);
  if (call == NULL || call->held) return;
  charge_syscalls(call);
  call->waits++;
  call->held = uv_hrtime();
  net_log_idle(call->held);
}

static void on_wait_ends(net_wait *w) {
  net_call *call = w->call;
  if (call == NULL || !call->held) return;
  call->wait += uv_hrtime() - call->held;
  call->held = 0;
  charge_syscalls(NULL);
}

static void on_destination(net_loop *loop, const net_addr *a) {
  net_call *call = wait_of(loop)->call;
  if (call) net_format_address(&call->addr, a);
}

/* ---- its end ---- */

/* Has it returned nil, message, code? */
static int has_failed(lua_State *L, int first) {
  return lua_isnil(L, first) && lua_type(L, first + 1) == LUA_TSTRING &&
         lua_type(L, first + 2) == LUA_TSTRING;
}

/* Logs the sockets among the results. Returns the number of the first new one,
 * or 0. */
static uint32_t log_results(lua_State *L, const net_call *call, int first) {
  uint32_t made = 0;
  for (int i = first; i <= lua_gettop(L); i++) {
    net_sock *s = net_sock_at(L, i);
    if (s == NULL) continue;
    net_log_sock(s);
    if (call->row->role == NAMES) net_log_sock_names(s);
    if (made == 0 && s->id != call->sock) made = s->id;
  }
  return made;
}

/* Formats the results, and the bytes and the sender that are among them. */
static void format_results(net_text *t, net_call *call, lua_State *L,
                           int first) {
  net_sock *s = call->on;
  call_role role = call->row->role;
  int gives = role == GIVES || role == ITERATES, last = lua_gettop(L);
  int itself = first == last && s && lua_touserdata(L, last) == s;
  net_format_values(t, L, first, itself ? 0 : last, gives ? &call->data : NULL);
  if (gives && first == last) net_format_clear(t); /* data says it */
  if (role == FILLS)
    net_format_bytes(&call->data, L, 2, (size_t)lua_tointeger(L, first));
  if (gives && last > first) net_format_sender(&call->addr, L, first + 1);
}

/* Logs the addresses of a socket that has sent or received, or has at least its
 * own because its connect goes on. code: its place on the stack, or 0. */
static void log_names(lua_State *L, const net_call *call, int code) {
  net_sock *s = call->on;
  call_role role = call->row->role;
  int carried = !code && role >= GIVES && role <= ITERATES;
  int goes_on = code && strcmp(lua_tostring(L, code), "EINPROGRESS") == 0;
  if (s && (goes_on || (carried && !s->named))) net_log_sock_names(s);
}

/* The call ends with the results from `first` on. */
static void end(lua_State *L, net_wait *w, net_call *call, int first) {
  uint64_t now = uv_hrtime();
  net_text results;
  uint32_t made = 0;
  int failed = has_failed(L, first);
  charge_syscalls(call);
  log_names(L, call, failed ? first + 2 : 0);
  net_format_clear(&results);
  if (!failed && lua_checkstack(L, LUA_MINSTACK)) { /* it must not raise */
    made = log_results(L, call, first);
    format_results(&results, call, L, first);
  }
  net_strbuf *b = begin_line(call, now);
  NET_TEXT(b, "result", &results);
  NET_NONZERO(b, "new", made);
  if (failed) {
    size_t len;
    const char *text = lua_tolstring(L, first + 2, &len);
    NET_STRING(b, "code", text, len);
    text = lua_tolstring(L, first + 1, &len);
    NET_STRING(b, "error", text, len);
  }
  end_line(b, call);
  charge_syscalls(NULL);
  leave(w);
}

static void on_call_ends(lua_State *L, net_wait *w, int results) {
  net_call *call = innermost(w, L, 0);
  if (call) end(L, w, call, lua_gettop(L) - results + 1);
}

static void on_task_ends(net_task *t, const char *state) {
  while (t->wait.call) leave_raised(&t->wait);
  net_log_task_end(t, state);
}

/* ---- the module's functions ---- */

/* Stands for a function of the module. */
static int traced(lua_State *L) {
  const function *own = lua_touserdata(L, lua_upvalueindex(2));
  net_loop *loop = *(net_loop **)lua_touserdata(L, lua_upvalueindex(1));
  if (!net_trace || loop == NULL) return own->f(L);
  call_role role = own->row->role;
  net_sock *s = net_sock_at(L, role == ITERATES ? lua_upvalueindex(3) : 1);
  int idle = role == CLOSES && (s == NULL || s->fd < 0);
  net_call *call = idle ? NULL : begin(L, loop, own->row, s);
  int results = own->f(L);
  if (call && net_trace) on_call_ends(L, wait_of(loop), results);
  return results;
}

/* Pushes the first two upvalues of traced. */
static void push_function(lua_State *L, const call_row *row, lua_CFunction f,
                          int box) {
  lua_pushvalue(L, box);
  function *own = lua_newuserdatauv(L, sizeof *own, 0);
  *own = (function){row, f};
}

/* Pushes a function of the module; box: where the loop's box is. */
void net_tracer_push(lua_State *L, const char *name, lua_CFunction f, int box) {
  const call_row *row = net_trace ? call_row_of(name) : NULL;
  if (row == NULL || row->role == ITERATES) { /* that is for the iterator */
    lua_pushvalue(L, box);
    lua_pushcclosure(L, f, 1);
  } else {
    push_function(L, row, f, box);
    lua_pushcclosure(L, traced, 2);
  }
}

static void on_push_iterator(lua_State *L, lua_CFunction f, int box) {
  push_function(L, call_row_of("lines"), f, box);
  lua_rotate(L, -4, 2);
  lua_pushcclosure(L, traced, 4);
}

/* Logs a call that the echo engine has made within the innermost of ours. */
void net_tracer_engine_call(lua_State *L, net_loop *loop,
                            const net_engine_call *e) {
  const net_call *outer = innermost(wait_of(loop), L, 0);
  if (outer == NULL) return;
  net_call call = {.row = call_row_of(e->name),
                   .task = outer->task,
                   .sock = e->sock,
                   .begun = e->begun,
                   .counted = {1, e->in, e->out}};
  call.line = outer->line;
  net_format_data(&call.data, e->data, e->in + e->out);
  if (e->addr) net_format_address(&call.addr, e->addr);
  net_strbuf *b = begin_line(&call, e->ended);
  NET_NONZERO(b, "new", e->made);
  NET_PLAIN(b, "engine", outer->row->name, strlen(outer->row->name));
  end_line(b, &call);
  net_count_add(&net_count_calls, 1);
  net_count_add(&net_count_in, e->in);
  net_count_add(&net_count_out, e->out);
  charge_syscalls(NULL);
}

/* ---- the trace ---- */

/* Starts the trace of a script with its arguments. */
void net_tracer_start(const net_sink *sink, const char *lab, char **args) {
  static const net_tracer hooks = {
      .task_begins = net_log_task,
      .task_ends = on_task_ends,
      .wait_begins = on_wait_begins,
      .wait_ends = on_wait_ends,
      .call_ends = on_call_ends,
      .unwound = on_unwound,
      .destination = on_destination,
      .push_iterator = on_push_iterator,
  };
  net_trace = &hooks;
  net_log_open(sink, lab, args);
}

/* Ends the trace, with the calls that have not ended. */
void net_tracer_stop(void) {
  if (!net_trace) return;
  for (net_link *l = calls.next; l != &calls; l = l->next) {
    const net_call *call = (net_call *)l;
    net_strbuf *b = begin_line(call, uv_hrtime());
    NET_PUT(b, ",\"open\":true");
    end_line(b, call);
  }
  net_log_close();
  net_trace = NULL;
}
