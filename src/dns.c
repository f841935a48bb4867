/* SPDX-License-Identifier: MIT
 *
 * dns.c: names and services. Lookups run in libuv's resolver pool, so that no
 * task but the one that asked waits for them.
 */
#include "net.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A lookup belongs to the resolver pool and to the Lua object that waits for
 * it, userdata { lookup * }; the last of the two to let go frees it. */
typedef struct lookup {
  uv_getaddrinfo_t req;
  net_wait *holder; /* slot */
  net_loop *loop;
  const char *call; /* for messages: "connect" */
  net_try then;     /* where that call goes on */
  int host;         /* stack index of the name */
  uint16_t port;
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
  net_intr_lookups(-1);
  q->status = status;
  q->done = 1;
  net_wait_wake(q->holder, NET_READY);
  if (q->orphan) lookup_free(q);
}

/* The call has its answer, gave up or was cancelled. */
static int lookup___gc(lua_State *L) {
  lookup **box = luaL_checkudata(L, -1, NET_LOOKUP), *q = *box;
  if (q == NULL) return 0;
  *box = NULL;
  while (q->holder) net_wait_detach(q->holder);
  q->orphan = 1;
  if (q->done)
    lookup_free(q);
  else
    uv_cancel((uv_req_t *)&q->req); /* helps where it has not begun */
  return 0;
}

/* A host name that the resolver may be asked for. */
static const char *check_host(lua_State *L, int arg) {
  size_t len;
  const char *host = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, strlen(host) == len, arg, "host contains a NUL byte");
  luaL_argcheck(L, len <= 253, arg, "host is longer than 253 bytes");
  return host;
}

/* The value at `arg` as a port: a number or the name of a service, which
 * /etc/services knows. NULL, or what is wrong with it. */
const char *net_dns_port(lua_State *L, int arg, uint16_t *port) {
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
  const char *wrong = net_dns_port(L, arg, &port);
  luaL_argcheck(L, wrong == NULL, arg, wrong);
  return port;
}

/* net.port(text) -> integer: a port as somebody types it, or a service's name
 * of services(5). nil, message, "EINVAL": it is neither. Made for argparse's
 * convert. */
static int net_port(lua_State *L) {
  uint16_t port;
  const char *wrong = (luaL_checkany(L, 1), net_dns_port(L, 1, &port));
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

static int lookup_failed(lua_State *L, const char *call, const char *host,
                         uint16_t port, int code) {
  char who[NET_WHO * 2];
  snprintf(who, sizeof who, port ? "%s:%u" : "%s", host, port);
  return net_err(L, call, who, code);
}

/* The lookup is on top of the stack, where `then` wants the address. */
static int lookupk(lua_State *L, net_why why) {
  lookup *q = *(lookup **)lua_touserdata(L, -1);
  const char *host = lua_tostring(L, q->host);
  if (!q->done && why != NET_TIMEOUT && why != NET_CANCELED) {
    net_wait_hold(L, &q->holder);
    net_wait_of(q->loop, L)->sock = lua_touserdata(L, 1);
    return NET_WAIT;
  }
  int code = q->status;
  if (why == NET_CANCELED) code = ECANCELED;
  if (why == NET_TIMEOUT && !q->done) code = ETIMEDOUT;
  if (code) {
    int results = lookup_failed(L, q->call, host, q->port, code);
    lua_pushvalue(L, -results - 1);
    lookup___gc(L);
    lua_pop(L, 1);
    return results;
  }
  net_addr a = {.len = q->req.addrinfo->ai_addrlen};
  memcpy(&a.u, q->req.addrinfo->ai_addr, a.len);
  net_addr_set_port(&a, q->port);
  net_try then = q->then;
  lookup___gc(L);
  lua_pop(L, 1);
  lua_pushlstring(L, (char *)&a, sizeof a);
  return net_loop_await(L, then);
}

static int lookup_start(lua_State *L, int family, int arg, uint16_t port,
                        const char *call, net_try then) {
  const char *host = lua_tostring(L, arg);
  struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
  lookup **box = lua_newuserdatauv(L, sizeof *box, 0), *q;
  *box = NULL;
  luaL_setmetatable(L, NET_LOOKUP);
  q = calloc(1, sizeof *q);
  if (q == NULL) return luaL_error(L, "not enough memory");
  *q = (lookup){.loop = net_loop_get(L), .call = call, .then = then};
  q->host = arg;
  q->port = port;
  q->req.data = q;
  int err =
      uv_getaddrinfo(&q->loop->uv, &q->req, on_lookup, host, NULL, &hints);
  if (err) {
    free(q);
    return lookup_failed(L, call, host, port, err);
  }
  net_intr_lookups(1);
  q->loop->lookups++;
  *box = q;
  return net_loop_await(L, lookupk);
}

/* Puts the first address of the host at `arg` on top of the stack, a string
 * that holds a net_addr, and goes on with `then`; waits `seconds` at most.
 * `waits`: the call may do so even where the host needs no lookup. */
static int resolve(lua_State *L, int family, int arg, uint16_t port,
                   const char *call, double seconds, net_try then, int waits) {
  const char *host = check_host(L, arg);
  net_addr a;
  int known = net_addr_ip(&a, family, host, port);
  int no_zone = known || family != AF_INET6 ? 0 : net_addr_no_zone(host);
  if (no_zone) return lookup_failed(L, call, host, port, no_zone);
  if (!known || waits) net_loop_begin(L, call, seconds);
  if (known) {
    lua_pushlstring(L, (char *)&a, sizeof a);
    return net_loop_await(L, then);
  }
  if (seconds == 0) return lookup_failed(L, call, host, port, EAGAIN);
  return lookup_start(L, family, arg, port, call, then);
}

/* The address of the host at `arg` and the port behind it, if they need no
 * lookup; raises for what cannot be one. */
int net_dns_known(lua_State *L, int family, int arg, net_addr *a) {
  const char *host = check_host(L, arg);
  return net_addr_ip(a, family, host, check_port(L, arg + 1));
}

/* The same for the host at `arg` and the port behind it. */
int net_dns_address(lua_State *L, int family, int arg, const char *call,
                    double seconds, net_try then, int waits) {
  check_host(L, arg);
  uint16_t port = check_port(L, arg + 1);
  return resolve(L, family, arg, port, call, seconds, then, waits);
}

/* net.gethostname() -> the name of this machine             gethostname(2) */
static int net_gethostname(lua_State *L) {
  char name[UV_MAXHOSTNAMESIZE];
  size_t size = sizeof name;
  int err = uv_os_gethostname(name, &size);
  if (err) return net_err(L, "gethostname", NULL, err);
  lua_pushlstring(L, name, size);
  return 1;
}

static int net_gethostbynamek(lua_State *L, net_why why) {
  (void)why;
  net_addr_push(L, (const net_addr *)lua_tostring(L, -1));
  lua_pop(L, 1); /* the port */
  return 1;
}

/* net.gethostbyname(name) -> its first IPv4 address, as text
 * "" is "0.0.0.0". Raises for a NUL byte, or more than 253 bytes.
 * nil, message, code: "EAI_NONAME" there is no such name, "EAI_AGAIN" no name
 * server answers now.                          gethostbyname(3), getaddrinfo(3)
 */
static int net_gethostbyname(lua_State *L) {
  lua_settop(L, 1);
  return resolve(L, AF_INET, 1, 0, "gethostbyname", -1, net_gethostbynamek, 0);
}

/* net.getservbyport(port, proto) -> the service's name, "http" for 80
 * proto is "tcp" (the default) or "udp"; the port is in host byte order.
 * nil, message, "ENOENT": /etc/services names none.         getservbyport(3) */
static int net_getservbyport(lua_State *L) {
  static const char *const protos[] = {"tcp", "udp", NULL};
  lua_Integer port = luaL_checkinteger(L, 1);
  luaL_argcheck(L, port >= 0 && port <= 65535, 1, "port not in 0..65535");
  const char *proto = protos[luaL_checkoption(L, 2, "tcp", protos)];
  struct servent *service = getservbyport(htons((uint16_t)port), proto);
  if (service == NULL) {
    lua_pushfstring(L, "%I/%s", (LUAI_UACINT)port, proto);
    const char *who = lua_tostring(L, -1);
    return net_err_say(L, "getservbyport", who, "no such service", "ENOENT");
  }
  lua_pushstring(L, service->s_name);
  return 1;
}

const luaL_Reg net_dns_methods[] = {
    {"__gc", lookup___gc},
    {NULL, NULL},
};

const luaL_Reg net_dns_functions[] = {
    {"gethostname", net_gethostname},
    {"gethostbyname", net_gethostbyname},
    {"getservbyport", net_getservbyport},
    {"port", net_port},
    {NULL, NULL},
};
