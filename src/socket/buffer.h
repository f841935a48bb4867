/* SPDX-License-Identifier: MIT
 *
 * buffer.h: bytes to receive into and to send from, without a string.
 */
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>

#include <lua.h>

const char *net_buffer_data(lua_State *L, int arg, size_t *len);
char *net_buffer_room(lua_State *L, int arg, size_t *len);

#endif
