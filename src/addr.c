/* SPDX-License-Identifier: MIT
 *
 * addr.c: socket addresses as text and as bytes, and the byte order of
 * integers. Nothing here asks the network.
 */
#include "net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* port: in host byte order */
void net_addr_set_port(net_addr *a, uint16_t port) {
  if (a->u.sa.sa_family == AF_INET)
    a->u.in.sin_port = htons(port);
  else if (a->u.sa.sa_family == AF_INET6)
    a->u.in6.sin6_port = htons(port);
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

/* The address of a host that needs no lookup: a numeric one, "localhost", or
 * "" for every local address. False: it is a name. */
int net_addr_ip(net_addr *a, int family, const char *host, uint16_t port) {
  int local = is_localhost(host), known;
  *a = (net_addr){0};
  a->u.sa.sa_family = (sa_family_t)family;
  if (family == AF_INET) {
    a->len = sizeof a->u.in;
    if (local) host = "127.0.0.1";
    if (*host == '\0') host = "0.0.0.0";
    known = inet_pton(AF_INET, host, &a->u.in.sin_addr);
  } else {
    a->len = sizeof a->u.in6;
    if (local) host = "::1";
    if (*host == '\0') host = "::";
    known = inet_pton(AF_INET6, host, &a->u.in6.sin6_addr);
  }
  net_addr_set_port(a, port);
  return known == 1;
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

static uint16_t ip_text(const net_addr *a, char host[INET6_ADDRSTRLEN]) {
  if (a->u.sa.sa_family == AF_INET) {
    ip4_text(&a->u.in.sin_addr, host);
    return ntohs(a->u.in.sin_port);
  }
  inet_ntop(AF_INET6, &a->u.in6.sin6_addr, host, INET6_ADDRSTRLEN);
  return ntohs(a->u.in6.sin6_port);
}

/* Pushes host, port, or a UNIX socket's path ("": it has none). */
int net_addr_push(lua_State *L, const net_addr *a) {
  if (a->u.sa.sa_family != AF_INET && a->u.sa.sa_family != AF_INET6) {
    lua_pushlstring(L, a->u.un.sun_path, path_len(a));
    return 1;
  }
  char host[INET6_ADDRSTRLEN];
  uint16_t port = ip_text(a, host);
  lua_pushstring(L, host);
  lua_pushinteger(L, port);
  return 2;
}

/* For messages: "127.0.0.1:80", "[::1]:80", "/run/x.sock", "@abstract", "". */
const char *net_addr_text(const net_addr *a, char text[NET_WHO]) {
  char host[INET6_ADDRSTRLEN];
  text[0] = '\0';
  if (a->len == 0) return text;
  if (a->u.sa.sa_family == AF_UNIX) {
    int len = (int)path_len(a);
    snprintf(text, NET_WHO, "%.*s", len, a->u.un.sun_path);
    if (len > 0 && text[0] == '\0')
      snprintf(text, NET_WHO, "@%.*s", len - 1, a->u.un.sun_path + 1);
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
  char text[NET_WHO];
  free(p->path);
  *p = (net_peer){0};
  if (a->u.sa.sa_family == AF_UNIX)
    p->path = strdup(net_addr_text(a, text));
  else
    memcpy(&p->u, &a->u, sizeof p->u);
}

/* As net_addr_text. */
const char *net_addr_peer_text(const net_peer *p, char text[NET_WHO]) {
  net_addr a = {.len = sizeof p->u};
  if (p->path) return p->path;
  if (p->u.sa.sa_family == 0) a.len = 0;
  memcpy(&a.u, &p->u, sizeof p->u);
  return net_addr_text(&a, text);
}

/* net.inet_aton(text) -> 4 bytes in network byte order          inet_aton(3)
 * nil, message, "EINVAL": the text is no IPv4 address. */
static int net_inet_aton(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  struct in_addr in;
  if (strlen(text) != len || !inet_aton(text, &in))
    return net_err(L, "inet_aton", text, EINVAL);
  lua_pushlstring(L, (char *)&in, sizeof in);
  return 1;
}

/* net.inet_ntoa(bytes) -> "127.0.0.1"                            inet_ntoa(3)
 * of 4 bytes in network byte order; raises for any other number of them. */
static int net_inet_ntoa(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  char text[INET_ADDRSTRLEN];
  luaL_argcheck(L, len == 4, 1, "a packed IPv4 address has 4 bytes");
  ip4_text(bytes, text);
  lua_pushstring(L, text);
  return 1;
}

static lua_Integer check_unsigned(lua_State *L, lua_Integer max) {
  lua_Integer n = luaL_checkinteger(L, 1);
  luaL_argcheck(L, n >= 0 && n <= max, 1,
                max > UINT16_MAX ? "not in 0..4294967295" : "not in 0..65535");
  return n;
}

/* net.htonl(n), net.ntohl(n) -> integer                          byteorder(3)
 * 32 bits, between host and network byte order; raises for what has more. */
static int net_htonl(lua_State *L) {
  lua_pushinteger(L, htonl((uint32_t)check_unsigned(L, UINT32_MAX)));
  return 1;
}

static int net_ntohl(lua_State *L) {
  lua_pushinteger(L, ntohl((uint32_t)check_unsigned(L, UINT32_MAX)));
  return 1;
}

/* net.htons(n), net.ntohs(n) -> integer: 16 bits, likewise */
static int net_htons(lua_State *L) {
  lua_pushinteger(L, htons((uint16_t)check_unsigned(L, UINT16_MAX)));
  return 1;
}

static int net_ntohs(lua_State *L) {
  lua_pushinteger(L, ntohs((uint16_t)check_unsigned(L, UINT16_MAX)));
  return 1;
}

/* net.hexlify(bytes) -> two hexadecimal digits a byte: "7f000001" */
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

/* net.escape(bytes) -> text
 * What a stranger sent, made safe to print: every byte that is not printable
 * ASCII becomes \xNN, as in Python's bytes literals, and a backslash \\. */
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
    {"inet_aton", net_inet_aton},
    {"inet_ntoa", net_inet_ntoa},
    {"htonl", net_htonl},
    {"htons", net_htons},
    {"ntohl", net_ntohl},
    {"ntohs", net_ntohs},
    {"hexlify", net_hexlify},
    {"escape", net_escape},
    {NULL, NULL},
};
