/* SPDX-License-Identifier: MIT
 *
 * lua_echo.c: sock:echo, the echo engine as a method. The engine's object is a
 * to-be-closed value on the call's stack, so that the engine ends with the
 * call, however that ends, and its totals are in the table.
 */
#include <string.h>

#include "core/args.h"
#include "core/classes.h"
#include "core/deadline.h"
#include "core/interrupt.h"
#include "core/loop.h"
#include "core/tracer.h"
#include "core/wait.h"
#include "engine/echo.h"
#include "os/counters.h"
#include "socket/sock.h"
#include "trace/tracer.h"

/* The stack of the call. */
enum { SOCK = 1, OPTIONS, TOTALS, ENGINE };

/* The user values of an engine: the table of totals, the socket (which must
 * not be collected before it), and in a trace { [serial] = number of
 * connection }. */
enum { USER_TOTALS = 1, USER_SOCK, USER_NUMBERS };

typedef struct engine {
  net_echo *echo; /* NULL: it has ended */
  net_sock *sock;
  int observed;          /* kinds of events that the script observes */
  int traced;            /* the trace observes all of them */
  uint64_t message_at;   /* when the message that is answered next came */
  uint64_t traced_calls; /* that the trace has counted */
  net_watcher poll;      /* of the engine's descriptor */
} engine;

static const struct {
  const char *name;
  int kind;
} observers[] = {
    {"on_connect", NET_ECHO_CONNECT},
    {"on_message", NET_ECHO_MESSAGE},
    {"on_close", NET_ECHO_CLOSE},
};
enum { OBSERVERS = sizeof observers / sizeof *observers };

static const char *observer_of(int kind) {
  int i = 0;
  while (observers[i].kind != kind) i++;
  return observers[i].name;
}

static int check_observers(lua_State *L) {
  int observed = 0;
  for (int i = 0; i < OBSERVERS; i++)
    if (net_args_function(L, OPTIONS, observers[i].name))
      observed |= observers[i].kind;
  return observed;
}

static void check_dgram(lua_State *L, const net_echo_options *o) {
  luaL_argcheck(L, !o->once || o->workers == 1, OPTIONS,
                "one datagram needs workers = 1");
  luaL_argcheck(L,
                o->max_connections == 0 && o->idle_timeout == 0 &&
                    (o->observed & ~NET_ECHO_MESSAGE) == 0,
                OPTIONS, "a datagram socket has no connections");
}

/* Reads the table of options, and puts the table of totals into its slot. */
static net_echo_options check_options(lua_State *L, const net_sock *s) {
  net_echo_options o = {.fd = s->fd};
  lua_settop(L, OPTIONS);
  if (lua_isnil(L, OPTIONS)) {
    lua_newtable(L);
    lua_replace(L, OPTIONS);
  }
  luaL_checktype(L, OPTIONS, LUA_TTABLE);
  net_args_keys(L, OPTIONS,
                "|once|on_connect|on_message|on_close|idle_timeout|"
                "max_connections|workers|totals|");
  o.observed = check_observers(L);
  o.workers = (int)net_args_int(L, OPTIONS, "workers", 1, 1, NET_ECHO_WORKERS);
  o.max_connections =
      (int)net_args_int(L, OPTIONS, "max_connections", 0, 0, 1 << 30);
  o.idle_timeout = net_args_number(L, OPTIONS, "idle_timeout", 0, 1e6);
  o.once = net_args_flag(L, OPTIONS, "once", 0);
  luaL_argcheck(L, !o.observed || o.workers == 1, OPTIONS,
                "observers need workers = 1");
  if (s->type == SOCK_DGRAM) check_dgram(L, &o);
  if (lua_getfield(L, OPTIONS, "totals") == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
  }
  luaL_argcheck(L, lua_istable(L, TOTALS), OPTIONS, "totals: a table expected");
  return o;
}

/* Ends the engine and fills the table of totals on top of the stack. */
static void stop(lua_State *L, engine *box) {
  if (box->echo == NULL) return;
  box->sock->engine = NULL;
  net_watcher_close(&box->poll);
  net_echo_totals t = net_echo_stop(box->echo);
  box->echo = NULL;
  if (t.calls > box->traced_calls)
    net_count_add(&net_count_calls, t.calls - box->traced_calls);
  if (!box->traced) { /* the trace counts bytes itself */
    net_count_add(&net_count_in, t.bytes);
    net_count_add(&net_count_out, t.bytes);
  }
  net_args_set_count(L, "connections", t.connections);
  net_args_set_count(L, "messages", t.messages);
  net_args_set_count(L, "bytes", t.bytes);
  net_args_set_count(L, "refused", t.refused);
  net_args_set_count(L, "errors", t.errors);
  net_args_set_number(L, "seconds", t.seconds);
}

/* engine:__close(): an error has left the call, or its task was cancelled */
static int engine___close(lua_State *L) {
  engine *box = luaL_checkudata(L, 1, NET_ECHO);
  lua_getiuservalue(L, 1, USER_TOTALS);
  stop(L, box);
  return 0;
}

/* Returns the number of an event's connection in the trace, which logs a new
 * connection. */
static uint32_t number_of(lua_State *L, const net_echo_event *event, int family,
                          const net_addr *peer) {
  lua_getiuservalue(L, ENGINE, USER_NUMBERS);
  lua_rawgeti(L, -1, event->serial);
  uint32_t id = (uint32_t)lua_tointeger(L, -1);
  lua_pop(L, 1);
  if (event->kind == NET_ECHO_CONNECT) {
    net_addr local = {.len = (socklen_t)event->len};
    memcpy(&local.u, event->data, event->len);
    id = net_log_new_sock(event->fd, family, SOCK_STREAM);
    net_log_names(id, &local, peer);
    lua_pushinteger(L, id);
    lua_rawseti(L, -2, event->serial);
  } else if (event->kind == NET_ECHO_CLOSE) {
    lua_pushnil(L);
    lua_rawseti(L, -2, event->serial);
  }
  lua_pop(L, 1);
  return id;
}

/* Logs an event as a call of the socket or the connection. */
static void trace(lua_State *L, engine *box, const net_echo_event *event,
                  const net_addr *peer) {
  net_sock *s = box->sock;
  net_engine_call e = {.begun = event->at, .ended = event->at, .sock = s->id};
  uint32_t id = event->serial ? number_of(L, event, s->family, peer) : s->id;
  if (s->type == SOCK_DGRAM) e.addr = peer;
  e.data = event->data;
  switch (event->kind) {
  case NET_ECHO_CONNECT:
    e.name = "accept";
    e.made = id;
    break;
  case NET_ECHO_MESSAGE:
    e.name = e.addr ? "recvfrom" : "recv";
    e.in = event->len;
    box->message_at = event->at;
    break;
  case NET_ECHO_ANSWER:
    e.name = e.addr ? "sendto" : "send";
    e.out = event->len;
    if (box->message_at) e.begun = box->message_at;
    box->message_at = 0;
    break;
  default:
    e.name = "close";
  }
  if (event->kind != NET_ECHO_CONNECT) e.sock = id;
  net_tracer_engine_call(L, net_loop_get(L), &e);
  box->traced_calls++;
}

/* Takes the next event: traces it and calls its observer, f(data, host, port)
 * or f(host, port). The event stays queued until nothing can raise before the
 * call. Returns 0 if Ctrl-C has interrupted the observer: then sock:echo
 * returns, as it does when Ctrl-C finds it waiting. */
static int notify(lua_State *L, engine *box) {
  net_echo *echo = box->echo;
  const net_echo_event *event = net_echo_next(echo);
  net_addr a = {.len = event->addrlen};
  int kind = event->kind;
  memcpy(&a.u, &event->addr, event->addrlen);
  if (box->traced && net_trace) trace(L, box, event, &a);
  if (!(box->observed & kind)) {
    net_echo_drop(echo);
    return 1;
  }
  lua_getfield(L, OPTIONS, observer_of(kind));
  if (kind == NET_ECHO_MESSAGE) lua_pushlstring(L, event->data, event->len);
  int n = net_addr_push(L, &a);
  net_echo_drop(echo);
  return net_interrupt_pcall(L, n + (kind == NET_ECHO_MESSAGE));
}

/* Waits until the engine has events, or its next turn is due in `ms`. */
static int await_engine(lua_State *L, engine *box, int ms) {
  net_wait *w = net_wait_of(net_loop_get(L), L);
  w->returns_on_interrupt = 1;
  net_wait_limit(w, ms == NET_ECHO_IDLE ? -1 : ms / 1e3);
  net_watcher_wait(L, &box->poll, net_echo_fd(box->echo), NET_READ);
  /* A busy engine has its next turn after those of the other tasks. */
  if (ms == NET_ECHO_BUSY) net_wait_ready(w, NET_READY);
  return NET_WAIT;
}

static int sock_echok(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, SOCK);
  engine *box = lua_touserdata(L, ENGINE);
  int ends = s->fd < 0 || wake == NET_CANCELED || wake == NET_INTERRUPTED ||
             net_deadline_passed(net_loop_get(L));
  int ms = ends ? NET_ECHO_IDLE : net_echo_turn(box->echo);
  if (net_echo_finished(box->echo)) ends = 1;
  while (net_echo_next(box->echo))
    if (!notify(L, box)) ends = 1;
  if (!ends && s->fd >= 0) return await_engine(L, box, ms);
  lua_pushvalue(L, TOTALS);
  stop(L, box);
  return 1;
}

/* Pushes an engine that has not started; the call ends it. */
static engine *push_engine(lua_State *L, net_sock *s, int observed) {
  engine *box = lua_newuserdatauv(L, sizeof *box, 3);
  *box = (engine){.sock = s, .observed = observed};
  net_watcher_init(&box->poll);
  luaL_setmetatable(L, NET_ECHO);
  lua_pushvalue(L, TOTALS);
  lua_setiuservalue(L, ENGINE, USER_TOTALS);
  lua_pushvalue(L, SOCK);
  lua_setiuservalue(L, ENGINE, USER_SOCK);
  lua_newtable(L);
  lua_setiuservalue(L, ENGINE, USER_NUMBERS);
  lua_toclose(L, ENGINE);
  return box;
}

/* sock:echo(options) -> totals                     slides 12 and 13, RFC 862 */
static int sock_echo(lua_State *L) {
  net_sock *s = net_sock_check(L);
  net_echo_options o = check_options(L, s);
  int refused = net_sock_busy_or_closed(L, s, "echo", NET_READ), err;
  if (!refused) refused = net_sock_busy_or_closed(L, s, "echo", NET_WRITE);
  if (refused) return refused;
  net_loop_begin(L, "echo", -1);
  engine *box = push_engine(L, s, o.observed);
  box->traced = net_trace && o.workers == 1;
  if (box->traced) o.observed = ~0;
  net_watcher_hand_over(&s->watcher);
  net_interrupt_install(net_loop_get(L)); /* before it serves */
  box->echo = net_echo_start(&o, &err);
  if (box->echo == NULL) return net_sock_error(L, s, "echo", err);
  s->engine = &box->poll;
  return net_loop_await(L, sock_echok);
}

const luaL_Reg net_echo_engine_methods[] = {
    {"__close", engine___close},
    {"__gc", engine___close},
    {NULL, NULL},
};

const luaL_Reg net_echo_methods[] = {
    {"echo", sock_echo},
    {NULL, NULL},
};
