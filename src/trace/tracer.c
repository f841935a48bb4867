/* SPDX-License-Identifier: MIT
 *
 * call.c: each call of the module in a trace: where it was made, what of, what
 * it has returned, how long it waited, and what the kernel did for it.
 *
 * Where there is no trace, each function of the module is what it is. Where
 * there is one when the module is loaded, `traced` stands in its place, and
 * writes down its begin and its end; where the call yields, the loop tells when
 * it begins to wait, is woken and ends. (One that raises is seen to have ended
 * when the next one in its coroutine begins or ends, or with that coroutine.)
 *
 *   upvalues of traced: the loop's box, a call_kind, and the function's own
 */
#include <stdlib.h>
#include <string.h>

#include "os/counters.h"
#include "trace/trace.h"

/* What is special about a call. */
typedef enum {
  PLAIN,
  NAMES, /* its results are sockets whose names are news */
  GIVES, /* bytes: its first result */
  FILLS, /* a buffer with bytes: its second argument */
  TAKES, /* bytes: its second argument */
  NEXT,  /* it gives lines, and the socket is an upvalue */
  CLOSES /* a socket, if it is open */
} special;

typedef struct call_kind {
  const char *name;
  lua_CFunction function;
  special special;
} call_kind;

static const struct {
  const char *name;
  special special;
} specials[] = {
    {"recv", GIVES},       {"recv_exact", GIVES}, {"recv_line", GIVES},
    {"recv_all", GIVES},   {"recvfrom", GIVES},   {"recv_into", FILLS},
    {"send", TAKES},       {"sendall", TAKES},    {"sendto", TAKES},
    {"socketpair", NAMES}, {"bind", NAMES},       {"listen", NAMES},
    {"accept", NAMES},     {"connect", NAMES},    {"lines", NEXT},
    {"__gc", CLOSES},      {"__close", CLOSES},   {"close", CLOSES},
};

/* What does nothing on the network, and what is traced as something else. */
static const char left_out[] =
    "|escape|now|time|port|buffer|spawn|deadline|lines|getrusage|__tostring|"
    "sub|put|__len|count|percentile|buckets|text|";

enum { LEVELS = 1000 }; /* of a stack that are looked at */

/* A call that has not ended. What is under way in a task is a chain of them:
 * an observer of a server calls us, and a finalizer may wherever Lua makes an
 * object. Those that raised stand in it as well, above the ones that have not,
 * until somebody looks. */
struct net_call {
  net_link link;          /* among all of them: its first member */
  struct net_call *outer; /* in the same task */
  call_kind kind;         /* a copy: Lua frees its own before the trace ends */
  lua_State *L;
  net_sock *on; /* which it is a call of, or NULL */
  uint32_t task, sock;
  uint32_t waits;
  uint64_t begun, wait, held; /* ns; held: since when it waits, or 0 */
  net_counts had;             /* of the kernel */
  net_text line, args, data, addr;
};

static net_link calls = {&calls, &calls};
static net_call *unused;
static net_counts since; /* what is counted beyond is the running call's */

/* What has been counted is this call's (NULL: nobody's); what comes, of whom
 * settles next. */
static void settle(net_call *call) {
  net_counts now = net_counts_read();
  if (call) {
    call->had.calls += now.calls - since.calls;
    call->had.in += now.in - since.in;
    call->had.out += now.out - since.out;
  }
  since = now;
}

static net_wait *wait_of(net_loop *loop) {
  return loop->running ? &loop->running->wait : &loop->main;
}

/* ---- its line ---- */

static net_strbuf *begin_line(const net_call *call, uint64_t end) {
  special s = call->kind.special;
  const char *name = s == CLOSES ? "close" : call->kind.name;
  net_strbuf *j = net_trace_begin("call", call->begun);
  NET_NUMBER(j, "end", end);
  NET_SOME(j, "wait", call->wait + (call->held ? end - call->held : 0));
  NET_SOME(j, "waits", call->waits);
  NET_SOME(j, "sys", call->had.calls);
  NET_NUMBER(j, "task", call->task);
  NET_SOME(j, "sock", call->sock);
  NET_PLAIN(j, "call", name, strlen(name));
  NET_TEXT(j, "args", &call->args);
  NET_TEXT(j, "line", &call->line);
  NET_SOME(j, "in", call->had.in);
  NET_SOME(j, "out", call->had.out);
  if (s != TAKES || call->had.out > 0) NET_TEXT(j, "data", &call->data);
  NET_TEXT(j, "addr", &call->addr);
  return j;
}

static void end_line(net_strbuf *j, const net_call *call) {
  net_trace_end(j, call->had.in > 0 || call->had.out > 0);
}

/* The innermost call of a task is over. */
static void leave(net_wait *w) {
  net_call *call = w->call;
  w->call = call->outer;
  net_link_remove(&call->link);
  call->outer = unused;
  unused = call;
}

/* It has ended without results: it raised, or its task was cancelled. */
static void give_up(net_wait *w) {
  net_call *call = w->call;
  net_strbuf *j = begin_line(call, uv_hrtime());
  NET_PLAIN(j, "code", "raised", strlen("raised"));
  end_line(j, call);
  leave(w);
}

static int traced(lua_State *L);

/* How many of our functions are under way in L, from a level of its stack on;
 * `most` is enough to know. */
static int under_way(lua_State *L, int level, int most) {
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

/* The innermost call of the code that runs in L, when all that raised within
 * it are given up: there are no more than are under way from `level` on. NULL:
 * there is none. */
static net_call *find(net_wait *w, lua_State *L, int level) {
  int n = 0;
  net_call *call = w->call;
  while (call && call->L != L) call = call->outer;
  if (call == NULL) return NULL;
  while (w->call != call) give_up(w);
  for (; call && call->L == L; call = call->outer) n++;
  if (n > 1 || level > 0) /* else it is the one that ends */
    for (n -= under_way(L, level, n); n > 0 && w->call; n--) give_up(w);
  return w->call && w->call->L == L ? w->call : NULL;
}

/* Nothing is under way any more in L, which the running code has resumed or
 * closed. */
void net_call_left(net_loop *loop, const lua_State *L) {
  net_wait *w = wait_of(loop);
  while (w->call && w->call->L == L) give_up(w);
}

/* ---- its begin ---- */

static net_call *new_call(void) {
  net_call *call = unused;
  if (call)
    unused = call->outer;
  else
    call = malloc(sizeof *call);
  if (call == NULL) net_trace_lost();
  return call;
}

/* A call begins. */
static net_call *begin(lua_State *L, net_loop *loop, const call_kind *kind,
                       net_sock *s) {
  net_wait *w = wait_of(loop);
  find(w, L, 1);
  net_call *call = new_call();
  if (call == NULL) return NULL;
  settle(w->call && !w->call->held ? w->call : NULL);
  call->kind = *kind;
  call->L = L;
  call->task = loop->running ? loop->running->id : 0;
  call->on = s;
  call->sock = s ? net_trace_sock(s) : 0;
  call->waits = 0;
  call->wait = call->held = 0;
  call->had = (net_counts){0};
  net_format_clear(&call->data);
  net_format_clear(&call->addr);
  net_format_line(&call->line, L);
  net_format_values(&call->args, L, s ? 2 : 1,
                    kind->special >= NEXT ? 0 : lua_gettop(L),
                    kind->special == TAKES ? &call->data : NULL);
  if (kind->special == TAKES && s)
    net_format_bytes(&call->data, L, 2, NET_SHOWN);
  net_link_append(&calls, &call->link);
  call->outer = w->call; /* now: a finalizer may have come before us */
  w->call = call;
  call->begun = uv_hrtime();
  return call;
}

/* ---- its waits, of which the loop tells ---- */

void net_call_waits(net_wait *w) {
  net_call *call = find(w, w->in, 0);
  if (call == NULL || call->held) return;
  settle(call);
  call->waits++;
  call->held = uv_hrtime();
  net_trace_idle(call->held);
}

void net_call_goes_on(net_wait *w) {
  net_call *call = w->call;
  if (call == NULL || !call->held) return;
  call->wait += uv_hrtime() - call->held;
  call->held = 0;
  settle(NULL);
}

/* Where a datagram goes, which its arguments may have by name only. */
void net_call_addr(net_loop *loop, const net_addr *a) {
  char peer_text[NET_PEER_TEXT];
  net_call *call = wait_of(loop)->call;
  if (call == NULL) return;
  net_format_clear(&call->addr);
  net_addr_text(a, peer_text);
  net_strbuf_json(&call->addr.jot, peer_text, strlen(peer_text));
}

/* ---- its end ---- */

/* Has it returned nil, message, code? */
static int has_failed(lua_State *L, int first) {
  return lua_isnil(L, first) && lua_type(L, first + 1) == LUA_TSTRING &&
         lua_type(L, first + 2) == LUA_TSTRING;
}

/* Tells of the sockets among the results; the number of the first new one. */
static uint32_t see_results(lua_State *L, const net_call *call, int first) {
  uint32_t made = 0;
  for (int i = first; i <= lua_gettop(L); i++) {
    net_sock *s = net_sock_at(L, i);
    if (s == NULL) continue;
    net_trace_sock(s);
    if (call->kind.special == NAMES) net_trace_sock_names(s);
    if (made == 0 && s->id != call->sock) made = s->id;
  }
  return made;
}

/* Writes the results, and what they tell of the bytes. */
static void show_results(net_text *t, net_call *call, lua_State *L, int first) {
  net_sock *s = call->on;
  special kind = call->kind.special;
  int gives = kind == GIVES || kind == NEXT, last = lua_gettop(L);
  int itself = first == last && s && lua_touserdata(L, last) == s;
  net_format_values(t, L, first, itself ? 0 : last, gives ? &call->data : NULL);
  if (gives && first == last) net_format_clear(t); /* data says it */
  if (kind == FILLS)
    net_format_bytes(&call->data, L, 2, (size_t)lua_tointeger(L, first));
  if (gives && last > first) net_format_sender(&call->addr, L, first + 1);
}

/* A socket that has sent or received has names, and one whose connect goes on
 * at least its own. code: where that is in the stack, or 0. */
static void see_names(lua_State *L, const net_call *call, int code) {
  net_sock *s = call->on;
  special kind = call->kind.special;
  int carried = !code && kind >= GIVES && kind <= NEXT;
  int goes_on = code && strcmp(lua_tostring(L, code), "EINPROGRESS") == 0;
  if (s && (goes_on || (carried && !s->named))) net_trace_sock_names(s);
}

/* It ends with the results from `first` on. */
static void end(lua_State *L, net_wait *w, net_call *call, int first) {
  uint64_t now = uv_hrtime();
  net_text results;
  uint32_t made = 0;
  int failed = has_failed(L, first);
  settle(call);
  see_names(L, call, failed ? first + 2 : 0);
  net_format_clear(&results);
  if (!failed && lua_checkstack(L, LUA_MINSTACK)) { /* it must not raise */
    made = see_results(L, call, first);
    show_results(&results, call, L, first);
  }
  net_strbuf *j = begin_line(call, now);
  NET_TEXT(j, "result", &results);
  NET_SOME(j, "new", made);
  if (failed) {
    size_t len;
    const char *text = lua_tolstring(L, first + 2, &len);
    NET_STRING(j, "code", text, len);
    text = lua_tolstring(L, first + 1, &len);
    NET_STRING(j, "error", text, len);
  }
  end_line(j, call);
  settle(NULL);
  leave(w);
}

/* A call that has waited, or gives way, has its results on top of L. */
void net_call_ends(lua_State *L, net_wait *w, int results) {
  net_call *call = find(w, L, 0);
  if (call) end(L, w, call, lua_gettop(L) - results + 1);
}

/* A task is at its end, in whatever state, and so are its calls. */
void net_call_done(net_task *t, const char *state) {
  while (t->wait.call) give_up(&t->wait);
  net_trace_done(t, state);
}

/* A call that the echo engine made, within the innermost of ours. */
void net_call_engine(lua_State *L, net_loop *loop, const net_engine_call *e) {
  const net_call *call = find(wait_of(loop), L, 0);
  if (call == NULL) return;
  net_text data;
  net_strbuf *j = net_trace_begin("call", e->begun);
  NET_NUMBER(j, "end", e->ended);
  NET_NUMBER(j, "sys", 1);
  NET_NUMBER(j, "task", call->task);
  NET_SOME(j, "sock", e->sock);
  NET_PLAIN(j, "call", e->name, strlen(e->name));
  NET_TEXT(j, "line", &call->line);
  NET_SOME(j, "in", e->in);
  NET_SOME(j, "out", e->out);
  net_format_data(&data, e->data, e->in + e->out);
  NET_TEXT(j, "data", &data);
  if (e->addr) {
    NET_KEY(j, "addr");
    net_trace_name(j, e->addr);
  }
  NET_SOME(j, "new", e->made);
  NET_PLAIN(j, "engine", call->kind.name, strlen(call->kind.name));
  net_trace_end(j, e->in + e->out > 0);
  net_count_add(&net_count_calls, 1);
  net_count_add(&net_count_in, e->in);
  net_count_add(&net_count_out, e->out);
  settle(NULL);
}

/* The trace is at its end, and the calls are not. */
void net_call_stop(void) {
  for (net_link *l = calls.next; l != &calls; l = l->next) {
    const net_call *call = (net_call *)l;
    net_strbuf *j = begin_line(call, uv_hrtime());
    NET_PUT(j, ",\"open\":true");
    end_line(j, call);
  }
}

/* ---- the module's functions ---- */

/* Stands for a function of the module. */
static int traced(lua_State *L) {
  const call_kind *kind = lua_touserdata(L, lua_upvalueindex(2));
  net_loop *loop = *(net_loop **)lua_touserdata(L, lua_upvalueindex(1));
  if (!net_trace_on || loop == NULL) return kind->function(L);
  net_sock *s = net_sock_at(L, kind->special == NEXT ? lua_upvalueindex(3) : 1);
  int idle = kind->special == CLOSES && (s == NULL || s->fd < 0);
  net_call *call = idle ? NULL : begin(L, loop, kind, s);
  int results = kind->function(L);
  if (call && net_trace_on) net_call_ends(L, wait_of(loop), results);
  return results;
}

static special special_of(const char *name) {
  for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
    if (strcmp(name, specials[i].name) == 0) return specials[i].special;
  return PLAIN;
}

static int is_left_out(const char *name) {
  char word[64];
  snprintf(word, sizeof word, "|%s|", name);
  return strstr(left_out, word) != NULL;
}

static void push_kind(lua_State *L, const char *name, lua_CFunction f) {
  call_kind *kind = lua_newuserdatauv(L, sizeof *kind, 0);
  *kind = (call_kind){name, f, special_of(name)};
}

/* Pushes a function of the module; box: where the loop's box is. */
void net_call_push(lua_State *L, const char *name, lua_CFunction f, int box) {
  int on = net_trace_on && !is_left_out(name);
  lua_pushvalue(L, box);
  if (on) push_kind(L, name, f);
  lua_pushcclosure(L, on ? traced : f, 1 + on);
}

/* Pushes what gives the lines of a socket, with the two values on top as its
 * third and fourth upvalue. */
void net_call_push_lines(lua_State *L, lua_CFunction f, int box) {
  lua_pushvalue(L, box);
  if (net_trace_on)
    push_kind(L, "lines", f);
  else
    lua_pushnil(L);
  lua_rotate(L, -4, 2);
  lua_pushcclosure(L, net_trace_on ? traced : f, 4);
}
