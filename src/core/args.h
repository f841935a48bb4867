/* SPDX-License-Identifier: MIT
 *
 * args.h: arguments that several functions take: a size, the name of a
 * constant, and options in a table. Each function raises at the caller's line
 * for a value that is not allowed. The two setters fill a table of results.
 */
#ifndef ARGS_H
#define ARGS_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

/* A constant by its name; the last one in a list of them has no name. */
typedef struct net_constant {
  const char *name;
  int value;
} net_constant;

const char *net_args_name(const net_constant *list, int value);

size_t net_args_size(lua_State *L, int arg);
double net_args_seconds(lua_State *L, int arg);
int net_args_constant(lua_State *L, int arg, const char *fallback,
                      const net_constant *list);

void net_args_keys(lua_State *L, int arg, const char *known);
lua_Integer net_args_int(lua_State *L, int arg, const char *name,
                         lua_Integer fallback, lua_Integer min,
                         lua_Integer max);
double net_args_number(lua_State *L, int arg, const char *name, double fallback,
                       double max);
int net_args_flag(lua_State *L, int arg, const char *name, int fallback);
int net_args_function(lua_State *L, int arg, const char *name);
int net_args_choice(lua_State *L, int arg, const char *name, int fallback,
                    const net_constant *list);
int net_args_flags(lua_State *L, int arg, const char *name,
                   const net_constant *list);

void net_args_set_count(lua_State *L, const char *key, uint64_t n);
void net_args_set_number(lua_State *L, const char *key, double n);

#endif
