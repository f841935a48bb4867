/* SPDX-License-Identifier: MIT
 *
 * report.c: prints the error that a task has ended with. Under an error of the
 * module, whose message ends in a code, the host prints a hint.
 */
#include "core/report.h"

#include <string.h>

/* Does the text begin with the name of a call? */
static int names_call(const char *text) {
  size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz_");
  return n > 0 && (text[n] == ' ' || text[n] == ':');
}

/* The same, perhaps behind the "file:line: " of an assert. */
static int is_ours(const char *message) {
  if (names_call(message)) return 1;
  for (const char *p = strchr(message, ':'); p; p = strchr(p + 1, ':')) {
    size_t digits = strspn(p + 1, "0123456789");
    if (digits == 0 || strncmp(p + 1 + digits, ": ", 2) != 0) continue;
    return names_call(p + digits + 3);
  }
  return 0;
}

/* Returns where "CODE)" begins in a message of the module, "call ...: reason
 * (CODE)"; NULL for any other text. */
static const char *code_in(const char *message) {
  static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  const char *open = strrchr(message, '(');
  if (open == NULL || open[1] == ')' || !is_ours(message)) return NULL;
  return strcmp(open + 1 + strspn(open + 1, upper), ")") ? NULL : open + 1;
}

/* protected: message -> nothing
 * Prints the line of lua/net/hints.lua for the code of a message. */
static int print_hint(lua_State *L) {
  const char *code = code_in(luaL_checkstring(L, 1));
  if (code == NULL) return 0;
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_getfield(L, -1, "net.hints");
  lua_call(L, 0, 1);
  lua_getfield(L, -1, "of");
  lua_pushlstring(L, code, strlen(code) - 1);
  lua_call(L, 1, 1);
  if (!lua_isnil(L, -1))
    lua_writestringerror("  hint: %s\n", lua_tostring(L, -1));
  return 0;
}

/* Is a Lua function among L's calls, so that a traceback says something? */
static int runs_lua(lua_State *L) {
  lua_Debug ar;
  for (int level = 0; lua_getstack(L, level, &ar); level++)
    if (lua_getinfo(L, "S", &ar) && *ar.what != 'C') return 1;
  return 0;
}

/* Pushes the text to print for the error object on top of co, as `lua` does:
 * with a traceback, unless the object has a text of its own, no Lua function
 * was running, or an assert raised an error of the module. */
static const char *push_report(lua_State *L, lua_State *co) {
  lua_pushvalue(co, -1);
  lua_xmove(co, L, 1);
  const char *message = lua_tostring(L, -1);
  if (message == NULL && luaL_callmeta(L, -1, "__tostring"))
    return lua_tostring(L, -1);
  if (message == NULL)
    message = lua_pushfstring(L, "(error object is a %s value)",
                              luaL_typename(L, -1));
  if (code_in(message) == NULL && runs_lua(co)) {
    luaL_traceback(L, co, message, 0);
    message = lua_tostring(L, -1);
  }
  return message;
}

/* protected: task -> message */
static int print_report(lua_State *L) {
  net_task *t = lua_touserdata(L, 1);
  const char *message = push_report(L, t->wait.L);
  const net_loop *loop = t->wait.loop;
  if (t != loop->foreground) /* the prompt shows that right below the line */
    lua_writestringerror("%s: ", loop->hosted ? "netlab" : "net");
  lua_writestringerror("%s\n", message);
  return 1;
}

/* Prints the error that a task has ended with and, in the host, a hint. A hint
 * that fails hides no error. */
void net_report_error(net_task *t) {
  net_loop *loop = t->wait.loop;
  lua_State *L = loop->main.L;
  int top = lua_gettop(L);
  t->reported = 1;
  loop->failed++;
  lua_pushcfunction(L, print_report);
  lua_pushlightuserdata(L, t);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
    lua_writestringerror("%s: (an error that cannot be shown)\n",
                         loop->hosted ? "netlab" : "net");
  } else if (loop->hosted) {
    lua_pushcfunction(L, print_hint);
    lua_insert(L, -2);
    lua_pcall(L, 1, 0, 0);
  }
  lua_settop(L, top);
}
