/* SPDX-License-Identifier: MIT
 *
 * editor.h: reads a line with libedit or, where that is missing, without it.
 */
#ifndef EDITOR_H
#define EDITOR_H

#include "core/state.h"

void net_editor_open(lua_State *L, net_loop *loop);
const char *net_editor_read(const char *prompt, int *len);
void net_editor_remember(const char *text);
void net_editor_close(void);

#endif
