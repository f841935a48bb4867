/* SPDX-License-Identifier: MIT
 *
 * completer.c: finds the names that can complete a line: globals and keywords
 * or, after a "." or a ":", the fields of the value in front of it. It reads
 * tables and follows __index where that is a table. No user code runs.
 */
#include "host/completer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

enum { DEEPEST = 20 }; /* length of a chain of __index */

static const char *const keywords[] = {
    "and",      "break",  "do",   "else", "elseif", "end",  "false", "for",
    "function", "goto",   "if",   "in",   "local",  "nil",  "not",   "or",
    "repeat",   "return", "then", "true", "until",  "while"};

static int is_name_char(char c) {
  return isalnum((unsigned char)c) || c == '_';
}

/* Replaces the value on top by the __index of its metatable. Returns false if
 * that is not a table. */
static int follow_index(lua_State *L) {
  if (luaL_getmetafield(L, -1, "__index") == LUA_TNIL) lua_pushnil(L);
  lua_replace(L, -2);
  return lua_istable(L, -1);
}

/* Replaces the value on top by its field of that name. */
static void get_field(lua_State *L, const char *name, size_t len) {
  int depth = 0;
  do {
    if (!lua_istable(L, -1)) continue;
    lua_pushlstring(L, name, len);
    if (lua_rawget(L, -2) != LUA_TNIL) {
      lua_replace(L, -2);
      return;
    }
    lua_pop(L, 1);
  } while (follow_index(L) && ++depth < DEEPEST);
}

/* Adds a name if it begins with what is typed. A name that begins with "_" is
 * added only if the "_" is typed. */
static void add(net_names *names, const char *name, const char *typed) {
  if (strncmp(name, typed, names->typed) != 0) return;
  if (*name == '_' && names->typed == 0) return;
  if (names->count < NET_NAMES)
    names->name[names->count++] = name;
  else
    names->more = 1;
}

/* Adds the names of the fields of the value on top, and pops it. */
static void add_fields(lua_State *L, net_names *names, const char *typed,
                       int methods) {
  int depth = 0;
  do {
    if (!lua_istable(L, -1)) continue;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
      if (lua_type(L, -2) != LUA_TSTRING) continue;
      if (methods && !lua_isfunction(L, -1)) continue;
      const char *name = lua_tostring(L, -2), *end = name;
      while (is_name_char(*end)) end++;
      int whole =
          end == name + lua_rawlen(L, -2) && !isdigit((unsigned char)*name);
      if (whole) add(names, name, typed);
    }
  } while (follow_index(L) && ++depth < DEEPEST);
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

/* Returns where the path (a.b:c) that ends at `end` begins. The two dots of
 * ".." are not part of it. */
static const char *path_begin(const char *line, const char *end) {
  while (end > line && (is_name_char(end[-1]) || strchr(".:", end[-1]))) {
    if (end - line > 1 && end[-1] == '.' && end[-2] == '.') break;
    end--;
  }
  return end;
}

/* Finds the names that can complete the line. */
void net_completer_find(lua_State *L, const char *line, size_t len,
                        net_names *names) {
  const char *end = line + len, *at = path_begin(line, end);
  const char *typed = end;
  while (typed > at && is_name_char(typed[-1])) typed--;
  *names = (net_names){.typed = (size_t)(end - typed)};
  int field = typed > at;
  if (at < end && isdigit((unsigned char)*at)) return; /* 1.5 */
  if (field && !is_name_char(*at)) return;             /* f().x */
  lua_pushglobaltable(L);
  while (at < typed) {
    size_t n = strcspn(at, ".:");
    get_field(L, at, n);
    at += n + 1;
  }
  add_fields(L, names, typed, field && typed[-1] == ':');
  for (size_t i = 0; !field && i < sizeof keywords / sizeof *keywords; i++)
    add(names, keywords[i], typed);
  sort(names);
}
