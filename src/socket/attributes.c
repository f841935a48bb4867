/* SPDX-License-Identifier: MIT
 *
 * attributes.c: the timeout of a socket, its options, addresses and descriptor.
 * None of these calls waits; on a closed socket each returns "EBADF".
 */
#include <errno.h>
#include <string.h>

#include "os/counters.h"
#include "socket/family.h"
#include "socket/option.h"
#include "socket/sock.h"

/* sock:settimeout(seconds) -> sock */
static int sock_settimeout(lua_State *L) {
  net_sock *s = net_sock_check(L);
  luaL_checkany(L, 2);
  double seconds = lua_isnil(L, 2) ? -1 : net_args_seconds(L, 2);
  if (s->fd < 0) return net_sock_error(L, s, "settimeout", EBADF);
  s->timeout = seconds;
  lua_settop(L, 1);
  return 1;
}

/* sock:gettimeout() -> seconds */
static int sock_gettimeout(lua_State *L) {
  net_sock *s = net_sock_check(L);
  if (s->fd < 0) return net_sock_error(L, s, "gettimeout", EBADF);
  if (s->timeout < 0)
    lua_pushnil(L);
  else
    lua_pushnumber(L, s->timeout);
  return 1;
}

/* sock:setblocking(flag) -> sock */
static int sock_setblocking(lua_State *L) {
  net_sock *s = net_sock_check(L);
  luaL_checktype(L, 2, LUA_TBOOLEAN); /* in Lua, 0 is true */
  if (s->fd < 0) return net_sock_error(L, s, "setblocking", EBADF);
  s->timeout = lua_toboolean(L, 2) ? -1 : 0;
  lua_settop(L, 1);
  return 1;
}

/* sock:getblocking() -> boolean */
static int sock_getblocking(lua_State *L) {
  net_sock *s = net_sock_check(L);
  if (s->fd < 0) return net_sock_error(L, s, "getblocking", EBADF);
  lua_pushboolean(L, s->timeout != 0);
  return 1;
}

/* sock:setsockopt(name, value, seconds) -> sock                setsockopt(2) */
static int sock_setsockopt(lua_State *L) {
  net_sock *s = net_sock_check(L);
  if (s->fd < 0) return net_sock_error(L, s, "setsockopt", EBADF);
  if (strcmp(luaL_checkstring(L, 2), "SO_LINGER") == 0) s->lingers = 1;
  return net_option_set(L, s->fd, 2);
}

/* sock:getsockopt(name) -> value, seconds                      getsockopt(2) */
static int sock_getsockopt(lua_State *L) {
  net_sock *s = net_sock_check(L);
  if (s->fd < 0) return net_sock_error(L, s, "getsockopt", EBADF);
  return net_option_get(L, s->fd, 2);
}

static int change_group(lua_State *L, const char *call, int joins) {
  net_sock *s = net_sock_check(L);
  luaL_argcheck(L, s->type == SOCK_DGRAM && s->family != AF_UNIX, 1,
                "an inet or inet6 datagram socket expected");
  if (s->fd < 0) return net_sock_error(L, s, call, EBADF);
  return net_option_group(L, s->fd, s->family, call, joins);
}

/* sock:join_group(group, interface) -> sock                    RFC 3493, 5.2 */
static int sock_join_group(lua_State *L) {
  return change_group(L, "join_group", 1);
}

/* sock:leave_group(group, interface) -> sock                   RFC 3493, 5.2 */
static int sock_leave_group(lua_State *L) {
  return change_group(L, "leave_group", 0);
}

typedef int (*getname)(int fd, struct sockaddr *address, socklen_t *len);

static int push_address(lua_State *L, const char *call, getname get) {
  net_sock *s = net_sock_check(L);
  net_addr a = {.len = sizeof a.u};
  if (s->fd < 0) return net_sock_error(L, s, call, EBADF);
  if (NET_CALL(get(s->fd, &a.u.sa, &a.len)))
    return net_sock_error(L, s, call, errno);
  return net_addr_push(L, &a);
}

/* sock:getsockname() -> host, port                            getsockname(2) */
static int sock_getsockname(lua_State *L) {
  return push_address(L, "getsockname", getsockname);
}

/* sock:getpeername() -> host, port                            getpeername(2) */
static int sock_getpeername(lua_State *L) {
  return push_address(L, "getpeername", getpeername);
}

/* sock:fileno() -> integer */
static int sock_fileno(lua_State *L) {
  net_sock *s = net_sock_check(L);
  if (s->fd < 0) return net_sock_error(L, s, "fileno", EBADF);
  lua_pushinteger(L, s->fd);
  return 1;
}

static int sock___tostring(lua_State *L) {
  net_sock *s = net_sock_check(L);
  const char *family = net_args_name(net_families, s->family);
  const char *type = net_args_name(net_types, s->type);
  if (s->fd < 0)
    lua_pushfstring(L, "socket (%s %s, closed)", family, type);
  else
    lua_pushfstring(L, "socket (%s %s, descriptor %d)", family, type, s->fd);
  return 1;
}

const luaL_Reg net_attributes_methods[] = {
    {"settimeout", sock_settimeout},
    {"gettimeout", sock_gettimeout},
    {"setblocking", sock_setblocking},
    {"getblocking", sock_getblocking},
    {"setsockopt", sock_setsockopt},
    {"getsockopt", sock_getsockopt},
    {"join_group", sock_join_group},
    {"leave_group", sock_leave_group},
    {"getsockname", sock_getsockname},
    {"getpeername", sock_getpeername},
    {"fileno", sock_fileno},
    {"__tostring", sock___tostring},
    {NULL, NULL},
};
