/* SPDX-License-Identifier: MIT
 *
 * args.h: arguments that several functions take: a size, and options in a
 * table. Each function raises at the caller's line for a value that is not
 * allowed. The two setters fill a table of results.
 */
#ifndef ARGS_H
#define ARGS_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

size_t net_args_size(lua_State *L, int arg);
void net_args_keys(lua_State *L, int arg, const char *known);
lua_Integer net_args_int(lua_State *L, int arg, const char *name,
                         lua_Integer unless, lua_Integer least,
                         lua_Integer most);
int net_args_choice(lua_State *L, int arg, const char *name, int unless,
                    const char *const list[]);
double net_args_number(lua_State *L, int arg, const char *name, double unless,
                       double most);
int net_args_flag(lua_State *L, int arg, const char *name, int unless);
int net_args_function(lua_State *L, int arg, const char *name);

typedef struct net_flag {
  const char *name; /* as in C; NULL: the last one */
  int value;
} net_flag;
int net_args_flags(lua_State *L, int arg, const char *name,
                   const net_flag *known);

void net_args_set_count(lua_State *L, const char *key, uint64_t n);
void net_args_set_number(lua_State *L, const char *key, double n);

#endif
