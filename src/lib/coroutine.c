/* SPDX-License-Identifier: MIT
 *
 * coroutine.c: net.coroutine: Lua's own coroutine library, except that a
 * coroutine it resumes may wait. So a generator can read from a socket. The
 * program netlab uses it in place of Lua's.
 */
#include "lib/coroutine.h"

#include <lualib.h>

#include "core/coro.h"
#include "core/interrupt.h"
#include "core/loop.h"

static lua_State *check_co(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  if (co == NULL) luaL_typeerror(L, 1, "coroutine");
  return co;
}

/* Returns why co cannot be resumed with its arguments above it, or NULL. */
static const char *resume_error(lua_State *L, lua_State *co) {
  if (co == L) return "cannot resume non-suspended coroutine";
  if (net_coro_parent(co))
    return "cannot resume a coroutine that waits in another task";
  if (!lua_checkstack(co, lua_gettop(L))) return "too many arguments to resume";
  return NULL;
}

/* Moves the results of co to L and returns their number; or its error, and
 * returns -1. */
static int move_results(lua_State *L, lua_State *co, int status, int results) {
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(co, L, 1);
    return -1;
  }
  if (!lua_checkstack(L, results + 1)) {
    lua_pop(co, results);
    lua_pushliteral(L, "too many results to resume");
    return -1;
  }
  lua_xmove(co, L, results);
  return results;
}

static int resumed(lua_State *L, lua_State *co, int status, int results) {
  lua_settop(L, 1);
  int n = move_results(L, co, status, results);
  lua_pushboolean(L, n >= 0);
  lua_replace(L, 1);
  return n >= 0 ? n + 1 : 2;
}

/* net.coroutine.resume(co, ...)                   coroutine.resume(co, ...) */
static int coroutine_resume(lua_State *L) {
  lua_State *co = check_co(L);
  const char *reason = resume_error(L, co);
  if (reason == NULL) return net_coro_resume(L, resumed);
  lua_pushboolean(L, 0);
  lua_pushstring(L, reason);
  return 2;
}

/* Raises the error on top in the caller of a wrapped coroutine. */
static int pass_error(lua_State *L) {
  if (net_interrupt_is(L, -1)) return net_interrupt_raise(L);
  if (lua_type(L, -1) == LUA_TSTRING) { /* with its position, as Lua does */
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int unwrapped(lua_State *L, lua_State *co, int status, int results) {
  int n = move_results(L, co, status, results);
  if (n >= 0) return n;
  status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD) { /* it has failed: close it */
    if (net_coro_close(co, L) != LUA_OK) lua_xmove(co, L, 1);
  }
  return pass_error(L);
}

static int wrapped(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  const char *reason = resume_error(L, lua_tothread(L, 1));
  if (reason == NULL) return net_coro_resume(L, unwrapped);
  return luaL_error(L, "%s", reason);
}

/* net.coroutine.wrap(f)                                   coroutine.wrap(f) */
static int coroutine_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_pushvalue(L, lua_upvalueindex(1)); /* the loop */
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, wrapped, 2);
  return 1;
}

/* net.coroutine.status(co)                             coroutine.status(co)
 * Calls Lua's own function, upvalue 2, unless the coroutine waits. */
static int coroutine_status(lua_State *L) {
  if (net_coro_parent(check_co(L))) {
    lua_pushliteral(L, "normal");
    return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* net.coroutine.close(co)                               coroutine.close(co) */
static int coroutine_close(lua_State *L) {
  if (net_coro_parent(check_co(L)))
    return luaL_error(L, "cannot close a coroutine that waits in a task");
  return coroutine_status(L);
}

/* Pushes net.coroutine; the loop's box is at index `box`. These are Lua's own:
 * net.coroutine.create(f), net.coroutine.yield(...), net.coroutine.running()
 * and net.coroutine.isyieldable(co). */
void net_coroutine_open(lua_State *L, int box) {
  static const luaL_Reg ours[] = {{"resume", coroutine_resume},
                                  {"wrap", coroutine_wrap},
                                  {"status", coroutine_status},
                                  {"close", coroutine_close},
                                  {NULL, NULL}};
  lua_pushcfunction(L, luaopen_coroutine);
  lua_call(L, 0, 1);
  for (const luaL_Reg *f = ours; f->name; f++) {
    lua_pushvalue(L, box);
    lua_getfield(L, -2, f->name);
    lua_pushcclosure(L, f->func, 2);
    lua_setfield(L, -2, f->name);
  }
}
