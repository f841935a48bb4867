/* SPDX-License-Identifier: MIT
 *
 * connect.c: net.connect: a connection to the address of a host that answers
 * first. RFC 8305 calls this happy eyeballs: where a network drops the packets
 * of one family, the user loses a moment instead of the minutes until TCP gives
 * up.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/args.h"
#include "core/classes.h"
#include "core/deadline.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/wait.h"
#include "os/counters.h"
#include "os/os.h"
#include "socket/family.h"
#include "socket/option.h"
#include "socket/pollset.h"
#include "socket/resolver.h"
#include "socket/sock.h"

enum { HOST = 1, PORT, OPTIONS, ATTEMPTS, FAILURES, CONNECTION, POLLSET };
enum { NONE = -1 }; /* instead of the index of an attempt */

static const uint64_t delay = 250000000; /* ns; RFC 8305, section 8 */

typedef struct attempt {
  net_addr addr;
  int fd; /* -1: it has ended, or has not begun */
  uint64_t began;
} attempt;

typedef struct connection {
  attempt *list;      /* one for each address, in the order they begin */
  int n, begun, open; /* how many there are, have begun, are under way */
  int code;           /* of the last one that failed */
  uint64_t next;      /* when the next one may begin, ns of uv_hrtime */
  uint64_t deadline;  /* of the call; 0: none */
  net_addr local[2];  /* to bind, of inet and inet6; len 0: none */
  int nodelay;
} connection;

/* Ends the attempts that are left, however the call has ended. */
static int connection___close(lua_State *L) {
  connection *c = luaL_checkudata(L, 1, NET_CONNECT);
  for (int i = 0; i < c->begun; i++)
    if (c->list[i].fd >= 0) close(c->list[i].fd);
  free(c->list);
  c->list = NULL;
  c->begun = 0;
  return 0;
}

/* Reads local_host and local_port. Returns the family that both allow. */
static int check_local(lua_State *L, connection *c, int family) {
  int type = lua_getfield(L, OPTIONS, "local_host");
  uint16_t port =
      (uint16_t)net_args_int(L, OPTIONS, "local_port", 0, 0, UINT16_MAX);
  size_t len = 0;
  const char *host = type == LUA_TNIL ? "" : lua_tolstring(L, -1, &len);
  if (type == LUA_TNIL && port == 0) return family;
  luaL_argcheck(L, host && strlen(host) == len, OPTIONS,
                "local_host: an address of this machine expected");
  int inet = net_addr_ip(&c->local[0], AF_INET, host, port);
  int inet6 = net_addr_ip(&c->local[1], AF_INET6, host, port);
  luaL_argcheck(L, inet || inet6, OPTIONS,
                "local_host: a numeric address, or \"localhost\", expected");
  luaL_argcheck(L, (inet || family != AF_INET) && (inet6 || family != AF_INET6),
                OPTIONS, "local_host is of the other family");
  if (inet && inet6) return family;
  return inet ? AF_INET : AF_INET6;
}

/* Reads the table of options; returns the family of addresses to look for. */
static int check_options(lua_State *L, connection *c, double *seconds) {
  *seconds = -1;
  if (lua_isnil(L, OPTIONS)) return AF_UNSPEC;
  luaL_checktype(L, OPTIONS, LUA_TTABLE);
  net_args_keys(L, OPTIONS, "|timeout|nodelay|local_host|local_port|family|");
  *seconds = net_args_number(L, OPTIONS, "timeout", -1, 1e9);
  c->deadline = net_deadline_after(*seconds);
  c->nodelay = net_args_flag(L, OPTIONS, "nodelay", 0);
  return check_local(
      L, c, net_args_choice(L, OPTIONS, "family", AF_UNSPEC, net_ip_families));
}

/* Returns the index of the next address, from `at` on, that is of the family or
 * (if `is` is 0) of another; n if there is none. */
static size_t find(const net_addr *addrs, size_t n, size_t at, int family,
                   int is) {
  while (at < n && (addrs[at].u.sa.sa_family == family) != is) at++;
  return at;
}

/* Orders the attempts so that the families take turns, beginning with that of
 * the first address: RFC 8305, section 4. */
static void interleave(attempt *list, const net_addr *addrs, size_t n) {
  int family = addrs[0].u.sa.sa_family, turn = 0;
  size_t at[2] = {0, 0}; /* the next of that family, and of the other */
  for (size_t i = 0; i < n; i++, turn = !turn) {
    at[turn] = find(addrs, n, at[turn], family, !turn);
    if (at[turn] == n) { /* none is left */
      turn = !turn;
      at[turn] = find(addrs, n, at[turn], family, !turn);
    }
    list[i] = (attempt){.addr = addrs[at[turn]++], .fd = -1};
  }
}

/* Closes an attempt and records its result (0: success) in its row of the
 * attempts table. */
static void end(lua_State *L, connection *c, int i, int code) {
  attempt *a = &c->list[i];
  char text[NET_ADDR_TEXT];
  if (a->fd >= 0) close(a->fd);
  a->fd = -1;
  lua_rawgeti(L, ATTEMPTS, i + 1);
  lua_pushnumber(L, (double)(uv_hrtime() - a->began) / 1e9);
  lua_setfield(L, -2, "seconds");
  if (code) {
    c->code = code;
    net_error_append(L, FAILURES, "connect", net_addr_text(&a->addr, text),
                     code);
    lua_setfield(L, -4, "code"); /* row nil message code */
    lua_setfield(L, -3, "error");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* Ends an attempt that has failed. If no other has begun since, the next one
 * may begin now. */
static void fail(lua_State *L, connection *c, int i, int code) {
  if (c->list[i].fd >= 0) c->open--;
  end(L, c, i, code);
  if (i == c->begun - 1) c->next = 0;
}

/* Returns the results after an attempt has connected. */
static net_outcome win(lua_State *L, connection *c, int winner) {
  attempt *a = &c->list[winner];
  net_sock *s = net_sock_new(L, a->addr.u.sa.sa_family, SOCK_STREAM);
  s->fd = a->fd;
  a->fd = -1;
  net_addr_pack(&s->peer, &a->addr);
  end(L, c, winner, 0);
  for (int i = 0; i < c->begun; i++)
    if (c->list[i].fd >= 0) end(L, c, i, ECANCELED);
  lua_pushvalue(L, ATTEMPTS);
  return 2;
}

/* Returns the results after all attempts have failed. */
static net_outcome lose(lua_State *L, connection *c, int code) {
  const char *host = lua_tostring(L, HOST);
  const char *subject =
      lua_pushfstring(L, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host,
                      (int)net_addr_port(&c->list[0].addr));
  net_error_all(L, FAILURES, "connect", subject, code);
  lua_pushvalue(L, ATTEMPTS);
  return 4;
}

static int bind_local(const connection *c, const attempt *a) {
  const net_addr *local = &c->local[a->addr.u.sa.sa_family == AF_INET6];
  if (local->len == 0) return 0;
  if (net_addr_port(local)) /* all attempts share it */
    net_option_set_int(a->fd, SOL_SOCKET, SO_REUSEADDR, 1);
  return NET_CALL(bind(a->fd, &local->u.sa, local->len)) ? errno : 0;
}

/* Begins the next attempt. Returns EINPROGRESS, another errno, or 0 if it has
 * connected already. */
static int begin(lua_State *L, connection *c) {
  attempt *a = &c->list[c->begun];
  a->began = uv_hrtime();
  lua_createtable(L, 0, 5);
  net_addr_push(L, &a->addr);
  lua_setfield(L, -3, "port");
  lua_setfield(L, -2, "host");
  lua_rawseti(L, ATTEMPTS, ++c->begun);
  a->fd = NET_CALL(net_os_socket(a->addr.u.sa.sa_family, SOCK_STREAM));
  if (a->fd < 0) return errno;
  c->open++;
  int err = bind_local(c, a);
  if (!err && c->nodelay)
    err = net_option_set_int(a->fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (err) return err;
  if (NET_CALL(connect(a->fd, &a->addr.u.sa, a->addr.len)) == 0) return 0;
  if (errno != EINPROGRESS && errno != EINTR) return errno;
  err = net_pollset_add(lua_touserdata(L, POLLSET), a->fd);
  c->next = uv_hrtime() + delay;
  return err ? err : EINPROGRESS;
}

/* Returns EINPROGRESS, another errno, or 0 if the attempt has connected. */
static int result_of(const attempt *a) {
  net_addr peer = {.len = sizeof peer.u};
  int err = net_option_error(a->fd);
  if (err || NET_CALL(getpeername(a->fd, &peer.u.sa, &peer.len)) == 0)
    return err;
  return errno == ENOTCONN ? EINPROGRESS : errno;
}

/* Ends the attempts that have failed. Returns a connected one, or NONE. */
static int judge(lua_State *L, connection *c) {
  for (int i = 0; i < c->begun; i++) {
    if (c->list[i].fd < 0) continue;
    int err = result_of(&c->list[i]);
    if (err == 0) return i;
    if (err != EINPROGRESS) fail(L, c, i, err);
  }
  return NONE;
}

/* Begins the attempts whose time has come. Returns one that has connected at
 * once, or NONE. */
static int begin_due(lua_State *L, connection *c) {
  while (c->begun < c->n && uv_hrtime() >= c->next) {
    int err = begin(L, c);
    if (err == 0) return c->begun - 1;
    if (err != EINPROGRESS) fail(L, c, c->begun - 1, err);
  }
  return NONE;
}

static int is_late(lua_State *L, const connection *c) {
  return (c->deadline && uv_hrtime() >= c->deadline) ||
         net_deadline_passed(net_loop_get(L));
}

/* Returns the results of a call that has timed out. */
static net_outcome expire(lua_State *L, connection *c) {
  for (int i = 0; i < c->begun; i++)
    if (c->list[i].fd >= 0) fail(L, c, i, ETIMEDOUT);
  return lose(L, c, ETIMEDOUT);
}

/* Waits until an attempt ends, the next one is due or the deadline passes. */
static net_outcome wait_for_next(lua_State *L, const connection *c) {
  uint64_t until = c->deadline, now = uv_hrtime();
  if (c->begun < c->n && (until == 0 || c->next < until)) until = c->next;
  double seconds = until > now ? (double)(until - now) / 1e9 : 0;
  net_wait_limit(net_wait_of(net_loop_get(L), L), until ? seconds : -1);
  return net_pollset_wait(L, lua_touserdata(L, POLLSET));
}

static net_outcome net_connectk(lua_State *L, net_wake wake) {
  connection *c = lua_touserdata(L, CONNECTION);
  (void)wake; /* the attempts tell more */
  net_pollset_clear(lua_touserdata(L, POLLSET));
  int winner = judge(L, c);
  if (winner == NONE && is_late(L, c)) return expire(L, c);
  if (winner == NONE) winner = begin_due(L, c);
  if (winner != NONE) return win(L, c, winner);
  return c->open ? wait_for_next(L, c) : lose(L, c, c->code);
}

/* Replaces the addresses on top of the stack by the pollset. */
static net_outcome net_connect_start(lua_State *L, net_wake wake) {
  connection *c = lua_touserdata(L, CONNECTION);
  size_t len;
  const net_addr *addrs = (const net_addr *)lua_tolstring(L, -1, &len);
  size_t n = len / sizeof *addrs;
  (void)wake;
  c->list = calloc(n, sizeof *c->list);
  if (c->list == NULL) return luaL_error(L, "not enough memory");
  interleave(c->list, addrs, n);
  c->n = (int)n;
  lua_pop(L, 1);
  if (net_pollset_open(L) == NULL) return lose(L, c, errno);
  return net_loop_await(L, net_connectk);
}

/* net.connect(host, port, options) -> sock, attempts    connect(2), RFC 8305 */
static int net_connect(lua_State *L) {
  double seconds;
  lua_settop(L, OPTIONS);
  lua_newtable(L);        /* ATTEMPTS */
  lua_pushliteral(L, ""); /* FAILURES */
  connection *c = lua_newuserdatauv(L, sizeof *c, 0);
  *c = (connection){0};
  luaL_setmetatable(L, NET_CONNECT);
  int family = check_options(L, c, &seconds);
  lua_settop(L, CONNECTION);
  lua_toclose(L, CONNECTION);
  net_query q = {.call = "connect", .host = HOST, .extra = ATTEMPTS};
  q.seconds = seconds;
  q.may_wait = 1;
  q.then = net_connect_start;
  return net_resolver_addresses(L, q, family);
}

const luaL_Reg net_connect_methods[] = {
    {"__close", connection___close},
    {"__gc", connection___close},
    {NULL, NULL},
};

const luaL_Reg net_connect_functions[] = {
    {"connect", net_connect},
    {NULL, NULL},
};
