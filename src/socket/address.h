/* SPDX-License-Identifier: MIT
 *
 * address.h: socket addresses, as text and as bytes.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <lua.h>

typedef struct net_addr {
  socklen_t len; /* 0: no address */
  union {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage any; /* room for any address */
  } u;
} net_addr;

/* A peer's address, for messages, in less memory. */
typedef struct net_peer {
  char *path; /* of a UNIX socket, or NULL */
  union {
    struct sockaddr sa; /* sa_family 0: no peer */
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
  } u;
} net_peer;

enum { NET_ADDR_TEXT = 160 }; /* bytes for any "host:port" or path */

/* Returns the address in the string on top of the stack. */
static inline const net_addr *net_addr_top(lua_State *L) {
  return (const net_addr *)lua_tostring(L, -1);
}

int net_addr_ip(net_addr *a, int family, const char *host, uint16_t port);
int net_addr_numeric(net_addr *a, const char *host, uint16_t port);
unsigned net_addr_interface_index(const char *name);
int net_addr_zone_error(const char *host);
int net_addr_path(net_addr *a, const char *path, size_t len);
void net_addr_set_port(net_addr *a, uint16_t port);
uint16_t net_addr_port(const net_addr *a);
int net_addr_push(lua_State *L, const net_addr *a);
const char *net_addr_text(const net_addr *a, char text[NET_ADDR_TEXT]);
int net_addr_error(lua_State *L, const char *call, const net_addr *a, int code);
void net_addr_pack(net_peer *p, const net_addr *a);
const char *net_addr_peer_text(const net_peer *p, char text[NET_ADDR_TEXT]);

#endif
