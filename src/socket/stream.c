/* SPDX-License-Identifier: MIT
 *
 * stream.c: receiving a line, an exact number of bytes, or the whole stream.
 * Bytes that a call cannot return, because it has timed out or the stream has
 * ended, stay in the socket's buffer, in[start .. end), for the next call.
 */
#include "socket/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/args.h"
#include "core/tracer.h"
#include "os/counters.h"

enum { CHUNK = 1 << 12, MAX_READ = 1 << 18 };   /* sizes of one recv(2) */
enum { MAX_LINE = 1 << 16, MAX_ALL = 1 << 26 }; /* by default */

enum { SOCK = 1, SIZE, MAX = SIZE }; /* stack slots of the methods */

/* Drops n bytes from the buffer. */
void net_stream_drop(net_sock *s, size_t n) {
  s->start += (uint32_t)n;
  if (s->start == s->end) s->start = s->end = 0;
}

static int push(lua_State *L) { /* protected: bytes, n -> string */
  lua_pushlstring(L, lua_touserdata(L, 1), (size_t)lua_tointeger(L, 2));
  return 1;
}

/* Pushes the next n bytes of the buffer, and drops them and `more` after them.
 * Drops them first, since the push may run a finalizer that reads from the
 * socket. If there is no memory for the string, the bytes stay. */
int net_stream_consume(lua_State *L, net_sock *s, size_t n, size_t more) {
  if (n > CHUNK) luaL_checkstack(L, LUA_MINSTACK * 2, NULL);
  uint32_t start = s->start, end = s->end;
  char *bytes = s->in + start;
  net_stream_drop(s, n + more);
  if (n <= CHUNK) {
    lua_pushlstring(L, bytes, n);
    return 1;
  }
  lua_pushcfunction(L, push);
  lua_pushlightuserdata(L, bytes);
  lua_pushinteger(L, (lua_Integer)n);
  if (lua_pcall(L, 2, 1, 0) == LUA_OK) return 1;
  s->start = start;
  s->end = end;
  return lua_error(L);
}

/* Makes room in the buffer for `want` more bytes. */
static void reserve(lua_State *L, net_sock *s, size_t want) {
  if (s->size - s->end >= want) return;
  if (s->start > 0) memmove(s->in, s->in + s->start, net_stream_buffered(s));
  s->end -= s->start;
  s->start = 0;
  if (s->size - s->end >= want) return;
  size_t size = s->size ? s->size * 2 : CHUNK;
  while (size - s->end < want) size *= 2;
  char *in = realloc(s->in, size);
  if (in == NULL) luaL_error(L, "not enough memory");
  s->in = in;
  s->size = (uint32_t)size;
}

/* Receives bytes into the buffer; as recv(2). The buffer grows by what arrives,
 * not to a size that a caller or a peer's length field announces. */
static ssize_t fill(lua_State *L, net_sock *s, size_t want) {
  ssize_t n;
  if (s->fd < 0) return -1; /* net_sock_retry_or_fail finds out */
  reserve(L, s, want < CHUNK ? CHUNK : want > MAX_READ ? MAX_READ : want);
  NET_RETRY(n, recv(s->fd, s->in + s->end, s->size - s->end, 0));
  if (n <= 0) return n;
  net_count_add(&net_count_in, (size_t)n);
  s->end += (uint32_t)n;
  return n;
}

/* Normalizes the arguments to (sock, max); max defaults to `fallback`. */
static void check_max(lua_State *L, lua_Integer fallback) {
  lua_settop(L, MAX);
  if (lua_isnil(L, MAX)) {
    lua_pushinteger(L, fallback);
    lua_replace(L, MAX);
  }
  net_args_size(L, MAX);
}

static net_sock *check_stream(lua_State *L) {
  net_sock *s = net_sock_check(L);
  luaL_argcheck(L, s->type == SOCK_STREAM, SOCK, "a stream socket expected");
  return s;
}

static net_outcome sock_recv_exactk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, SOCK);
  size_t size = (size_t)lua_tointeger(L, SIZE);
  while (net_stream_buffered(s) < size) {
    ssize_t n = fill(L, s, size - net_stream_buffered(s));
    if (n < 0)
      return net_sock_retry_or_fail(L, s, "recv_exact", NET_READ, wake);
    if (n == 0) return net_sock_error(L, s, "recv_exact", UV_EOF);
  }
  return net_stream_consume(L, s, size, 0);
}

/* sock:recv_exact(size) -> data                                      recv(2) */
static int sock_recv_exact(lua_State *L) {
  net_sock *s = check_stream(L);
  net_args_size(L, SIZE);
  return net_sock_start(L, s, "recv_exact", NET_READ, sock_recv_exactk);
}

static net_outcome sock_recv_linek(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, SOCK);
  size_t max = (size_t)lua_tointeger(L, MAX);
  for (;;) {
    size_t have = net_stream_buffered(s), len = have, ending = 0;
    char *newline = have ? memchr(s->in + s->start, '\n', have) : NULL;
    if (newline) {
      len = (size_t)(newline - (s->in + s->start));
      ending = 1;
    }
    if (len > 0 && s->in[s->start + len - 1] == '\r') len--, ending++;
    if (len > max) return net_sock_error(L, s, "recv_line", EMSGSIZE);
    if (newline) return net_stream_consume(L, s, len, ending);
    ssize_t n = fill(L, s, 1);
    if (n < 0) return net_sock_retry_or_fail(L, s, "recv_line", NET_READ, wake);
    if (n == 0 && have > max) /* the last byte is a \r */
      return net_sock_error(L, s, "recv_line", EMSGSIZE);
    if (n == 0 && have > 0) return net_stream_consume(L, s, have, 0);
    if (n == 0) return net_sock_error(L, s, "recv_line", UV_EOF);
  }
}

/* sock:recv_line(max) -> line                                        recv(2) */
static int sock_recv_line(lua_State *L) {
  net_sock *s = check_stream(L);
  check_max(L, MAX_LINE);
  return net_sock_start(L, s, "recv_line", NET_READ, sock_recv_linek);
}

/* Ends the loop at the end of the stream; raises any other failure. */
static net_outcome line_or_error(lua_State *L, net_outcome outcome) {
  if (outcome != 3) return outcome;
  if (strcmp(lua_tostring(L, -1), "EOF") == 0) {
    lua_pushnil(L);
    return 1;
  }
  luaL_where(L, 1);
  lua_pushvalue(L, -3);
  lua_concat(L, 2);
  return lua_error(L);
}

static net_outcome lines_nextk(lua_State *L, net_wake wake) {
  return line_or_error(L, sock_recv_linek(L, wake));
}

/* upvalues: the loop's box, the tracer's data, sock, max */
static int lines_next(lua_State *L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(3)); /* SOCK */
  lua_pushvalue(L, lua_upvalueindex(4)); /* MAX */
  net_sock *s = net_sock_check(L);
  return line_or_error(
      L, net_sock_start(L, s, "recv_line", NET_READ, lines_nextk));
}

/* sock:lines(max) -> next */
static int sock_lines(lua_State *L) {
  check_stream(L);
  check_max(L, MAX_LINE);
  if (net_trace) {
    net_trace->push_iterator(L, lines_next, lua_upvalueindex(1));
    return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushnil(L);
  lua_rotate(L, -4, 2);
  lua_pushcclosure(L, lines_next, 4);
  return 1;
}

/* Pushes all bytes of a stream that has ended, and frees the buffer. */
static net_outcome consume_all(lua_State *L, net_sock *s) {
  net_stream_consume(L, s, net_stream_buffered(s), 0);
  net_stream_free(s);
  return 1;
}

static net_outcome sock_recv_allk(lua_State *L, net_wake wake) {
  net_sock *s = lua_touserdata(L, SOCK);
  size_t max = (size_t)lua_tointeger(L, MAX);
  for (;;) {
    if (net_stream_buffered(s) > max)
      return net_sock_error(L, s, "recv_all", EMSGSIZE);
    ssize_t n = fill(L, s, 1);
    if (n < 0) return net_sock_retry_or_fail(L, s, "recv_all", NET_READ, wake);
    if (n == 0) return consume_all(L, s);
  }
}

/* sock:recv_all(max) -> data                                         recv(2) */
static int sock_recv_all(lua_State *L) {
  net_sock *s = check_stream(L);
  check_max(L, MAX_ALL);
  return net_sock_start(L, s, "recv_all", NET_READ, sock_recv_allk);
}

const luaL_Reg net_stream_methods[] = {
    {"recv_exact", sock_recv_exact},
    {"recv_line", sock_recv_line},
    {"recv_all", sock_recv_all},
    {"lines", sock_lines},
    {NULL, NULL},
};
