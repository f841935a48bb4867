/* SPDX-License-Identifier: MIT
 *
 * io.c: bytes in and bytes out. Nothing that was received is lost: what a
 * call could not use, because the time was up or the stream ended, stays in
 * the socket's buffer for the next one.
 */
#include "net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 12, MAX_READ = 1 << 18 }; /* room for one recv(2) */
enum { MAX_LINE = 1 << 16 };

/* Leaves the arguments of recv_line: the socket, and the longest line. */
static void check_max(lua_State *L) {
  lua_settop(L, 2);
  if (!lua_isnil(L, 2)) {
    net_args_size(L, 2);
    return;
  }
  lua_pushinteger(L, MAX_LINE);
  lua_replace(L, 2);
}

static net_sock *check_stream(lua_State *L) {
  net_sock *s = net_sock_check(L);
  luaL_argcheck(L, s->type == SOCK_STREAM, 1, "a stream socket expected");
  return s;
}

static size_t buffered(const net_sock *s) {
  return s->end - s->start;
}

static void drop(net_sock *s, size_t n) {
  s->start += (uint32_t)n;
  if (s->start == s->end) s->start = s->end = 0;
}

/* Pushes the next n bytes of the buffer and drops them and `more` after; drops
 * them first, since a finalizer may run in the push, and read, too. */
static int take(lua_State *L, net_sock *s, size_t n, size_t more) {
  const char *bytes = s->in + s->start;
  drop(s, n + more);
  lua_pushlstring(L, bytes, n);
  return 1;
}

/* Makes room for `want` more bytes in the buffer. */
static void reserve(lua_State *L, net_sock *s, size_t want) {
  if (s->size - s->end >= want) return;
  if (s->start > 0) memmove(s->in, s->in + s->start, buffered(s));
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

/* Receives some bytes into the buffer; as recv(2). It grows with what comes,
 * and not by what a caller, or a stranger's length field, asks for. */
static ssize_t fill(lua_State *L, net_sock *s, size_t want) {
  ssize_t n;
  if (s->fd < 0) return -1; /* net_sock_again will say so */
  reserve(L, s, want < CHUNK ? CHUNK : want > MAX_READ ? MAX_READ : want);
  NET_RETRY(n, recv(s->fd, s->in + s->end, s->size - s->end, 0));
  if (n > 0) s->end += (uint32_t)n;
  return n;
}

/* Where recv(2) may put `*size` bytes: the loop's scratch. A stream's caller
 * has no right to more than that; a datagram would be cut. */
static char *room(lua_State *L, const net_sock *s, size_t *size) {
  net_loop *loop = net_loop_get(L);
  if (*size > sizeof loop->scratch && s->type == SOCK_DGRAM)
    return lua_newuserdatauv(L, *size, 0);
  if (*size > sizeof loop->scratch) *size = sizeof loop->scratch;
  return loop->scratch;
}

/* recv(2), where nothing waits in the socket's buffer: how many bytes came, or
 * -1 and, in *results, what the try is to return. A stream that gave fewer
 * bytes than were asked for has no more now: a call that may wait begins with
 * that, and asks when there is something. (But a UNIX stream may have more: a
 * read ends where the peer has passed a descriptor, unix(7).) */
static ssize_t receive(lua_State *L, net_sock *s, const char *call, net_why why,
                       char *bytes, size_t size, int *results) {
  ssize_t n;
  if (why == NET_FIRST && !(s->poll.can & NET_CAN_READ) && s->timeout != 0) {
    *results = net_poll_wait(L, &s->poll, s->fd, NET_READ);
    return -1;
  }
  NET_RETRY(n, recv(s->fd, bytes, size, 0));
  int is_short = n > 0 && (size_t)n < size;
  if (is_short && s->type == SOCK_STREAM && s->family != AF_UNIX)
    net_poll_drained(&s->poll);
  if (n < 0) *results = net_sock_again(L, s, call, NET_READ, why);
  if (n != 0 || s->type != SOCK_STREAM) return n;
  *results = net_sock_err(L, s, call, UV_EOF);
  return -1;
}

static int sock_recvk(lua_State *L, net_why why) {
  net_sock *s = lua_touserdata(L, 1);
  size_t size = (size_t)lua_tointeger(L, 2);
  int results;
  if (buffered(s))
    return take(L, s, size < buffered(s) ? size : buffered(s), 0);
  char *bytes = room(L, s, &size);
  ssize_t n = receive(L, s, "recv", why, bytes, size, &results);
  if (n < 0) return results;
  lua_pushlstring(L, bytes, (size_t)n);
  return 1;
}

/* sock:recv(size) -> 1 to size bytes, as soon as there are any      recv(2)
 * size: 1 to 2^30. A datagram socket gives one datagram, cut to size; an empty
 * one is "". nil, message, "EOF": the peer will send no more. "EAGAIN",
 * "ETIMEDOUT", "ECONNRESET". */
static int sock_recv(lua_State *L) {
  net_sock *s = net_sock_check(L);
  net_args_size(L, 2);
  return net_sock_start(L, s, "recv", NET_READ, sock_recvk);
}

static int sock_recv_intok(lua_State *L, net_why why) {
  net_sock *s = lua_touserdata(L, 1); /* sock buffer first last */
  size_t size;
  char *bytes = net_buffer_room(L, 2, &size);
  int results;
  ssize_t n;
  if (buffered(s)) {
    n = (ssize_t)(size < buffered(s) ? size : buffered(s));
    memcpy(bytes, s->in + s->start, (size_t)n);
    drop(s, (size_t)n);
  } else {
    n = receive(L, s, "recv_into", why, bytes, size, &results);
    if (n < 0) return results;
  }
  lua_pushinteger(L, n);
  return 1;
}

/* sock:recv_into(buffer, first, last) -> how many bytes came, 1 or more
 * recv, into a net.buffer from its byte `first` (1 unless given) to `last` (its
 * end) at most, and makes no string. An empty datagram is 0. nil, message,
 * "EOF": the peer will send no more. "EAGAIN", "ETIMEDOUT", "ECONNRESET".
 *                                                                   recv(2) */
static int sock_recv_into(lua_State *L) {
  net_sock *s = net_sock_check(L);
  size_t size;
  lua_settop(L, 4);
  net_buffer_room(L, 2, &size);
  return net_sock_start(L, s, "recv_into", NET_READ, sock_recv_intok);
}

static int sock_recv_exactk(lua_State *L, net_why why) {
  net_sock *s = lua_touserdata(L, 1);
  size_t size = (size_t)lua_tointeger(L, 2);
  while (buffered(s) < size) {
    ssize_t n = fill(L, s, size - buffered(s));
    if (n < 0) return net_sock_again(L, s, "recv_exact", NET_READ, why);
    if (n == 0) return net_sock_err(L, s, "recv_exact", UV_EOF);
  }
  return take(L, s, size, 0);
}

/* sock:recv_exact(size) -> exactly size bytes of a stream           recv(2)
 * size: 1 to 2^30. "EOF", "ETIMEDOUT", "EAGAIN", "ECONNRESET"; what has arrived
 * by then stays readable. */
static int sock_recv_exact(lua_State *L) {
  net_sock *s = check_stream(L);
  net_args_size(L, 2);
  return net_sock_start(L, s, "recv_exact", NET_READ, sock_recv_exactk);
}

static int sock_recv_linek(lua_State *L, net_why why) {
  net_sock *s = lua_touserdata(L, 1);
  size_t max = (size_t)lua_tointeger(L, 2);
  for (;;) {
    size_t have = buffered(s), len = have, ending = 0;
    char *newline = have ? memchr(s->in + s->start, '\n', have) : NULL;
    if (newline) {
      len = (size_t)(newline - (s->in + s->start));
      ending = 1;
    }
    if (len > 0 && s->in[s->start + len - 1] == '\r') len--, ending++;
    if (len > max) return net_sock_err(L, s, "recv_line", EMSGSIZE);
    if (newline) return take(L, s, len, ending);
    ssize_t n = fill(L, s, 1);
    if (n < 0) return net_sock_again(L, s, "recv_line", NET_READ, why);
    if (n == 0 && have > 0) return take(L, s, have, 0);
    if (n == 0) return net_sock_err(L, s, "recv_line", UV_EOF);
  }
}

/* sock:recv_line(max) -> the next line of a stream, without its \n or \r\n
 * The last line may lack its end, as with io.read. "EMSGSIZE": it is longer
 * than max bytes (65536 unless given), and stays readable; "EOF", "ETIMEDOUT",
 * "EAGAIN", "ECONNRESET".                                           recv(2) */
static int sock_recv_line(lua_State *L) {
  net_sock *s = check_stream(L);
  check_max(L);
  return net_sock_start(L, s, "recv_line", NET_READ, sock_recv_linek);
}

/* The end of the stream ends the loop, any other failure is raised. */
static int line_or_error(lua_State *L, int results) {
  if (results != 3) return results;
  if (strcmp(lua_tostring(L, -1), "EOF") == 0) {
    lua_pushnil(L);
    return 1;
  }
  luaL_where(L, 1);
  lua_pushvalue(L, -3);
  lua_concat(L, 2);
  return lua_error(L);
}

static int lines_nextk(lua_State *L, net_why why) {
  return line_or_error(L, sock_recv_linek(L, why));
}

static int lines_next(lua_State *L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, lua_upvalueindex(3));
  net_sock *s = net_sock_check(L);
  return line_or_error(
      L, net_sock_start(L, s, "recv_line", NET_READ, lines_nextk));
}

/* for line in sock:lines(max) do: recv_line until the end of the stream.
 * Any other failure is raised, as by io.lines. */
static int sock_lines(lua_State *L) {
  check_stream(L);
  check_max(L);
  lua_pushvalue(L, lua_upvalueindex(1)); /* the loop */
  lua_insert(L, 1);
  lua_pushcclosure(L, lines_next, 3);
  return 1;
}

static int sock_sendk(lua_State *L, net_why why) {
  net_sock *s = lua_touserdata(L, 1);
  size_t len;
  const char *data = net_buffer_data(L, 2, &len);
  ssize_t n;
  NET_RETRY(n, send(s->fd, data, len, MSG_NOSIGNAL));
  if (n < 0) return net_sock_again(L, s, "send", NET_WRITE, why);
  lua_pushinteger(L, n);
  return 1;
}

/* sock:send(data, first, last) -> how many bytes the kernel took     send(2)
 * data: a string or a net.buffer, from its byte `first` to `last` if these are
 * given, as in string.sub. On a stream it may take fewer; sendall goes on.
 * "EPIPE", "ECONNRESET", "EAGAIN", "ETIMEDOUT", "EMSGSIZE". */
static int sock_send(lua_State *L) {
  net_sock *s = net_sock_check(L);
  size_t len;
  lua_settop(L, 4);
  net_buffer_data(L, 2, &len);
  return net_sock_start(L, s, "send", NET_WRITE, sock_sendk);
}

/* What sendall returns when a send has failed after `sent` bytes, which a
 * later try finds on top of the stack. */
static int sendall_failed(lua_State *L, net_sock *s, net_why why, size_t sent) {
  int error = errno;
  lua_settop(L, 4);
  lua_pushinteger(L, (lua_Integer)sent);
  errno = error;
  int results = net_sock_again(L, s, "sendall", NET_WRITE, why);
  if (results == NET_WAIT) return NET_WAIT;
  lua_pushvalue(L, 5);
  return results + 1;
}

static int sock_sendallk(lua_State *L, net_why why) {
  net_sock *s = lua_touserdata(L, 1); /* sock data first last sent */
  size_t len, sent = why == NET_FIRST ? 0 : (size_t)lua_tointeger(L, 5);
  const char *data = net_buffer_data(L, 2, &len);
  do {
    ssize_t n;
    NET_RETRY(n, send(s->fd, data + sent, len - sent, MSG_NOSIGNAL));
    if (n < 0) return sendall_failed(L, s, why, sent);
    sent += (size_t)n;
  } while (sent < len);
  lua_pushvalue(L, 1);
  return 1;
}

/* sock:sendall(data, first, last) -> sock, when the kernel has taken every
 * byte of data, or of the part from byte `first` to `last`           send(2)
 * data: a string or a net.buffer. nil, message, code, sent: how many bytes it
 * took before it failed. "EPIPE", "ECONNRESET", "ETIMEDOUT", "EAGAIN". */
static int sock_sendall(lua_State *L) {
  net_sock *s = net_sock_check(L);
  size_t len;
  lua_settop(L, 4);
  net_buffer_data(L, 2, &len);
  return net_sock_start(L, s, "sendall", NET_WRITE, sock_sendallk);
}

static int sock_recvfromk(lua_State *L, net_why why) {
  net_sock *s = lua_touserdata(L, 1);
  size_t size = (size_t)lua_tointeger(L, 2);
  char *bytes = room(L, s, &size);
  net_addr a = {.len = sizeof a.u};
  ssize_t n;
  NET_RETRY(n, recvfrom(s->fd, bytes, size, 0, &a.u.sa, &a.len));
  if (n < 0) return net_sock_again(L, s, "recvfrom", NET_READ, why);
  lua_pushlstring(L, bytes, (size_t)n);
  return 1 + net_addr_push(L, &a);
}

/* sock:recvfrom(size) -> data, host, port (or: data, path)      recvfrom(2)
 * One datagram, cut to size (1 to 2^30), and who sent it. "EAGAIN",
 * "ETIMEDOUT". */
static int sock_recvfrom(lua_State *L) {
  net_sock *s = net_sock_check(L);
  luaL_argcheck(L, s->type == SOCK_DGRAM, 1, "a datagram socket expected");
  net_args_size(L, 2);
  return net_sock_start(L, s, "recvfrom", NET_READ, sock_recvfromk);
}

static int sock_sendtok(lua_State *L, net_why why) {
  net_sock *s = lua_touserdata(L, 1);
  const net_addr *a = (const net_addr *)lua_tostring(L, -1);
  size_t len;
  const char *data = lua_tolstring(L, 2, &len);
  char who[NET_WHO];
  ssize_t n;
  NET_RETRY(n, sendto(s->fd, data, len, MSG_NOSIGNAL, &a->u.sa, a->len));
  if (n < 0 && (errno == EAGAIN || s->fd < 0))
    return net_sock_again(L, s, "sendto", NET_WRITE, why);
  if (n < 0) return net_err(L, "sendto", net_addr_text(a, who), errno);
  lua_pushinteger(L, n);
  return 1;
}

/* sock:sendto(data, host, port) or sock:sendto(data, path) -> bytes sent
 * One datagram. "EMSGSIZE": it is too long for one; "ECONNREFUSED": an
 * earlier one found nobody; "EAI_NONAME", "EAI_AGAIN", "EAGAIN", "ETIMEDOUT".
 *                                                                 sendto(2) */
static int sock_sendto(lua_State *L) {
  net_sock *s = net_sock_check(L);
  size_t len;
  const char *data = luaL_checklstring(L, 2, &len);
  net_addr a;
  int refused = net_sock_refuse(L, s, "sendto", NET_WRITE);
  if (refused) return refused;
  /* Mostly there is nothing to look up, and room: then no address needs to be
   * kept for a second try. */
  if (s->family != AF_UNIX && net_dns_known(L, s->family, 3, &a)) {
    net_loop_begin(L, "sendto", s->timeout);
    char who[NET_WHO];
    ssize_t n;
    NET_RETRY(n, sendto(s->fd, data, len, MSG_NOSIGNAL, &a.u.sa, a.len));
    if (n < 0 && errno != EAGAIN) /* which a second try would not say again */
      return net_loop_at_once(
          L, net_err(L, "sendto", net_addr_text(&a, who), errno));
    if (n >= 0) {
      lua_pushinteger(L, n);
      return net_loop_at_once(L, 1);
    }
  }
  return net_sock_address(L, s, 3, "sendto", sock_sendtok, 1);
}

const luaL_Reg net_io_methods[] = {
    {"recv", sock_recv},
    {"recv_into", sock_recv_into},
    {"recv_exact", sock_recv_exact},
    {"recv_line", sock_recv_line},
    {"lines", sock_lines},
    {"send", sock_send},
    {"sendall", sock_sendall},
    {"recvfrom", sock_recvfrom},
    {"sendto", sock_sendto},
    {NULL, NULL},
};
