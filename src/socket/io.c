/* SPDX-License-Identifier: MIT
 *
 * io.c: sending and receiving, as the system calls do it. Bytes that a call of
 * stream.c has left in the socket's buffer come first.
 */
#include <errno.h>
#include <string.h>

#include "core/args.h"
#include "core/loop.h"
#include "core/tracer.h"
#include "os/counters.h"
#include "os/os.h"
#include "socket/buffer.h"
#include "socket/resolver.h"
#include "socket/stream.h"

/* Stack slots. */
enum { SOCK = 1 };                    /* of all methods */
enum { SIZE = 2, FLAG };              /* of recv and recvfrom */
enum { DATA = 2, FIRST, LAST, SENT }; /* of those that take a slice */
enum { HOST = 3 };                    /* of sendto */

static size_t min(size_t a, size_t b) {
  return a < b ? a : b;
}

/* Returns where recv(2) may put *size bytes: the loop's scratch buffer. If that
 * is too small, a stream gets fewer bytes; a datagram would be cut, so it gets
 * a buffer above the arguments, in the place of the one of an earlier try. */
static inline char *scratch(lua_State *L, const net_sock *s, size_t *size) {
  net_loop *loop = net_loop_get(L);
  if (*size > sizeof loop->scratch && s->type == SOCK_DGRAM) {
    lua_settop(L, FLAG);
    return lua_newuserdatauv(L, *size, 0);
  }
  *size = min(*size, sizeof loop->scratch);
  return loop->scratch;
}

/* Calls recv(2) for *size bytes, when the socket's own buffer is empty, and
 * sets *size to their number; for a datagram that was cut, to its full length.
 * Returns NET_PROCEED, or what the step is to return.
 *
 * A short read has emptied a stream, so the next call that may wait does so
 * before it calls recv(2). A UNIX stream may hold more: a read also ends where
 * the peer has passed a descriptor, see unix(7). */
static net_outcome receive(lua_State *L, net_sock *s, const char *call,
                           net_wake wake, int flags, char *bytes,
                           size_t *size) {
  ssize_t n;
  if (s->type == SOCK_DGRAM) flags |= NET_MSG_TRUNC;
  if (wake == NET_START && !(s->watcher.ready & NET_READABLE) &&
      s->timeout != 0)
    return net_watcher_wait(L, &s->watcher, s->fd, NET_READ);
  NET_RETRY(n, recv(s->fd, bytes, *size, flags));
  if (n < 0) return net_sock_retry_or_fail(L, s, call, NET_READ, wake);
  if (n == 0 && s->type == SOCK_STREAM)
    return net_sock_error(L, s, call, UV_EOF);
  if (!(flags & MSG_PEEK)) {
    if ((size_t)n < *size && s->type == SOCK_STREAM && s->family != AF_UNIX)
      net_watcher_exhausted(&s->watcher);
    net_count_add(&net_count_in, min((size_t)n, *size));
  }
  *size = (size_t)n;
  return NET_PROCEED;
}

/* Normalizes the arguments to (sock, size, flag): MSG_PEEK's name or nil. */
static void check_flag(lua_State *L) {
  static const net_constant flags[] = {{"MSG_PEEK", MSG_PEEK}, {NULL, 0}};
  lua_settop(L, FLAG);
  if (!lua_isnil(L, FLAG)) net_args_constant(L, FLAG, NULL, flags);
}

static int flag(lua_State *L) {
  return lua_isnil(L, FLAG) ? 0 : MSG_PEEK;
}

/* Pushes true for a datagram of more than `size` bytes. Returns the number of
 * values. */
static int push_cut(lua_State *L, size_t n, size_t size) {
  if (n > size) lua_pushboolean(L, 1);
  return n > size;
}

static net_outcome sock_recvk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, SOCK);
  size_t size = (size_t)lua_tointeger(L, SIZE);
  size_t n = min(net_stream_buffered(s), size);
  int flags = flag(L);
  if (n && !flags) return net_stream_consume(L, s, n, 0);
  if (n) {
    lua_pushlstring(L, s->in + s->start, n);
    return 1;
  }
  char *bytes = scratch(L, s, &size);
  n = size;
  net_outcome outcome = receive(L, s, "recv", wake, flags, bytes, &n);
  if (outcome != NET_PROCEED) return outcome;
  lua_pushlstring(L, bytes, min(n, size));
  return 1 + push_cut(L, n, size);
}

/* sock:recv(size, flag) -> data, cut                                 recv(2) */
static int sock_recv(lua_State *L) {
  net_sock *s = net_sock_check(L);
  net_args_size(L, SIZE);
  check_flag(L);
  return net_sock_start(L, s, "recv", NET_READ, sock_recvk);
}

static net_outcome sock_recv_intok(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, SOCK);
  size_t size;
  char *bytes = net_buffer_room(L, DATA, &size);
  size_t n = min(net_stream_buffered(s), size);
  if (n > 0) {
    memcpy(bytes, s->in + s->start, n);
    net_stream_drop(s, n);
  } else {
    n = size;
    net_outcome outcome = receive(L, s, "recv_into", wake, 0, bytes, &n);
    if (outcome != NET_PROCEED) return outcome;
  }
  lua_pushinteger(L, (lua_Integer)min(n, size));
  return 1 + push_cut(L, n, size);
}

/* sock:recv_into(buffer, first, last) -> count, cut                  recv(2) */
static int sock_recv_into(lua_State *L) {
  net_sock *s = net_sock_check(L);
  size_t size;
  lua_settop(L, LAST);
  net_buffer_room(L, DATA, &size);
  return net_sock_start(L, s, "recv_into", NET_READ, sock_recv_intok);
}

static net_outcome sock_recvfromk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, SOCK);
  size_t size = (size_t)lua_tointeger(L, SIZE);
  char *bytes = scratch(L, s, &size);
  net_addr a = {.len = sizeof a.u};
  int flags = flag(L) | NET_MSG_TRUNC;
  ssize_t n;
  NET_RETRY(n, recvfrom(s->fd, bytes, size, flags, &a.u.sa, &a.len));
  if (n < 0) return net_sock_retry_or_fail(L, s, "recvfrom", NET_READ, wake);
  if (!(flags & MSG_PEEK)) net_count_add(&net_count_in, min((size_t)n, size));
  lua_pushlstring(L, bytes, min((size_t)n, size));
  int results = 1 + net_addr_push(L, &a);
  return results + push_cut(L, (size_t)n, size);
}

/* sock:recvfrom(size, flag) -> data, host, port, cut             recvfrom(2) */
static int sock_recvfrom(lua_State *L) {
  net_sock *s = net_sock_check(L);
  luaL_argcheck(L, s->type == SOCK_DGRAM, SOCK, "a datagram socket expected");
  net_args_size(L, SIZE);
  check_flag(L);
  return net_sock_start(L, s, "recvfrom", NET_READ, sock_recvfromk);
}

static net_outcome sock_sendk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, SOCK);
  size_t len;
  const char *data = net_buffer_data(L, DATA, &len);
  ssize_t n;
  NET_RETRY(n, send(s->fd, data, len, MSG_NOSIGNAL));
  if (n < 0) return net_sock_retry_or_fail(L, s, "send", NET_WRITE, wake);
  net_count_add(&net_count_out, (size_t)n);
  lua_pushinteger(L, n);
  return 1;
}

/* sock:send(data, first, last) -> count                              send(2) */
static int sock_send(lua_State *L) {
  net_sock *s = net_sock_check(L);
  size_t len;
  lua_settop(L, LAST);
  net_buffer_data(L, DATA, &len);
  return net_sock_start(L, s, "send", NET_WRITE, sock_sendk);
}

/* After send(2) has failed when `sent` bytes were gone: a failure of sendall
 * returns their number as well, and the next try finds it in its slot. */
static net_outcome sendall_failed(lua_State *L, net_sock *s, net_wake wake,
                                  size_t sent) {
  int code = errno;
  lua_settop(L, LAST);
  lua_pushinteger(L, (lua_Integer)sent);
  errno = code;
  net_outcome outcome =
      net_sock_retry_or_fail(L, s, "sendall", NET_WRITE, wake);
  if (outcome == NET_WAIT) return NET_WAIT;
  lua_pushvalue(L, SENT);
  return outcome + 1;
}

static net_outcome sock_sendallk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, SOCK);
  size_t len, sent = wake == NET_START ? 0 : (size_t)lua_tointeger(L, SENT);
  const char *data = net_buffer_data(L, DATA, &len);
  do {
    ssize_t n;
    NET_RETRY(n, send(s->fd, data + sent, len - sent, MSG_NOSIGNAL));
    if (n < 0) return sendall_failed(L, s, wake, sent);
    net_count_add(&net_count_out, (size_t)n);
    sent += (size_t)n;
  } while (sent < len);
  lua_pushvalue(L, SOCK);
  return 1;
}

/* sock:sendall(data, first, last) -> sock                            send(2) */
static int sock_sendall(lua_State *L) {
  net_sock *s = net_sock_check(L);
  size_t len;
  lua_settop(L, LAST);
  net_buffer_data(L, DATA, &len);
  return net_sock_start(L, s, "sendall", NET_WRITE, sock_sendallk);
}

/* Sends a datagram; as sendto(2). */
static inline ssize_t send_to(lua_State *L, const net_sock *s, const char *data,
                              size_t len, const net_addr *a) {
  ssize_t n;
  if (net_trace) net_trace->destination(net_loop_get(L), a);
  NET_RETRY(n, sendto(s->fd, data, len, MSG_NOSIGNAL, &a->u.sa, a->len));
  if (n >= 0) net_count_add(&net_count_out, (size_t)n);
  return n;
}

static net_outcome sock_sendtok(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, SOCK);
  const net_addr *a = net_addr_top(L);
  size_t len;
  const char *data = lua_tolstring(L, DATA, &len);
  ssize_t n = send_to(L, s, data, len, a);
  if (n < 0 && (errno == EAGAIN || s->fd < 0))
    return net_sock_retry_or_fail(L, s, "sendto", NET_WRITE, wake);
  if (n < 0) return net_addr_error(L, "sendto", a, errno);
  lua_pushinteger(L, n);
  return 1;
}

/* sock:sendto(data, host, port) -> count                           sendto(2) */
static int sock_sendto(lua_State *L) {
  net_sock *s = net_sock_check(L);
  net_addr a;
  size_t len;
  const char *data = luaL_checklstring(L, DATA, &len);
  net_outcome outcome = net_sock_busy_or_closed(L, s, "sendto", NET_WRITE);
  if (outcome != NET_PROCEED) return outcome;
  /* The usual case, no lookup and no wait, keeps no address on the stack. */
  if (s->family != AF_UNIX && net_resolver_known(L, s->family, HOST, &a)) {
    net_loop_begin(L, "sendto", s->timeout);
    ssize_t n = send_to(L, s, data, len, &a);
    if (n < 0 && errno != EAGAIN)
      return net_loop_finish_sync(L, net_addr_error(L, "sendto", &a, errno));
    if (n >= 0) {
      lua_pushinteger(L, n);
      return net_loop_finish_sync(L, 1);
    }
  }
  return net_sock_address(L, s, HOST, "sendto", sock_sendtok, 1);
}

const luaL_Reg net_io_methods[] = {
    {"recv", sock_recv},
    {"recv_into", sock_recv_into},
    {"recvfrom", sock_recvfrom},
    {"send", sock_send},
    {"sendall", sock_sendall},
    {"sendto", sock_sendto},
    {NULL, NULL},
};
