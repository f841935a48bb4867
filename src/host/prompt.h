/* SPDX-License-Identifier: MIT
 *
 * prompt.h: the prompt: reads lines, runs each as a task, prints its results.
 */
#ifndef PROMPT_H
#define PROMPT_H

#include <lua.h>

void net_prompt_run(lua_State *L);

#endif
