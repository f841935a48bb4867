/* SPDX-License-Identifier: MIT
 *
 * calls.h: the functions of the module that are traced, for tracer.c: a row
 * each. A function without a row is not traced.
 *
 * The kind of a call is in its event, and is all that the readers of a trace
 * know of it; netlab(1) says what the kinds are.
 */
#ifndef CALLS_H
#define CALLS_H

#include <stddef.h>
#include <string.h>

/* What else the tracer records of a call. */
typedef enum {
  PLAIN,
  NAMES,    /* its results are sockets with new addresses */
  GIVES,    /* its first result is bytes that were received */
  FILLS,    /* its second argument is a buffer that got bytes */
  TAKES,    /* its second argument is bytes to send */
  ITERATES, /* as GIVES, but the socket is an upvalue of the iterator */
  CLOSES    /* it closes a socket, if that is open */
} call_role;

typedef struct call_row {
  const char *name, *keys; /* keys: of the event, with their values */
  size_t len;              /* of keys */
  call_role role;
} call_row;

#define ROW(name, shown, kind, role) \
  { \
    name, ",\"call\":\"" shown "\",\"kind\":\"" kind "\"", \
        sizeof ",\"call\":\"" shown "\",\"kind\":\"" kind "\"" - 1, role \
  }
#define CALL(name, kind, role) ROW(name, name, kind, role)

/* clang-format off */
static const call_row call_rows[] = {
    CALL("recv", "receive", GIVES),
    CALL("send", "send", TAKES),
    CALL("accept", "accept", NAMES),
    CALL("recvfrom", "receive", GIVES),
    CALL("sendto", "send", TAKES),
    CALL("close", "socket", CLOSES),
    ROW("__close", "close", "socket", CLOSES),
    ROW("__gc", "close", "socket", CLOSES),
    CALL("recv_exact", "receive", GIVES),
    CALL("recv_line", "receive", GIVES),
    CALL("recv_all", "receive", GIVES),
    CALL("recv_into", "receive", FILLS),
    CALL("lines", "receive", ITERATES),
    CALL("sendall", "send", TAKES),
    CALL("connect", "connect", NAMES),
    CALL("socket", "open", PLAIN),
    CALL("socketpair", "open", NAMES),
    CALL("bind", "socket", NAMES),
    CALL("listen", "socket", NAMES),
    CALL("shutdown", "socket", PLAIN),
    CALL("join_group", "socket", PLAIN),
    CALL("leave_group", "socket", PLAIN),
    CALL("setsockopt", "property", PLAIN),
    CALL("getsockopt", "property", PLAIN),
    CALL("settimeout", "property", PLAIN),
    CALL("gettimeout", "property", PLAIN),
    CALL("setblocking", "property", PLAIN),
    CALL("getblocking", "property", PLAIN),
    CALL("getsockname", "property", PLAIN),
    CALL("getpeername", "property", PLAIN),
    CALL("fileno", "property", PLAIN),
    CALL("info", "property", PLAIN),
    CALL("interfaces", "property", PLAIN),
    CALL("gethostname", "name", PLAIN),
    CALL("gethostbyname", "name", PLAIN),
    CALL("gethostbyaddr", "name", PLAIN),
    CALL("getaddrinfo", "name", PLAIN),
    CALL("getnameinfo", "name", PLAIN),
    CALL("getservbyname", "name", PLAIN),
    CALL("getservbyport", "name", PLAIN),
    CALL("inet_aton", "convert", PLAIN),
    CALL("inet_ntoa", "convert", PLAIN),
    CALL("inet_pton", "convert", PLAIN),
    CALL("inet_ntop", "convert", PLAIN),
    CALL("htonl", "convert", PLAIN),
    CALL("htons", "convert", PLAIN),
    CALL("ntohl", "convert", PLAIN),
    CALL("ntohs", "convert", PLAIN),
    CALL("hexlify", "convert", PLAIN),
    CALL("unhexlify", "convert", PLAIN),
    CALL("select", "wait", PLAIN),
    CALL("sleep", "task", PLAIN),
    CALL("join", "task", PLAIN),
    CALL("cancel", "task", PLAIN),
    CALL("run", "task", PLAIN),
    CALL("echo", "engine", PLAIN),
    CALL("load", "engine", PLAIN),
};
/* clang-format on */

#undef CALL
#undef ROW

/* Returns the row of a function, or NULL. */
static inline const call_row *call_row_of(const char *name) {
  for (size_t i = 0; i < sizeof call_rows / sizeof *call_rows; i++)
    if (strcmp(name, call_rows[i].name) == 0) return &call_rows[i];
  return NULL;
}

#endif
