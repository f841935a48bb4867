/* SPDX-License-Identifier: MIT
 *
 * sock.c: a socket, from socket(2) to close(2), as an object with methods of
 * the man pages' names. The descriptor never blocks; where the call should,
 * the task waits for the loop instead.
 *
 * Each method returns what its system call gives (or the socket itself), or
 * nil, message, code. On a closed socket that is "EBADF", in a call that was
 * waiting when the socket was closed "ECANCELED", and "EBUSY" where another
 * task is in the middle of a call of the same direction.
 */
#include "socket/sock.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/classes.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/wait.h"
#include "os/counters.h"
#include "os/os.h"
#include "socket/family.h"
#include "socket/option.h"
#include "socket/pollset.h"
#include "socket/resolver.h"

const char net_sock_mark = 0;

enum { NAP = 10, PAUSE = 100 }; /* ms, before a call is tried again */
enum { ACCEPTS = 64 };          /* that fail in a row, before others */

/* The socket that a method was called on; raises for anything else. */
net_sock *net_sock_check(lua_State *L) {
  net_sock *s = net_sock_at(L, 1);
  return s ? s : luaL_checkudata(L, 1, NET_SOCK);
}

/* nil, message, code of a failed call, which names the peer if one is known. */
int net_sock_err(lua_State *L, const net_sock *s, const char *call, int code) {
  char peer_text[NET_PEER_TEXT];
  return net_error(L, call, net_addr_peer_text(&s->peer, peer_text), code);
}

/* 0, or the results of a call that cannot be made now. */
int net_sock_busy_or_closed(lua_State *L, net_sock *s, const char *call,
                            int dir) {
  if (s->fd < 0) return net_sock_err(L, s, call, EBADF);
  if (dir == NET_EITHER) return 0;
  if (s->engine) return net_sock_err(L, s, call, EBUSY);
  if (net_watcher_busy(L, &s->poll, dir) ||
      (dir == NET_WRITE && net_resolver_waiter(net_loop_get(L), s)))
    return net_sock_err(L, s, call, EBUSY);
  return 0;
}

/* Makes a call that may wait, as long as the socket's time-out says. */
int net_sock_start(lua_State *L, net_sock *s, const char *call, int dir,
                   net_step step) {
  int refused = net_sock_busy_or_closed(L, s, call, dir);
  if (refused) return refused;
  net_loop_begin(L, call, s->timeout);
  return net_loop_await(L, step);
}

/* After a system call has failed: waits where it would have, or returns the
 * error's results. A time-out has had its last try by now. */
int net_sock_retry_or_fail(lua_State *L, net_sock *s, const char *call, int dir,
                           net_wake wake) {
  int code = errno;
  if (s->fd < 0) {
    code = ECANCELED; /* closed while the call waited */
  } else if ((code == EAGAIN || code == EWOULDBLOCK) && s->timeout != 0) {
    /* A UNIX datagram socket can always be written, says poll(2), however
     * full the receiver is. */
    int silent =
        s->family == AF_UNIX && s->type == SOCK_DGRAM && dir == NET_WRITE;
    if (wake != NET_TIMEOUT && silent)
      return net_wait_retry_after(L, NULL, NAP);
    if (wake != NET_TIMEOUT) return net_watcher_wait(L, &s->poll, s->fd, dir);
    code = ETIMEDOUT;
  } else if (net_os_errno_is_shortage(code) && s->type == SOCK_STREAM &&
             s->timeout != 0 && wake != NET_TIMEOUT) {
    return net_wait_retry_after(L, &s->poll.queue[dir],
                                NAP); /* nothing is lost */
  }
  return net_sock_err(L, s, call, code);
}

/* Puts the address that the arguments name (host and port, or a path) on top
 * of the stack and goes on with `then`, which may wait itself or may not. */
int net_sock_address(lua_State *L, net_sock *s, int arg, const char *call,
                     net_step then, int waits) {
  if (s->family != AF_UNIX) {
    lua_settop(L, arg + 1);
    return net_resolver_addresses(L,
                                  (net_query){.call = call,
                                              .host = arg,
                                              .seconds = s->timeout,
                                              .may_wait = waits,
                                              .then = then},
                                  s->family);
  }
  size_t len;
  net_addr a;
  const char *path = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, len > 0 && (path[0] == '\0' || strlen(path) == len), arg,
                "path is empty or contains a NUL byte");
  luaL_argcheck(L, net_addr_path(&a, path, len), arg, "path is too long");
  lua_settop(L, arg);
  if (waits) net_loop_begin(L, call, s->timeout);
  lua_pushlstring(L, (char *)&a, sizeof a);
  return net_loop_await(L, then);
}

static const net_addr *top_address(lua_State *L) {
  return (const net_addr *)lua_tostring(L, -1);
}

/* Pushes a socket that has no descriptor yet. */
net_sock *net_sock_new(lua_State *L, int family, int type) {
  net_sock *s = lua_newuserdatauv(L, sizeof *s, 0);
  *s = (net_sock){.mark = &net_sock_mark, .fd = -1, .timeout = -1};
  s->family = family;
  s->type = type;
  net_watcher_init(&s->poll);
  luaL_setmetatable(L, NET_SOCK);
  return s;
}

/* Returns a new non-blocking descriptor, or -1 and errno. */
int net_sock_open(int family, int type) {
  return NET_CALL(net_os_socket(family, type));
}

/* net.socket(family, type) -> sock                                 socket(2) */
static int net_socket(lua_State *L) {
  int family = net_args_constant(L, 1, "inet", net_families);
  int type = net_args_constant(L, 2, "stream", net_types);
  net_sock *s = net_sock_new(L, family, type);
  s->fd = net_sock_open(family, type);
  return s->fd < 0 ? net_error(L, "socket", NULL, errno) : 1;
}

/* net.socketpair(family, type) -> sock, sock                   socketpair(2) */
static int net_socketpair(lua_State *L) {
  int family = net_args_constant(L, 1, "unix", net_families);
  int type = net_args_constant(L, 2, "stream", net_types), fds[2];
  net_sock *a = net_sock_new(L, family, type),
           *b = net_sock_new(L, family, type);
  if (NET_CALL(net_os_socketpair(family, type, fds)))
    return net_error(L, "socketpair", NULL, errno);
  a->fd = fds[0];
  b->fd = fds[1];
  return 2;
}

static int sock_bindk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, 1);
  const net_addr *a = top_address(L);
  char peer_text[NET_PEER_TEXT];
  (void)wake;
  if (s->fd < 0) return net_sock_err(L, s, "bind", ECANCELED);
  if (NET_CALL(bind(s->fd, &a->u.sa, a->len)))
    return net_error(L, "bind", net_addr_text(a, peer_text), errno);
  lua_pushvalue(L, 1);
  return 1;
}

/* sock:bind(host, port) -> sock                                      bind(2) */
static int sock_bind(lua_State *L) {
  net_sock *s = net_sock_check(L);
  int refused = net_sock_busy_or_closed(L, s, "bind", NET_WRITE);
  if (refused) return refused;
  return net_sock_address(L, s, 2, "bind", sock_bindk, 0);
}

/* sock:listen(backlog) -> sock                                     listen(2) */
static int sock_listen(lua_State *L) {
  net_sock *s = net_sock_check(L);
  lua_Integer backlog = luaL_optinteger(L, 2, 128);
  luaL_argcheck(L, backlog >= 0 && backlog <= INT_MAX, 2, "not a backlog");
  int refused = net_sock_busy_or_closed(L, s, "listen", NET_EITHER);
  if (refused) return refused;
  if (NET_CALL(listen(s->fd, (int)backlog)))
    return net_sock_err(L, s, "listen", errno);
  lua_settop(L, 1);
  return 1;
}

static int accept_once(int fd, net_addr *a) {
  a->len = sizeof a->u;
  return net_os_accept(fd, &a->u.sa, &a->len);
}

/* No client was accepted. Where we have no descriptor for one, those who wait
 * see a close; where the system has nothing left, we ask again in a while. A
 * socket that never waits is told, and one client a call refused. */
static int accept_failed(lua_State *L, net_sock *s, net_wake wake) {
  int code = errno, waits = s->timeout != 0 && wake != NET_TIMEOUT;
  int lacks = code == EMFILE || code == ENFILE;
  int spent =
      net_os_errno_is_shortage(code) || net_os_accept_is_transient(code);
  if (lacks) {
    int left = waits ? ACCEPTS : 1, *emfile_fd = &net_loop_get(L)->emfile_fd;
    while (left > 0 && net_os_accept_and_close(s->fd, emfile_fd)) left--;
    if (left > 0 && errno == EAGAIN) code = EAGAIN;
  }
  if (waits && code != EAGAIN && (lacks || spent))
    return net_wait_retry_after(L, NULL, PAUSE);
  errno = code;
  return net_sock_retry_or_fail(L, s, "accept", NET_READ, wake);
}

/* The new socket's object exists before accept(2) is called, so that running
 * out of memory cannot lose a connection that was accepted. */
static int sock_acceptk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, 1), *client = lua_touserdata(L, 2);
  net_addr a;
  int left = ACCEPTS;
  do client->fd = NET_CALL(accept_once(s->fd, &a));
  while (client->fd < 0 && net_os_accept_is_transient(errno) && --left > 0);
  if (client->fd < 0) return accept_failed(L, s, wake);
  net_addr_pack(&client->peer, &a);
  client->lingers = s->lingers; /* the kernel hands that on */
  lua_settop(L, 2);
  return 1 + net_addr_push(L, &a);
}

/* sock:accept() -> sock, host, port                                accept(2) */
static int sock_accept(lua_State *L) {
  net_sock *s = net_sock_check(L);
  lua_settop(L, 1);
  net_sock_new(L, s->family, s->type);
  return net_sock_start(L, s, "accept", NET_READ, sock_acceptk);
}

/* What has become of a connection that was waited for: an errno, or 0. */
static int connect_result(net_sock *s, net_wake wake) {
  net_addr peer = {.len = sizeof peer.u};
  int err = net_option_error(s->fd); /* an event says only that it is over */
  if (err || wake != NET_TIMEOUT) return err;
  return NET_CALL(getpeername(s->fd, &peer.u.sa, &peer.len)) ? ETIMEDOUT : 0;
}

static int sock_connectk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, 1);
  const net_addr *a = top_address(L);
  char peer_text[NET_PEER_TEXT];
  int err = 0;
  if (s->fd < 0)
    err = ECANCELED;
  else if (wake != NET_START && s->family != AF_UNIX)
    err = connect_result(s, wake);
  else if (NET_CALL(connect(s->fd, &a->u.sa, a->len)))
    err = errno == EINTR ? EINPROGRESS : errno;
  if ((err == EINPROGRESS || err == EALREADY) && s->timeout != 0)
    return net_watcher_wait(L, &s->poll, s->fd, NET_WRITE);
  /* A full UNIX listener: poll(2) will not say when its backlog has room. */
  if (err == EAGAIN && s->family == AF_UNIX && s->timeout != 0) {
    if (wake != NET_TIMEOUT) return net_wait_retry_after(L, NULL, NAP);
    err = ETIMEDOUT;
  }
  if (err) return net_error(L, "connect", net_addr_text(a, peer_text), err);
  net_addr_pack(&s->peer, a);
  lua_pushvalue(L, 1);
  return 1;
}

/* sock:connect(host, port) -> sock                                connect(2) */
static int sock_connect(lua_State *L) {
  net_sock *s = net_sock_check(L);
  int refused = net_sock_busy_or_closed(L, s, "connect", NET_WRITE);
  if (refused) return refused;
  return net_sock_address(L, s, 2, "connect", sock_connectk, 1);
}

/* sock:shutdown(how) -> sock                                     shutdown(2) */
static int sock_shutdown(lua_State *L) {
  static const net_constant ways[] = {{"SHUT_RD", SHUT_RD},
                                      {"SHUT_WR", SHUT_WR},
                                      {"SHUT_RDWR", SHUT_RDWR},
                                      {NULL, 0}};
  net_sock *s = net_sock_check(L);
  int how = net_args_constant(L, 2, NULL, ways);
  int refused = net_sock_busy_or_closed(L, s, "shutdown", NET_EITHER);
  if (refused) return refused;
  if (s->engine) return net_sock_err(L, s, "shutdown", EBUSY);
  if (NET_CALL(shutdown(s->fd, how)))
    return net_sock_err(L, s, "shutdown", errno);
  lua_settop(L, 1);
  return 1;
}

static void on_close(uv_fs_t *req) {
  uv_fs_req_cleanup(req);
  free(req);
}

/* close(2) waits for unsent bytes when SO_LINGER has a time, even on a
 * non-blocking descriptor: then a thread of libuv's pool makes the call. */
static void close_fd(lua_State *L, net_sock *s) {
  uv_fs_t *req = NULL;
  if (s->lingers && NET_CALL(net_os_lingers(s->fd))) req = malloc(sizeof *req);
  if (req == NULL)
    close(s->fd);
  else
    uv_fs_close(&net_loop_get(L)->uv, req, s->fd, on_close);
}

/* sock:close() -> true                                              close(2) */
static int sock_close(lua_State *L) {
  net_sock *s = net_sock_check(L);
  if (s->fd >= 0) {
    net_watcher_close(&s->poll);
    net_wait *lookup = net_resolver_waiter(net_loop_get(L), s);
    if (lookup) net_wait_ready(lookup, NET_CANCELED);
    if (s->engine) net_watcher_close(s->engine);
    net_pollset_fd_closing(net_loop_get(L), s->fd);
    NET_CALL(close_fd(L, s));
    s->fd = -1;
    free(s->in);
    s->in = NULL;
    free(s->peer.path);
    s->peer = (net_peer){0};
    s->start = s->end = s->size = 0;
  }
  lua_pushboolean(L, 1);
  return 1;
}

const luaL_Reg net_sock_methods[] = {
    {"bind", sock_bind},
    {"listen", sock_listen},
    {"accept", sock_accept},
    {"connect", sock_connect},
    {"shutdown", sock_shutdown},
    {"close", sock_close},
    {"__close", sock_close},
    {"__gc", sock_close},
    {NULL, NULL},
};

const luaL_Reg net_sock_functions[] = {
    {"socket", net_socket},
    {"socketpair", net_socketpair},
    {NULL, NULL},
};
