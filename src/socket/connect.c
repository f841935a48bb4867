/* SPDX-License-Identifier: MIT
 *
 * dial.c: net.connect: a connection to a host by whichever of its addresses
 * answers first. RFC 8305 calls it happy eyeballs: a network that swallows one
 * family's packets costs its user a moment, and not the minutes until TCP
 * gives up.
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
#include "socket/family.h"
#include "socket/option.h"
#include "socket/pollset.h"
#include "socket/resolver.h"
#include "socket/sock.h"

/* Where the call keeps things on its stack. */
enum { HOST = 1, PORT, OPTIONS, ATTEMPTS, FAILURES, DIAL, GATHER };

static const uint64_t delay = 250000000; /* ns; RFC 8305, section 8 */

typedef struct attempt {
  net_addr addr;
  int fd; /* -1: it is over, or has not begun */
  uint64_t began;
} attempt;

typedef struct dial {
  attempt *list; /* of every address, in the order of their turns */
  int n, begun, open;
  int code;          /* of the last one that failed */
  uint64_t next;     /* when the next one may begin, ns of uv_hrtime */
  uint64_t deadline; /* of the call; 0: none */
  net_addr local[2]; /* to bind, of inet and inet6; no length: none */
  int nodelay;
} dial;

/* dial:__close(): however the call has ended, the other attempts do, too. */
static int dial___close(lua_State *L) {
  dial *d = luaL_checkudata(L, 1, NET_CONNECT);
  for (int i = 0; i < d->begun; i++)
    if (d->list[i].fd >= 0) close(d->list[i].fd);
  free(d->list);
  d->list = NULL;
  d->begun = 0;
  return 0;
}

/* Reads where the attempts shall come from. Returns the family that is left
 * of the one asked for. */
static int check_local(lua_State *L, dial *d, int family) {
  int type = lua_getfield(L, OPTIONS, "local_host");
  uint16_t port =
      (uint16_t)net_args_int(L, OPTIONS, "local_port", 0, 0, UINT16_MAX);
  size_t len = 0;
  const char *host = type == LUA_TNIL ? "" : lua_tolstring(L, -1, &len);
  if (type == LUA_TNIL && port == 0) return family;
  luaL_argcheck(L, host && strlen(host) == len, OPTIONS,
                "local_host: an address of this machine expected");
  int inet = net_addr_ip(&d->local[0], AF_INET, host, port);
  int inet6 = net_addr_ip(&d->local[1], AF_INET6, host, port);
  luaL_argcheck(L, inet || inet6, OPTIONS,
                "local_host: a numeric address, or \"localhost\", expected");
  luaL_argcheck(L, (inet || family != AF_INET) && (inet6 || family != AF_INET6),
                OPTIONS, "local_host is of the other family");
  if (inet && inet6) return family;
  return inet ? AF_INET : AF_INET6;
}

/* Reads the table of options; returns the family of addresses to look for. */
static int check_options(lua_State *L, dial *d, double *seconds) {
  *seconds = -1;
  if (lua_isnil(L, OPTIONS)) return AF_UNSPEC;
  luaL_checktype(L, OPTIONS, LUA_TTABLE);
  net_args_keys(L, OPTIONS, "|timeout|nodelay|local_host|local_port|family|");
  *seconds = net_args_number(L, OPTIONS, "timeout", -1, 1e9);
  d->deadline = net_deadline_after(*seconds);
  d->nodelay = net_args_flag(L, OPTIONS, "nodelay", 0);
  return check_local(
      L, d, net_args_choice(L, OPTIONS, "family", AF_UNSPEC, net_ip_families));
}

/* The first address from `at` on that is (not) of the family. */
static size_t find(const net_addr *addrs, size_t n, size_t at, int family,
                   int is) {
  while (at < n && (addrs[at].u.sa.sa_family == family) != is) at++;
  return at;
}

/* Lets the families take turns, beginning with the first one's: RFC 8305,
 * section 4. */
static void interleave(attempt *list, const net_addr *addrs, size_t n) {
  int family = addrs[0].u.sa.sa_family, turn = 0;
  size_t at[2] = {0, 0}; /* among those of that family, and of the other */
  for (size_t i = 0; i < n; i++, turn = !turn) {
    at[turn] = find(addrs, n, at[turn], family, !turn);
    if (at[turn] == n) { /* it has no more */
      turn = !turn;
      at[turn] = find(addrs, n, at[turn], family, !turn);
    }
    list[i] = (attempt){.addr = addrs[at[turn]++], .fd = -1};
  }
}

/* An attempt is over, in vain unless `code` is 0: its row says so. */
static void end(lua_State *L, dial *d, int i, int code) {
  attempt *a = &d->list[i];
  char peer_text[NET_ADDR_TEXT];
  if (a->fd >= 0) close(a->fd);
  a->fd = -1;
  lua_rawgeti(L, ATTEMPTS, i + 1);
  lua_pushnumber(L, (double)(uv_hrtime() - a->began) / 1e9);
  lua_setfield(L, -2, "seconds");
  if (code) {
    d->code = code;
    net_error_append(L, FAILURES, "connect", net_addr_text(&a->addr, peer_text),
                     code);
    lua_setfield(L, -4, "code"); /* row nil message code */
    lua_setfield(L, -3, "error");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static void fail(lua_State *L, dial *d, int i, int code) {
  if (d->list[i].fd >= 0) d->open--;
  end(L, d, i, code);
  if (i == d->begun - 1) d->next = 0; /* the next one at once */
}

/* This attempt has won: the others are over. Returns the call's results. */
static int win(lua_State *L, dial *d, int winner) {
  attempt *a = &d->list[winner];
  net_sock *s = net_sock_new(L, a->addr.u.sa.sa_family, SOCK_STREAM);
  s->fd = a->fd;
  a->fd = -1;
  net_addr_pack(&s->peer, &a->addr);
  end(L, d, winner, 0);
  for (int i = 0; i < d->begun; i++)
    if (d->list[i].fd >= 0) end(L, d, i, ECANCELED);
  lua_pushvalue(L, ATTEMPTS);
  return 2;
}

/* All have failed. */
static int lose(lua_State *L, dial *d, int code) {
  const char *host = lua_tostring(L, HOST);
  uint16_t port = net_addr_port(&d->list[0].addr);
  const char *peer_text = lua_pushfstring(
      L, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, (int)port);
  net_error_all(L, FAILURES, "connect", peer_text, code);
  lua_pushvalue(L, ATTEMPTS);
  return 4;
}

static int bind_local(const dial *d, const attempt *a) {
  const net_addr *local = &d->local[a->addr.u.sa.sa_family == AF_INET6];
  if (local->len == 0) return 0;
  if (net_addr_port(local)) /* which all attempts are to have */
    net_option_set_int(a->fd, SOL_SOCKET, SO_REUSEADDR, 1);
  return NET_CALL(bind(a->fd, &local->u.sa, local->len)) ? errno : 0;
}

/* Begins the next attempt: EINPROGRESS, or what has come of it already. */
static int begin(lua_State *L, dial *d) {
  attempt *a = &d->list[d->begun];
  a->began = uv_hrtime();
  lua_createtable(L, 0, 5);
  net_addr_push(L, &a->addr);
  lua_setfield(L, -3, "port");
  lua_setfield(L, -2, "host");
  lua_rawseti(L, ATTEMPTS, ++d->begun);
  a->fd = net_sock_open(a->addr.u.sa.sa_family, SOCK_STREAM);
  if (a->fd < 0) return errno;
  d->open++;
  int err = bind_local(d, a);
  if (!err && d->nodelay)
    err = net_option_set_int(a->fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (err) return err;
  if (NET_CALL(connect(a->fd, &a->addr.u.sa, a->addr.len)) == 0) return 0;
  if (errno != EINPROGRESS && errno != EINTR) return errno;
  err = net_pollset_add(lua_touserdata(L, GATHER), a->fd);
  d->next = uv_hrtime() + delay;
  return err ? err : EINPROGRESS;
}

/* What has become of an attempt: EINPROGRESS, another errno, or 0. */
static int result_of(const attempt *a) {
  net_addr peer = {.len = sizeof peer.u};
  int err = net_option_error(a->fd);
  if (err || NET_CALL(getpeername(a->fd, &peer.u.sa, &peer.len)) == 0)
    return err;
  return errno == ENOTCONN ? EINPROGRESS : errno;
}

/* Waits for an attempt to be over, the next one's turn or the deadline. */
static int dial_wait(lua_State *L, const dial *d) {
  uint64_t until = d->deadline, now = uv_hrtime();
  if (d->begun < d->n && (until == 0 || d->next < until)) until = d->next;
  double seconds = until > now ? (double)(until - now) / 1e9 : 0;
  net_wait_limit(net_wait_of(net_loop_get(L), L), until ? seconds : -1);
  return net_pollset_wait(L, lua_touserdata(L, GATHER));
}

static int net_connectk(lua_State *L, net_wake wake) {
  dial *d = lua_touserdata(L, DIAL);
  (void)wake; /* what there is to see says more */
  net_pollset_clear(lua_touserdata(L, GATHER));
  for (int i = 0; i < d->begun; i++) {
    int err = d->list[i].fd < 0 ? EINPROGRESS : result_of(&d->list[i]);
    if (err == 0) return win(L, d, i);
    if (err != EINPROGRESS) fail(L, d, i, err);
  }
  int late = (d->deadline && uv_hrtime() >= d->deadline) ||
             net_deadline_passed(net_loop_get(L));
  for (int i = 0; late && i < d->begun; i++)
    if (d->list[i].fd >= 0) fail(L, d, i, ETIMEDOUT);
  if (late) return lose(L, d, ETIMEDOUT);
  while (d->begun < d->n && uv_hrtime() >= d->next) {
    int err = begin(L, d);
    if (err == 0) return win(L, d, d->begun - 1);
    if (err != EINPROGRESS) fail(L, d, d->begun - 1, err);
  }
  return d->open ? dial_wait(L, d) : lose(L, d, d->code);
}

/* Finds the addresses on top of the stack, and puts the gather there. */
static int net_connect_start(lua_State *L, net_wake wake) {
  dial *d = lua_touserdata(L, DIAL);
  size_t len;
  const net_addr *addrs = (const net_addr *)lua_tolstring(L, -1, &len);
  size_t n = len / sizeof *addrs;
  (void)wake;
  d->list = calloc(n, sizeof *d->list);
  if (d->list == NULL) return luaL_error(L, "not enough memory");
  interleave(d->list, addrs, n);
  d->n = (int)n;
  lua_pop(L, 1);
  if (net_pollset_open(L) == NULL) return lose(L, d, errno);
  return net_loop_await(L, net_connectk);
}

/* net.connect(host, port, options) -> sock, attempts    connect(2), RFC 8305 */
static int net_connect(lua_State *L) {
  double seconds;
  lua_settop(L, OPTIONS);
  lua_newtable(L);        /* ATTEMPTS */
  lua_pushliteral(L, ""); /* FAILURES */
  dial *d = lua_newuserdatauv(L, sizeof *d, 0);
  *d = (dial){0};
  luaL_setmetatable(L, NET_CONNECT);
  int family = check_options(L, d, &seconds);
  lua_settop(L, DIAL);
  lua_toclose(L, DIAL);
  net_query q = {.call = "connect", .host = HOST, .extra = ATTEMPTS};
  q.seconds = seconds;
  q.may_wait = 1;
  q.then = net_connect_start;
  return net_resolver_addresses(L, q, family);
}

const luaL_Reg net_connect_methods[] = {
    {"__close", dial___close},
    {"__gc", dial___close},
    {NULL, NULL},
};

const luaL_Reg net_connect_functions[] = {
    {"connect", net_connect},
    {NULL, NULL},
};
