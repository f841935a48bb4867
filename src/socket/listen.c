/* SPDX-License-Identifier: MIT
 *
 * listen.c: net.listen: socket(2), bind(2) and listen(2) in one call, with the
 * options that a server needs.
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "core/args.h"
#include "core/error.h"
#include "os/counters.h"
#include "os/os.h"
#include "socket/option.h"
#include "socket/resolver.h"
#include "socket/sock.h"

enum { HOST = 1, PORT, OPTIONS, FAILURES };

typedef struct options {
  int backlog, reuseaddr, reuseport, dual_stack;
} options;

/* Replaces the table of options by the structure that it describes. */
static const options *check_options(lua_State *L) {
  options *o = lua_newuserdatauv(L, sizeof *o, 0);
  *o = (options){.backlog = 128, .reuseaddr = 1};
  if (!lua_isnil(L, OPTIONS)) {
    luaL_checktype(L, OPTIONS, LUA_TTABLE);
    net_args_keys(L, OPTIONS, "|backlog|reuseaddr|reuseport|dual_stack|");
    o->backlog = (int)net_args_int(L, OPTIONS, "backlog", 128, 0, INT_MAX);
    o->reuseaddr = net_args_flag(L, OPTIONS, "reuseaddr", 1);
    o->reuseport = net_args_flag(L, OPTIONS, "reuseport", 0);
    o->dual_stack = net_args_flag(L, OPTIONS, "dual_stack", 0);
  }
  lua_replace(L, OPTIONS);
  return o;
}

static int set_options(int fd, int family, const options *o) {
  int err = 0;
  if (o->reuseaddr) err = net_option_set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (!err && o->reuseport) err = NET_CALL(net_os_set_reuseport(fd));
  if (!err && family == AF_INET6)
    err = net_option_set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, !o->dual_stack);
  return err;
}

/* Pushes a socket, and makes it listen at an address. Returns 0 or an errno. */
static int listen_at(lua_State *L, const net_addr *a, const options *o) {
  int family = a->u.sa.sa_family;
  net_sock *s = net_sock_new(L, family, SOCK_STREAM);
  int fd = NET_CALL(net_os_socket(family, SOCK_STREAM));
  if (fd < 0) return errno;
  int err = set_options(fd, family, o);
  if (!err && NET_CALL(bind(fd, &a->u.sa, a->len))) err = errno;
  if (!err && NET_CALL(listen(fd, o->backlog))) err = errno;
  if (err)
    close(fd);
  else
    s->fd = fd;
  return err;
}

/* Tries the addresses on top of the stack. */
static net_outcome net_listenk(lua_State *L, net_wake wake) {
  size_t len;
  const net_addr *addrs = (const net_addr *)lua_tolstring(L, -1, &len);
  size_t n = len / sizeof *addrs;
  int err = 0;
  char text[NET_ADDR_TEXT];
  (void)wake;
  for (size_t i = 0; i < n; i++) {
    err = listen_at(L, &addrs[i], lua_touserdata(L, OPTIONS));
    if (!err) return 1;
    int results = net_error_append(L, FAILURES, "listen",
                                   net_addr_text(&addrs[i], text), err);
    lua_pop(L, results + 1);
  }
  if (n > 1)
    lua_pushfstring(L, "%s:%d", lua_tostring(L, HOST),
                    (int)net_addr_port(addrs));
  return net_error_all(L, FAILURES, "listen",
                       n > 1 ? lua_tostring(L, -1) : text, err);
}

/* net.listen(host, port, options) -> sock      listen(2), socket(7), ipv6(7) */
static int net_listen(lua_State *L) {
  net_query q = {.call = "listen", .host = HOST, .seconds = -1};
  net_addr a;
  int family = AF_UNSPEC;
  lua_settop(L, OPTIONS);
  const options *o = check_options(L);
  int both = o->dual_stack && *net_resolver_host(L, HOST) == '\0';
  lua_pushliteral(L, ""); /* FAILURES */
  /* "localhost" and "" are of both families, but one socket has one address. */
  if (!both && net_resolver_known(L, AF_INET, HOST, &a))
    family = AF_INET;
  else if (net_resolver_known(L, AF_INET6, HOST, &a))
    family = AF_INET6;
  q.then = net_listenk;
  return net_resolver_addresses(L, q, family);
}

const luaL_Reg net_listen_functions[] = {
    {"listen", net_listen},
    {NULL, NULL},
};
