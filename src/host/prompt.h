/* SPDX-License-Identifier: MIT
 *
 * prompt.h: the prompt, which reads lines and runs each as a task.
 */
#ifndef PROMPT_H
#define PROMPT_H

#include <lua.h>

void net_prompt_run(lua_State *L);

#endif
