/* SPDX-License-Identifier: MIT
 *
 * args.c: arguments that several files read: a size, and options in a table.
 * Each of these raises, at the caller's line, for what it cannot be.
 */
#include "core/args.h"

#include <string.h>

#include <lauxlib.h>

enum { MAX_SIZE = 1 << 30 };

/* A number of bytes, 1 to 2^30, as the argument itself. */
size_t net_args_size(lua_State *L, int arg) {
  lua_Integer size = luaL_checkinteger(L, arg);
  luaL_argcheck(L, size >= 1 && size <= MAX_SIZE, arg,
                "size not in 1..1073741824 bytes");
  return (size_t)size;
}

static int refuse(lua_State *L, int arg, const char *name, const char *reason) {
  return luaL_argerror(L, arg, lua_pushfstring(L, "%s%s", name, reason));
}

/* Raises for a key that is not among the known ones: "|this|that|". */
void net_args_keys(lua_State *L, int arg, const char *known) {
  for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1)) {
    size_t len = 1;
    const char *key =
        lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &len) : "?";
    const char *entry = lua_pushfstring(L, "|%s|", key);
    if (strlen(key) != len || strchr(key, '|') || strstr(known, entry) == NULL)
      luaL_argerror(L, arg, lua_pushfstring(L, "no option '%s'", key));
    lua_pop(L, 1);
  }
}

/* An integer from `least` to `most`, or `unless` there is none. */
lua_Integer net_args_int(lua_State *L, int arg, const char *name,
                         lua_Integer unless, lua_Integer least,
                         lua_Integer most) {
  int is = 1;
  lua_Integer n = unless;
  if (lua_getfield(L, arg, name) != LUA_TNIL) {
    n = lua_tointegerx(L, -1, &is);
    is = is && n >= least && n <= most;
  }
  lua_pop(L, 1);
  if (!is)
    refuse(L, arg, name,
           lua_pushfstring(L, " not in %I..%I", (LUAI_UACINT)least,
                           (LUAI_UACINT)most));
  return n;
}

/* A string as its place in a list of names, or `unless` there is none. */
int net_args_choice(lua_State *L, int arg, const char *name, int unless,
                    const char *const names[]) {
  int i = unless;
  if (lua_getfield(L, arg, name) != LUA_TNIL) {
    const char *text = lua_tostring(L, -1);
    for (i = 0; names[i] && (!text || strcmp(names[i], text) != 0); i++)
      continue;
  }
  lua_pop(L, 1);
  if (i >= 0 && names[i] == NULL)
    refuse(L, arg, name,
           lua_pushfstring(L, ": \"%s\", \"%s\"%s expected", names[0], names[1],
                           names[2] ? " or \"unix\"" : ""));
  return i;
}

/* A number above 0, up to `most`, or `unless` there is none. */
double net_args_number(lua_State *L, int arg, const char *name, double unless,
                       double most) {
  int is = 1;
  double n = unless;
  if (lua_getfield(L, arg, name) != LUA_TNIL) {
    n = lua_tonumberx(L, -1, &is);
    is = is && n > 0 && n <= most;
  }
  lua_pop(L, 1);
  if (!is)
    refuse(L, arg, name,
           lua_pushfstring(L, ": a number above 0, up to %f, expected",
                           (LUAI_UACNUMBER)most));
  return n;
}

/* true or false, or `unless` there is neither. */
int net_args_flag(lua_State *L, int arg, const char *name, int unless) {
  int type = lua_getfield(L, arg, name), on = unless;
  if (type != LUA_TNIL) on = lua_toboolean(L, -1);
  lua_pop(L, 1);
  if (type != LUA_TNIL && type != LUA_TBOOLEAN)
    refuse(L, arg, name, ": true or false expected");
  return on;
}

/* Is there a function? */
int net_args_function(lua_State *L, int arg, const char *name) {
  int type = lua_getfield(L, arg, name);
  lua_pop(L, 1);
  if (type != LUA_TNIL && type != LUA_TFUNCTION)
    refuse(L, arg, name, ": a function expected");
  return type == LUA_TFUNCTION;
}

/* The flags in a list of their names, or-ed: { "AI_PASSIVE" }. 0: no list.
 * The last one that is known has no name. */
int net_args_flags(lua_State *L, int arg, const char *name,
                   const net_flag *known) {
  int flags = 0, type = lua_getfield(L, arg, name);
  if (type != LUA_TNIL && type != LUA_TTABLE)
    refuse(L, arg, name, ": a list of names expected");
  lua_Integer n = type == LUA_TTABLE ? luaL_len(L, -1) : 0;
  for (lua_Integer i = 1; i <= n; i++, lua_pop(L, 1)) {
    lua_geti(L, -1, i);
    size_t len;
    const char *text = luaL_tolstring(L, -1, &len);
    const net_flag *flag = known;
    while (flag->name && (strcmp(flag->name, text) != 0 || strlen(text) != len))
      flag++;
    if (flag->name == NULL)
      refuse(L, arg, name, lua_pushfstring(L, ": no flag '%s'", text));
    flags |= flag->value;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return flags;
}

/* Set t[key], for the table t on top of the stack. */
void net_args_set_count(lua_State *L, const char *key, uint64_t n) {
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, key);
}

void net_args_set_number(lua_State *L, const char *key, double n) {
  lua_pushnumber(L, n);
  lua_setfield(L, -2, key);
}
