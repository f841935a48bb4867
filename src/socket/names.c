/* SPDX-License-Identifier: MIT
 *
 * names.c: from addresses to names, and services by name. The resolver is
 * asked in libuv's pool, so that no task but the one that asked waits for it.
 */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "core/args.h"
#include "core/classes.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/loop.h"
#include "core/wait.h"
#include "socket/resolver.h"

/* A question belongs to the resolver pool and to the Lua object that waits for
 * the answer, userdata { question * }; the last to let go frees it. */
typedef struct question {
  uv_getnameinfo_t req;
  net_wait *queue;
  const char *call; /* for messages: "gethostbyaddr" */
  int results;      /* 1: the host's name; 2: the service's, too */
  int status, done, orphan;
} question;

static void on_name(uv_getnameinfo_t *req, int status, const char *host,
                    const char *service) {
  question *q = req->data;
  (void)host, (void)service; /* they are in req */
  net_interrupt_count_lookups(-1);
  q->status = status;
  q->done = 1;
  net_wait_wake(q->queue, NET_READY);
  if (q->orphan) free(q);
}

/* The call has its answer, gave up or was cancelled. */
static int name___gc(lua_State *L) {
  question **box = luaL_checkudata(L, -1, NET_NAME), *q = *box;
  if (q == NULL) return 0;
  *box = NULL;
  while (q->queue) net_wait_detach(q->queue);
  q->orphan = 1;
  if (q->done)
    free(q);
  else
    uv_cancel((uv_req_t *)&q->req); /* helps where it has not begun */
  return 0;
}

/* The host is the first argument, the question is on top of the stack. */
static int namek(lua_State *L, net_wake wake) {
  question *q = *(question **)lua_touserdata(L, -1);
  if (!q->done && wake != NET_TIMEOUT) return net_wait_on(L, &q->queue);
  int code = q->done ? q->status : UV_ETIMEDOUT, results = q->results;
  if (code) {
    results = net_error(L, q->call, lua_tostring(L, 1), code);
  } else {
    lua_pushstring(L, q->req.host);
    lua_pushstring(L, q->req.service);
    if (results == 1) lua_pop(L, 1);
  }
  lua_pushvalue(L, -results - 1);
  name___gc(L);
  lua_pop(L, 1);
  return results;
}

/* Asks for the names of the address at 1, which is a numeric one. */
static int ask(lua_State *L, const char *call, uint16_t port, int flags,
               int results) {
  net_loop *loop = net_loop_get(L);
  const char *host = lua_tostring(L, 1);
  net_addr a;
  if (!net_addr_numeric(&a, host, port)) {
    int code = net_addr_zone_error(host);
    return net_error(L, call, host, code ? code : UV_EINVAL);
  }
  net_loop_begin(L, call, -1);
  question **box = lua_newuserdatauv(L, sizeof *box, 0), *q;
  *box = NULL;
  luaL_setmetatable(L, NET_NAME);
  q = calloc(1, sizeof *q);
  if (q == NULL) return luaL_error(L, "not enough memory");
  q->call = call;
  q->results = results;
  q->req.data = q;
  int err = uv_getnameinfo(&loop->uv, &q->req, on_name, &a.u.sa, flags);
  if (err) {
    free(q);
    return net_error(L, call, host, err);
  }
  net_interrupt_count_lookups(1);
  *box = q;
  return net_loop_await(L, namek);
}

static const net_flag name_flags[] = {
    {"NI_DGRAM", NI_DGRAM},
    {"NI_NAMEREQD", NI_NAMEREQD},
    {"NI_NUMERICHOST", NI_NUMERICHOST},
    {"NI_NUMERICSERV", NI_NUMERICSERV},
    {NULL, 0},
};

/* net.getnameinfo(host, port, options) -> name, service       getnameinfo(3) */
static int net_getnameinfo(lua_State *L) {
  uint16_t port;
  int flags = 0;
  lua_settop(L, 3);
  net_resolver_host(L, 1);
  const char *wrong = net_resolver_port(L, 2, &port);
  luaL_argcheck(L, wrong == NULL, 2, wrong);
  if (!lua_isnil(L, 3)) {
    luaL_checktype(L, 3, LUA_TTABLE);
    net_args_keys(L, 3, "|flags|");
    flags = net_args_flags(L, 3, "flags", name_flags);
  }
  return ask(L, "getnameinfo", port, flags, 2);
}

/* net.gethostbyaddr(ip) -> name                             gethostbyaddr(3) */
static int net_gethostbyaddr(lua_State *L) {
  lua_settop(L, 1);
  net_resolver_host(L, 1);
  return ask(L, "gethostbyaddr", 0, NI_NAMEREQD, 1);
}

/* net.getservbyname(name, proto) -> port                    getservbyname(3) */
static int net_getservbyname(lua_State *L) {
  static const char *const protos[] = {"tcp", "udp", NULL};
  size_t len;
  const char *name = luaL_checklstring(L, 1, &len);
  luaL_argcheck(L, strlen(name) == len, 1, "name contains a NUL byte");
  const char *proto = protos[luaL_checkoption(L, 2, "tcp", protos)];
  struct servent *service = getservbyname(name, proto);
  if (service == NULL) {
    const char *peer_text = lua_pushfstring(L, "%s/%s", name, proto);
    return net_error_reason(L, "getservbyname", peer_text, "no such service",
                            "ENOENT");
  }
  lua_pushinteger(L, ntohs((uint16_t)service->s_port));
  return 1;
}

const luaL_Reg net_names_methods[] = {
    {"__gc", name___gc},
    {NULL, NULL},
};

const luaL_Reg net_names_functions[] = {
    {"getnameinfo", net_getnameinfo},
    {"gethostbyaddr", net_gethostbyaddr},
    {"getservbyname", net_getservbyname},
    {NULL, NULL},
};
