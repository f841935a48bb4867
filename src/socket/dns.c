/* SPDX-License-Identifier: MIT
 *
 * dns.c: names and services. Lookups run in libuv's resolver pool, so that no
 * task but the one that asked waits for them.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/classes.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/loop.h"
#include "core/wait.h"
#include "socket/resolver.h"

/* A lookup belongs to the resolver pool and to the Lua object that waits for
 * it, userdata { lookup * }; the last of the two to let go frees it. */
typedef struct lookup {
  uv_getaddrinfo_t req;
  net_query query;
  net_wait *queue;
  net_loop *loop;
  int status, done, orphan;
} lookup;

static void lookup_free(lookup *q) {
  q->loop->lookups--;
  uv_freeaddrinfo(q->req.addrinfo);
  free(q);
}

static void on_lookup(uv_getaddrinfo_t *req, int status,
                      struct addrinfo *list) {
  lookup *q = req->data;
  (void)list; /* it is req->addrinfo */
  net_interrupt_count_lookups(-1);
  q->status = status;
  q->done = 1;
  net_wait_wake(q->queue, NET_READY);
  if (q->orphan) lookup_free(q);
}

/* The call has its answer, gave up or was cancelled. */
static int lookup___gc(lua_State *L) {
  lookup **box = luaL_checkudata(L, -1, NET_LOOKUP), *q = *box;
  if (q == NULL) return 0;
  *box = NULL;
  while (q->queue) net_wait_detach(q->queue);
  q->orphan = 1;
  if (q->done)
    lookup_free(q);
  else
    uv_cancel((uv_req_t *)&q->req); /* helps where it has not begun */
  return 0;
}

/* The call that waits for a name it needs for this socket; NULL: none does. */
net_wait *net_resolver_waiter(net_loop *loop, const void *sock) {
  if (loop->lookups == 0) return NULL;
  for (net_link *l = loop->tasks.next; l != &loop->tasks; l = l->next) {
    net_wait *w = &net_task_of(l)->wait;
    if (w->sock == sock) return w;
  }
  return loop->main.sock == sock ? &loop->main : NULL;
}

/* A host name that the resolver may be asked for. */
const char *net_resolver_host(lua_State *L, int arg) {
  size_t len;
  const char *host = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, strlen(host) == len, arg, "host contains a NUL byte");
  luaL_argcheck(L, len <= 253, arg, "host is longer than 253 bytes");
  return host;
}

/* The value at `arg` as a port: a number or the name of a service, which
 * /etc/services knows. NULL, or what is wrong with it. */
const char *net_resolver_port(lua_State *L, int arg, uint16_t *port) {
  int number;
  lua_Integer n = lua_tointegerx(L, arg, &number);
  *port = (uint16_t)n;
  if (number) return n >= 0 && n <= 65535 ? NULL : "port not in 0..65535";
  size_t len;
  const char *name = lua_tolstring(L, arg, &len);
  struct servent *service = NULL;
  if (name && strlen(name) == len) service = getservbyname(name, NULL);
  if (service) *port = ntohs((uint16_t)service->s_port);
  return service ? NULL : "port is no integer and no service's name";
}

static uint16_t check_port(lua_State *L, int arg) {
  uint16_t port;
  const char *wrong = net_resolver_port(L, arg, &port);
  luaL_argcheck(L, wrong == NULL, arg, wrong);
  return port;
}

/* net.port(text) -> integer
 * Made for argparse's convert. */
static int net_port(lua_State *L) {
  uint16_t port;
  const char *wrong = (luaL_checkany(L, 1), net_resolver_port(L, 1, &port));
  if (wrong) {
    lua_pushfstring(L, "%s: '%s'", wrong, luaL_tolstring(L, 1, NULL));
    lua_pushnil(L);
    lua_insert(L, -2);
    lua_pushliteral(L, "EINVAL");
    return 3;
  }
  lua_pushinteger(L, port);
  return 1;
}

/* The results of a lookup that failed: the three of every error, and what the
 * call gives besides. */
static int lookup_failed(lua_State *L, const net_query *q, int code) {
  const char *host = lua_tostring(L, q->host), *service = NULL;
  if (q->service) service = lua_tostring(L, q->service);
  if (q->port) service = lua_pushfstring(L, "%d", (int)q->port);
  if (host && service)
    lua_pushfstring(L, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, service);
  else
    lua_pushstring(L, host ? host : service);
  int results = net_error(L, q->call, lua_tostring(L, -1), code);
  if (q->extra == 0) return results;
  lua_pushvalue(L, q->extra);
  return results + 1;
}

/* The lookup is on top of the stack, where `then` wants what came of it. */
static int lookupk(lua_State *L, net_wake wake) {
  lookup *q = *(lookup **)lua_touserdata(L, -1);
  net_query query = q->query;
  if (!q->done && wake != NET_TIMEOUT && wake != NET_CANCELED) {
    net_wait_on(L, &q->queue);
    net_wait_of(q->loop, L)->sock = lua_touserdata(L, 1);
    return NET_WAIT;
  }
  int code = q->status, at = lua_gettop(L);
  if (wake == NET_CANCELED) code = ECANCELED;
  if (wake == NET_TIMEOUT && !q->done) code = ETIMEDOUT;
  if (!code) query.use(L, q->req.addrinfo, query.port);
  lua_pushvalue(L, at);
  lookup___gc(L);
  lua_pop(L, 1);
  if (code) return lookup_failed(L, &query, code);
  lua_remove(L, at);
  return net_loop_await(L, query.then);
}

/* Asks the resolver, in a call that has begun: what `use` pushes of the list
 * of addresses is on top of the stack when `then` goes on. */
int net_resolver_lookup(lua_State *L, const net_query *query) {
  const char *host = lua_tostring(L, query->host);
  const char *service = NULL;
  if (query->service) service = lua_tostring(L, query->service);
  lookup **box = lua_newuserdatauv(L, sizeof *box, 0), *q;
  *box = NULL;
  luaL_setmetatable(L, NET_LOOKUP);
  q = calloc(1, sizeof *q);
  if (q == NULL) return luaL_error(L, "not enough memory");
  *q = (lookup){.loop = net_loop_get(L), .query = *query};
  q->req.data = q;
  int err = uv_getaddrinfo(&q->loop->uv, &q->req, on_lookup, host, service,
                           &query->hints);
  if (err) {
    free(q);
    return lookup_failed(L, query, err);
  }
  net_interrupt_count_lookups(1);
  q->loop->lookups++;
  *box = q;
  return net_loop_await(L, lookupk);
}

static net_addr address_of(const struct addrinfo *info, uint16_t port) {
  net_addr a = {.len = info->ai_addrlen};
  memcpy(&a.u, info->ai_addr, a.len);
  net_addr_set_port(&a, port);
  return a;
}

/* One address, as a string that holds a net_addr. */
static void use_first(lua_State *L, const struct addrinfo *list,
                      uint16_t port) {
  net_addr a = address_of(list, port);
  lua_pushlstring(L, (char *)&a, sizeof a);
}

/* All of them, as a string that holds a net_addr of each. */
static void use_all(lua_State *L, const struct addrinfo *list, uint16_t port) {
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (; list; list = list->ai_next) {
    net_addr a = address_of(list, port);
    luaL_addlstring(&b, (char *)&a, sizeof a);
  }
  luaL_pushresult(&b);
}

/* Puts the first address of the host at `arg` on top of the stack, a string
 * that holds a net_addr, and goes on with `then`; waits `seconds` at most.
 * `waits`: the call may do so even where the host needs no lookup. */
static int resolve(lua_State *L, int family, int arg, uint16_t port,
                   const char *call, double seconds, net_step then, int waits) {
  const char *host = net_resolver_host(L, arg);
  net_query q = {
      .call = call, .host = arg, .port = port, .use = use_first, .then = then};
  net_addr a;
  int known = net_addr_ip(&a, family, host, port);
  int no_zone = known || family != AF_INET6 ? 0 : net_addr_zone_error(host);
  if (no_zone) return lookup_failed(L, &q, no_zone);
  if (!known || waits) net_loop_begin(L, call, seconds);
  if (known) {
    lua_pushlstring(L, (char *)&a, sizeof a);
    return net_loop_await(L, then);
  }
  if (seconds == 0) return lookup_failed(L, &q, EAGAIN);
  q.hints.ai_family = family;
  q.hints.ai_socktype = SOCK_STREAM;
  return net_resolver_lookup(L, &q);
}

/* The same with every address of the host at `arg`, and the port behind it, in
 * the resolver's order; family: AF_UNSPEC is either. A failure returns the
 * value at `extra` as well. */
int net_resolver_addresses(lua_State *L, int family, int arg, const char *call,
                           double seconds, net_step then, int extra) {
  const char *host = net_resolver_host(L, arg);
  net_query q = {
      .call = call, .host = arg, .extra = extra, .use = use_all, .then = then};
  net_addr known[2];
  size_t n = 0;
  q.port = check_port(L, arg + 1);
  if (family != AF_INET) n += net_addr_ip(&known[n], AF_INET6, host, q.port);
  if (family != AF_INET6) n += net_addr_ip(&known[n], AF_INET, host, q.port);
  int no_zone = n > 0 || family == AF_INET ? 0 : net_addr_zone_error(host);
  if (no_zone) return lookup_failed(L, &q, no_zone);
  net_loop_begin(L, call, seconds);
  if (n > 0) {
    lua_pushlstring(L, (char *)known, n * sizeof *known);
    return net_loop_await(L, then);
  }
  q.hints.ai_family = family;
  q.hints.ai_socktype = SOCK_STREAM;
  return net_resolver_lookup(L, &q);
}

/* The address of the host at `arg` and the port behind it, if they need no
 * lookup; raises for what cannot be one. */
int net_resolver_known(lua_State *L, int family, int arg, net_addr *a) {
  const char *host = net_resolver_host(L, arg);
  return net_addr_ip(a, family, host, check_port(L, arg + 1));
}

/* As resolve, for the host at `arg` and the port behind it. */
int net_resolver_address(lua_State *L, int family, int arg, const char *call,
                         double seconds, net_step then, int waits) {
  net_resolver_host(L, arg);
  uint16_t port = check_port(L, arg + 1);
  return resolve(L, family, arg, port, call, seconds, then, waits);
}

/* net.gethostname() -> name                                   gethostname(2) */
static int net_gethostname(lua_State *L) {
  char name[UV_MAXHOSTNAMESIZE];
  size_t size = sizeof name;
  int err = uv_os_gethostname(name, &size);
  if (err) return net_error(L, "gethostname", NULL, err);
  lua_pushlstring(L, name, size);
  return 1;
}

static int net_gethostbynamek(lua_State *L, net_wake wake) {
  (void)wake;
  net_addr_push(L, (const net_addr *)lua_tostring(L, -1));
  lua_pop(L, 1); /* the port */
  return 1;
}

/* net.gethostbyname(name) -> address                        gethostbyname(3) */
static int net_gethostbyname(lua_State *L) {
  lua_settop(L, 1);
  return resolve(L, AF_INET, 1, 0, "gethostbyname", -1, net_gethostbynamek, 0);
}

/* net.getservbyport(port, proto) -> name                    getservbyport(3) */
static int net_getservbyport(lua_State *L) {
  static const char *const protos[] = {"tcp", "udp", NULL};
  lua_Integer port = luaL_checkinteger(L, 1);
  luaL_argcheck(L, port >= 0 && port <= 65535, 1, "port not in 0..65535");
  const char *proto = protos[luaL_checkoption(L, 2, "tcp", protos)];
  struct servent *service = getservbyport(htons((uint16_t)port), proto);
  if (service == NULL) {
    lua_pushfstring(L, "%I/%s", (LUAI_UACINT)port, proto);
    const char *peer_text = lua_tostring(L, -1);
    return net_error_reason(L, "getservbyport", peer_text, "no such service",
                            "ENOENT");
  }
  lua_pushstring(L, service->s_name);
  return 1;
}

const luaL_Reg net_resolver_methods[] = {
    {"__gc", lookup___gc},
    {NULL, NULL},
};

const luaL_Reg net_resolver_functions[] = {
    {"gethostname", net_gethostname},
    {"gethostbyname", net_gethostbyname},
    {"getservbyport", net_getservbyport},
    {"port", net_port},
    {NULL, NULL},
};
