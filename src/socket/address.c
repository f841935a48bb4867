/* SPDX-License-Identifier: MIT
 *
 * addr.c: socket addresses as text and as bytes, and the byte order of
 * integers. Nothing here asks the network.
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

/* Bytes that hold any "fe80::1%interface". */
enum { HOST = INET6_ADDRSTRLEN + 1 + IF_NAMESIZE };

/* port: in host byte order */
void net_addr_set_port(net_addr *a, uint16_t port) {
  if (a->u.sa.sa_family == AF_INET)
    a->u.in.sin_port = htons(port);
  else if (a->u.sa.sa_family == AF_INET6)
    a->u.in6.sin6_port = htons(port);
}

/* In host byte order, too. */
uint16_t net_addr_port(const net_addr *a) {
  return ntohs(a->u.sa.sa_family == AF_INET ? a->u.in.sin_port
                                            : a->u.in6.sin6_port);
}

/* RFC 6761, section 6.3: these names mean the loopback, whoever is asked. */
static int is_localhost(const char *host) {
  size_t n = strlen(host), m = strlen("localhost");
  if (n > m && host[n - 1] == '.') n--; /* the root's dot */
  if (n < m || (n > m && host[n - m - 1] != '.')) return 0;
  for (const char *a = host + n - m, *b = "localhost"; *b; a++, b++)
    if ((*a | 0x20) != *b) return 0;
  return 1;
}

/* The index of an interface, which is its zone's id; 0, and errno: there is no
 * such interface.                                          if_nametoindex(3) */
unsigned net_addr_interface_index(const char *name) {
  errno = ENODEV;
  return strlen(name) < IF_NAMESIZE ? if_nametoindex(name) : 0;
}

/* The id of a zone: an interface's name or number. 0, and errno: of none. */
static uint32_t zone_id(const char *zone) {
  unsigned index = net_addr_interface_index(zone);
  if (index || *zone == '\0' || zone[strspn(zone, "0123456789")]) return index;
  unsigned long long id = strtoull(zone, NULL, 10);
  if (id <= UINT32_MAX) return (uint32_t)id;
  errno = ENODEV;
  return 0;
}

/* RFC 4007, section 11: an address of IPv6 may name its zone, "fe80::1%eth0".
 * The zone's text; "" if there is none. NULL: it is no address. */
static const char *ip6_split(const char *host, struct in6_addr *in6) {
  char text[INET6_ADDRSTRLEN];
  if (inet_pton(AF_INET6, host, in6) == 1) return "";
  size_t len = strcspn(host, "%");
  if (host[len] == '\0' || len >= sizeof text) return NULL;
  memcpy(text, host, len);
  text[len] = '\0';
  return inet_pton(AF_INET6, text, in6) == 1 ? host + len : NULL;
}

/* Why `host` is no address though it looks like one of IPv6 with a zone: the
 * errno, ENODEV if there is no such interface. 0: it is one, or is a name. */
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

/* A numeric address of that family. False: it is none. */
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

/* A numeric address of either family. False: it is none. */
int net_addr_numeric(net_addr *a, const char *host, uint16_t port) {
  return numeric(a, AF_INET, host, port) || numeric(a, AF_INET6, host, port);
}

/* The address of a host that needs no lookup: a numeric one, "localhost", or
 * "" for every local address. False: it is a name. */
int net_addr_ip(net_addr *a, int family, const char *host, uint16_t port) {
  int inet = family == AF_INET;
  if (is_localhost(host)) host = inet ? "127.0.0.1" : "::1";
  if (*host == '\0') host = inet ? "0.0.0.0" : "::";
  return numeric(a, family, host, port);
}

/* A UNIX socket's path (Linux: an abstract name begins with a NUL byte).
 * False: it is longer than sun_path. */
int net_addr_path(net_addr *a, const char *path, size_t len) {
  *a = (net_addr){0};
  if (len >= sizeof a->u.un.sun_path) return 0;
  a->u.un.sun_family = AF_UNIX;
  memcpy(a->u.un.sun_path, path, len);
  a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
  if (len > 0 && path[0] != '\0') a->len++; /* its closing NUL byte */
  return 1;
}

static size_t path_len(const net_addr *a) {
  size_t start = offsetof(struct sockaddr_un, sun_path);
  size_t len = a->len > start ? a->len - start : 0;
  if (len > 0 && a->u.un.sun_path[0] != '\0')
    return strnlen(a->u.un.sun_path, len);
  return len;
}

/* Writes n in decimal digits; returns where they end. */
static char *digits(char *text, unsigned n) {
  if (n >= 10) text = digits(text, n / 10);
  *text = (char)('0' + n % 10);
  return text + 1;
}

/* inet_ntop(3) prints IPv4 by snprintf, which costs a server of datagrams more
 * than all else that we do for one. */
static void ip4_text(const void *bytes, char *host) {
  for (const unsigned char *b = bytes, *end = b + 4; b < end; b++) {
    host = digits(host, *b);
    *host++ = b + 1 < end ? '.' : '\0';
  }
}

/* With the name of its zone, so that it can be bound and connected to as it is
 * printed, here and now; the zone's number if no interface has it any more. */
static void ip6_text(const void *bytes, uint32_t zone, char host[HOST]) {
  inet_ntop(AF_INET6, bytes, host, INET6_ADDRSTRLEN);
  if (zone == 0) return;
  host += strlen(host);
  *host++ = '%';
  if (if_indextoname(zone, host) == NULL) *digits(host, zone) = '\0';
}

static uint16_t ip_text(const net_addr *a, char host[HOST]) {
  if (a->u.sa.sa_family == AF_INET) {
    ip4_text(&a->u.in.sin_addr, host);
    return ntohs(a->u.in.sin_port);
  }
  ip6_text(&a->u.in6.sin6_addr, a->u.in6.sin6_scope_id, host);
  return ntohs(a->u.in6.sin6_port);
}

/* Pushes host, port, or a UNIX socket's path ("": it has none). */
int net_addr_push(lua_State *L, const net_addr *a) {
  if (a->u.sa.sa_family != AF_INET && a->u.sa.sa_family != AF_INET6) {
    lua_pushlstring(L, a->u.un.sun_path, path_len(a));
    return 1;
  }
  char host[HOST];
  uint16_t port = ip_text(a, host);
  lua_pushstring(L, host);
  lua_pushinteger(L, port);
  return 2;
}

/* For messages: "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", "/run/x.sock",
 * "@abstract", "". */
const char *net_addr_text(const net_addr *a, char text[NET_PEER_TEXT]) {
  char host[HOST];
  text[0] = '\0';
  if (a->len == 0) return text;
  if (a->u.sa.sa_family == AF_UNIX) {
    int len = (int)path_len(a);
    snprintf(text, NET_PEER_TEXT, "%.*s", len, a->u.un.sun_path);
    if (len > 0 && text[0] == '\0')
      snprintf(text, NET_PEER_TEXT, "@%.*s", len - 1, a->u.un.sun_path + 1);
    return text;
  }
  unsigned port = ip_text(a, host);
  char *end = text;
  if (a->u.sa.sa_family == AF_INET6) *end++ = '[';
  end = stpcpy(end, host);
  if (a->u.sa.sa_family == AF_INET6) *end++ = ']';
  *end++ = ':';
  *digits(end, port) = '\0';
  return text;
}

/* Keeps an address of a peer in few bytes. */
void net_addr_pack(net_peer *p, const net_addr *a) {
  char text[NET_PEER_TEXT];
  free(p->path);
  *p = (net_peer){0};
  if (a->u.sa.sa_family == AF_UNIX)
    p->path = strdup(net_addr_text(a, text));
  else
    memcpy(&p->u, &a->u, sizeof p->u);
}

/* As net_addr_text. */
const char *net_addr_peer_text(const net_peer *p, char text[NET_PEER_TEXT]) {
  net_addr a = {.len = sizeof p->u};
  if (p->path) return p->path;
  if (p->u.sa.sa_family == 0) a.len = 0;
  memcpy(&a.u, &p->u, sizeof p->u);
  return net_addr_text(&a, text);
}

/* net.inet_aton(text) -> bytes                                  inet_aton(3)
 * glibc's takes anything behind a blank. */
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
  luaL_argcheck(L, len == 4, 1, "a packed IPv4 address has 4 bytes");
  ip4_text(bytes, text);
  lua_pushstring(L, text);
  return 1;
}

static int check_family(lua_State *L) {
  static const char *const families[] = {"inet", "inet6", NULL};
  return luaL_checkoption(L, 1, NULL, families) ? AF_INET6 : AF_INET;
}

/* net.inet_pton(family, text) -> bytes, zone                    inet_pton(3) */
static int net_inet_pton(lua_State *L) {
  int family = check_family(L);
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
  int inet = check_family(L) == AF_INET;
  size_t len;
  const char *bytes = luaL_checklstring(L, 2, &len);
  lua_Integer scope = luaL_optinteger(L, 3, 0);
  char text[HOST];
  luaL_argcheck(L, len == (inet ? 4 : 16), 2,
                inet ? "a packed IPv4 address has 4 bytes"
                     : "a packed IPv6 address has 16 bytes");
  luaL_argcheck(L, scope >= 0 && scope <= (inet ? 0 : UINT32_MAX), 3,
                inet ? "an IPv4 address has no zone" : "not in 0..4294967295");
  if (inet)
    ip4_text(bytes, text);
  else
    ip6_text(bytes, (uint32_t)scope, text);
  lua_pushstring(L, text);
  return 1;
}

static lua_Integer check_unsigned(lua_State *L, lua_Integer max) {
  lua_Integer n = luaL_checkinteger(L, 1);
  luaL_argcheck(L, n >= 0 && n <= max, 1,
                max > UINT16_MAX ? "not in 0..4294967295" : "not in 0..65535");
  return n;
}

/* net.htonl(n), net.ntohl(n) -> integer                         byteorder(3) */
static int net_htonl(lua_State *L) {
  lua_pushinteger(L, htonl((uint32_t)check_unsigned(L, UINT32_MAX)));
  return 1;
}

static int net_ntohl(lua_State *L) {
  lua_pushinteger(L, ntohl((uint32_t)check_unsigned(L, UINT32_MAX)));
  return 1;
}

/* net.htons(n), net.ntohs(n) -> integer                         byteorder(3) */
static int net_htons(lua_State *L) {
  lua_pushinteger(L, htons((uint16_t)check_unsigned(L, UINT16_MAX)));
  return 1;
}

static int net_ntohs(lua_State *L) {
  lua_pushinteger(L, ntohs((uint16_t)check_unsigned(L, UINT16_MAX)));
  return 1;
}

/* net.hexlify(bytes) -> text */
static int net_hexlify(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (size_t i = 0; i < len; i++) {
    char digits[3];
    snprintf(digits, sizeof digits, "%02x", (unsigned char)bytes[i]);
    luaL_addlstring(&b, digits, 2);
  }
  luaL_pushresult(&b);
  return 1;
}

/* The value of a hexadecimal digit; -1: it is none. */
static int digit(char c) {
  static const char all[] = "0123456789abcdef0123456789ABCDEF";
  const char *at = memchr(all, c, sizeof all - 1);
  return at ? (int)(at - all) % 16 : -1;
}

/* net.unhexlify(text) -> bytes */
static int net_unhexlify(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  int good = len % 2 == 0;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (size_t i = 0; good && i < len; i += 2) {
    int high = digit(text[i]), low = digit(text[i + 1]);
    good = high >= 0 && low >= 0;
    luaL_addchar(&b, (char)(high * 16 + low));
  }
  luaL_pushresult(&b);
  return good ? 1
              : net_error_reason(L, "unhexlify", NULL,
                                 "not two hexadecimal digits a byte", "EINVAL");
}

/* net.escape(bytes) -> text */
static int net_escape(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)bytes[i];
    char text[5] = {(char)c, '\0'};
    if (c < ' ' || c > '~')
      snprintf(text, sizeof text, "\\x%02x", c);
    else if (c == '\\')
      strcpy(text, "\\\\");
    luaL_addstring(&b, text);
  }
  luaL_pushresult(&b);
  return 1;
}

const luaL_Reg net_addr_functions[] = {
    {"inet_aton", net_inet_aton}, {"inet_ntoa", net_inet_ntoa},
    {"inet_pton", net_inet_pton}, {"inet_ntop", net_inet_ntop},
    {"htonl", net_htonl},         {"htons", net_htons},
    {"ntohl", net_ntohl},         {"ntohs", net_ntohs},
    {"hexlify", net_hexlify},     {"unhexlify", net_unhexlify},
    {"escape", net_escape},       {NULL, NULL},
};
