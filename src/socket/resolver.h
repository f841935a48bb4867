/* SPDX-License-Identifier: MIT
 *
 * resolver.h: lookups of names and of addresses, for all calls that need one.
 */
#ifndef RESOLVER_H
#define RESOLVER_H

#include <netdb.h>

#include "core/state.h"
#include "socket/address.h"

/* A lookup on behalf of a call. Its answer is on top of the stack when `then`
 * runs as the next step of the call. */
typedef struct net_query {
  const char *call;  /* for messages: "connect" */
  int host, service; /* slots of strings or nil; 0: none */
  int extra;         /* slot of a further result of a failure; 0: none */
  uint16_t port;     /* for each address, where there is no service */
  double seconds;    /* that the call may take; < 0: no limit */
  int may_wait;      /* so may `then`, even if the host needs no lookup */
  struct addrinfo hints;
  void (*push)(lua_State *L, const struct addrinfo *list, uint16_t port);
  net_step then; /* NULL: the call returns values of the answer */
  int results;   /* how many of them */
} net_query;

net_outcome net_resolver_lookup(lua_State *L, const net_query *query);
net_outcome net_resolver_names(lua_State *L, const net_query *query,
                               const net_addr *a, int flags);
net_outcome net_resolver_addresses(lua_State *L, net_query query, int family);
int net_resolver_known(lua_State *L, int family, int arg, net_addr *a);
const char *net_resolver_host(lua_State *L, int arg);
const char *net_resolver_port(lua_State *L, int arg, uint16_t *port);
uint16_t net_resolver_check_port(lua_State *L, int arg);
net_wait *net_resolver_waiter(net_loop *loop, const void *sock);

#endif
