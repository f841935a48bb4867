/* SPDX-License-Identifier: MIT
 *
 * args.c: arguments that several functions take, and fields of results.
 */
#include "core/args.h"

#include <string.h>

#include <lauxlib.h>

enum { MAX_SIZE = 1 << 30 };

/* Returns the name of a constant. */
const char *net_args_name(const net_constant *list, int value) {
  for (; list->name; list++)
    if (list->value == value) return list->name;
  return "unknown";
}

/* Returns the constant that the text names, or the nameless last one. */
static const net_constant *find(const net_constant *list, const char *text,
                                size_t len) {
  while (list->name &&
         (strlen(list->name) != len || memcmp(list->name, text, len) != 0))
    list++;
  return list;
}

/* Returns a number of bytes, 1 to 2^30. */
size_t net_args_size(lua_State *L, int arg) {
  lua_Integer size = luaL_checkinteger(L, arg);
  luaL_argcheck(L, size >= 1 && size <= MAX_SIZE, arg,
                "size not in 1..1073741824 bytes");
  return (size_t)size;
}

/* Returns a number of seconds, 0 or more. */
double net_args_seconds(lua_State *L, int arg) {
  double seconds = luaL_checknumber(L, arg);
  luaL_argcheck(L, seconds >= 0, arg, "seconds must not be negative");
  return seconds;
}

/* Returns the value of the constant that the argument names, by default that of
 * `fallback` (NULL: the argument is required). */
int net_args_constant(lua_State *L, int arg, const char *fallback,
                      const net_constant *list) {
  size_t len;
  const char *text = fallback ? luaL_optlstring(L, arg, fallback, &len)
                              : luaL_checklstring(L, arg, &len);
  const net_constant *c = find(list, text, len);
  if (c->name == NULL)
    luaL_argerror(L, arg, lua_pushfstring(L, "invalid option '%s'", text));
  return c->value;
}

/* Raises for a key of the table that is not a known one: "|this|that|". */
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

/* Returns an integer from min to max; `fallback` if the field is nil. */
lua_Integer net_args_int(lua_State *L, int arg, const char *name,
                         lua_Integer fallback, lua_Integer min,
                         lua_Integer max) {
  int valid = 1;
  lua_Integer n = fallback;
  if (lua_getfield(L, arg, name) != LUA_TNIL) {
    n = lua_tointegerx(L, -1, &valid);
    valid = valid && n >= min && n <= max;
  }
  lua_pop(L, 1);
  if (!valid)
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "%s not in %I..%I", name, (LUAI_UACINT)min,
                                  (LUAI_UACINT)max));
  return n;
}

/* Returns a number above 0 and up to max; `fallback` if the field is nil. */
double net_args_number(lua_State *L, int arg, const char *name, double fallback,
                       double max) {
  int valid = 1;
  double n = fallback;
  if (lua_getfield(L, arg, name) != LUA_TNIL) {
    n = lua_tonumberx(L, -1, &valid);
    valid = valid && n > 0 && n <= max;
  }
  lua_pop(L, 1);
  if (!valid)
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "%s: a number above 0, up to %f, expected",
                                  name, (LUAI_UACNUMBER)max));
  return n;
}

/* Pushes the field, which may also be nil. Returns its type. */
static int get_field(lua_State *L, int arg, const char *name, int type,
                     const char *what) {
  int found = lua_getfield(L, arg, name);
  if (found != LUA_TNIL && found != type)
    luaL_argerror(L, arg, lua_pushfstring(L, "%s: %s expected", name, what));
  return found;
}

/* Returns a boolean; `fallback` if the field is nil. */
int net_args_flag(lua_State *L, int arg, const char *name, int fallback) {
  int type = get_field(L, arg, name, LUA_TBOOLEAN, "true or false");
  int on = type == LUA_TNIL ? fallback : lua_toboolean(L, -1);
  lua_pop(L, 1);
  return on;
}

/* Is the field a function, or nil? */
int net_args_function(lua_State *L, int arg, const char *name) {
  int type = get_field(L, arg, name, LUA_TFUNCTION, "a function");
  lua_pop(L, 1);
  return type == LUA_TFUNCTION;
}

/* Raises an error that lists the constants: name: "a", "b" or "c" expected. */
static int choice_error(lua_State *L, int arg, const char *name,
                        const net_constant *list) {
  const char *text = lua_pushfstring(L, "%s: ", name);
  for (int i = 0; list[i].name; i++) {
    const char *glue = i == 0 ? "" : list[i + 1].name ? ", " : " or ";
    text = lua_pushfstring(L, "%s%s\"%s\"", text, glue, list[i].name);
  }
  return luaL_argerror(L, arg, lua_pushfstring(L, "%s expected", text));
}

/* Returns the value of the constant that the field names; `fallback` if it is
 * nil. */
int net_args_choice(lua_State *L, int arg, const char *name, int fallback,
                    const net_constant *list) {
  size_t len = 0;
  int value = fallback;
  if (lua_getfield(L, arg, name) != LUA_TNIL) {
    const char *text = lua_tolstring(L, -1, &len);
    const net_constant *c = find(list, text ? text : "", len);
    if (c->name == NULL) choice_error(L, arg, name, list);
    value = c->value;
  }
  lua_pop(L, 1);
  return value;
}

/* Returns the bits of the constants in a list of names, { "AI_PASSIVE" }; 0 if
 * the field is nil. */
int net_args_flags(lua_State *L, int arg, const char *name,
                   const net_constant *list) {
  int type = get_field(L, arg, name, LUA_TTABLE, "a list of names"), flags = 0;
  lua_Integer n = type == LUA_TTABLE ? luaL_len(L, -1) : 0;
  for (lua_Integer i = 1; i <= n; i++, lua_pop(L, 2)) {
    lua_geti(L, -1, i);
    size_t len;
    const char *text = luaL_tolstring(L, -1, &len);
    const net_constant *flag = find(list, text, len);
    if (flag->name == NULL)
      luaL_argerror(L, arg, lua_pushfstring(L, "%s: no flag '%s'", name, text));
    flags |= flag->value;
  }
  lua_pop(L, 1);
  return flags;
}

/* Sets t[key] of the table t on top of the stack. */
void net_args_set_count(lua_State *L, const char *key, uint64_t n) {
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, key);
}

/* Does the same for a number. */
void net_args_set_number(lua_State *L, const char *key, double n) {
  lua_pushnumber(L, n);
  lua_setfield(L, -2, key);
}
