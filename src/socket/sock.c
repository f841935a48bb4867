/* SPDX-License-Identifier: MIT
 *
 * sock.c: a socket, from socket(2) to close(2), as an object whose methods have
 * the names of the system calls. The descriptor never blocks; where the call
 * would, its task waits for the loop instead.
 *
 * Each method returns the result of its system call (or the socket itself), or
 * nil, message, code. The code is "EBADF" on a closed socket, "ECANCELED" if
 * the socket was closed while the call waited, and "EBUSY" while another task
 * is in a call of the same direction.
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
#include "socket/stream.h"

const char net_sock_mark = 0;

/* Stack slots of the methods. */
enum { SOCK = 1, CLIENT, HOST = 2 };

enum { NAP = 10, PAUSE = 100 }; /* ms before a call is tried again */
enum { ACCEPTS = 64 };          /* that may fail before other tasks run */

/* Returns the socket that a method is called on; raises for anything else. */
net_sock *net_sock_check(lua_State *L) {
  net_sock *s = net_sock_at(L, SOCK);
  return s ? s : luaL_checkudata(L, SOCK, NET_SOCK);
}

/* Returns the results of a failed call, which name the peer if it is known. */
int net_sock_error(lua_State *L, const net_sock *s, const char *call,
                   int code) {
  char text[NET_ADDR_TEXT];
  return net_error(L, call, net_addr_peer_text(&s->peer, text), code);
}

/* Returns NET_PROCEED, or the results of a call that cannot be made now. */
net_outcome net_sock_busy_or_closed(lua_State *L, const net_sock *s,
                                    const char *call, int dir) {
  if (s->fd < 0) return net_sock_error(L, s, call, EBADF);
  if (s->engine || net_watcher_busy(L, &s->watcher, dir) ||
      (dir == NET_WRITE && net_resolver_waiter(net_loop_get(L), s)))
    return net_sock_error(L, s, call, EBUSY);
  return NET_PROCEED;
}

/* Makes a call that may wait as long as the socket's timeout. */
net_outcome net_sock_start(lua_State *L, net_sock *s, const char *call, int dir,
                           net_step step) {
  net_outcome outcome = net_sock_busy_or_closed(L, s, call, dir);
  if (outcome != NET_PROCEED) return outcome;
  net_loop_begin(L, call, s->timeout);
  return net_loop_await(L, step);
}

typedef enum {
  FAILED,
  CLOSED,
  TIMED_OUT,
  NOT_READY,
  PEER_FULL,
  SHORTAGE
} cause;

/* Returns why a system call has failed with this errno. */
static cause classify(const net_sock *s, int code, int dir, net_wake wake) {
  if (s->fd < 0) return CLOSED;
  if (s->timeout == 0) return FAILED;
  if (code == EAGAIN || code == EWOULDBLOCK) {
    if (wake == NET_TIMEOUT) return TIMED_OUT;
    /* poll(2) reports a UNIX datagram socket as writable even if the receiver
     * is full. */
    int unix_dgram = s->family == AF_UNIX && s->type == SOCK_DGRAM;
    return unix_dgram && dir == NET_WRITE ? PEER_FULL : NOT_READY;
  }
  int lossless = s->type == SOCK_STREAM && wake != NET_TIMEOUT;
  return lossless && net_os_errno_is_shortage(code) ? SHORTAGE : FAILED;
}

/* After a system call has failed: waits if the call should block, otherwise
 * returns the results of the failure. After a timeout the call is not tried
 * again. */
net_outcome net_sock_retry_or_fail(lua_State *L, net_sock *s, const char *call,
                                   int dir, net_wake wake) {
  int code = errno;
  switch (classify(s, code, dir, wake)) {
  case NOT_READY:
    return net_watcher_wait(L, &s->watcher, s->fd, dir);
  case PEER_FULL:
    return net_wait_retry_after(L, NULL, NAP);
  case SHORTAGE:
    return net_wait_retry_after(L, &s->watcher.queue[dir], NAP);
  case TIMED_OUT:
    return net_sock_error(L, s, call, ETIMEDOUT);
  case CLOSED:
    return net_sock_error(L, s, call, ECANCELED);
  case FAILED:
    break;
  }
  return net_sock_error(L, s, call, code);
}

/* Pushes the address of the path at `arg`. */
static void push_path(lua_State *L, int arg) {
  size_t len;
  net_addr a;
  const char *path = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, len > 0 && (path[0] == '\0' || strlen(path) == len), arg,
                "path is empty or contains a NUL byte");
  luaL_argcheck(L, net_addr_path(&a, path, len), arg, "path is too long");
  lua_settop(L, arg);
  lua_pushlstring(L, (char *)&a, sizeof a);
}

/* Pushes the address that the arguments name, host and port or a path, and goes
 * on with `then`, which may wait or must not. */
net_outcome net_sock_address(lua_State *L, net_sock *s, int arg,
                             const char *call, net_step then, int may_wait) {
  net_query q = {.call = call, .host = arg, .then = then};
  q.seconds = s->timeout;
  q.may_wait = may_wait;
  if (s->family != AF_UNIX) {
    lua_settop(L, arg + 1);
    return net_resolver_addresses(L, q, s->family);
  }
  push_path(L, arg);
  if (may_wait) net_loop_begin(L, call, s->timeout);
  return net_loop_await(L, then);
}

/* Pushes a socket without a descriptor. */
net_sock *net_sock_new(lua_State *L, int family, int type) {
  net_sock *s = lua_newuserdatauv(L, sizeof *s, 0);
  *s = (net_sock){.mark = &net_sock_mark, .fd = -1, .timeout = -1};
  s->family = family;
  s->type = type;
  net_watcher_init(&s->watcher);
  luaL_setmetatable(L, NET_SOCK);
  return s;
}

/* net.socket(family, type) -> sock                                 socket(2) */
static int net_socket(lua_State *L) {
  int family = net_args_constant(L, 1, "inet", net_families);
  int type = net_args_constant(L, 2, "stream", net_types);
  net_sock *s = net_sock_new(L, family, type);
  s->fd = NET_CALL(net_os_socket(family, type));
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

static net_outcome sock_bindk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, SOCK);
  const net_addr *a = net_addr_top(L);
  (void)wake;
  if (s->fd < 0) return net_sock_error(L, s, "bind", ECANCELED);
  if (NET_CALL(bind(s->fd, &a->u.sa, a->len)))
    return net_addr_error(L, "bind", a, errno);
  lua_pushvalue(L, SOCK);
  return 1;
}

/* sock:bind(host, port) -> sock                                      bind(2) */
static int sock_bind(lua_State *L) {
  net_sock *s = net_sock_check(L);
  net_outcome outcome = net_sock_busy_or_closed(L, s, "bind", NET_WRITE);
  if (outcome != NET_PROCEED) return outcome;
  return net_sock_address(L, s, HOST, "bind", sock_bindk, 0);
}

/* sock:listen(backlog) -> sock                                     listen(2) */
static int sock_listen(lua_State *L) {
  net_sock *s = net_sock_check(L);
  lua_Integer backlog = luaL_optinteger(L, 2, 128);
  luaL_argcheck(L, backlog >= 0 && backlog <= INT_MAX, 2,
                "backlog not in 0..2147483647");
  if (s->fd < 0) return net_sock_error(L, s, "listen", EBADF);
  if (NET_CALL(listen(s->fd, (int)backlog)))
    return net_sock_error(L, s, "listen", errno);
  lua_settop(L, SOCK);
  return 1;
}

/* No descriptor is left: closes up to `most` clients, so that they do not wait
 * in vain. Returns EAGAIN if no client is left, otherwise `code`. */
static int turn_away(lua_State *L, const net_sock *s, int most, int code) {
  int *emfile_fd = &net_loop_get(L)->emfile_fd;
  while (most > 0 && net_os_accept_and_close(s->fd, emfile_fd)) most--;
  return most > 0 && errno == EAGAIN ? EAGAIN : code;
}

/* After accept(2) has failed: a call that may wait tries again after PAUSE if
 * the system lacks something or the network is at fault. A call that may not
 * wait fails, and turns one client away if there is no descriptor for it. */
static net_outcome accept_failed(lua_State *L, net_sock *s, net_wake wake) {
  int code = errno, may_wait = s->timeout != 0 && wake != NET_TIMEOUT;
  int no_fd = code == EMFILE || code == ENFILE;
  int retry = no_fd || net_os_errno_is_shortage(code) ||
              net_os_accept_is_transient(code);
  if (no_fd) code = turn_away(L, s, may_wait ? ACCEPTS : 1, code);
  if (may_wait && retry && code != EAGAIN)
    return net_wait_retry_after(L, NULL, PAUSE);
  errno = code;
  return net_sock_retry_or_fail(L, s, "accept", NET_READ, wake);
}

static int accept_once(int fd, net_addr *a) {
  a->len = sizeof a->u;
  return net_os_accept(fd, &a->u.sa, &a->len);
}

/* CLIENT exists before accept(2) is called, so that running out of memory loses
 * no accepted connection. */
static net_outcome sock_acceptk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, SOCK), *client = lua_touserdata(L, CLIENT);
  net_addr a;
  int left = ACCEPTS;
  do client->fd = NET_CALL(accept_once(s->fd, &a));
  while (client->fd < 0 && net_os_accept_is_transient(errno) && --left > 0);
  if (client->fd < 0) return accept_failed(L, s, wake);
  net_addr_pack(&client->peer, &a);
  client->lingers = s->lingers; /* accept(2) inherits SO_LINGER */
  lua_settop(L, CLIENT);
  return 1 + net_addr_push(L, &a);
}

/* sock:accept() -> sock, host, port                                accept(2) */
static int sock_accept(lua_State *L) {
  net_sock *s = net_sock_check(L);
  lua_settop(L, SOCK);
  net_sock_new(L, s->family, s->type);
  return net_sock_start(L, s, "accept", NET_READ, sock_acceptk);
}

/* Returns the result of a connect(2) that was waited for: 0 or an errno. */
static int connect_result(net_sock *s, net_wake wake) {
  net_addr peer = {.len = sizeof peer.u};
  int err = net_option_error(s->fd); /* the event says only that it has ended */
  if (err || wake != NET_TIMEOUT) return err;
  return NET_CALL(getpeername(s->fd, &peer.u.sa, &peer.len)) ? ETIMEDOUT : 0;
}

/* Returns 0 or an errno, such as EINPROGRESS. */
static int connect_once(net_sock *s, const net_addr *a, net_wake wake) {
  if (s->fd < 0) return ECANCELED;
  if (wake != NET_START && s->family != AF_UNIX) return connect_result(s, wake);
  if (NET_CALL(connect(s->fd, &a->u.sa, a->len)) == 0) return 0;
  return errno == EINTR ? EINPROGRESS : errno;
}

static net_outcome sock_connectk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, SOCK);
  const net_addr *a = net_addr_top(L);
  int err = connect_once(s, a, wake), may_wait = s->timeout != 0;
  if (may_wait && (err == EINPROGRESS || err == EALREADY))
    return net_watcher_wait(L, &s->watcher, s->fd, NET_WRITE);
  /* poll(2) does not report when the backlog of a UNIX listener has room. */
  if (may_wait && err == EAGAIN && s->family == AF_UNIX) {
    if (wake != NET_TIMEOUT) return net_wait_retry_after(L, NULL, NAP);
    err = ETIMEDOUT;
  }
  if (err) return net_addr_error(L, "connect", a, err);
  net_addr_pack(&s->peer, a);
  lua_pushvalue(L, SOCK);
  return 1;
}

/* sock:connect(host, port) -> sock                                connect(2) */
static int sock_connect(lua_State *L) {
  net_sock *s = net_sock_check(L);
  net_outcome outcome = net_sock_busy_or_closed(L, s, "connect", NET_WRITE);
  if (outcome != NET_PROCEED) return outcome;
  return net_sock_address(L, s, HOST, "connect", sock_connectk, 1);
}

/* sock:shutdown(how) -> sock                                     shutdown(2) */
static int sock_shutdown(lua_State *L) {
  static const net_constant ways[] = {{"SHUT_RD", SHUT_RD},
                                      {"SHUT_WR", SHUT_WR},
                                      {"SHUT_RDWR", SHUT_RDWR},
                                      {NULL, 0}};
  net_sock *s = net_sock_check(L);
  int how = net_args_constant(L, 2, NULL, ways);
  if (s->fd < 0) return net_sock_error(L, s, "shutdown", EBADF);
  if (s->engine) return net_sock_error(L, s, "shutdown", EBUSY);
  if (NET_CALL(shutdown(s->fd, how)))
    return net_sock_error(L, s, "shutdown", errno);
  lua_settop(L, SOCK);
  return 1;
}

static void on_close(uv_fs_t *req) {
  uv_fs_req_cleanup(req);
  free(req);
}

/* Closes the descriptor. With SO_LINGER, close(2) may block until the unsent
 * bytes are sent, even on a non-blocking descriptor: a thread closes it
 * then. */
static void close_fd(lua_State *L, net_sock *s) {
  uv_fs_t *req = NULL;
  if (s->lingers && NET_CALL(net_os_lingers(s->fd))) req = malloc(sizeof *req);
  if (req == NULL)
    close(s->fd);
  else
    uv_fs_close(&net_loop_get(L)->uv, req, s->fd, on_close);
}

/* Ends the calls that wait for the socket. */
static void cancel_calls(net_loop *loop, net_sock *s) {
  net_watcher_close(&s->watcher);
  net_wait *lookup = net_resolver_waiter(loop, s);
  if (lookup) net_wait_ready(lookup, NET_CANCELED);
  if (s->engine) net_watcher_close(s->engine);
  net_pollset_fd_closing(loop, s->fd);
}

/* sock:close() -> true                                              close(2) */
static int sock_close(lua_State *L) {
  net_sock *s = net_sock_check(L);
  if (s->fd >= 0) {
    cancel_calls(net_loop_get(L), s);
    NET_CALL(close_fd(L, s));
    s->fd = -1;
    net_stream_free(s);
    free(s->peer.path);
    s->peer = (net_peer){0};
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
