/* SPDX-License-Identifier: MIT
 *
 * select.c: net.select: which of many sockets a call would not wait for.
 */
#include <errno.h>
#include <poll.h>

#include "core/classes.h"
#include "core/deadline.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/wait.h"
#include "os/counters.h"
#include "socket/pollset.h"
#include "socket/stream.h"

/* Where the call keeps things on its stack. The sockets are in lists of its
 * own: the caller's may change while it waits. */
enum { READERS = 1, WRITERS, TIMEOUT, READABLE, WRITABLE, GATHER };

/* For one poll(2), which takes no more than RLIMIT_NOFILE, and a socket may be
 * in the lists twice. */
enum { SOME = 64 };

/* Puts a list of its own in the place of the argument; nil is an empty one. */
static void check_list(lua_State *L, int arg) {
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

static int failed(lua_State *L, int list, lua_Integer i, int code) {
  const char *name = list == READERS ? "readers" : "writers";
  const char *peer_text = lua_pushfstring(L, "%s[%I]", name, (LUAI_UACINT)i);
  return net_error(L, "select", peer_text, code);
}

/* 0, or the results of a call that cannot be made with one of the sockets. */
static int refuse(lua_State *L, int list, int closed) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, list);
  for (lua_Integer i = 1; i <= n; i++) {
    const net_sock *s = sock_at(L, list, i);
    if (s->fd < 0) return failed(L, list, i, closed);
    if (s->engine) return failed(L, list, i, EBUSY);
  }
  return 0;
}

/* Appends to the list of results what is ready of n sockets from `first` on;
 * what recv_line has left in a socket's own buffer can be read, too. False:
 * errno says why it cannot be known. */
static int look_at(lua_State *L, int list, lua_Integer first, nfds_t n) {
  struct pollfd fds[SOME];
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

static int look(lua_State *L, int list) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, list);
  for (lua_Integer i = 1; i <= n; i += SOME) {
    lua_Integer left = n - i + 1;
    if (!look_at(L, list, i, left < SOME ? (nfds_t)left : SOME)) return 0;
  }
  return 1;
}

static int found(lua_State *L) {
  return lua_rawlen(L, READABLE) > 0 || lua_rawlen(L, WRITABLE) > 0;
}

/* Adds a list's sockets to the gather; 0, or the results of the failure. */
static int gather(lua_State *L, net_pollset *g, int list) {
  lua_Integer n = (lua_Integer)lua_rawlen(L, list);
  for (lua_Integer i = 1; i <= n; i++) {
    int err = net_pollset_add(g, sock_at(L, list, i)->fd);
    if (err) return failed(L, list, i, err);
  }
  return 0;
}

/* The first wait: whatever becomes ready after the look is gathered. */
static int select_wait(lua_State *L) {
  if (lua_rawlen(L, READERS) + lua_rawlen(L, WRITERS) == 0)
    return net_wait_on(L, NULL);
  if (lua_gettop(L) >= GATHER)
    return net_pollset_wait(L, lua_touserdata(L, GATHER));
  net_pollset *g = net_pollset_open(L);
  if (g == NULL) return net_error(L, "select", NULL, errno);
  net_pollset_notify_close(L, g);
  int results = gather(L, g, READERS);
  if (!results) results = gather(L, g, WRITERS);
  return results ? results : net_pollset_wait(L, g);
}

static int net_selectk(lua_State *L, net_wake wake) {
  int closed = wake == NET_START ? EBADF : ECANCELED;
  int refused = refuse(L, READERS, closed);
  if (!refused) refused = refuse(L, WRITERS, closed);
  if (refused) return refused;
  if (lua_gettop(L) >= GATHER) net_pollset_clear(lua_touserdata(L, GATHER));
  if (!look(L, READERS) || !look(L, WRITERS))
    return net_error(L, "select", NULL, errno);
  int never = !lua_isnil(L, TIMEOUT) && lua_tonumber(L, TIMEOUT) == 0;
  if (!found(L) && !never) {
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
  check_list(L, READERS);
  check_list(L, WRITERS);
  double seconds = lua_isnil(L, TIMEOUT) ? -1 : luaL_checknumber(L, TIMEOUT);
  luaL_argcheck(L, lua_isnil(L, TIMEOUT) || seconds >= 0, TIMEOUT,
                "seconds must not be negative");
  lua_newtable(L); /* READABLE */
  lua_newtable(L); /* WRITABLE */
  net_loop_begin(L, "select", seconds);
  return net_loop_await(L, net_selectk);
}

const luaL_Reg net_select_functions[] = {
    {"select", net_select},
    {NULL, NULL},
};
