/* SPDX-License-Identifier: MIT
 *
 * report.c: how a task's error is shown to who runs the program.
 */
#include "core/report.h"

#include "core/error.h"

/* Is there a Lua function among L's calls, for a traceback to tell of? */
static int runs_lua(lua_State *L) {
  lua_Debug ar;
  for (int level = 0; lua_getstack(L, level, &ar); level++)
    if (lua_getinfo(L, "S", &ar) && *ar.what != 'C') return 1;
  return 0;
}

/* Pushes the text to print for the error object on top of co, as `lua` does:
 * with a traceback, unless the object has a text of its own, no Lua function
 * was running, or the error is the network's and an assert passed it on. */
static const char *push_report(lua_State *L, lua_State *co) {
  lua_pushvalue(co, -1);
  lua_xmove(co, L, 1);
  const char *message = lua_tostring(L, -1);
  if (message == NULL && luaL_callmeta(L, -1, "__tostring"))
    return lua_tostring(L, -1);
  if (message == NULL)
    message = lua_pushfstring(L, "(error object is a %s value)",
                              luaL_typename(L, -1));
  if (net_error_code(message) == NULL && runs_lua(co)) {
    luaL_traceback(L, co, message, 0);
    message = lua_tostring(L, -1);
  }
  return message;
}

static int report(lua_State *L) { /* protected: task -> message */
  net_task *t = lua_touserdata(L, 1);
  const char *message = push_report(L, t->wait.L);
  const net_loop *loop = t->wait.loop;
  if (t != loop->foreground) /* a line's error is seen right below it */
    lua_writestringerror("%s: ", loop->hosted ? "netlab" : "net");
  lua_writestringerror("%s\n", message);
  return 1;
}

/* Prints the error that a task has ended with, and in the host what to try; a
 * hint that fails hides no error. */
void net_report_error(net_task *t) {
  net_loop *loop = t->wait.loop;
  lua_State *L = loop->main.L;
  int top = lua_gettop(L);
  t->reported = 1;
  loop->failed++;
  lua_pushcfunction(L, report);
  lua_pushlightuserdata(L, t);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
    lua_writestringerror("netlab: %s\n", "(an error that cannot be shown)");
  } else if (loop->hosted) {
    lua_pushcfunction(L, net_error_hint);
    lua_insert(L, -2);
    lua_pcall(L, 1, 0, 0);
  }
  lua_settop(L, top);
}
