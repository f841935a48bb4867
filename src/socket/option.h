/* SPDX-License-Identifier: MIT
 *
 * option.h: socket options, by name for Lua and by number for other calls.
 */
#ifndef OPTION_H
#define OPTION_H

#include <sys/socket.h>

#include <lua.h>

int net_option_set(lua_State *L, int fd, int arg);
int net_option_get(lua_State *L, int fd, int arg);
int net_option_group(lua_State *L, int fd, int family, const char *call,
                     int joins);
int net_option_set_int(int fd, int level, int number, int value);
int net_option_error(int fd);
int net_option_tcp_info(int fd, void *info, socklen_t *len);

#endif
