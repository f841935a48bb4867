/* SPDX-License-Identifier: MIT
 *
 * report.h: the error that a task has ended with, as its user sees it.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#include "core/state.h"

#ifndef lua_writestringerror /* Lua 5.5 keeps it to itself */
#define lua_writestringerror(format, text) \
  (fprintf(stderr, format, text), fflush(stderr))
#endif

void net_report_error(net_task *t);

#endif
