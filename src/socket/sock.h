/* SPDX-License-Identifier: MIT
 *
 * sock.h: a socket, from socket(2) to close(2).
 */
#ifndef SOCK_H
#define SOCK_H

#include "core/watcher.h"
#include "socket/address.h"

typedef struct net_sock {
  const char *mark; /* &net_sock_mark, by which net_sock_at knows it */
  int fd;           /* -1: closed */
  int family, type;
  char lingers;   /* SO_LINGER was set: close(2) may wait */
  char named;     /* the trace has its names */
  uint32_t id;    /* in the trace; 0: it has none yet */
  double timeout; /* seconds; 0: non-blocking, negative: none */
  net_watcher poll;
  net_watcher *engine; /* of the call that has given it to an engine */
  char *in;            /* received and not yet asked for: in[start .. end) */
  uint32_t start, end, size;
  net_peer peer;
} net_sock;

extern const char net_sock_mark;

/* Returns the socket at an index, or NULL. Looking at the object itself is
 * quicker than looking up its class by name. */
static inline net_sock *net_sock_at(lua_State *L, int index) {
  net_sock *s = lua_touserdata(L, index);
  if (s == NULL || lua_rawlen(L, index) != sizeof *s) return NULL;
  return s->mark == &net_sock_mark ? s : NULL;
}

int net_sock_open(int family, int type);
net_sock *net_sock_new(lua_State *L, int family, int type);
net_sock *net_sock_check(lua_State *L);
int net_sock_busy_or_closed(lua_State *L, net_sock *s, const char *call,
                            int dir);
int net_sock_start(lua_State *L, net_sock *s, const char *call, int dir,
                   net_step step);
int net_sock_retry_or_fail(lua_State *L, net_sock *s, const char *call, int dir,
                           net_wake wake);
int net_sock_address(lua_State *L, net_sock *s, int arg, const char *call,
                     net_step then, int waits);
int net_sock_err(lua_State *L, const net_sock *s, const char *call, int code);

#endif
