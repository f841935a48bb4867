/* SPDX-License-Identifier: MIT
 *
 * complete.c: which names can stand at the end of a line: globals and Lua's
 * words, or what is in the value before a "." or a ":". It looks into tables
 * and, where __index is a table, behind values; no code of the user's is run.
 */
#include "host/completer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

enum { DEEPEST = 20 }; /* __index behind __index */

static const char *const words[] = {
    "and",      "break",  "do",   "else", "elseif", "end",  "false", "for",
    "function", "goto",   "if",   "in",   "local",  "nil",  "not",   "or",
    "repeat",   "return", "then", "true", "until",  "while"};

static int is_name(char c) {
  return isalnum((unsigned char)c) || c == '_';
}

/* Replaces the value on top by its metatable's __index; false: no table. */
static int go_behind(lua_State *L) {
  if (luaL_getmetafield(L, -1, "__index") == LUA_TNIL) lua_pushnil(L);
  lua_replace(L, -2);
  return lua_istable(L, -1);
}

/* Replaces the value on top by its field of that name. */
static void go_into(lua_State *L, const char *name, size_t len) {
  int depth = 0;
  do {
    if (!lua_istable(L, -1)) continue;
    lua_pushlstring(L, name, len);
    if (lua_rawget(L, -2) != LUA_TNIL) {
      lua_replace(L, -2);
      return;
    }
    lua_pop(L, 1);
  } while (go_behind(L) && ++depth < DEEPEST);
}

/* Takes a name that begins as the line ends; one with "_" only if asked for. */
static void take(net_names *names, const char *name, const char *typed) {
  if (strncmp(name, typed, names->typed) != 0) return;
  if (*name == '_' && names->typed == 0) return;
  if (names->count < NET_NAMES)
    names->name[names->count++] = name;
  else
    names->more = 1;
}

/* Takes the names in the value on top, and pops it. */
static void take_fields(lua_State *L, net_names *names, const char *typed,
                        int methods) {
  int depth = 0;
  do {
    if (!lua_istable(L, -1)) continue;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
      if (lua_type(L, -2) != LUA_TSTRING) continue;
      if (methods && !lua_isfunction(L, -1)) continue;
      const char *name = lua_tostring(L, -2), *end = name;
      while (is_name(*end)) end++;
      int whole =
          end == name + lua_rawlen(L, -2) && !isdigit((unsigned char)*name);
      if (whole) take(names, name, typed);
    }
  } while (go_behind(L) && ++depth < DEEPEST);
  lua_pop(L, 1);
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort(net_names *names) {
  int kept = 0;
  qsort(names->name, (size_t)names->count, sizeof *names->name, by_name);
  for (int i = 0; i < names->count; i++)
    if (i == 0 || strcmp(names->name[i], names->name[kept - 1]) != 0)
      names->name[kept++] = names->name[i];
  names->count = kept;
}

/* Where the path begins that ends at `end`: a.b:c, but not what is behind the
 * two dots of "..". */
static const char *path_begin(const char *line, const char *end) {
  while (end > line && (is_name(end[-1]) || strchr(".:", end[-1]))) {
    if (end - line > 1 && end[-1] == '.' && end[-2] == '.') break;
    end--;
  }
  return end;
}

/* Finds what can stand at the end of the line. */
void net_completer_find(lua_State *L, const char *line, size_t len,
                        net_names *names) {
  const char *end = line + len, *at = path_begin(line, end);
  const char *typed = end;
  while (typed > at && is_name(typed[-1])) typed--;
  *names = (net_names){.typed = (size_t)(end - typed)};
  int field = typed > at;
  if (at < end && isdigit((unsigned char)*at)) return; /* 1.5 */
  if (field && !is_name(*at)) return;                  /* f().x */
  lua_pushglobaltable(L);
  while (at < typed) {
    size_t n = strcspn(at, ".:");
    go_into(L, at, n);
    at += n + 1;
  }
  take_fields(L, names, typed, field && typed[-1] == ':');
  for (size_t i = 0; !field && i < sizeof words / sizeof *words; i++)
    take(names, words[i], typed);
  sort(names);
}
