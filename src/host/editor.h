/* SPDX-License-Identifier: MIT
 *
 * editor.h: a line typed with libedit, or without it where it is not there.
 */
#ifndef EDITOR_H
#define EDITOR_H

#include "core/state.h"

/* net_editor_read returns NULL where the input has ended or, with
 * loop->interrupted, where Ctrl-C dropped the line. */
void net_editor_open(lua_State *L, net_loop *loop);
const char *net_editor_read(const char *prompt, int *len);
void net_editor_remember(const char *text);
void net_editor_close(void);

#endif
