/* SPDX-License-Identifier: MIT
 *
 * What lauxlib.h does not tell the checkers of `make lint`: errors do not
 * return. Without this they go on with a NULL that was refused.
 */
#include <lauxlib.h>

#define NORETURN __attribute__((noreturn))
NORETURN int lua_error(lua_State *L);
NORETURN int luaL_error(lua_State *L, const char *format, ...);
NORETURN int luaL_argerror(lua_State *L, int arg, const char *message);
NORETURN int luaL_typeerror(lua_State *L, int arg, const char *name);
