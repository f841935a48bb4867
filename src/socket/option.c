/* SPDX-License-Identifier: MIT
 *
 * option.c: socket options by their C names. A row of the table serves both
 * setsockopt(2) and getsockopt(2); to add an option, add a row.
 */
#include "socket/option.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <string.h>

#include <lauxlib.h>

#include "core/error.h"
#include "os/counters.h"
#include "os/os.h"
#include "socket/address.h"

typedef enum { INT, LINGER, INTERFACE, CRED } kind;

typedef struct option {
  const char *name;
  int level, number;
  kind kind;
} option;

typedef union setting {
  int number;
  struct linger linger;
  struct in_addr address;
  struct ip_mreqn interface; /* its index or, for IPv4, one of its addresses */
#ifdef SO_PEERCRED
  struct ucred cred;
#endif
} setting;

#define ROW(level, name) \
  { #name, level, name, INT }

static const option options[] = {
    {"SO_LINGER", SOL_SOCKET, SO_LINGER, LINGER}, /* l_onoff, l_linger */
    {"IP_MULTICAST_IF", IPPROTO_IP, IP_MULTICAST_IF, INTERFACE},
    {"IPV6_MULTICAST_IF", IPPROTO_IPV6, IPV6_MULTICAST_IF, INTERFACE},
    ROW(SOL_SOCKET, SO_ACCEPTCONN),
    ROW(SOL_SOCKET, SO_BROADCAST),
    ROW(SOL_SOCKET, SO_ERROR),
    ROW(SOL_SOCKET, SO_KEEPALIVE),
    ROW(SOL_SOCKET, SO_OOBINLINE),
    ROW(SOL_SOCKET, SO_RCVBUF),
    ROW(SOL_SOCKET, SO_RCVLOWAT),
    ROW(SOL_SOCKET, SO_REUSEADDR),
    ROW(SOL_SOCKET, SO_SNDBUF),
    ROW(SOL_SOCKET, SO_TYPE),
    ROW(IPPROTO_TCP, TCP_MAXSEG),
    ROW(IPPROTO_TCP, TCP_NODELAY),
    ROW(IPPROTO_IP, IP_MULTICAST_LOOP),
    ROW(IPPROTO_IP, IP_MULTICAST_TTL),
    ROW(IPPROTO_IP, IP_TOS),
    ROW(IPPROTO_IP, IP_TTL),
    ROW(IPPROTO_IPV6, IPV6_MULTICAST_HOPS),
    ROW(IPPROTO_IPV6, IPV6_MULTICAST_LOOP),
    ROW(IPPROTO_IPV6, IPV6_UNICAST_HOPS),
    ROW(IPPROTO_IPV6, IPV6_V6ONLY),
#ifdef SO_REUSEPORT
    ROW(SOL_SOCKET, SO_REUSEPORT),
#endif
#ifdef SO_PEERCRED
    {"SO_PEERCRED", SOL_SOCKET, SO_PEERCRED, CRED}, /* pid, uid, gid */
#endif
#ifdef SO_DOMAIN
    ROW(SOL_SOCKET, SO_DOMAIN),
    ROW(SOL_SOCKET, SO_PROTOCOL),
#endif
#ifdef TCP_KEEPIDLE
    ROW(IPPROTO_TCP, TCP_KEEPIDLE),
#endif
#ifdef TCP_KEEPINTVL
    ROW(IPPROTO_TCP, TCP_KEEPINTVL),
    ROW(IPPROTO_TCP, TCP_KEEPCNT),
#endif
#ifdef TCP_CORK
    ROW(IPPROTO_TCP, TCP_CORK),
    ROW(IPPROTO_TCP, TCP_DEFER_ACCEPT),
    ROW(IPPROTO_TCP, TCP_QUICKACK),
    ROW(IPPROTO_TCP, TCP_SYNCNT),
    ROW(IPPROTO_TCP, TCP_USER_TIMEOUT),
#endif
};

static const option *check_option(lua_State *L, int arg) {
  const char *name = luaL_checkstring(L, arg);
  for (size_t i = 0; i < sizeof options / sizeof *options; i++)
    if (strcmp(options[i].name, name) == 0) return &options[i];
  luaL_argerror(L, arg, lua_pushfstring(L, "no socket option '%s'", name));
  return NULL;
}

static int check_value(lua_State *L, int arg) {
  if (lua_isboolean(L, arg)) return lua_toboolean(L, arg);
  lua_Integer value = luaL_checkinteger(L, arg);
  luaL_argcheck(L, value >= INT_MIN && value <= INT_MAX, arg,
                "not in -2147483648..2147483647");
  return (int)value;
}

/* Sets *m to the interface at `arg`: an index (0 or nil: the kernel chooses), a
 * name or, for IPv4, one of its addresses. Returns 0 or an errno. */
static int find_interface(lua_State *L, int arg, int family,
                          struct ip_mreqn *m) {
  size_t len;
  net_addr a;
  *m = (struct ip_mreqn){0};
  if (lua_isnoneornil(L, arg)) return 0;
  if (lua_type(L, arg) == LUA_TNUMBER) {
    m->imr_ifindex = check_value(L, arg);
    return 0;
  }
  const char *name = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, len > 0 && strlen(name) == len, arg,
                "interface is empty or contains a NUL byte");
  if (family == AF_INET && net_addr_ip(&a, AF_INET, name, 0)) {
    m->imr_address = a.u.in.sin_addr;
    return 0;
  }
  m->imr_ifindex = (int)net_addr_interface_index(name);
  return m->imr_ifindex ? 0 : errno;
}

/* Reads the new value of an option. Returns its size in bytes, or a negative
 * errno. */
static int check_setting(lua_State *L, const option *o, int arg, setting *v) {
  if (o->kind == INTERFACE) {
    int family = o->level == IPPROTO_IP ? AF_INET : AF_INET6;
    luaL_checkany(L, arg);
    int err = find_interface(L, arg, family, &v->interface);
    if (err) return -err;
    if (family == AF_INET) return sizeof v->interface;
    v->number = v->interface.imr_ifindex;
    return sizeof v->number;
  }
  v->number = check_value(L, arg);
  if (o->kind != LINGER) return sizeof v->number;
  int on = v->number, seconds = check_value(L, arg + 1);
  luaL_argcheck(L, seconds >= 0, arg + 1, "seconds must not be negative");
  v->linger = (struct linger){on, seconds};
  return sizeof v->linger;
}

/* Returns 0 or an errno, as do the other functions that are not Lua's. */
static int set(int fd, int level, int number, const void *value, size_t len) {
  int failed = NET_CALL(setsockopt(fd, level, number, value, (socklen_t)len));
  return failed ? errno : 0;
}

/* sock:setsockopt(name, value): an integer or a boolean. SO_LINGER has two: on
 * or off, and seconds; IP_MULTICAST_IF has an interface. */
int net_option_set(lua_State *L, int fd, int arg) {
  const option *o = check_option(L, arg);
  setting v;
  int len = check_setting(L, o, arg + 1, &v);
  if (len < 0) return net_error(L, "setsockopt", o->name, len);
  int err = set(fd, o->level, o->number, &v, (size_t)len);
  if (err) return net_error(L, "setsockopt", o->name, err);
  lua_pushvalue(L, 1);
  return 1;
}

/* Pushes the process of a UNIX socket's peer: pid, uid, gid. */
static int push_cred(lua_State *L, const option *o, const setting *v) {
#ifdef SO_PEERCRED
  if (v->cred.uid != (uid_t)-1) {
    lua_pushinteger(L, v->cred.pid);
    lua_pushinteger(L, v->cred.uid);
    lua_pushinteger(L, v->cred.gid);
    return 3;
  }
#endif
  (void)v;
  return net_error(L, "getsockopt", o->name, ENOTCONN);
}

/* sock:getsockopt(name): an integer. SO_LINGER has two, SO_PEERCRED three, and
 * IP_MULTICAST_IF has an address. */
int net_option_get(lua_State *L, int fd, int arg) {
  const option *o = check_option(L, arg);
  setting v = {0};
  socklen_t len = o->kind == CRED     ? sizeof v
                  : o->kind == LINGER ? sizeof v.linger
                                      : sizeof v.number;
  if (NET_CALL(getsockopt(fd, o->level, o->number, &v, &len)))
    return net_error(L, "getsockopt", o->name, errno);
  if (o->kind == CRED) return push_cred(L, o, &v);
  if (o->kind == INTERFACE && o->level == IPPROTO_IP) {
    net_addr a = {.u.in = {.sin_family = AF_INET, .sin_addr = v.address}};
    net_addr_push(L, &a);
    lua_pop(L, 1); /* the port */
    return 1;
  }
  lua_pushinteger(L, v.number);
  if (o->kind != LINGER) return 1;
  lua_pushinteger(L, v.linger.l_linger);
  return 2;
}

static int is_group(const net_addr *a) {
  return a->u.sa.sa_family == AF_INET
             ? IN_MULTICAST(ntohl(a->u.in.sin_addr.s_addr))
             : IN6_IS_ADDR_MULTICAST(&a->u.in6.sin6_addr);
}

static int change_group(int fd, const net_addr *a, struct ip_mreqn *m,
                        int joins) {
  if (a->u.sa.sa_family == AF_INET) {
    m->imr_multiaddr = a->u.in.sin_addr;
    int name = joins ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP;
    return set(fd, IPPROTO_IP, name, m, sizeof *m);
  }
  unsigned index = (unsigned)m->imr_ifindex;
  struct ipv6_mreq six = {a->u.in6.sin6_addr,
                          index ? index : a->u.in6.sin6_scope_id};
  int name = joins ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP;
  return set(fd, IPPROTO_IPV6, name, &six, sizeof six);
}

/* sock:join_group(group, interface), sock:leave_group(group, interface) */
int net_option_group(lua_State *L, int fd, int family, const char *call,
                     int joins) {
  size_t len;
  net_addr a;
  struct ip_mreqn m;
  const char *group = luaL_checklstring(L, 2, &len);
  int err = family == AF_INET6 ? net_addr_zone_error(group) : 0;
  if (err) return net_error(L, call, group, err);
  luaL_argcheck(L,
                strlen(group) == len && net_addr_ip(&a, family, group, 0) &&
                    is_group(&a),
                2, "not a multicast address of the socket's family");
  err = find_interface(L, 3, family, &m);
  if (err) return net_error(L, call, lua_tostring(L, 3), err);
  err = change_group(fd, &a, &m, joins);
  if (err) return net_error(L, call, group, err);
  lua_pushvalue(L, 1);
  return 1;
}

int net_option_set_int(int fd, int level, int number, int value) {
  return set(fd, level, number, &value, sizeof value);
}

/* Clears the pending error of a socket, and returns it. */
int net_option_error(int fd) {
  int err = 0;
  socklen_t len = sizeof err;
  if (NET_CALL(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))) return errno;
  return err;
}

int net_option_tcp_info(int fd, void *info, socklen_t *len) {
#ifdef TCP_INFO
  return NET_CALL(getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, len)) ? errno : 0;
#else
  (void)fd, (void)info, (void)len;
  return ENOPROTOOPT;
#endif
}
