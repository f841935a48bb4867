/* SPDX-License-Identifier: MIT
 *
 * select.c: net.select: which of many sockets are ready.
 */
#include <errno.h>
#include <poll.h>

#include "core/args.h"
#include "core/classes.h"
#include "core/deadline.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/wait.h"
#include "os/counters.h"
#include "socket/pollset.h"
#include "socket/stream.h"

enum { READERS = 1, WRITERS, TIMEOUT, READABLE, WRITABLE, POLLSET };

/* Sockets in one poll(2), whose limit is RLIMIT_NOFILE. The lists may be
 * longer, since they may name a socket twice. */
enum { BATCH = 64 };

/* Replaces a list of sockets, or nil, by a copy: the caller may change its own
 * during the wait. */
static void copy_list(lua_State *L, int arg) {
  if (!lua_isnil(L, arg)) luaL_checktype(L, arg, LUA_TTABLE);
  lua_Integer n = lua_istable(L, arg) ? (lua_Integer)lua_rawlen(L, arg) : 0;
  lua_newtable(L);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, arg, i);
    if (luaL_testudata(L, -1, NET_SOCK) == NULL)
      luaL_argerror(L, arg,
                    lua_pushfstring(L, "[%I]: a socket expected, got %s",
                                    (LUAI_UACINT)i, luaL_typename(L, -1)));
    lua_rawseti(L, -2, i);
  }
  lua_replace(L, arg);
}

static net_sock *sock_at(lua_State *L, int list, lua_Integer i) {
  lua_rawgeti(L, list, i);
  net_sock *s = lua_touserdata(L, -1);
  lua_pop(L, 1); /* the list keeps it */
  return s;
}

/* Returns the results of a failure with one of the sockets. */
static net_outcome fail(lua_State *L, int list, lua_Integer i, int code) {
  const char *name = list == READERS ? "readers" : "writers";
  const char *subject = lua_pushfstring(L, "%s[%I]", name, (LUAI_UACINT)i);
  return net_error(L, "select", subject, code);
}

/* Returns NET_PROCEED, or the results if a socket is closed (the code is then
 * `closed`) or in use by an engine. */
static net_outcome busy_or_closed(lua_State *L, int list, int closed) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, list);
  for (lua_Integer i = 1; i <= n; i++) {
    const net_sock *s = sock_at(L, list, i);
    if (s->fd < 0) return fail(L, list, i, closed);
    if (s->engine) return fail(L, list, i, EBUSY);
  }
  return NET_PROCEED;
}

/* Appends the ready ones of n sockets, from `first` on, to the list of results.
 * Bytes that recv_line has left in a socket's buffer make it readable as well.
 * Returns false and errno on failure. */
static int check_batch(lua_State *L, int list, lua_Integer first, nfds_t n) {
  struct pollfd fds[BATCH];
  int ready, to = list == READERS ? READABLE : WRITABLE;
  short event = list == READERS ? POLLIN : POLLOUT;
  for (nfds_t i = 0; i < n; i++)
    fds[i] =
        (struct pollfd){sock_at(L, list, first + (lua_Integer)i)->fd, event, 0};
  NET_RETRY(ready, poll(fds, n, 0));
  if (ready < 0) return 0;
  for (nfds_t i = 0; i < n; i++) {
    const net_sock *s = sock_at(L, list, first + (lua_Integer)i);
    int buffered = list == READERS && net_stream_buffered(s) > 0;
    if (fds[i].revents == 0 && !buffered) continue;
    lua_rawgeti(L, list, first + (lua_Integer)i);
    lua_rawseti(L, to, (lua_Integer)lua_rawlen(L, to) + 1);
  }
  return 1;
}

static int check_list(lua_State *L, int list) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, list);
  for (lua_Integer i = 1; i <= n; i += BATCH) {
    lua_Integer left = n - i + 1;
    if (!check_batch(L, list, i, left < BATCH ? (nfds_t)left : BATCH)) return 0;
  }
  return 1;
}

static int is_any_ready(lua_State *L) {
  return lua_rawlen(L, READABLE) > 0 || lua_rawlen(L, WRITABLE) > 0;
}

/* Adds the sockets of a list. Returns NET_PROCEED, or the failure. */
static net_outcome add_list(lua_State *L, net_pollset *p, int list) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, list);
  for (lua_Integer i = 1; i <= n; i++) {
    int err = net_pollset_add(p, sock_at(L, list, i)->fd);
    if (err) return fail(L, list, i, err);
  }
  return NET_PROCEED;
}

/* Waits until a socket becomes ready. The first wait makes the pollset. */
static net_outcome select_wait(lua_State *L) {
  if (lua_rawlen(L, READERS) + lua_rawlen(L, WRITERS) == 0)
    return net_wait_on(L, NULL);
  if (lua_gettop(L) >= POLLSET)
    return net_pollset_wait(L, lua_touserdata(L, POLLSET));
  net_pollset *p = net_pollset_open(L);
  if (p == NULL) return net_error(L, "select", NULL, errno);
  net_pollset_notify_close(L, p);
  net_outcome outcome = add_list(L, p, READERS);
  if (outcome == NET_PROCEED) outcome = add_list(L, p, WRITERS);
  return outcome == NET_PROCEED ? net_pollset_wait(L, p) : outcome;
}

static net_outcome net_selectk(lua_State *L, net_wake wake) {
  int closed = wake == NET_START ? EBADF : ECANCELED;
  net_outcome outcome = busy_or_closed(L, READERS, closed);
  if (outcome == NET_PROCEED) outcome = busy_or_closed(L, WRITERS, closed);
  if (outcome != NET_PROCEED) return outcome;
  if (lua_gettop(L) >= POLLSET) net_pollset_clear(lua_touserdata(L, POLLSET));
  if (!check_list(L, READERS) || !check_list(L, WRITERS))
    return net_error(L, "select", NULL, errno);
  int never = !lua_isnil(L, TIMEOUT) && lua_tonumber(L, TIMEOUT) == 0;
  if (!is_any_ready(L) && !never) {
    if (net_deadline_passed(net_loop_get(L)))
      return net_error(L, "select", NULL, ETIMEDOUT);
    if (wake != NET_TIMEOUT) return select_wait(L);
  }
  lua_pushvalue(L, READABLE);
  lua_pushvalue(L, WRITABLE);
  return 2;
}

/* net.select(readers, writers, timeout) -> readable, writable      select(2) */
static int net_select(lua_State *L) {
  lua_settop(L, TIMEOUT);
  copy_list(L, READERS);
  copy_list(L, WRITERS);
  double seconds = lua_isnil(L, TIMEOUT) ? -1 : net_args_seconds(L, TIMEOUT);
  lua_newtable(L); /* READABLE */
  lua_newtable(L); /* WRITABLE */
  net_loop_begin(L, "select", seconds);
  return net_loop_await(L, net_selectk);
}

const luaL_Reg net_select_functions[] = {
    {"select", net_select},
    {NULL, NULL},
};
