/* SPDX-License-Identifier: MIT
 *
 * io.c: bytes in and bytes out, as the system calls carry them. What a call of
 * stream.c has left in the socket's buffer comes first.
 */
#include <errno.h>
#include <string.h>

#include "core/args.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/tracer.h"
#include "os/counters.h"
#include "os/os.h"
#include "socket/buffer.h"
#include "socket/resolver.h"
#include "socket/stream.h"

/* Where recv(2) may put `*size` bytes: the loop's scratch. A stream's caller
 * has no right to more than that; a datagram would be cut. An earlier try may
 * have left its room above the three arguments. */
static char *room(lua_State *L, const net_sock *s, size_t *size) {
  net_loop *loop = net_loop_get(L);
  if (*size > sizeof loop->scratch && s->type == SOCK_DGRAM) {
    lua_settop(L, 3);
    return lua_newuserdatauv(L, *size, 0);
  }
  if (*size > sizeof loop->scratch) *size = sizeof loop->scratch;
  return loop->scratch;
}

/* Counts what came, which of a cut datagram is not all. */
static void count_in(size_t n, size_t size) {
  net_count_add(&net_count_in, n < size ? n : size);
}

/* recv(2), where nothing waits in the socket's buffer: how many bytes came, or
 * -1 and, in *results, what the try is to return. A stream that gave fewer
 * bytes than were asked for has no more now: a call that may wait begins with
 * that, and asks when there is something. (But a UNIX stream may have more: a
 * read ends where the peer has passed a descriptor, unix(7).) A datagram that
 * was cut has its whole length. */
static ssize_t receive(lua_State *L, net_sock *s, const char *call,
                       net_wake wake, char *bytes, size_t size, int flags,
                       int *results) {
  ssize_t n;
  if (s->type == SOCK_DGRAM) flags |= NET_MSG_TRUNC;
  if (wake == NET_START && !(s->poll.ready & NET_READABLE) && s->timeout != 0) {
    *results = net_watcher_wait(L, &s->poll, s->fd, NET_READ);
    return -1;
  }
  NET_RETRY(n, recv(s->fd, bytes, size, flags));
  int is_short = n > 0 && (size_t)n < size && !(flags & MSG_PEEK);
  if (is_short && s->type == SOCK_STREAM && s->family != AF_UNIX)
    net_watcher_exhausted(&s->poll);
  if (n < 0) *results = net_sock_retry_or_fail(L, s, call, NET_READ, wake);
  if (n > 0 && !(flags & MSG_PEEK)) count_in((size_t)n, size);
  if (n != 0 || s->type != SOCK_STREAM) return n;
  *results = net_sock_err(L, s, call, UV_EOF);
  return -1;
}

/* Leaves the arguments up to `arg`: a flag's name, or nil. */
static void check_flag(lua_State *L, int arg) {
  static const char *const names[] = {"MSG_PEEK", NULL};
  lua_settop(L, arg);
  if (!lua_isnil(L, arg)) luaL_checkoption(L, arg, NULL, names);
}

static int flag(lua_State *L, int arg) {
  return lua_isnil(L, arg) ? 0 : MSG_PEEK;
}

/* Pushes the n bytes that came, or of a longer datagram the first `size`. */
static void push_bytes(lua_State *L, const char *bytes, size_t n, size_t size) {
  lua_pushlstring(L, bytes, n > size ? size : n);
}

/* Pushes true for a datagram that had more than size bytes. */
static int push_cut(lua_State *L, size_t n, size_t size) {
  if (n > size) lua_pushboolean(L, 1);
  return n > size;
}

static int sock_recvk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, 1); /* sock size flag */
  size_t size = (size_t)lua_tointeger(L, 2), have = net_stream_buffered(s);
  int flags = flag(L, 3), results;
  if (have > size) have = size;
  if (have && !flags) return net_stream_consume(L, s, have, 0);
  if (have) {
    lua_pushlstring(L, s->in + s->start, have);
    return 1;
  }
  char *bytes = room(L, s, &size);
  ssize_t n = receive(L, s, "recv", wake, bytes, size, flags, &results);
  if (n < 0) return results;
  push_bytes(L, bytes, (size_t)n, size);
  return 1 + push_cut(L, (size_t)n, size);
}

/* sock:recv(size, flag) -> data, cut                                 recv(2) */
static int sock_recv(lua_State *L) {
  net_sock *s = net_sock_check(L);
  net_args_size(L, 2);
  check_flag(L, 3);
  return net_sock_start(L, s, "recv", NET_READ, sock_recvk);
}

static int sock_recv_intok(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, 1); /* sock buffer first last */
  size_t size, have = net_stream_buffered(s);
  char *bytes = net_buffer_room(L, 2, &size);
  int results;
  ssize_t n = (ssize_t)(have < size ? have : size);
  if (have) {
    memcpy(bytes, s->in + s->start, (size_t)n);
    net_stream_drop(s, (size_t)n);
  } else {
    n = receive(L, s, "recv_into", wake, bytes, size, 0, &results);
    if (n < 0) return results;
  }
  lua_pushinteger(L, (size_t)n > size ? (lua_Integer)size : n);
  return 1 + push_cut(L, (size_t)n, size);
}

/* sock:recv_into(buffer, first, last) -> count, cut                  recv(2) */
static int sock_recv_into(lua_State *L) {
  net_sock *s = net_sock_check(L);
  size_t size;
  lua_settop(L, 4);
  net_buffer_room(L, 2, &size);
  return net_sock_start(L, s, "recv_into", NET_READ, sock_recv_intok);
}

static int sock_sendk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, 1);
  size_t len;
  const char *data = net_buffer_data(L, 2, &len);
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
  lua_settop(L, 4);
  net_buffer_data(L, 2, &len);
  return net_sock_start(L, s, "send", NET_WRITE, sock_sendk);
}

/* What sendall returns when a send has failed after `sent` bytes, which a
 * later try finds on top of the stack. */
static int sendall_failed(lua_State *L, net_sock *s, net_wake wake,
                          size_t sent) {
  int error = errno;
  lua_settop(L, 4);
  lua_pushinteger(L, (lua_Integer)sent);
  errno = error;
  int results = net_sock_retry_or_fail(L, s, "sendall", NET_WRITE, wake);
  if (results == NET_WAIT) return NET_WAIT;
  lua_pushvalue(L, 5);
  return results + 1;
}

static int sock_sendallk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, 1); /* sock data first last sent */
  size_t len, sent = wake == NET_START ? 0 : (size_t)lua_tointeger(L, 5);
  const char *data = net_buffer_data(L, 2, &len);
  do {
    ssize_t n;
    NET_RETRY(n, send(s->fd, data + sent, len - sent, MSG_NOSIGNAL));
    if (n < 0) return sendall_failed(L, s, wake, sent);
    net_count_add(&net_count_out, (size_t)n);
    sent += (size_t)n;
  } while (sent < len);
  lua_pushvalue(L, 1);
  return 1;
}

/* sock:sendall(data, first, last) -> sock                            send(2) */
static int sock_sendall(lua_State *L) {
  net_sock *s = net_sock_check(L);
  size_t len;
  lua_settop(L, 4);
  net_buffer_data(L, 2, &len);
  return net_sock_start(L, s, "sendall", NET_WRITE, sock_sendallk);
}

static int sock_recvfromk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, 1); /* sock size flag */
  size_t size = (size_t)lua_tointeger(L, 2);
  char *bytes = room(L, s, &size);
  net_addr a = {.len = sizeof a.u};
  int flags = flag(L, 3) | NET_MSG_TRUNC;
  ssize_t n;
  NET_RETRY(n, recvfrom(s->fd, bytes, size, flags, &a.u.sa, &a.len));
  if (n < 0) return net_sock_retry_or_fail(L, s, "recvfrom", NET_READ, wake);
  if (!(flags & MSG_PEEK)) count_in((size_t)n, size);
  push_bytes(L, bytes, (size_t)n, size);
  int results = 1 + net_addr_push(L, &a);
  return results + push_cut(L, (size_t)n, size);
}

/* sock:recvfrom(size, flag) -> data, host, port, cut             recvfrom(2) */
static int sock_recvfrom(lua_State *L) {
  net_sock *s = net_sock_check(L);
  luaL_argcheck(L, s->type == SOCK_DGRAM, 1, "a datagram socket expected");
  net_args_size(L, 2);
  check_flag(L, 3);
  return net_sock_start(L, s, "recvfrom", NET_READ, sock_recvfromk);
}

static int sock_sendtok(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, 1);
  const net_addr *a = (const net_addr *)lua_tostring(L, -1);
  size_t len;
  const char *data = lua_tolstring(L, 2, &len);
  char peer_text[NET_PEER_TEXT];
  ssize_t n;
  if (net_trace) net_trace->destination(net_loop_get(L), a);
  NET_RETRY(n, sendto(s->fd, data, len, MSG_NOSIGNAL, &a->u.sa, a->len));
  if (n < 0 && (errno == EAGAIN || s->fd < 0))
    return net_sock_retry_or_fail(L, s, "sendto", NET_WRITE, wake);
  if (n < 0) return net_error(L, "sendto", net_addr_text(a, peer_text), errno);
  net_count_add(&net_count_out, (size_t)n);
  lua_pushinteger(L, n);
  return 1;
}

/* sock:sendto(data, host, port) -> count                           sendto(2) */
static int sock_sendto(lua_State *L) {
  net_sock *s = net_sock_check(L);
  size_t len;
  const char *data = luaL_checklstring(L, 2, &len);
  net_addr a;
  int refused = net_sock_busy_or_closed(L, s, "sendto", NET_WRITE);
  if (refused) return refused;
  /* Mostly there is nothing to look up, and room: then no address needs to be
   * kept for a second try. */
  if (s->family != AF_UNIX && net_resolver_known(L, s->family, 3, &a)) {
    net_loop_begin(L, "sendto", s->timeout);
    if (net_trace) net_trace->destination(net_loop_get(L), &a);
    char peer_text[NET_PEER_TEXT];
    ssize_t n;
    NET_RETRY(n, sendto(s->fd, data, len, MSG_NOSIGNAL, &a.u.sa, a.len));
    if (n < 0 && errno != EAGAIN) /* which a second try would not say again */
      return net_loop_finish_sync(
          L, net_error(L, "sendto", net_addr_text(&a, peer_text), errno));
    if (n >= 0) {
      net_count_add(&net_count_out, (size_t)n);
      lua_pushinteger(L, n);
      return net_loop_finish_sync(L, 1);
    }
  }
  return net_sock_address(L, s, 3, "sendto", sock_sendtok, 1);
}

const luaL_Reg net_io_methods[] = {
    {"recv", sock_recv},
    {"recv_into", sock_recv_into},
    {"send", sock_send},
    {"sendall", sock_sendall},
    {"recvfrom", sock_recvfrom},
    {"sendto", sock_sendto},
    {NULL, NULL},
};
