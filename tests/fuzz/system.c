/* SPDX-License-Identifier: MIT
 *
 * system.c: replaces the system calls of the object files (by the linker's
 * --wrap, in tests/fuzz/wraps). Mostly it passes them on. While a Lua target
 * denies them they are counted and fail, and nothing leaves the process; but
 * bind(2) keeps the address, which getsockname(2) and getpeername(2) return.
 *
 *   system.deny(code)    make them fail; code: an errno
 *   system.allow()       no longer; returns how many there were
 *   system.calls()       returns how many there were so far
 *   system.name(bytes)   sets the address to return next, with its length
 */
#include "fuzz.h"

#include <errno.h>
#include <lauxlib.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#include "engine/echo.h"
#include "engine/load.h"

static int denied, calls;
static struct {
  unsigned char bytes[sizeof(struct sockaddr_storage)]; /* the longest of all */
  socklen_t len;
} name;

static int denies(void) {
  if (denied == 0) return 0;
  calls++;
  errno = denied;
  return 1;
}

/* WRAP(type, name, (parameters), (arguments)): a call that fails with -1. */
#define WRAP(type, call, parameters, arguments) \
  type __real_##call parameters; \
  type __wrap_##call parameters; \
  type __wrap_##call parameters { \
    return denies() ? -1 : __real_##call arguments; \
  }

WRAP(int, socket, (int f, int t, int p), (f, t, p))
WRAP(int, socketpair, (int f, int t, int p, int *fds), (f, t, p, fds))
WRAP(int, listen, (int fd, int n), (fd, n))
WRAP(int, shutdown, (int fd, int how), (fd, how))
WRAP(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
WRAP(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int f),
     (fd, a, n, f))
WRAP(ssize_t, recv, (int fd, void *data, size_t n, int f), (fd, data, n, f))
WRAP(ssize_t, send, (int fd, const void *data, size_t n, int f),
     (fd, data, n, f))
WRAP(ssize_t, recvfrom,
     (int fd, void *data, size_t n, int f, struct sockaddr *a, socklen_t *len),
     (fd, data, n, f, a, len))
WRAP(ssize_t, sendto,
     (int fd, const void *data, size_t n, int f, const struct sockaddr *a,
      socklen_t len),
     (fd, data, n, f, a, len))
WRAP(int, setsockopt, (int fd, int l, int o, const void *v, socklen_t n),
     (fd, l, o, v, n))
WRAP(int, getsockopt, (int fd, int l, int o, void *v, socklen_t *n),
     (fd, l, o, v, n))

int __real_bind(int fd, const struct sockaddr *a, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *a, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *a, socklen_t len) {
  if (!denies()) return __real_bind(fd, a, len);
  memcpy(name.bytes, a, len);
  name.len = len;
  return 0;
}

/* Like the kernel: only the bytes that fit, but the full length. */
static int give_name(struct sockaddr *a, socklen_t *len) {
  memcpy(a, name.bytes, *len < name.len ? *len : name.len);
  *len = name.len;
  return 0;
}

#define WRAP_NAME(call) \
  int __real_##call(int fd, struct sockaddr *a, socklen_t *len); \
  int __wrap_##call(int fd, struct sockaddr *a, socklen_t *len); \
  int __wrap_##call(int fd, struct sockaddr *a, socklen_t *len) { \
    return denies() ? give_name(a, len) : __real_##call(fd, a, len); \
  }

WRAP_NAME(getsockname)
WRAP_NAME(getpeername)

/* These begin more than one system call. */
int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req,
                          uv_getaddrinfo_cb cb, const char *host,
                          const char *service, const struct addrinfo *hints);
int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req,
                          uv_getaddrinfo_cb cb, const char *host,
                          const char *service, const struct addrinfo *hints) {
  (void)loop, (void)req, (void)cb, (void)hints;
  calls++;
  if (host && strlen(host) > 253) fuzz_wrong("a host's name is too long");
  return host || service ? UV_EAI_AGAIN : UV_EINVAL;
}

int __wrap_uv_getnameinfo(uv_loop_t *loop, uv_getnameinfo_t *req,
                          uv_getnameinfo_cb cb, const struct sockaddr *a,
                          int flags);
int __wrap_uv_getnameinfo(uv_loop_t *loop, uv_getnameinfo_t *req,
                          uv_getnameinfo_cb cb, const struct sockaddr *a,
                          int flags) {
  (void)loop, (void)req, (void)cb, (void)flags;
  calls++;
  return a->sa_family == AF_INET || a->sa_family == AF_INET6 ? UV_EAI_AGAIN
                                                             : UV_EINVAL;
}

net_echo *__wrap_net_echo_start(const net_echo_options *o, int *err);
net_echo *__wrap_net_echo_start(const net_echo_options *o, int *err) {
  calls++;
  if (o->workers < 1 || o->workers > NET_ECHO_WORKERS)
    fuzz_wrong("%d workers", o->workers);
  *err = denied ? denied : ENOMEM;
  return NULL;
}

net_load *__wrap_net_load_start(const net_load_options *o, int *err);
net_load *__wrap_net_load_start(const net_load_options *o, int *err) {
  calls++;
  if (o->connections < 1 || o->depth < 1 || o->size < 1 || !(o->timeout > 0))
    fuzz_wrong("net.load has begun with nothing to do");
  if (o->len == 0 || o->len > sizeof(struct sockaddr_storage))
    fuzz_wrong("an address of %u bytes", (unsigned)o->len);
  *err = denied ? denied : ENOMEM;
  return NULL;
}

/* System files are not the network, but slow. */
struct servent *__wrap_getservbyname(const char *text, const char *proto);
struct servent *__wrap_getservbyname(const char *text, const char *proto) {
  static struct servent http = {"http", NULL, 80 << 8, "tcp"};
  (void)proto;
  return strcmp(text, "http") == 0 ? &http : NULL;
}

struct servent *__wrap_getservbyport(int port, const char *proto);
struct servent *__wrap_getservbyport(int port, const char *proto) {
  static struct servent http = {"http", NULL, 80 << 8, "tcp"};
  return port == http.s_port && strcmp(proto, "tcp") == 0 ? &http : NULL;
}

unsigned __wrap_if_nametoindex(const char *text);
unsigned __wrap_if_nametoindex(const char *text) {
  errno = ENODEV;
  return strcmp(text, "lo") == 0;
}

char *__wrap_if_indextoname(unsigned index, char *text);
char *__wrap_if_indextoname(unsigned index, char *text) {
  errno = ENXIO;
  return index == 1 ? strcpy(text, "lo") : NULL;
}

static int system_deny(lua_State *L) {
  denied = (int)luaL_checkinteger(L, 1);
  calls = 0;
  return 0;
}

static int system_allow(lua_State *L) {
  lua_pushinteger(L, calls);
  denied = 0;
  return 1;
}

static int system_calls(lua_State *L) {
  lua_pushinteger(L, calls);
  return 1;
}

static int system_name(lua_State *L) {
  size_t len;
  const char *bytes = luaL_checklstring(L, 1, &len);
  if (len > sizeof name.bytes) len = sizeof name.bytes;
  memset(name.bytes, 0, sizeof name.bytes);
  memcpy(name.bytes, bytes, len);
  name.len = (socklen_t)len;
  return 0;
}

int fuzz_open_system(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"deny", system_deny},
      {"allow", system_allow},
      {"calls", system_calls},
      {"name", system_name},
      {NULL, NULL},
  };
  luaL_newlib(L, functions);
  return 1;
}
