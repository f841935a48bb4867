/* SPDX-License-Identifier: MIT
 *
 * resolver.c: getaddrinfo(3) and getnameinfo(3) in libuv's thread pool, so that
 * a lookup delays no task but the one that asks.
 */
#include "socket/resolver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/classes.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/loop.h"
#include "core/wait.h"

/* A request to the thread pool. The pool refers to it, and so does the userdata
 * { request * } of the call that waits; the last to let go frees it. */
typedef struct request {
  union {
    uv_req_t any;
    uv_getaddrinfo_t addresses;
    uv_getnameinfo_t names;
  } uv;
  net_query query;
  net_loop *loop;
  net_wait *queue;
  int status;
  char finished;  /* the pool has let go */
  char abandoned; /* the call has let go */
} request;

static int is_getaddrinfo(const request *r) {
  return r->uv.any.type == UV_GETADDRINFO;
}

static void request_free(request *r) {
  r->loop->lookups--;
  if (is_getaddrinfo(r)) uv_freeaddrinfo(r->uv.addresses.addrinfo);
  free(r);
}

static void finish(request *r, int status) {
  net_interrupt_count_lookups(-1);
  r->status = status;
  r->finished = 1;
  net_wait_wake(r->queue, NET_READY);
  if (r->abandoned) request_free(r);
}

static void on_addresses(uv_getaddrinfo_t *req, int status,
                         struct addrinfo *list) {
  (void)list; /* also in req */
  finish(req->data, status);
}

static void on_names(uv_getnameinfo_t *req, int status, const char *host,
                     const char *service) {
  (void)host, (void)service; /* also in req */
  finish(req->data, status);
}

/* Lets go of the request: frees it, or leaves it to the pool and tries to
 * cancel it. */
static int request___gc(lua_State *L) {
  request **box = luaL_checkudata(L, -1, NET_LOOKUP), *r = *box;
  if (r == NULL) return 0;
  *box = NULL;
  while (r->queue) net_wait_detach(r->queue);
  r->abandoned = 1;
  if (r->finished)
    request_free(r);
  else
    uv_cancel(&r->uv.any); /* has an effect only before it begins */
  return 0;
}

/* Returns the call that waits for a lookup on behalf of `sock`, or NULL. */
net_wait *net_resolver_waiter(net_loop *loop, const void *sock) {
  if (loop->lookups == 0) return NULL;
  for (net_link *l = loop->tasks.next; l != &loop->tasks; l = l->next) {
    net_wait *w = &net_task_of(l)->wait;
    if (w->sock == sock) return w;
  }
  return loop->main.sock == sock ? &loop->main : NULL;
}

/* Returns the results of a failed lookup: nil, message, code, and the further
 * one that the query names. */
static net_outcome fail(lua_State *L, const net_query *q, int code) {
  const char *host = lua_tostring(L, q->host), *service = NULL;
  if (q->service) service = lua_tostring(L, q->service);
  if (q->port) service = lua_pushfstring(L, "%d", (int)q->port);
  if (host && service)
    lua_pushfstring(L, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, service);
  else
    lua_pushstring(L, host ? host : service);
  net_outcome results = net_error(L, q->call, lua_tostring(L, -1), code);
  if (q->extra == 0) return results;
  lua_pushvalue(L, q->extra);
  return results + 1;
}

static void push_answer(lua_State *L, const request *r) {
  if (is_getaddrinfo(r)) {
    r->query.push(L, r->uv.addresses.addrinfo, r->query.port);
  } else {
    lua_pushstring(L, r->uv.names.host);
    lua_pushstring(L, r->uv.names.service);
  }
}

/* Waits for the request on top of the stack and puts its answer there. */
static net_outcome requestk(lua_State *L, net_wake wake) {
  request *r = *(request **)lua_touserdata(L, -1);
  net_query query = r->query;
  int code = r->status, at = lua_gettop(L);
  if (wake == NET_CANCELED) {
    code = ECANCELED;
  } else if (!r->finished && wake == NET_TIMEOUT) {
    code = ETIMEDOUT;
  } else if (!r->finished) {
    net_wait_on(L, &r->queue);
    net_wait_of(r->loop, L)->sock = lua_touserdata(L, 1);
    return NET_WAIT;
  }
  if (!code) push_answer(L, r);
  lua_pushvalue(L, at);
  request___gc(L);
  lua_pop(L, 1);
  if (code) return fail(L, &query, code);
  lua_remove(L, at);
  if (query.then) return net_loop_await(L, query.then);
  lua_settop(L, at - 1 + query.results);
  return query.results;
}

/* Pushes an empty box for a new request, and returns the request. */
static request *new_request(lua_State *L, const net_query *query) {
  request **box = lua_newuserdatauv(L, sizeof *box, 0), *r;
  *box = NULL;
  luaL_setmetatable(L, NET_LOOKUP);
  r = calloc(1, sizeof *r);
  if (r == NULL) luaL_error(L, "not enough memory");
  r->uv.any.data = r;
  r->loop = net_loop_get(L);
  r->query = *query;
  return r;
}

/* Waits for a request that the pool has accepted, unless err says otherwise. */
static net_outcome await(lua_State *L, request *r, int err) {
  if (err) {
    net_query query = r->query;
    free(r);
    return fail(L, &query, err);
  }
  net_interrupt_count_lookups(1);
  r->loop->lookups++;
  *(request **)lua_touserdata(L, -1) = r;
  return net_loop_await(L, requestk);
}

/* Looks up a host, a service or both, in a call that has begun. The answer is
 * what query->push has pushed. */
net_outcome net_resolver_lookup(lua_State *L, const net_query *query) {
  const char *host = lua_tostring(L, query->host), *service = NULL;
  if (query->service) service = lua_tostring(L, query->service);
  request *r = new_request(L, query);
  return await(L, r,
               uv_getaddrinfo(&r->loop->uv, &r->uv.addresses, on_addresses,
                              host, service, &query->hints));
}

/* Looks up an address in a call that has begun. The answer is the names of the
 * host and of the service. */
net_outcome net_resolver_names(lua_State *L, const net_query *query,
                               const net_addr *a, int flags) {
  request *r = new_request(L, query);
  return await(
      L, r,
      uv_getnameinfo(&r->loop->uv, &r->uv.names, on_names, &a->u.sa, flags));
}

/* Returns the argument as a host name that can be looked up. */
const char *net_resolver_host(lua_State *L, int arg) {
  size_t len;
  const char *host = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, strlen(host) == len, arg, "host contains a NUL byte");
  luaL_argcheck(L, len <= 253, arg, "host is longer than 253 bytes");
  return host;
}

/* Sets *port from the number or the service name at `arg`. Returns NULL, or
 * pushes a message that says why it is not a port. */
const char *net_resolver_port(lua_State *L, int arg, uint16_t *port) {
  int number;
  lua_Integer n = lua_tointegerx(L, arg, &number);
  *port = (uint16_t)n;
  if (number && n >= 0 && n <= UINT16_MAX) return NULL;
  size_t len;
  const char *name = number ? NULL : lua_tolstring(L, arg, &len);
  struct servent *service = NULL;
  if (name && strlen(name) == len) service = getservbyname(name, NULL);
  if (service == NULL)
    return lua_pushfstring(
        L, "port must be 0 to 65535 or a service name, got '%s'",
        luaL_tolstring(L, arg, NULL));
  *port = ntohs((uint16_t)service->s_port);
  return NULL;
}

/* Returns the argument as a port. */
uint16_t net_resolver_check_port(lua_State *L, int arg) {
  uint16_t port;
  const char *wrong = net_resolver_port(L, arg, &port);
  luaL_argcheck(L, wrong == NULL, arg, wrong);
  return port;
}

/* Sets *a to the host at `arg` and its port, if that needs no lookup. */
int net_resolver_known(lua_State *L, int family, int arg, net_addr *a) {
  const char *host = net_resolver_host(L, arg);
  return net_addr_ip(a, family, host, net_resolver_check_port(L, arg + 1));
}

/* Pushes a list of addresses as one string, an array of net_addr. */
static void push_addresses(lua_State *L, const struct addrinfo *list,
                           uint16_t port) {
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (; list; list = list->ai_next) {
    net_addr a = {.len = list->ai_addrlen};
    memcpy(&a.u, list->ai_addr, a.len);
    net_addr_set_port(&a, port);
    luaL_addlstring(&b, (char *)&a, sizeof a);
  }
  luaL_pushresult(&b);
}

/* Begins the call, if it may wait, and looks up the host at query.host, with
 * the port in the slot after it. The answer is a string, an array of net_addr
 * in the resolver's order. family: AF_UNSPEC means either. */
net_outcome net_resolver_addresses(lua_State *L, net_query query, int family) {
  const char *host = net_resolver_host(L, query.host);
  net_addr known[2];
  size_t n = 0;
  uint16_t port = query.port = net_resolver_check_port(L, query.host + 1);
  if (family != AF_INET) n += net_addr_ip(&known[n], AF_INET6, host, port);
  if (family != AF_INET6) n += net_addr_ip(&known[n], AF_INET, host, port);
  int err = n || family == AF_INET ? 0 : net_addr_zone_error(host);
  if (err) return fail(L, &query, err);
  if (n == 0 || query.may_wait) net_loop_begin(L, query.call, query.seconds);
  if (n > 0) {
    lua_pushlstring(L, (char *)known, n * sizeof *known);
    return net_loop_await(L, query.then);
  }
  if (query.seconds == 0) return fail(L, &query, EAGAIN);
  query.hints.ai_family = family;
  query.hints.ai_socktype = SOCK_STREAM;
  query.push = push_addresses;
  return net_resolver_lookup(L, &query);
}

const luaL_Reg net_resolver_methods[] = {
    {"__gc", request___gc},
    {NULL, NULL},
};
