/* SPDX-License-Identifier: MIT
 *
 * lua_load.c: net.load, the load generator as a function. Its object is a
 * to-be-closed value on the call's stack, so that the generator's thread ends
 * with the call, however that ends.
 */
#include <string.h>

#include "core/args.h"
#include "core/classes.h"
#include "core/deadline.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/loop.h"
#include "core/wait.h"
#include "core/watcher.h"
#include "engine/load.h"
#include "lib/lua_histogram.h"
#include "socket/family.h"
#include "socket/resolver.h"

/* The stack of the call, below the address. */
enum { OPTIONS = 1, HOST, PORT, ENGINE };

enum { MAX_CONNECTIONS = 100000, MAX_DEPTH = 1 << 16, MAX_IN_FLIGHT = 1 << 22 };
enum { MAX_SIZE = 1 << 28, MAX_DGRAM = 65507 };

_Static_assert(NET_LOAD_EOF == -UV_EOF, "the code that net_error_name takes");

typedef struct engine {
  net_load *load; /* NULL: it has not begun, or has ended */
  net_load_options o;
  net_watcher poll; /* of the generator's descriptor */
  int family;
  double interval; /* seconds between reports of progress; < 0: none */
} engine;

/* Raises if there is an option that the family does not have. */
static void check_absent(lua_State *L, const char *name, const char *instead) {
  int type = lua_getfield(L, OPTIONS, name);
  lua_pop(L, 1);
  if (type != LUA_TNIL)
    luaL_argerror(L, OPTIONS, lua_pushfstring(L, "%s: %s", name, instead));
}

/* Puts host and port into their slots. */
static void check_host(lua_State *L) {
  uint16_t port = 0;
  size_t len = 0;
  check_absent(L, "path", "only a UNIX socket has one");
  if (lua_getfield(L, OPTIONS, "host") == LUA_TNIL) {
    lua_pushliteral(L, "localhost");
    lua_replace(L, HOST);
  }
  const char *host = lua_tolstring(L, HOST, &len);
  luaL_argcheck(L, host && strlen(host) == len && len <= 253, OPTIONS,
                "host: a name or an address expected");
  lua_getfield(L, OPTIONS, "port");
  const char *wrong = net_resolver_port(L, PORT, &port);
  luaL_argcheck(L, wrong == NULL, OPTIONS, wrong);
  lua_pushinteger(L, port);
  lua_replace(L, PORT);
}

/* Puts the path into the slot of the host. */
static void check_path(lua_State *L) {
  net_addr a;
  size_t len = 0;
  check_absent(L, "host", "a UNIX socket has a path instead");
  check_absent(L, "port", "a UNIX socket has a path instead");
  lua_getfield(L, OPTIONS, "path");
  const char *path = lua_tolstring(L, HOST, &len);
  luaL_argcheck(L, path && len > 0, OPTIONS, "path: a string expected");
  luaL_argcheck(L, *path == '\0' || strlen(path) == len, OPTIONS,
                "path contains a NUL byte");
  luaL_argcheck(L, net_addr_path(&a, path, len), OPTIONS, "path is too long");
  lua_settop(L, PORT);
}

static void check_size(lua_State *L, net_load_options *o) {
  int dgram = o->type == SOCK_DGRAM;
  o->size =
      (size_t)net_args_int(L, OPTIONS, "size", 64, dgram ? NET_LOAD_HEADER : 1,
                           dgram ? MAX_DGRAM : MAX_SIZE);
  o->connections =
      (int)net_args_int(L, OPTIONS, "connections", 1, 1, MAX_CONNECTIONS);
  o->depth = (int)net_args_int(L, OPTIONS, "depth", 1, 1, MAX_DEPTH);
  luaL_argcheck(L, (int64_t)o->connections * o->depth <= MAX_IN_FLIGHT, OPTIONS,
                "connections * depth: more than 4194304 messages at a time");
}

/* Reads the table of options into the engine's box. */
static void check_options(lua_State *L, engine *box) {
  net_load_options *o = &box->o;
  net_args_keys(L, OPTIONS,
                "|family|type|host|port|path|connections|size|depth|seconds|"
                "messages|rate|churn|verify|timeout|on_progress|interval|");
  box->family = net_args_choice(L, OPTIONS, "family", AF_INET, net_families);
  o->type = net_args_choice(L, OPTIONS, "type", SOCK_STREAM, net_types);
  check_size(L, o);
  o->messages = (uint64_t)net_args_int(L, OPTIONS, "messages", 0, 1,
                                       (lua_Integer)1 << 53);
  o->seconds = net_args_number(L, OPTIONS, "seconds", o->messages ? 0 : 2, 1e6);
  o->rate = net_args_number(L, OPTIONS, "rate", 0, 1e9);
  o->timeout = net_args_number(L, OPTIONS, "timeout", 1, 1e6);
  o->verify = net_args_flag(L, OPTIONS, "verify", 1);
  o->churn = net_args_flag(L, OPTIONS, "churn", 0);
  luaL_argcheck(L, !o->churn || (o->type == SOCK_STREAM && o->depth == 1),
                OPTIONS, "churn needs streams, and depth = 1");
  box->interval = net_args_number(L, OPTIONS, "interval", 0.25, 1e6);
  if (!net_args_function(L, OPTIONS, "on_progress")) box->interval = -1;
}

/* errors = { ECONNREFUSED = 3, ... } */
static void set_errors(lua_State *L, const net_load_report *r) {
  char name[NET_ERROR_NAME];
  lua_newtable(L);
  for (int i = 0; i < NET_LOAD_ERRORS && r->errors[i].code; i++)
    net_args_set_count(L, net_error_name(r->errors[i].code, name),
                       r->errors[i].count);
  lua_setfield(L, -2, "errors");
}

/* latency = { min = seconds, ... }, histogram = a copy of all latencies */
static void set_latency(lua_State *L, const net_load *load) {
  static const struct {
    const char *name;
    double percentile;
  } rows[] = {{"p50", 50}, {"p75", 75},    {"p90", 90},
              {"p99", 99}, {"p999", 99.9}, {"p9999", 99.99}};
  const net_histogram *h = net_histogram_push(L, net_load_histogram(load));
  lua_setfield(L, -2, "histogram");
  lua_newtable(L);
  net_args_set_number(L, "min", (double)net_histogram_min(h) / 1e9);
  net_args_set_number(L, "max", (double)net_histogram_max(h) / 1e9);
  net_args_set_number(L, "mean", net_histogram_mean(h) / 1e9);
  net_args_set_number(L, "stdev", net_histogram_stdev(h) / 1e9);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    net_args_set_number(
        L, rows[i].name,
        (double)net_histogram_percentile(h, rows[i].percentile) / 1e9);
  lua_setfield(L, -2, "latency");
}

static void push_report(lua_State *L, const net_load *load,
                        const net_load_report *r) {
  double seconds = r->seconds > 0 ? r->seconds : 1;
  lua_createtable(L, 0, 12);
  net_args_set_count(L, "messages", r->messages);
  net_args_set_count(L, "bytes", r->bytes);
  net_args_set_count(L, "connections", r->connections);
  net_args_set_count(L, "lost", r->lost);
  net_args_set_count(L, "late", r->late);
  net_args_set_count(L, "corrupt", r->corrupt);
  net_args_set_number(L, "seconds", r->seconds);
  net_args_set_number(L, "rate", (double)r->messages / seconds);
  net_args_set_number(L, "throughput", (double)r->bytes / seconds);
  set_errors(L, r);
  set_latency(L, load);
}

/* Ends the generator and its thread. */
static void stop(engine *box) {
  if (box->load == NULL) return;
  net_watcher_close(&box->poll);
  net_load_stop(box->load);
  net_load_free(box->load);
  box->load = NULL;
}

/* engine:__close(): the call has returned, or an error has left it */
static int engine___close(lua_State *L) {
  stop(luaL_checkudata(L, 1, NET_LOAD));
  return 0;
}

/* Calls on_progress. Returns 0 if Ctrl-C has interrupted it: then net.load
 * returns, as it does when Ctrl-C finds it waiting. */
static int notify_progress(lua_State *L, const net_load *load) {
  net_load_report r = net_load_snapshot(load);
  lua_getfield(L, OPTIONS, "on_progress");
  push_report(L, load, &r);
  return net_interrupt_pcall(L, 1);
}

static int module_loadk(lua_State *L, net_wake wake) {
  engine *box = lua_touserdata(L, ENGINE);
  int interrupted = wake == NET_INTERRUPTED;
  int ends = wake == NET_CANCELED || net_deadline_passed(net_loop_get(L));
  if (wake == NET_TIMEOUT && !ends)
    interrupted = !notify_progress(L, box->load);
  if (!ends && !interrupted && !net_load_finished(box->load)) {
    net_wait *w = net_wait_of(net_loop_get(L), L);
    if (wake == NET_START || wake == NET_TIMEOUT)
      net_wait_limit(w, box->interval);
    w->returns_on_interrupt = 1;
    return net_watcher_wait(L, &box->poll, net_load_fd(box->load), NET_READ);
  }
  net_load_report r = net_load_stop(box->load);
  push_report(L, box->load, &r);
  lua_pushboolean(L, interrupted);
  lua_setfield(L, -2, "interrupted");
  return 1;
}

/* The address is on top of the stack. */
static int module_load_address(lua_State *L, net_wake wake) {
  engine *box = lua_touserdata(L, ENGINE);
  const net_addr *a = net_addr_top(L);
  int err;
  (void)wake;
  box->o.address = &a->u.sa;
  box->o.len = a->len;
  box->load = net_load_start(&box->o, &err);
  if (box->load == NULL) return net_addr_error(L, "load", a, err);
  return net_loop_await(L, module_loadk);
}

/* net.load(options) -> report */
static int module_load(lua_State *L) {
  luaL_checktype(L, OPTIONS, LUA_TTABLE);
  lua_settop(L, OPTIONS);
  engine read = {.load = NULL};
  check_options(L, &read);
  if (read.family == AF_UNIX)
    check_path(L);
  else
    check_host(L);
  engine *box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = read;
  net_watcher_init(&box->poll);
  luaL_setmetatable(L, NET_LOAD);
  lua_toclose(L, ENGINE);
  if (box->family != AF_UNIX)
    return net_resolver_addresses(L,
                                  (net_query){.call = "load",
                                              .host = HOST,
                                              .seconds = -1,
                                              .may_wait = 1,
                                              .then = module_load_address},
                                  box->family);
  size_t len;
  net_addr a;
  const char *path = lua_tolstring(L, HOST, &len);
  net_addr_path(&a, path, len);
  net_loop_begin(L, "load", -1);
  lua_pushlstring(L, (char *)&a, sizeof a);
  return net_loop_await(L, module_load_address);
}

const luaL_Reg net_load_engine_methods[] = {
    {"__close", engine___close},
    {"__gc", engine___close},
    {NULL, NULL},
};

const luaL_Reg net_load_functions[] = {
    {"load", module_load},
    {NULL, NULL},
};
