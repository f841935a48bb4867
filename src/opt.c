/* SPDX-License-Identifier: MIT
 *
 * opt.c: socket options by their C names. One row of the table serves
 * setsockopt(2) and getsockopt(2); to add an option, add its row.
 */
#include "net.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <string.h>

typedef enum { INT, LINGER } kind;

typedef struct option {
  const char *name;
  int level, number;
  kind kind;
} option;

#define ROW(level, name) \
  { #name, level, name, INT }

static const option options[] = {
    {"SO_LINGER", SOL_SOCKET, SO_LINGER, LINGER}, /* l_onoff, l_linger */
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
    ROW(IPPROTO_IP, IP_TOS),
    ROW(IPPROTO_IP, IP_TTL),
    ROW(IPPROTO_IPV6, IPV6_UNICAST_HOPS),
    ROW(IPPROTO_IPV6, IPV6_V6ONLY),
#ifdef SO_REUSEPORT
    ROW(SOL_SOCKET, SO_REUSEPORT),
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
                "the kernel takes a C int");
  return (int)value;
}

/* setsockopt(name, value): an integer or a boolean; SO_LINGER takes two:
 * on or off, and seconds. */
int net_opt_set(lua_State *L, int fd, int arg) {
  const option *o = check_option(L, arg);
  int value = check_value(L, arg + 1), err;
  if (o->kind == LINGER) {
    struct linger l = {value, check_value(L, arg + 2)};
    luaL_argcheck(L, l.l_linger >= 0, arg + 2, "seconds must not be negative");
    err = setsockopt(fd, o->level, o->number, &l, sizeof l);
  } else {
    err = setsockopt(fd, o->level, o->number, &value, sizeof value);
  }
  if (err) return net_err(L, "setsockopt", o->name, errno);
  lua_pushvalue(L, 1);
  return 1;
}

/* getsockopt(name) -> the kernel's integer; SO_LINGER has two */
int net_opt_get(lua_State *L, int fd, int arg) {
  const option *o = check_option(L, arg);
  int value[2] = {0}; /* a struct linger is two of them */
  socklen_t len = o->kind == LINGER ? sizeof value : sizeof value[0];
  if (getsockopt(fd, o->level, o->number, value, &len))
    return net_err(L, "getsockopt", o->name, errno);
  lua_pushinteger(L, value[0]);
  if (o->kind == LINGER) lua_pushinteger(L, value[1]);
  return o->kind == LINGER ? 2 : 1;
}

/* The pending error of a socket, which this clears; 0 when there is none. */
int net_opt_error(int fd) {
  int err = 0;
  socklen_t len = sizeof err;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len)) return errno;
  return err;
}

/* Where send(2) has no MSG_NOSIGNAL, the socket itself is told not to raise
 * SIGPIPE. */
int net_opt_quiet(int fd) {
#ifdef SO_NOSIGPIPE
  int on = 1;
  return setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#else
  (void)fd;
  return 0;
#endif
}

/* Will close(2) wait for unsent bytes (SO_LINGER with a time)? */
int net_opt_lingers(int fd) {
  struct linger l = {0};
  socklen_t len = sizeof l;
  return getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len) == 0 && l.l_onoff &&
         l.l_linger != 0;
}
