/* SPDX-License-Identifier: MIT
 *
 * format.h: Lua's values in a trace, as text that can stand between the quotes
 * of a JSON string.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <lua.h>

#include "socket/address.h"
#include "trace/strbuf.h"

enum { NET_SHOWN = 32 }; /* bytes of a string, at most */

typedef struct net_text {
  net_strbuf buf;
  char room[256];
} net_text;

void net_format_clear(net_text *t);
void net_format_data(net_text *t, const char *bytes, size_t len);
void net_format_values(net_text *t, lua_State *L, int first, int last,
                       net_text *data);
void net_format_bytes(net_text *t, lua_State *L, int arg, size_t most);
void net_format_sender(net_text *t, lua_State *L, int host);
void net_format_address(net_text *t, const net_addr *a);
void net_format_line(net_text *t, lua_State *L);

#endif
