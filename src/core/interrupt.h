/* SPDX-License-Identifier: MIT
 *
 * interrupt.h: Ctrl-C and SIGTERM, and the exit status they leave.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include "core/state.h"

void net_interrupt_install(net_loop *loop);
void net_interrupt_reinstall(net_loop *loop);
void net_interrupt_uninstall(net_loop *loop);
void net_interrupt_catch_sigpipe(net_loop *loop);
void net_interrupt_catch_sigterm(void);
void net_interrupt_set_hook(net_loop *loop);
int net_interrupt_raise(lua_State *L);
int net_interrupt_is(lua_State *L, int index);
int net_interrupt_pcall(lua_State *L, int n);
int net_interrupt_exit_status(void);
void net_interrupt_count_lookups(int change);

#endif
