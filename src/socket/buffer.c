/* SPDX-License-Identifier: MIT
 *
 * buffer.c: net.buffer, bytes that sockets receive into and send from, so that
 * a bulk loop makes no strings. Its methods and slices are like those of a
 * string.
 */
#include "socket/buffer.h"

#include <string.h>

#include <lauxlib.h>

#include "core/args.h"
#include "core/classes.h"

typedef struct buffer {
  const char *mark; /* &mark, by which to_buffer recognizes it */
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

/* Reduces *len bytes to the slice that the two arguments from `arg` on
 * describe, as for string.sub. Returns its offset. */
static size_t slice(lua_State *L, int arg, size_t *len) {
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

/* Returns the bytes to send: a string or a buffer at `arg`, or the slice of it
 * that the next two arguments describe. */
const char *net_buffer_data(lua_State *L, int arg, size_t *len) {
  const buffer *b = to_buffer(L, arg);
  const char *bytes = b ? b->bytes : luaL_checklstring(L, arg, len);
  if (b) *len = b->size;
  if (lua_isnoneornil(L, arg + 1) && lua_isnoneornil(L, arg + 2)) return bytes;
  return bytes + slice(L, arg + 1, len);
}

/* Returns the slice of a buffer to receive into; raises if it is empty. */
char *net_buffer_room(lua_State *L, int arg, size_t *len) {
  buffer *b = check_buffer(L, arg);
  *len = b->size;
  size_t at = slice(L, arg + 1, len);
  luaL_argcheck(L, *len > 0, arg + 1,
                "no byte of the buffer is in first..last");
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
  size_t len = b->size, at = slice(L, 2, &len);
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
                "first is outside the buffer");
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
