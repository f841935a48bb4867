/* SPDX-License-Identifier: MIT
 *
 * resolver.h: from names to addresses.
 */
#ifndef RESOLVER_H
#define RESOLVER_H

#include <netdb.h>

#include "core/state.h"
#include "socket/address.h"

/* A question for the resolver. `then` finds the address on top of the stack, or
 * what `use` has pushed of the resolver's list. */
typedef struct net_query {
  const char *call;  /* for messages: "connect" */
  int host, service; /* where they are on the stack, strings or nil; 0: none */
  int extra;         /* what a failure returns besides; 0: nothing */
  uint16_t port;     /* for each address, where no service is asked for */
  struct addrinfo hints;
  void (*use)(lua_State *L, const struct addrinfo *list, uint16_t port);
  net_step then;
} net_query;

int net_resolver_lookup(lua_State *L, const net_query *query);
int net_resolver_addresses(lua_State *L, int family, int arg, const char *call,
                           double seconds, net_step then, int extra);
const char *net_resolver_host(lua_State *L, int arg);
int net_resolver_address(lua_State *L, int family, int arg, const char *call,
                         double seconds, net_step then, int waits);
int net_resolver_known(lua_State *L, int family, int arg, net_addr *a);
const char *net_resolver_port(lua_State *L, int arg, uint16_t *port);
net_wait *net_resolver_waiter(net_loop *loop, const void *sock);

#endif
