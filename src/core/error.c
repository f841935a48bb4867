/* SPDX-License-Identifier: MIT
 *
 * error.c: failures of the network are returned, never raised:
 *
 *   nil, "connect 127.0.0.1:9: connection refused (ECONNREFUSED)",
 *   "ECONNREFUSED"
 *
 * All of these triples are made in this file, so that they read alike.
 */
#include "core/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <uv.h>

/* Codes that libuv lacks or describes badly, and frequent ones, which are found
 * here at little cost. */
static const struct known {
  int code;
  const char *name, *reason;
} known[] = {
    {UV_EOF, "EOF", "end of stream"},
    {UV_EAGAIN, "EAGAIN", "resource temporarily unavailable"},
    {UV_ETIMEDOUT, "ETIMEDOUT", "timed out"},
    {UV_EAI_NONAME, "EAI_NONAME", "no such name"},
    {-EINPROGRESS, "EINPROGRESS", "operation now in progress"},
    {-ENETRESET, "ENETRESET", "network dropped the connection"},
    {-EPFNOSUPPORT, "EPFNOSUPPORT", "protocol family not supported"},
    {-ESHUTDOWN, "ESHUTDOWN", "already shut down"},
    {-EDQUOT, "EDQUOT", "quota exceeded"},
};

/* Returns the length of the control character at p: one byte of ASCII or two of
 * UTF-8. 0: it is not one. */
static int control_length(const char *p) {
  const unsigned char *c = (const unsigned char *)p;
  if (*c < ' ' || *c == 127) return 1;
  return c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0 ? 2 : 0;
}

/* Pushes a name with its control characters escaped, since a terminal would
 * obey them: peers choose their paths, and strangers may have chosen a host. */
static const char *push_subject(lua_State *L, const char *subject) {
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  while (subject && *subject) {
    int n = control_length(subject);
    if (n == 0) luaL_addchar(&text, *subject++);
    for (; n > 0; n--) {
      snprintf(luaL_prepbuffsize(&text, 5), 5, "\\x%02x",
               (unsigned char)*subject++);
      luaL_addsize(&text, 4);
    }
  }
  luaL_pushresult(&text);
  return lua_tostring(L, -1);
}

/* Pushes the triple for a reason and a code. Returns 3. */
int net_error_reason(lua_State *L, const char *call, const char *subject,
                     const char *reason, const char *code) {
  lua_pushnil(L);
  subject = push_subject(L, subject);
  lua_pushfstring(L, "%s%s%s: %s (%s)", call, *subject ? " " : "", subject,
                  reason, code);
  lua_remove(L, -2);
  lua_pushstring(L, code);
  return 3;
}

/* Returns the row of one of libuv's codes, or NULL. */
static const struct known *find(int code) {
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].code == code) return &known[i];
  return NULL;
}

/* Returns the name of an errno or of one of libuv's codes: "ECONNRESET". */
const char *net_error_name(int code, char name[NET_ERROR_NAME]) {
  if (code > 0) code = -code; /* libuv's codes are negative */
  const struct known *row = find(code);
  return row ? row->name : uv_err_name_r(code, name, NET_ERROR_NAME);
}

/* Pushes the triple for an errno or one of libuv's codes (UV_EAI_NONAME). */
int net_error(lua_State *L, const char *call, const char *subject, int code) {
  char name[NET_ERROR_NAME], reason[128];
  if (code > 0) code = -code;
  const struct known *row = find(code);
  return net_error_reason(L, call, subject,
                          row ? row->reason
                              : uv_strerror_r(code, reason, sizeof reason),
                          net_error_name(code, name));
}

/* Pushes the triple for one of several subjects that a call tries, and adds it
 * to the text at `list`: "subject: reason (CODE); subject: reason (CODE)". */
int net_error_append(lua_State *L, int list, const char *call,
                     const char *subject, int code) {
  int results = net_error(L, call, subject, code);
  const char *text = lua_tostring(L, list);
  lua_pushfstring(L, "%s%s%s", text, *text ? "; " : "",
                  lua_tostring(L, -2) + strlen(call) + 1);
  lua_replace(L, list);
  return results;
}

/* Pushes the triple for a call that has tried all of them. Its message is the
 * call, the subject (unless the list begins with it) and the list. */
int net_error_all(lua_State *L, int list, const char *call, const char *subject,
                  int code) {
  char name[NET_ERROR_NAME];
  const char *text = lua_tostring(L, list);
  if (*text == '\0') return net_error(L, call, subject, code);
  lua_pushnil(L);
  subject = push_subject(L, subject);
  int same = strncmp(text, subject, strlen(subject)) == 0;
  lua_pushfstring(L, "%s %s%s%s", call, same ? "" : subject, same ? "" : ": ",
                  text);
  lua_remove(L, -2);
  lua_pushstring(L, net_error_name(code, name));
  return 3;
}
