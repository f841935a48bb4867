/* SPDX-License-Identifier: MIT
 *
 * prompt.h: what the files of the host's prompt share. None is in the module.
 *
 *   prompt > edit, complete > line > task, loop, intr
 */
#ifndef PROMPT_H
#define PROMPT_H

#include "net.h"

#include <stdio.h>

/* prompt.c: reads lines, runs each as a task, prints what it returns. */
void net_prompt_run(lua_State *L);

/* edit.c: a line typed with libedit, or without it where it is not there.
 * NULL: the input has ended or, with loop->interrupted, Ctrl-C dropped it. */
void net_edit_open(lua_State *L, net_loop *loop);
const char *net_edit_read(const char *prompt, int *len);
void net_edit_remember(const char *text);
void net_edit_close(void);

/* complete.c: the names that can stand at the end of a line. */
enum { NET_NAMES = 200 };
typedef struct net_names {
  const char *name[NET_NAMES]; /* sorted; Lua's own strings */
  int count;
  int more;     /* there are others besides */
  size_t typed; /* bytes of the name that the line has already */
} net_names;
void net_complete_find(lua_State *L, const char *line, size_t len,
                       net_names *names);

/* line.c: waiting for keys while the tasks go on, and print. */
void net_line_share(void);
FILE *net_line_terminal(void);
void net_line_open(net_loop *loop);
void net_line_begin(const char *hide, void (*show)(void));
int net_line_key(void);
void net_line_hide(void);
void net_line_end(const char *dropped);
const char *net_line_read(const char *prompt, int *len);
void net_line_close(void);

#endif
