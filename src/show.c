/* SPDX-License-Identifier: MIT
 *
 * show.c: Lua's values in a trace: as source code would have them, cut short.
 */
#include "trace.h"

void net_show_clear(net_text *t) {
  t->jot = (net_jot){.text = t->room, .size = sizeof t->room};
}

/* The first of the bytes, so that any terminal shows what is there. */
void net_show_data(net_text *t, const char *bytes, size_t len) {
  net_show_clear(t);
  net_jot_printable(&t->jot, bytes, len < NET_SHOWN ? len : NET_SHOWN);
}

static void show_string(net_jot *j, lua_State *L, int index) {
  size_t len;
  const char *bytes = lua_tolstring(L, index, &len);
  net_jot_bytes(j, "\"", 1);
  net_jot_printable(j, bytes, len < NET_SHOWN ? len : NET_SHOWN);
  net_jot_bytes(j, "\"", 1);
  if (len > NET_SHOWN) net_jot_bytes(j, "...", 3);
}

static void show_number(net_jot *j, lua_State *L, int index) {
  char digits[40];
  if (lua_isinteger(L, index))
    snprintf(digits, sizeof digits, LUA_INTEGER_FMT, lua_tointeger(L, index));
  else
    snprintf(digits, sizeof digits, "%.9g", lua_tonumber(L, index));
  net_jot_text(j, digits);
}

/* socket 3, task 2, or what the class is called. */
static void show_object(net_jot *j, lua_State *L, int index) {
  const net_sock *s = luaL_testudata(L, index, NET_SOCK);
  const net_task *t = luaL_testudata(L, index, NET_TASK);
  if (s || t) {
    net_jot_text(j, s ? "socket " : "task ");
    net_jot_number(j, s ? s->id : t->id);
    return;
  }
  int named = luaL_getmetafield(L, index, "__name");
  net_jot_text(j, named == LUA_TSTRING ? lua_tostring(L, -1) : "userdata");
  if (named != LUA_TNIL) lua_pop(L, 1);
}

/* All but a table. */
static void show_value(net_jot *j, lua_State *L, int index) {
  switch (lua_type(L, index)) {
  case LUA_TSTRING:
    show_string(j, L, index);
    break;
  case LUA_TNUMBER:
    show_number(j, L, index);
    break;
  case LUA_TBOOLEAN:
    net_jot_text(j, lua_toboolean(L, index) ? "true" : "false");
    break;
  case LUA_TUSERDATA:
    show_object(j, L, index);
    break;
  case LUA_TTABLE:
    net_jot_text(j, "{...}");
    break;
  default:
    net_jot_text(j, luaL_typename(L, index));
  }
}

static void show_table(net_jot *j, lua_State *L, int index) {
  const char *comma = "";
  net_jot_bytes(j, "{", 1);
  lua_pushnil(L);
  while (!j->full && lua_next(L, index)) {
    net_jot_text(j, comma);
    comma = ", ";
    if (lua_type(L, -2) == LUA_TSTRING) {
      size_t len;
      const char *key = lua_tolstring(L, -2, &len);
      net_jot_printable(j, key, len < NET_SHOWN ? len : NET_SHOWN);
      net_jot_bytes(j, " = ", 3);
    }
    show_value(j, L, lua_gettop(L));
    lua_pop(L, 1);
  }
  if (j->full) lua_pop(L, 1);
  net_jot_bytes(j, "}", 1);
}

/* The values from `first` to `last`. */
void net_show_values(net_text *t, lua_State *L, int first, int last) {
  net_show_clear(t);
  for (int i = first; i <= last; i++) {
    if (i > first) net_jot_bytes(&t->jot, ", ", 2);
    if (lua_type(L, i) == LUA_TTABLE)
      show_table(&t->jot, L, i);
    else
      show_value(&t->jot, L, i);
  }
}

/* Where the code is that called the running function: "lab.lua:12". Between
 * them may be some of C, such as pcall. */
void net_show_line(net_text *t, lua_State *L) {
  lua_Debug ar;
  net_show_clear(t);
  for (int level = 1; level < 10 && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline < 0) continue;
    int file = *ar.source == '@' && ar.srclen < sizeof t->room - 12;
    net_jot_text(&t->jot, file ? ar.source + 1 : ar.short_src);
    net_jot_bytes(&t->jot, ":", 1);
    net_jot_number(&t->jot, (uint64_t)ar.currentline);
    return;
  }
}
