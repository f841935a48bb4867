/* SPDX-License-Identifier: MIT
 *
 * error.h: nil, message, code: the results of a call that has failed.
 */
#ifndef NET_ERROR_H
#define NET_ERROR_H

#include <lua.h>

/* `code` is an errno or one of libuv's codes (UV_EOF, UV_EAI_NONAME); `subject`
 * may be NULL. The message reads "call subject: reason (CODE)". */
int net_error(lua_State *L, const char *call, const char *subject, int code);
int net_error_reason(lua_State *L, const char *call, const char *subject,
                     const char *reason, const char *code);
int net_error_append(lua_State *L, int list, const char *call,
                     const char *subject, int code);
int net_error_all(lua_State *L, int list, const char *call, const char *subject,
                  int code);
enum { NET_ERROR_NAME = 64 }; /* bytes that hold the name of any code */
const char *net_error_name(int code, char name[NET_ERROR_NAME]);

#endif
