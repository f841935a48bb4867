/* SPDX-License-Identifier: MIT
 *
 * format.c: Lua's values as source code would have them, cut short.
 */
#include "trace/format.h"

#include <stdio.h>

#include <lauxlib.h>

#include "core/classes.h"
#include "core/state.h"
#include "socket/buffer.h"
#include "socket/sock.h"

void net_format_clear(net_text *t) {
  t->buf = (net_strbuf){.text = t->room, .size = sizeof t->room};
}

/* Puts the first of the bytes, and no UTF-8 character in part. */
static void put_first(net_strbuf *b, const char *bytes, size_t len) {
  size_t n = len < NET_SHOWN ? len : NET_SHOWN;
  while (n < len && n > NET_SHOWN - 3 && (bytes[n] & 0xc0) == 0x80) n--;
  net_strbuf_printable(b, bytes, n);
}

void net_format_data(net_text *t, const char *bytes, size_t len) {
  net_format_clear(t);
  put_first(&t->buf, bytes, len);
}

/* Puts a string; `data` gets the same without the quotes. */
static void put_string(net_strbuf *b, lua_State *L, int index, net_text *data) {
  size_t len;
  const char *bytes = lua_tolstring(L, index, &len);
  NET_PUT(b, "\\\"");
  size_t from = b->len;
  put_first(b, bytes, len);
  if (data) net_strbuf_bytes(&data->buf, b->text + from, b->len - from);
  NET_PUT(b, "\\\"");
  if (len > NET_SHOWN) NET_PUT(b, "...");
}

static void put_number(net_strbuf *b, lua_State *L, int index) {
  char digits[40];
  lua_Integer n = lua_tointeger(L, index);
  if (!lua_isinteger(L, index)) {
    snprintf(digits, sizeof digits, "%.9g", lua_tonumber(L, index));
    net_strbuf_text(b, digits);
    return;
  }
  if (n < 0) NET_PUT(b, "-");
  net_strbuf_number(b, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

/* Puts "socket 3", "task 2" or the name of the class. */
static void put_object(net_strbuf *b, lua_State *L, int index) {
  const net_sock *s = net_sock_at(L, index);
  const net_task *t = s ? NULL : luaL_testudata(L, index, NET_TASK);
  if (s || t) {
    net_strbuf_text(b, s ? "socket " : "task ");
    net_strbuf_number(b, s ? s->id : t->id);
    return;
  }
  int named = luaL_getmetafield(L, index, "__name");
  const char *name = named == LUA_TSTRING ? lua_tostring(L, -1) : "userdata";
  net_strbuf_printable(b, name, strlen(name));
  if (named != LUA_TNIL) lua_pop(L, 1);
}

/* Puts any value; of a table, only that it is one. */
static void put_value(net_strbuf *b, lua_State *L, int index) {
  switch (lua_type(L, index)) {
  case LUA_TSTRING:
    put_string(b, L, index, NULL);
    break;
  case LUA_TNUMBER:
    put_number(b, L, index);
    break;
  case LUA_TBOOLEAN:
    net_strbuf_text(b, lua_toboolean(L, index) ? "true" : "false");
    break;
  case LUA_TUSERDATA:
    put_object(b, L, index);
    break;
  case LUA_TTABLE:
    NET_PUT(b, "{...}");
    break;
  default:
    net_strbuf_text(b, luaL_typename(L, index));
  }
}

static void put_table(net_strbuf *b, lua_State *L, int index) {
  const char *comma = "";
  NET_PUT(b, "{");
  lua_pushnil(L);
  while (!b->full && lua_next(L, index)) {
    net_strbuf_text(b, comma);
    comma = ", ";
    if (lua_type(L, -2) == LUA_TSTRING) {
      size_t len;
      const char *key = lua_tolstring(L, -2, &len);
      put_first(b, key, len);
      NET_PUT(b, " = ");
    }
    put_value(b, L, lua_gettop(L));
    lua_pop(L, 1);
  }
  if (b->full) lua_pop(L, 1);
  NET_PUT(b, "}");
}

/* Formats the values from `first` to `last`; `data` (or NULL) gets the bytes of
 * the first one. */
void net_format_values(net_text *t, lua_State *L, int first, int last,
                       net_text *data) {
  net_format_clear(t);
  for (int i = first; i <= last && !t->buf.full; i++) {
    if (i > first) NET_PUT(&t->buf, ", ");
    if (i == first && data && lua_type(L, i) == LUA_TSTRING)
      put_string(&t->buf, L, i, data);
    else if (lua_type(L, i) == LUA_TTABLE)
      put_table(&t->buf, L, i);
    else
      put_value(&t->buf, L, i);
  }
}

/* Formats the bytes that the arguments (data, first, last) at `arg` name, at
 * most `most`. Not those of a whole string: it is formatted with the values. */
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

/* Appends the sender of a datagram, whose host is at this index, as
 * net_addr_text writes it. */
void net_format_sender(net_text *t, lua_State *L, int host) {
  net_strbuf *b = &t->buf;
  size_t len;
  const char *text = lua_tolstring(L, host, &len);
  if (text == NULL) return;
  int path = !lua_isinteger(L, host + 1);
  int abstract = path && len > 0 && text[0] == '\0';
  int six = !path && strchr(text, ':') != NULL;
  if (abstract) NET_PUT(b, "@");
  if (six) NET_PUT(b, "[");
  net_strbuf_json(b, text + abstract, strlen(text + abstract));
  if (six) NET_PUT(b, "]");
  if (path) return;
  NET_PUT(b, ":");
  net_strbuf_number(b, (uint64_t)lua_tointeger(L, host + 1));
}

/* Formats an address as net_addr_text writes it. */
void net_format_address(net_text *t, const net_addr *a) {
  char text[NET_ADDR_TEXT];
  net_format_clear(t);
  net_addr_text(a, text);
  net_strbuf_json(&t->buf, text, strlen(text));
}

/* Formats the line that called the running function: "lab.lua:12". There may be
 * C functions between them, such as pcall. */
void net_format_line(net_text *t, lua_State *L) {
  lua_Debug ar;
  net_format_clear(t);
  for (int level = 1; level < 10 && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline < 0) continue;
    int file = *ar.source == '@' && ar.srclen < sizeof t->room - 12;
    const char *name = file ? ar.source + 1 : ar.short_src;
    net_strbuf_json(&t->buf, name, strlen(name));
    NET_PUT(&t->buf, ":");
    net_strbuf_number(&t->buf, (uint64_t)ar.currentline);
    return;
  }
}
