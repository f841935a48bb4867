/* SPDX-License-Identifier: MIT
 *
 * show.c: Lua's values in a trace: as source code would have them, cut short.
 * All text is as between the quotes of a JSON string.
 */
#include "core/classes.h"
#include "socket/buffer.h"
#include "trace/trace.h"

void net_format_clear(net_text *t) {
  t->jot = (net_strbuf){.text = t->room, .size = sizeof t->room};
}

/* The first of the bytes, and no part of a character of UTF-8. */
static void show_first(net_strbuf *j, const char *bytes, size_t len) {
  size_t n = len < NET_SHOWN ? len : NET_SHOWN;
  while (n < len && n > NET_SHOWN - 3 && (bytes[n] & 0xc0) == 0x80) n--;
  net_strbuf_printable(j, bytes, n);
}

void net_format_data(net_text *t, const char *bytes, size_t len) {
  net_format_clear(t);
  show_first(&t->jot, bytes, len);
}

/* A string, which `data` gets as well, without the quotes. */
static void show_string(net_strbuf *j, lua_State *L, int index,
                        net_text *data) {
  size_t len;
  const char *bytes = lua_tolstring(L, index, &len);
  NET_PUT(j, "\\\"");
  size_t from = j->len;
  show_first(j, bytes, len);
  if (data) net_strbuf_bytes(&data->jot, j->text + from, j->len - from);
  NET_PUT(j, "\\\"");
  if (len > NET_SHOWN) NET_PUT(j, "...");
}

static void show_number(net_strbuf *j, lua_State *L, int index) {
  char digits[40];
  lua_Integer n = lua_tointeger(L, index);
  if (!lua_isinteger(L, index)) {
    snprintf(digits, sizeof digits, "%.9g", lua_tonumber(L, index));
    net_strbuf_text(j, digits);
    return;
  }
  if (n < 0) NET_PUT(j, "-");
  net_strbuf_number(j, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

/* socket 3, task 2, or what the class is called. */
static void show_object(net_strbuf *j, lua_State *L, int index) {
  const net_sock *s = net_sock_at(L, index);
  const net_task *t = s ? NULL : luaL_testudata(L, index, NET_TASK);
  if (s || t) {
    net_strbuf_text(j, s ? "socket " : "task ");
    net_strbuf_number(j, s ? s->id : t->id);
    return;
  }
  int named = luaL_getmetafield(L, index, "__name");
  const char *name = named == LUA_TSTRING ? lua_tostring(L, -1) : "userdata";
  net_strbuf_printable(j, name, strlen(name));
  if (named != LUA_TNIL) lua_pop(L, 1);
}

/* All but a table. */
static void show_value(net_strbuf *j, lua_State *L, int index) {
  switch (lua_type(L, index)) {
  case LUA_TSTRING:
    show_string(j, L, index, NULL);
    break;
  case LUA_TNUMBER:
    show_number(j, L, index);
    break;
  case LUA_TBOOLEAN:
    net_strbuf_text(j, lua_toboolean(L, index) ? "true" : "false");
    break;
  case LUA_TUSERDATA:
    show_object(j, L, index);
    break;
  case LUA_TTABLE:
    NET_PUT(j, "{...}");
    break;
  default:
    net_strbuf_text(j, luaL_typename(L, index));
  }
}

static void show_table(net_strbuf *j, lua_State *L, int index) {
  const char *comma = "";
  NET_PUT(j, "{");
  lua_pushnil(L);
  while (!j->full && lua_next(L, index)) {
    net_strbuf_text(j, comma);
    comma = ", ";
    if (lua_type(L, -2) == LUA_TSTRING) {
      size_t len;
      const char *key = lua_tolstring(L, -2, &len);
      show_first(j, key, len);
      NET_PUT(j, " = ");
    }
    show_value(j, L, lua_gettop(L));
    lua_pop(L, 1);
  }
  if (j->full) lua_pop(L, 1);
  NET_PUT(j, "}");
}

/* The values from `first` to `last`; `data`, if it is not NULL, gets the bytes
 * of the first one. */
void net_format_values(net_text *t, lua_State *L, int first, int last,
                       net_text *data) {
  net_format_clear(t);
  for (int i = first; i <= last && !t->jot.full; i++) {
    if (i > first) NET_PUT(&t->jot, ", ");
    if (i == first && data && lua_type(L, i) == LUA_TSTRING)
      show_string(&t->jot, L, i, data);
    else if (lua_type(L, i) == LUA_TTABLE)
      show_table(&t->jot, L, i);
    else
      show_value(&t->jot, L, i);
  }
}

/* The bytes at `arg`, from the first that the next argument names to the last;
 * `most` at most. (A whole string is among the values that are shown.) */
void net_format_bytes(net_text *t, lua_State *L, int arg, size_t most) {
  size_t len;
  int type = lua_type(L, arg), parts = 0;
  for (int i = arg + 1; i <= arg + 2; i++) {
    if (!lua_isnoneornil(L, i) && !lua_isinteger(L, i)) return;
    parts += lua_isinteger(L, i);
  }
  if (type == LUA_TSTRING && parts == 0) return;
  if (type != LUA_TSTRING && type != LUA_TNUMBER &&
      !luaL_testudata(L, arg, NET_BUFFER))
    return;
  const char *bytes = net_buffer_data(L, arg, &len);
  net_format_data(t, bytes, len < most ? len : most);
}

/* A datagram's sender, whose host is at this index, as net_addr_text has it. */
void net_format_sender(net_text *t, lua_State *L, int host) {
  net_strbuf *j = &t->jot;
  size_t len;
  const char *text = lua_tolstring(L, host, &len);
  if (text == NULL) return;
  int path = !lua_isinteger(L, host + 1);
  int abstract = path && len > 0 && text[0] == '\0';
  int six = !path && strchr(text, ':') != NULL;
  if (abstract) NET_PUT(j, "@");
  if (six) NET_PUT(j, "[");
  net_strbuf_json(j, text + abstract, strlen(text + abstract));
  if (six) NET_PUT(j, "]");
  if (path) return;
  NET_PUT(j, ":");
  net_strbuf_number(j, (uint64_t)lua_tointeger(L, host + 1));
}

/* Where the code is that called the running function: "lab.lua:12". Between
 * them may be some of C, such as pcall. */
void net_format_line(net_text *t, lua_State *L) {
  lua_Debug ar;
  net_format_clear(t);
  for (int level = 1; level < 10 && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline < 0) continue;
    int file = *ar.source == '@' && ar.srclen < sizeof t->room - 12;
    const char *name = file ? ar.source + 1 : ar.short_src;
    net_strbuf_json(&t->jot, name, strlen(name));
    NET_PUT(&t->jot, ":");
    net_strbuf_number(&t->jot, (uint64_t)ar.currentline);
    return;
  }
}
