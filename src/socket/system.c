/* SPDX-License-Identifier: MIT
 *
 * system.c: the network interfaces and clocks of this machine, and what the
 * kernel has done for this process. Nothing here asks the network.
 */
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <uv.h>

#include "core/args.h"
#include "core/error.h"
#include "os/counters.h"
#include "socket/address.h"
#include "socket/family.h"

typedef struct {
  uv_interface_address_t *at;
  int n;
} list;

/* Sets a field of the table on top of the stack to an address. */
static void set_address(lua_State *L, const char *name, const void *address,
                        int family) {
  net_addr a = {.len = sizeof a.u};
  int inet = family == AF_INET;
  memcpy(&a.u, address, inet ? sizeof a.u.in : sizeof a.u.in6);
  a.u.sa.sa_family = (sa_family_t)family; /* a netmask may lack it */
  net_addr_push(L, &a);
  lua_pop(L, 1); /* the port */
  lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

static void push_interface(lua_State *L, const uv_interface_address_t *i) {
  const unsigned char *mac = (const unsigned char *)i->phys_addr;
  int family = i->address.address4.sin_family;
  uint32_t scope = 0;
  char text[18];
  if (family == AF_INET6) scope = i->address.address6.sin6_scope_id;
  lua_createtable(L, 0, 8);
  set_text(L, "name", i->name);
  net_args_set_count(L, "index", net_addr_interface_index(i->name));
  set_text(L, "family", net_args_name(net_families, family));
  set_address(L, "address", &i->address, family);
  set_address(L, "netmask", &i->netmask, family);
  snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
           mac[2], mac[3], mac[4], mac[5]);
  set_text(L, "mac", text);
  lua_pushboolean(L, i->is_internal);
  lua_setfield(L, -2, "internal");
  if (scope) net_args_set_count(L, "scope", scope);
}

static int push_all(lua_State *L) { /* protected: list */
  list *l = lua_touserdata(L, 1);
  lua_createtable(L, l->n, 0);
  for (int i = 0; i < l->n; i++) {
    push_interface(L, &l->at[i]);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* net.interfaces() -> { { name =, address =, ... }, ... }      getifaddrs(3) */
static int net_interfaces(lua_State *L) {
  list l;
  int err = uv_interface_addresses(&l.at, &l.n);
  if (err) return net_error(L, "interfaces", NULL, err);
  lua_pushcfunction(L, push_all);
  lua_pushlightuserdata(L, &l);
  int status = lua_pcall(L, 1, 1, 0);
  uv_free_interface_addresses(l.at, l.n);
  return status == LUA_OK ? 1 : lua_error(L);
}

/* net.now() -> seconds */
static int net_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)uv_hrtime() / 1e9);
  return 1;
}

/* net.time() -> seconds */
static int net_time(lua_State *L) {
  uv_timeval64_t now;
  uv_gettimeofday(&now);
  lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_usec / 1e6);
  return 1;
}

static double seconds(uv_timeval_t t) {
  return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* net.getrusage() -> usage                                      getrusage(2) */
static int net_getrusage(lua_State *L) {
  uv_rusage_t r;
  net_counts counts = net_counts_read();
  int err = uv_getrusage(&r);
  if (err) return net_error(L, "getrusage", NULL, err);
  lua_createtable(L, 0, 8);
  net_args_set_number(L, "utime", seconds(r.ru_utime));
  net_args_set_number(L, "stime", seconds(r.ru_stime));
#ifdef __APPLE__
  net_args_set_count(L, "maxrss", r.ru_maxrss);
#else
  net_args_set_count(L, "maxrss", r.ru_maxrss * 1024);
#endif
  net_args_set_count(L, "nvcsw", r.ru_nvcsw);
  net_args_set_count(L, "nivcsw", r.ru_nivcsw);
  net_args_set_count(L, "calls", counts.calls);
  net_args_set_count(L, "received", counts.in);
  net_args_set_count(L, "sent", counts.out);
  return 1;
}

const luaL_Reg net_system_functions[] = {
    {"interfaces", net_interfaces}, {"now", net_now}, {"time", net_time},
    {"getrusage", net_getrusage},   {NULL, NULL},
};
