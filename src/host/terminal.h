/* SPDX-License-Identifier: MIT
 *
 * terminal.h: waits for keys, while tasks go on and print.
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdio.h>

#include "core/state.h"

void net_terminal_hook_stdout(void);
FILE *net_terminal_stream(void);
void net_terminal_open(net_loop *loop);
void net_terminal_begin(const char *hide, void (*show)(void));
int net_terminal_key(void);
void net_terminal_hide(void);
void net_terminal_end(const char *dropped);
const char *net_terminal_read(const char *prompt, int *len);
void net_terminal_close(void);

#endif
