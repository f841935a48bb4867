/* SPDX-License-Identifier: MIT
 *
 * netdb.c: the functions of netdb.h: names of hosts, addresses and services.
 */
#include <errno.h>
#include <string.h>

#include "core/args.h"
#include "core/error.h"
#include "core/loop.h"
#include "socket/family.h"
#include "socket/resolver.h"

enum { HOST = 1, SERVICE, OPTIONS, PORT = SERVICE };

#define FLAG(name) \
  { #name, name }

static const net_constant addrinfo_flags[] = {
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

static const net_constant nameinfo_flags[] = {
    FLAG(NI_DGRAM),       FLAG(NI_NAMEREQD), FLAG(NI_NUMERICHOST),
    FLAG(NI_NUMERICSERV), {NULL, 0},
};

/* net.gethostname() -> name                                   gethostname(2) */
static int net_gethostname(lua_State *L) {
  char name[UV_MAXHOSTNAMESIZE];
  size_t size = sizeof name;
  int err = uv_os_gethostname(name, &size);
  if (err) return net_error(L, "gethostname", NULL, err);
  lua_pushlstring(L, name, size);
  return 1;
}

static net_outcome net_gethostbynamek(lua_State *L, net_wake wake) {
  (void)wake;
  net_addr_push(L, net_addr_top(L));
  lua_pop(L, 1); /* the port */
  return 1;
}

/* net.gethostbyname(name) -> address                        gethostbyname(3) */
static int net_gethostbyname(lua_State *L) {
  net_query q = {.call = "gethostbyname", .host = HOST, .seconds = -1};
  q.then = net_gethostbynamek;
  lua_settop(L, HOST);
  lua_pushinteger(L, 0); /* PORT */
  return net_resolver_addresses(L, q, AF_INET);
}

static struct addrinfo check_hints(lua_State *L) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC};
  if (lua_isnil(L, OPTIONS)) return hints;
  luaL_checktype(L, OPTIONS, LUA_TTABLE);
  net_args_keys(L, OPTIONS, "|family|type|flags|");
  hints.ai_family =
      net_args_choice(L, OPTIONS, "family", AF_UNSPEC, net_ip_families);
  hints.ai_socktype = net_args_choice(L, OPTIONS, "type", 0, net_types);
  hints.ai_flags = net_args_flags(L, OPTIONS, "flags", addrinfo_flags);
  return hints;
}

/* Replaces the service by a string: digits, or a name that only the resolver
 * can check. */
static void check_service(lua_State *L) {
  int number;
  lua_Integer port = lua_tointegerx(L, SERVICE, &number);
  size_t len;
  if (number || lua_type(L, SERVICE) != LUA_TSTRING)
    net_resolver_check_port(L, SERVICE);
  if (number) {
    lua_pushinteger(L, port);
    lua_replace(L, SERVICE);
  }
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
  lua_pushstring(L, net_args_name(net_families, info->ai_family));
  lua_setfield(L, -2, "family");
  lua_pushstring(L, net_args_name(net_types, info->ai_socktype));
  lua_setfield(L, -2, "type");
  if (info->ai_canonname) {
    lua_pushstring(L, info->ai_canonname);
    lua_setfield(L, -2, "canonname");
  }
}

/* Leaves out the types that net.socket lacks, such as SOCK_RAW. */
static void push_list(lua_State *L, const struct addrinfo *list,
                      uint16_t port) {
  (void)port; /* the resolver has set that of the service */
  lua_newtable(L);
  for (lua_Integer i = 1; list; list = list->ai_next) {
    int type = list->ai_socktype;
    if (type != SOCK_STREAM && type != SOCK_DGRAM) continue;
    push_address(L, list);
    lua_rawseti(L, -2, i++);
  }
}

/* net.getaddrinfo(host, service, hints) -> list               getaddrinfo(3) */
static int net_getaddrinfo(lua_State *L) {
  net_query q = {.call = "getaddrinfo", .host = HOST, .service = SERVICE};
  q.results = 1;
  lua_settop(L, OPTIONS);
  if (!lua_isnil(L, HOST)) net_resolver_host(L, HOST);
  if (!lua_isnil(L, SERVICE)) check_service(L);
  luaL_argcheck(L, !lua_isnil(L, HOST) || !lua_isnil(L, SERVICE), HOST,
                "host or service expected");
  q.hints = check_hints(L);
  q.push = push_list;
  net_loop_begin(L, q.call, -1);
  return net_resolver_lookup(L, &q);
}

/* Looks up the names of the numeric address at HOST. */
static int lookup_names(lua_State *L, const char *call, uint16_t port,
                        int flags, int results) {
  net_query q = {.call = call, .host = HOST, .results = results};
  const char *host = lua_tostring(L, HOST);
  net_addr a;
  if (!net_addr_numeric(&a, host, port)) {
    int err = net_addr_zone_error(host);
    return net_error(L, call, host, err ? err : EINVAL);
  }
  net_loop_begin(L, call, -1);
  return net_resolver_names(L, &q, &a, flags);
}

/* net.getnameinfo(host, port, options) -> name, service       getnameinfo(3) */
static int net_getnameinfo(lua_State *L) {
  int flags = 0;
  lua_settop(L, OPTIONS);
  net_resolver_host(L, HOST);
  uint16_t port = net_resolver_check_port(L, PORT);
  if (!lua_isnil(L, OPTIONS)) {
    luaL_checktype(L, OPTIONS, LUA_TTABLE);
    net_args_keys(L, OPTIONS, "|flags|");
    flags = net_args_flags(L, OPTIONS, "flags", nameinfo_flags);
  }
  return lookup_names(L, "getnameinfo", port, flags, 2);
}

/* net.gethostbyaddr(ip) -> name                             gethostbyaddr(3) */
static int net_gethostbyaddr(lua_State *L) {
  lua_settop(L, HOST);
  net_resolver_host(L, HOST);
  return lookup_names(L, "gethostbyaddr", 0, NI_NAMEREQD, 1);
}

static const char *check_protocol(lua_State *L) {
  static const char *const names[] = {"tcp", "udp", NULL};
  return names[luaL_checkoption(L, 2, "tcp", names)];
}

/* Fails for the service on top of the stack. */
static int no_service(lua_State *L, const char *call, const char *protocol) {
  const char *service = lua_tostring(L, -1);
  return net_error_reason(L, call,
                          lua_pushfstring(L, "%s/%s", service, protocol),
                          "no such service", "ENOENT");
}

/* net.getservbyport(port, proto) -> name                    getservbyport(3) */
static int net_getservbyport(lua_State *L) {
  lua_Integer port = luaL_checkinteger(L, 1);
  luaL_argcheck(L, port >= 0 && port <= 65535, 1, "port not in 0..65535");
  const char *protocol = check_protocol(L);
  struct servent *service = getservbyport(htons((uint16_t)port), protocol);
  lua_pushinteger(L, port);
  if (service == NULL) return no_service(L, "getservbyport", protocol);
  lua_pushstring(L, service->s_name);
  return 1;
}

/* net.getservbyname(name, proto) -> port                    getservbyname(3) */
static int net_getservbyname(lua_State *L) {
  size_t len;
  const char *name = luaL_checklstring(L, 1, &len);
  luaL_argcheck(L, strlen(name) == len, 1, "name contains a NUL byte");
  const char *protocol = check_protocol(L);
  struct servent *service = getservbyname(name, protocol);
  lua_pushvalue(L, 1);
  if (service == NULL) return no_service(L, "getservbyname", protocol);
  lua_pushinteger(L, ntohs((uint16_t)service->s_port));
  return 1;
}

/* net.port(text) -> integer
 * A function for argparse's convert. */
static int net_port(lua_State *L) {
  uint16_t port;
  luaL_checkany(L, 1);
  const char *wrong = net_resolver_port(L, 1, &port);
  if (wrong) {
    lua_pushnil(L);
    lua_pushstring(L, wrong);
    lua_pushliteral(L, "EINVAL");
    return 3;
  }
  lua_pushinteger(L, port);
  return 1;
}

const luaL_Reg net_netdb_functions[] = {
    {"gethostname", net_gethostname},
    {"gethostbyname", net_gethostbyname},
    {"gethostbyaddr", net_gethostbyaddr},
    {"getaddrinfo", net_getaddrinfo},
    {"getnameinfo", net_getnameinfo},
    {"getservbyport", net_getservbyport},
    {"getservbyname", net_getservbyname},
    {"port", net_port},
    {NULL, NULL},
};
