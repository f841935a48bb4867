/* SPDX-License-Identifier: MIT
 *
 * iface.c: the addresses of this machine's network interfaces. Nothing here
 * asks the network.
 */
#include "net.h"

#include <stdio.h>
#include <string.h>

typedef struct {
  uv_interface_address_t *at;
  int n;
} list;

/* Sets t[name] of the table on top to an address as text. */
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

static void push_interface(lua_State *L, const uv_interface_address_t *i) {
  const unsigned char *mac = (const unsigned char *)i->phys_addr;
  int family = i->address.address4.sin_family;
  uint32_t scope = 0;
  char text[18];
  if (family == AF_INET6) scope = i->address.address6.sin6_scope_id;
  lua_createtable(L, 0, 8);
  lua_pushstring(L, i->name);
  lua_setfield(L, -2, "name");
  lua_pushinteger(L, net_addr_index(i->name));
  lua_setfield(L, -2, "index");
  lua_pushstring(L, family == AF_INET ? "inet" : "inet6");
  lua_setfield(L, -2, "family");
  set_address(L, "address", &i->address, family);
  set_address(L, "netmask", &i->netmask, family);
  snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
           mac[2], mac[3], mac[4], mac[5]);
  lua_pushstring(L, text);
  lua_setfield(L, -2, "mac");
  lua_pushboolean(L, i->is_internal);
  lua_setfield(L, -2, "internal");
  if (scope) lua_pushinteger(L, scope);
  if (scope) lua_setfield(L, -2, "scope");
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
  if (err) return net_err(L, "interfaces", NULL, err);
  lua_pushcfunction(L, push_all);
  lua_pushlightuserdata(L, &l);
  int status = lua_pcall(L, 1, 1, 0);
  uv_free_interface_addresses(l.at, l.n);
  return status == LUA_OK ? 1 : lua_error(L);
}

const luaL_Reg net_iface_functions[] = {
    {"interfaces", net_interfaces},
    {NULL, NULL},
};
