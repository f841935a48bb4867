/* SPDX-License-Identifier: MIT
 *
 * buffer.c: net.buffer, bytes that a socket receives into and sends from again
 * and again, so that a bulk loop makes no string. Its methods have the names,
 * and its slices the meaning, of those of Lua's strings.
 */
#include "socket/buffer.h"

#include <string.h>

#include <lauxlib.h>

#include "core/args.h"
#include "core/classes.h"

typedef struct buffer {
  const char *mark; /* says that it is one, to to_buffer */
  size_t size;
  char bytes[];
} buffer;

static const char mark = 0;

static buffer *to_buffer(lua_State *L, int arg) {
  buffer *b = lua_touserdata(L, arg);
  if (b == NULL || lua_rawlen(L, arg) < sizeof *b) return NULL;
  return b->mark == &mark ? b : NULL;
}

static buffer *check_buffer(lua_State *L, int arg) {
  buffer *b = to_buffer(L, arg);
  if (b == NULL) luaL_typeerror(L, arg, "net.buffer");
  return b;
}

/* Cuts *len bytes to the slice that the arguments `arg` and `arg + 1` name as
 * those of string.sub do; returns where it begins. */
static size_t cut(lua_State *L, int arg, size_t *len) {
  lua_Integer size = (lua_Integer)*len;
  lua_Integer first = luaL_optinteger(L, arg, 1);
  lua_Integer last = luaL_optinteger(L, arg + 1, -1);
  if (first < 0) first = first < -size ? 1 : size + first + 1;
  if (first == 0) first = 1;
  if (last < 0) last = last < -size ? 0 : size + last + 1;
  if (last > size) last = size;
  *len = first > last ? 0 : (size_t)(last - first + 1);
  return *len > 0 ? (size_t)first - 1 : 0;
}

/* The bytes that a send is to take: a string or a buffer at `arg`, and perhaps
 * the first and the last byte behind it. */
const char *net_buffer_data(lua_State *L, int arg, size_t *len) {
  const buffer *b = to_buffer(L, arg);
  const char *bytes = b ? b->bytes : luaL_checklstring(L, arg, len);
  if (b) *len = b->size;
  if (lua_isnoneornil(L, arg + 1) && lua_isnoneornil(L, arg + 2)) return bytes;
  return bytes + cut(L, arg + 1, len);
}

/* The part of a buffer that a receive is to fill; raises if it has no byte. */
char *net_buffer_room(lua_State *L, int arg, size_t *len) {
  buffer *b = check_buffer(L, arg);
  *len = b->size;
  size_t at = cut(L, arg + 1, len);
  luaL_argcheck(L, *len > 0, arg + 1, "there is no room from first to last");
  return b->bytes + at;
}

/* net.buffer(size) -> buffer */
static int net_buffer(lua_State *L) {
  size_t size = net_args_size(L, 1);
  buffer *b = lua_newuserdatauv(L, sizeof *b + size, 0);
  b->mark = &mark;
  b->size = size;
  memset(b->bytes, 0, b->size);
  luaL_setmetatable(L, NET_BUFFER);
  return 1;
}

/* buffer:sub(first, last) -> string */
static int buffer_sub(lua_State *L) {
  const buffer *b = check_buffer(L, 1);
  size_t len = b->size, at = cut(L, 2, &len);
  lua_pushlstring(L, b->bytes + at, len);
  return 1;
}

/* buffer:put(text, first) -> buffer */
static int buffer_put(lua_State *L) {
  size_t len;
  buffer *b = check_buffer(L, 1);
  const char *text = luaL_checklstring(L, 2, &len);
  lua_Integer first = luaL_optinteger(L, 3, 1);
  luaL_argcheck(L, first >= 1 && (size_t)first - 1 <= b->size, 3,
                "first is not in the buffer");
  luaL_argcheck(L, len <= b->size - ((size_t)first - 1), 2,
                "the text does not fit into the buffer");
  memcpy(b->bytes + first - 1, text, len);
  lua_settop(L, 1);
  return 1;
}

static int buffer___len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_buffer(L, 1)->size);
  return 1;
}

static int buffer___tostring(lua_State *L) {
  const buffer *b = check_buffer(L, 1);
  lua_pushlstring(L, b->bytes, b->size);
  return 1;
}

const luaL_Reg net_buffer_methods[] = {
    {"sub", buffer_sub},
    {"put", buffer_put},
    {"__len", buffer___len},
    {"__tostring", buffer___tostring},
    {NULL, NULL},
};

const luaL_Reg net_buffer_functions[] = {
    {"buffer", net_buffer},
    {NULL, NULL},
};
