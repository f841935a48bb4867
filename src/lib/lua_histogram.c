/* SPDX-License-Identifier: MIT
 *
 * lua_histogram.c: a histogram of latencies as a Lua object, which never
 * changes.
 */
#include "lib/lua_histogram.h"

#include <lauxlib.h>

#include "core/classes.h"

/* Pushes a copy of a histogram, into which a thread may be recording. */
const net_histogram *net_histogram_push(lua_State *L,
                                        const net_histogram *from) {
  net_histogram *h = lua_newuserdatauv(L, sizeof *h, 0);
  net_histogram_copy(h, from);
  luaL_setmetatable(L, NET_HISTOGRAM);
  return h;
}

static const net_histogram *check_hist(lua_State *L) {
  return luaL_checkudata(L, 1, NET_HISTOGRAM);
}

/* histogram:count() -> integer */
static int hist_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_hist(L)->total);
  return 1;
}

/* histogram:percentile(p) -> seconds */
static int hist_percentile(lua_State *L) {
  const net_histogram *h = check_hist(L);
  double p = luaL_checknumber(L, 2);
  luaL_argcheck(L, p >= 0 && p <= 100, 2, "percentile not in 0..100");
  lua_pushnumber(L, (double)net_histogram_percentile(h, p) / 1e9);
  return 1;
}

/* histogram:buckets() -> { { from = s, to = s, count = n }, ... } */
static int hist_buckets(lua_State *L) {
  const net_histogram *h = check_hist(L);
  uint64_t most = net_histogram_max(h), from = 0, to = 0;
  lua_newtable(L);
  if (h->total == 0) return 1;
  for (to = net_histogram_edge(0); to <= net_histogram_min(h);
       to = net_histogram_edge(to))
    from = to;
  for (lua_Integer i = 1; from <= most;
       i++, from = to, to = net_histogram_edge(to)) {
    lua_createtable(L, 0, 3);
    lua_pushnumber(L, (double)from / 1e9);
    lua_setfield(L, -2, "from");
    lua_pushnumber(L, (double)to / 1e9);
    lua_setfield(L, -2, "to");
    lua_pushinteger(L, (lua_Integer)net_histogram_between(h, from, to));
    lua_setfield(L, -2, "count");
    lua_rawseti(L, -2, i);
  }
  return 1;
}

static void write_line(void *data, const char *line, size_t len) {
  luaL_addlstring(data, line, len);
}

/* histogram:text() -> HdrHistogram's table */
static int hist_text(lua_State *L) {
  luaL_Buffer b;
  const net_histogram *h = check_hist(L);
  luaL_buffinit(L, &b);
  net_histogram_text(h, 1e6, write_line, &b);
  luaL_pushresult(&b);
  return 1;
}

const luaL_Reg net_histogram_methods[] = {
    {"count", hist_count},
    {"percentile", hist_percentile},
    {"buckets", hist_buckets},
    {"text", hist_text},
    {NULL, NULL},
};
