/* SPDX-License-Identifier: MIT
 *
 * sock.h: a socket, from socket(2) to close(2), and what its methods share.
 */
#ifndef SOCK_H
#define SOCK_H

#include "core/watcher.h"
#include "socket/address.h"

typedef struct net_sock {
  const char *mark; /* &net_sock_mark, by which net_sock_at recognizes it */
  int fd;           /* -1: closed */
  int family, type;
  char lingers;   /* SO_LINGER was set: close(2) may block */
  char named;     /* the trace has its addresses */
  uint32_t id;    /* in the trace; 0: not there yet */
  double timeout; /* seconds; 0: non-blocking, negative: none */
  net_watcher watcher;
  net_watcher *engine; /* of the call that serves it by an engine, or NULL */
  char *in;            /* bytes received but not yet returned, [start .. end) */
  uint32_t start, end, size;
  net_peer peer;
} net_sock;

extern const char net_sock_mark;

/* Returns the socket at an index, or NULL. The mark is quicker to check than
 * the name of the class. */
static inline net_sock *net_sock_at(lua_State *L, int index) {
  net_sock *s = lua_touserdata(L, index);
  if (s == NULL || lua_rawlen(L, index) != sizeof *s) return NULL;
  return s->mark == &net_sock_mark ? s : NULL;
}

net_sock *net_sock_new(lua_State *L, int family, int type);
net_sock *net_sock_check(lua_State *L);
int net_sock_error(lua_State *L, const net_sock *s, const char *call, int code);
net_outcome net_sock_busy_or_closed(lua_State *L, const net_sock *s,
                                    const char *call, int dir);
net_outcome net_sock_start(lua_State *L, net_sock *s, const char *call, int dir,
                           net_step step);
net_outcome net_sock_retry_or_fail(lua_State *L, net_sock *s, const char *call,
                                   int dir, net_wake wake);
net_outcome net_sock_address(lua_State *L, net_sock *s, int arg,
                             const char *call, net_step then, int may_wait);

#endif
