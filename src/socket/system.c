/* SPDX-License-Identifier: MIT
 *
 * usage.c: net.getrusage, what this process has had of the kernel.
 */
#include "net.h"

static void set_count(lua_State *L, const char *name, uint64_t n) {
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, name);
}

static void set_time(lua_State *L, const char *name, uv_timeval_t t) {
  lua_pushnumber(L, (lua_Number)t.tv_sec + (lua_Number)t.tv_usec / 1e6);
  lua_setfield(L, -2, name);
}

/* net.getrusage() -> usage                                      getrusage(2) */
static int net_getrusage(lua_State *L) {
  uv_rusage_t r;
  net_sys_counts counts = net_sys_counted();
  int err = uv_getrusage(&r);
  if (err) return net_err(L, "getrusage", NULL, err);
  lua_createtable(L, 0, 8);
  set_time(L, "utime", r.ru_utime);
  set_time(L, "stime", r.ru_stime);
#ifdef __APPLE__
  set_count(L, "maxrss", r.ru_maxrss);
#else
  set_count(L, "maxrss", r.ru_maxrss * 1024);
#endif
  set_count(L, "nvcsw", r.ru_nvcsw);
  set_count(L, "nivcsw", r.ru_nivcsw);
  set_count(L, "calls", counts.calls);
  set_count(L, "received", counts.in);
  set_count(L, "sent", counts.out);
  return 1;
}

const luaL_Reg net_usage_functions[] = {
    {"getrusage", net_getrusage},
    {NULL, NULL},
};
