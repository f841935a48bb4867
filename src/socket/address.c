/* SPDX-License-Identifier: MIT
 *
 * address.c: socket addresses as text and as bytes. Nothing here asks the
 * network.
 */
#include "socket/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "core/error.h"
#include "socket/family.h"

enum { HOST_TEXT = INET6_ADDRSTRLEN + 1 + IF_NAMESIZE }; /* "fe80::1%eth0" */

/* Sets the port, which is in host byte order. */
void net_addr_set_port(net_addr *a, uint16_t port) {
  if (a->u.sa.sa_family == AF_INET)
    a->u.in.sin_port = htons(port);
  else if (a->u.sa.sa_family == AF_INET6)
    a->u.in6.sin6_port = htons(port);
}

/* Returns the port in host byte order. */
uint16_t net_addr_port(const net_addr *a) {
  return ntohs(a->u.sa.sa_family == AF_INET ? a->u.in.sin_port
                                            : a->u.in6.sin6_port);
}

/* Is this "localhost" or a name below it? They always mean the loopback address
 * and are not looked up: RFC 6761, section 6.3. */
static int is_localhost(const char *host) {
  size_t n = strlen(host), m = strlen("localhost");
  if (n > m && host[n - 1] == '.') n--; /* a fully qualified name */
  if (n < m || (n > m && host[n - m - 1] != '.')) return 0;
  for (const char *a = host + n - m, *b = "localhost"; *b; a++, b++)
    if ((*a | 0x20) != *b) return 0;
  return 1;
}

/* Returns the index of an interface, which is also the id of its zone; 0 and
 * errno if there is no such interface. */
unsigned net_addr_interface_index(const char *name) {
  errno = ENODEV;
  return strlen(name) < IF_NAMESIZE ? if_nametoindex(name) : 0;
}

/* Returns the id of a zone, given as an interface's name or number; 0 and
 * errno if there is no such interface. */
static uint32_t zone_id(const char *zone) {
  unsigned index = net_addr_interface_index(zone);
  if (index || *zone == '\0' || zone[strspn(zone, "0123456789")]) return index;
  unsigned long long id = strtoull(zone, NULL, 10);
  if (id <= UINT32_MAX) return (uint32_t)id;
  errno = ENODEV;
  return 0;
}

/* Parses an IPv6 address that may name its zone, "fe80::1%eth0" (RFC 4007,
 * section 11). Returns the zone ("%eth0" or ""), or NULL if `host` is not an
 * address. */
static const char *ip6_split(const char *host, struct in6_addr *in6) {
  char text[INET6_ADDRSTRLEN];
  if (inet_pton(AF_INET6, host, in6) == 1) return "";
  size_t len = strcspn(host, "%");
  if (host[len] == '\0' || len >= sizeof text) return NULL;
  memcpy(text, host, len);
  text[len] = '\0';
  return inet_pton(AF_INET6, text, in6) == 1 ? host + len : NULL;
}

/* Returns the errno if `host` is an IPv6 address with an unknown zone (ENODEV
 * if there is no such interface); 0 if it is a valid address or a name. */
int net_addr_zone_error(const char *host) {
  struct in6_addr in6;
  const char *zone = ip6_split(host, &in6);
  return zone == NULL || *zone == '\0' || zone_id(zone + 1) ? 0 : errno;
}

static int ip6_parse(const char *host, struct sockaddr_in6 *a) {
  const char *zone = ip6_split(host, &a->sin6_addr);
  if (zone == NULL || *zone == '\0') return zone != NULL;
  a->sin6_scope_id = zone_id(zone + 1);
  return a->sin6_scope_id != 0;
}

/* Sets *a from a numeric address of `family`; false if `host` is not one. */
static int numeric(net_addr *a, int family, const char *host, uint16_t port) {
  int known;
  *a = (net_addr){0};
  a->u.sa.sa_family = (sa_family_t)family;
  if (family == AF_INET) {
    a->len = sizeof a->u.in;
    known = inet_pton(AF_INET, host, &a->u.in.sin_addr) == 1;
  } else {
    a->len = sizeof a->u.in6;
    known = ip6_parse(host, &a->u.in6);
  }
  net_addr_set_port(a, port);
  return known;
}

/* Does the same for either family. */
int net_addr_numeric(net_addr *a, const char *host, uint16_t port) {
  return numeric(a, AF_INET, host, port) || numeric(a, AF_INET6, host, port);
}

/* Sets *a if the host needs no lookup: a numeric address, "localhost", or ""
 * for all local addresses. False if it is a name. */
int net_addr_ip(net_addr *a, int family, const char *host, uint16_t port) {
  int inet = family == AF_INET;
  if (is_localhost(host)) host = inet ? "127.0.0.1" : "::1";
  if (*host == '\0') host = inet ? "0.0.0.0" : "::";
  return numeric(a, family, host, port);
}

/* Sets *a to a UNIX socket's path (on Linux, an abstract name begins with a NUL
 * byte). False if it does not fit into sun_path. */
int net_addr_path(net_addr *a, const char *path, size_t len) {
  *a = (net_addr){0};
  if (len >= sizeof a->u.un.sun_path) return 0;
  a->u.un.sun_family = AF_UNIX;
  memcpy(a->u.un.sun_path, path, len);
  a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
  if (len > 0 && path[0] != '\0') a->len++; /* the closing NUL byte */
  return 1;
}

static size_t path_length(const net_addr *a) {
  size_t start = offsetof(struct sockaddr_un, sun_path);
  size_t len = a->len > start ? a->len - start : 0;
  if (len > 0 && a->u.un.sun_path[0] != '\0')
    return strnlen(a->u.un.sun_path, len);
  return len;
}

/* Writes n in decimal; returns the end of the digits. */
static char *put_decimal(char *text, unsigned n) {
  if (n >= 10) text = put_decimal(text, n / 10);
  *text = (char)('0' + n % 10);
  return text + 1;
}

/* Formats an IPv4 address. inet_ntop(3) does so with snprintf(3), which would
 * cost a datagram server more than all the rest of our work for a datagram. */
static void ip4_text(const void *bytes, char *host) {
  for (const unsigned char *b = bytes, *end = b + 4; b < end; b++) {
    host = put_decimal(host, *b);
    *host++ = b + 1 < end ? '.' : '\0';
  }
}

/* Formats an IPv6 address with the name of its zone, so that the text can be
 * given to bind and connect; with the zone's number if its interface is
 * gone. */
static void ip6_text(const void *bytes, uint32_t zone, char host[HOST_TEXT]) {
  inet_ntop(AF_INET6, bytes, host, INET6_ADDRSTRLEN);
  if (zone == 0) return;
  host += strlen(host);
  *host++ = '%';
  if (if_indextoname(zone, host) == NULL) *put_decimal(host, zone) = '\0';
}

static uint16_t ip_text(const net_addr *a, char host[HOST_TEXT]) {
  if (a->u.sa.sa_family == AF_INET) {
    ip4_text(&a->u.in.sin_addr, host);
    return ntohs(a->u.in.sin_port);
  }
  ip6_text(&a->u.in6.sin6_addr, a->u.in6.sin6_scope_id, host);
  return ntohs(a->u.in6.sin6_port);
}

/* Pushes host and port, or a UNIX socket's path ("" if it has none). Returns
 * the number of values. */
int net_addr_push(lua_State *L, const net_addr *a) {
  if (a->u.sa.sa_family != AF_INET && a->u.sa.sa_family != AF_INET6) {
    lua_pushlstring(L, a->u.un.sun_path, path_length(a));
    return 1;
  }
  char host[HOST_TEXT];
  uint16_t port = ip_text(a, host);
  lua_pushstring(L, host);
  lua_pushinteger(L, port);
  return 2;
}

/* Formats an address for messages: "127.0.0.1:80", "[::1]:80",
 * "[fe80::1%eth0]:80", "/run/x.sock", "@abstract", or "" for none. */
const char *net_addr_text(const net_addr *a, char text[NET_ADDR_TEXT]) {
  char host[HOST_TEXT];
  text[0] = '\0';
  if (a->len == 0) return text;
  if (a->u.sa.sa_family == AF_UNIX) {
    int len = (int)path_length(a);
    snprintf(text, NET_ADDR_TEXT, "%.*s", len, a->u.un.sun_path);
    if (len > 0 && text[0] == '\0')
      snprintf(text, NET_ADDR_TEXT, "@%.*s", len - 1, a->u.un.sun_path + 1);
    return text;
  }
  unsigned port = ip_text(a, host);
  char *end = text;
  if (a->u.sa.sa_family == AF_INET6) *end++ = '[';
  end = stpcpy(end, host);
  if (a->u.sa.sa_family == AF_INET6) *end++ = ']';
  *end++ = ':';
  *put_decimal(end, port) = '\0';
  return text;
}

/* Returns the results of a failed call, which name the address. */
int net_addr_error(lua_State *L, const char *call, const net_addr *a,
                   int code) {
  char text[NET_ADDR_TEXT];
  return net_error(L, call, net_addr_text(a, text), code);
}

/* Stores a peer's address in the form that takes little memory. */
void net_addr_pack(net_peer *p, const net_addr *a) {
  char text[NET_ADDR_TEXT];
  free(p->path);
  *p = (net_peer){0};
  if (a->u.sa.sa_family == AF_UNIX)
    p->path = strdup(net_addr_text(a, text));
  else
    memcpy(&p->u, &a->u, sizeof p->u);
}

/* Does the same as net_addr_text for a stored peer. */
const char *net_addr_peer_text(const net_peer *p, char text[NET_ADDR_TEXT]) {
  net_addr a = {.len = sizeof p->u};
  if (p->path) return p->path;
  if (p->u.sa.sa_family == 0) a.len = 0;
  memcpy(&a.u, &p->u, sizeof p->u);
  return net_addr_text(&a, text);
}

/* net.inet_aton(text) -> bytes                                  inet_aton(3)
 * glibc's inet_aton accepts any text after a blank; this does not. */
static int net_inet_aton(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  struct in_addr in;
  if (strcspn(text, " \t\n\v\f\r") != len || !inet_aton(text, &in))
    return net_error(L, "inet_aton", text, EINVAL);
  lua_pushlstring(L, (char *)&in, sizeof in);
  return 1;
}

/* net.inet_ntoa(bytes) -> text                                  inet_ntoa(3) */
static int net_inet_ntoa(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  char text[INET_ADDRSTRLEN];
  luaL_argcheck(L, len == 4, 1, "an IPv4 address has 4 bytes");
  ip4_text(bytes, text);
  lua_pushstring(L, text);
  return 1;
}

/* net.inet_pton(family, text) -> bytes, zone                    inet_pton(3) */
static int net_inet_pton(lua_State *L) {
  int family = net_args_constant(L, 1, NULL, net_ip_families);
  size_t len;
  const char *text = luaL_checklstring(L, 2, &len);
  net_addr a;
  if (strlen(text) != len || !numeric(&a, family, text, 0)) {
    int code = family == AF_INET6 ? net_addr_zone_error(text) : 0;
    return net_error(L, "inet_pton", text, code ? code : EINVAL);
  }
  if (family == AF_INET) {
    lua_pushlstring(L, (char *)&a.u.in.sin_addr, sizeof a.u.in.sin_addr);
    return 1;
  }
  lua_pushlstring(L, (char *)&a.u.in6.sin6_addr, sizeof a.u.in6.sin6_addr);
  if (a.u.in6.sin6_scope_id == 0) return 1;
  lua_pushinteger(L, a.u.in6.sin6_scope_id);
  return 2;
}

/* net.inet_ntop(family, bytes, scope) -> text                   inet_ntop(3) */
static int net_inet_ntop(lua_State *L) {
  int inet = net_args_constant(L, 1, NULL, net_ip_families) == AF_INET;
  size_t len;
  const char *bytes = luaL_checklstring(L, 2, &len);
  lua_Integer scope = luaL_optinteger(L, 3, 0);
  char text[HOST_TEXT];
  luaL_argcheck(L, len == (inet ? 4 : 16), 2,
                inet ? "an IPv4 address has 4 bytes"
                     : "an IPv6 address has 16 bytes");
  luaL_argcheck(L, scope >= 0 && scope <= (inet ? 0 : UINT32_MAX), 3,
                inet ? "an IPv4 address has no zone" : "not in 0..4294967295");
  if (inet)
    ip4_text(bytes, text);
  else
    ip6_text(bytes, (uint32_t)scope, text);
  lua_pushstring(L, text);
  return 1;
}

const luaL_Reg net_address_functions[] = {
    {"inet_aton", net_inet_aton},
    {"inet_ntoa", net_inet_ntoa},
    {"inet_pton", net_inet_pton},
    {"inet_ntop", net_inet_ntop},
    {NULL, NULL},
};
