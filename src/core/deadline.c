/* SPDX-License-Identifier: MIT
 *
 * deadline.c: net.deadline, one total time for all the calls of a function.
 */
#include "core/deadline.h"

#include "core/classes.h"

/* deadline:__close(): the function has returned, or raised an error. */
static int deadline___close(lua_State *L) {
  net_deadline_leave(luaL_checkudata(L, 1, NET_DEADLINE));
  return 0;
}

static int net_deadlinek(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L) - 1;
}

/* net.deadline(seconds, f, ...) -> ... */
static int net_deadline_(lua_State *L) {
  lua_Number seconds = luaL_checknumber(L, 1);
  luaL_argcheck(L, seconds >= 0, 1, "seconds must not be negative");
  luaL_checktype(L, 2, LUA_TFUNCTION);
  net_deadline *d = lua_newuserdatauv(L, sizeof *d, 1);
  *d = (net_deadline){0};
  lua_pushthread(L); /* which so outlives it: no other gets its address */
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, NET_DEADLINE);
  lua_replace(L, 1);
  lua_toclose(L, 1);
  net_deadline_enter(net_loop_get(L), d, L, seconds);
  lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, net_deadlinek);
  return net_deadlinek(L, LUA_OK, 0);
}

const luaL_Reg net_deadline_methods[] = {
    {"__close", deadline___close},
    {"__gc", deadline___close},
    {NULL, NULL},
};

const luaL_Reg net_deadline_functions[] = {
    {"deadline", net_deadline_},
    {NULL, NULL},
};
