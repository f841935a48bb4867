/* SPDX-License-Identifier: MIT
 *
 * gai.c: net.getaddrinfo: the resolver's whole answer, as a list of tables.
 */
#include <string.h>

#include "core/args.h"
#include "core/loop.h"
#include "socket/resolver.h"

enum { HOST = 1, SERVICE, HINTS };

#define FLAG(name) \
  { #name, name }

static const net_flag flags[] = {
    FLAG(AI_PASSIVE),
    FLAG(AI_CANONNAME),
    FLAG(AI_NUMERICHOST),
    FLAG(AI_NUMERICSERV),
    FLAG(AI_ADDRCONFIG),
#ifdef AI_V4MAPPED
    FLAG(AI_V4MAPPED),
#endif
#ifdef AI_ALL
    FLAG(AI_ALL),
#endif
    {NULL, 0},
};

static struct addrinfo check_hints(lua_State *L) {
  static const char *const families[] = {"inet", "inet6", NULL};
  static const char *const types[] = {"stream", "dgram", NULL};
  struct addrinfo hints = {.ai_family = AF_UNSPEC};
  if (lua_isnil(L, HINTS)) return hints;
  luaL_checktype(L, HINTS, LUA_TTABLE);
  net_args_keys(L, HINTS, "|family|type|flags|");
  int family = net_args_choice(L, HINTS, "family", -1, families);
  int type = net_args_choice(L, HINTS, "type", -1, types);
  if (family >= 0) hints.ai_family = family ? AF_INET6 : AF_INET;
  if (type >= 0) hints.ai_socktype = type ? SOCK_DGRAM : SOCK_STREAM;
  hints.ai_flags = net_args_flags(L, HINTS, "flags", flags);
  return hints;
}

/* Leaves a string or nil: digits, or a name that only the resolver knows. */
static void check_service(lua_State *L) {
  int number;
  lua_Integer port = lua_tointegerx(L, SERVICE, &number);
  size_t len;
  if (lua_isnil(L, SERVICE)) return;
  luaL_argcheck(L, !number || (port >= 0 && port <= 65535), SERVICE,
                "port not in 0..65535");
  if (number) {
    lua_pushinteger(L, port);
    lua_replace(L, SERVICE);
  }
  luaL_argcheck(L, number || lua_type(L, SERVICE) == LUA_TSTRING, SERVICE,
                "port is no integer and no service's name");
  const char *name = lua_tolstring(L, SERVICE, &len);
  luaL_argcheck(L, strlen(name) == len, SERVICE, "service contains a NUL byte");
}

static void push_address(lua_State *L, const struct addrinfo *info) {
  net_addr a = {.len = info->ai_addrlen};
  memcpy(&a.u, info->ai_addr, a.len);
  lua_createtable(L, 0, 5);
  net_addr_push(L, &a);
  lua_setfield(L, -3, "port");
  lua_setfield(L, -2, "host");
  lua_pushstring(L, info->ai_family == AF_INET6 ? "inet6" : "inet");
  lua_setfield(L, -2, "family");
  lua_pushstring(L, info->ai_socktype == SOCK_DGRAM ? "dgram" : "stream");
  lua_setfield(L, -2, "type");
  if (info->ai_canonname) {
    lua_pushstring(L, info->ai_canonname);
    lua_setfield(L, -2, "canonname");
  }
}

/* Without those of the types that net.socket does not have, as "raw". */
static void use_list(lua_State *L, const struct addrinfo *list, uint16_t port) {
  (void)port; /* the service has set it */
  lua_newtable(L);
  for (lua_Integer i = 1; list; list = list->ai_next) {
    int type = list->ai_socktype;
    if (type != SOCK_STREAM && type != SOCK_DGRAM) continue;
    push_address(L, list);
    lua_rawseti(L, -2, i++);
  }
}

static int net_getaddrinfok(lua_State *L, net_wake wake) {
  (void)L, (void)wake;
  return 1;
}

/* net.getaddrinfo(host, service, hints) -> list               getaddrinfo(3) */
static int net_getaddrinfo(lua_State *L) {
  lua_settop(L, HINTS);
  if (!lua_isnil(L, HOST)) net_resolver_host(L, HOST);
  check_service(L);
  luaL_argcheck(L, !lua_isnil(L, HOST) || !lua_isnil(L, SERVICE), HOST,
                "host or service expected");
  net_query q = {.call = "getaddrinfo", .host = HOST, .service = SERVICE};
  q.hints = check_hints(L);
  q.use = use_list;
  q.then = net_getaddrinfok;
  net_loop_begin(L, q.call, -1);
  return net_resolver_lookup(L, &q);
}

const luaL_Reg net_gai_functions[] = {
    {"getaddrinfo", net_getaddrinfo},
    {NULL, NULL},
};
