/* SPDX-License-Identifier: MIT
 *
 * embed.h: the Lua modules inside the program.
 */
#ifndef EMBED_H
#define EMBED_H

#include <lua.h>

void net_embed_preload(lua_State *L);

#endif
