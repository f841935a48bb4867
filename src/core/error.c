/* SPDX-License-Identifier: MIT
 *
 * err.c: what the network does wrong is returned, never raised:
 *
 *   nil, "connect 127.0.0.1:9: connection refused (ECONNREFUSED)",
 *   "ECONNREFUSED"
 *
 * One function makes every such triple, so they all read alike.
 */
#include "core/error.h"

#include <errno.h>
#include <string.h>

#include "core/report.h"

/* What libuv does not know, or says otherwise than we would; and what every
 * server meets all the time, which must cost it little. */
static const struct known {
  int code;
  const char *name, *reason;
} ours[] = {
    {UV_EOF, "EOF", "end of stream"},
    {UV_EAGAIN, "EAGAIN", "resource temporarily unavailable"},
    {UV_ETIMEDOUT, "ETIMEDOUT", "timed out"},
    {UV_EAI_NONAME, "EAI_NONAME", "no such name"},
    {-EINPROGRESS, "EINPROGRESS", "operation now in progress"},
    {-ENETRESET, "ENETRESET", "network dropped the connection"},
    {-EPFNOSUPPORT, "EPFNOSUPPORT", "protocol family not supported"},
    {-ESHUTDOWN, "ESHUTDOWN", "shut down already"},
    {-EDQUOT, "EDQUOT", "quota exceeded"},
};

/* The bytes at p that a terminal takes as one order: a control character of
 * ASCII, or of UTF-8's two bytes. 0: it shows what is there. */
static int controls(const char *p) {
  const unsigned char *c = (const unsigned char *)p;
  if (*c < ' ' || *c == 127) return 1;
  return c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0 ? 2 : 0;
}

/* Pushes a name so that no terminal obeys it: a peer chooses its path, and
 * whoever answered us may have chosen the host. */
static const char *push_subject(lua_State *L, const char *subject) {
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  while (subject && *subject) {
    int n = controls(subject);
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

/* The triple, of a reason and a code that the caller knows. */
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

/* Our row for one of libuv's codes, or NULL. */
static const struct known *find(int code) {
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
    if (ours[i].code == code) return &ours[i];
  return NULL;
}

/* The symbolic name of an errno or of one of libuv's codes: "ECONNRESET". */
const char *net_error_name(int code, char name[NET_ERROR_NAME]) {
  if (code > 0) code = -code; /* errno(3) to libuv's sign */
  const struct known *row = find(code);
  return row ? row->name : uv_err_name_r(code, name, NET_ERROR_NAME);
}

/* The triple, of an errno or one of libuv's codes (UV_EOF, UV_EAI_NONAME). */
int net_error(lua_State *L, const char *call, const char *subject, int code) {
  char name[NET_ERROR_NAME], reason[128];
  if (code > 0) code = -code;
  const struct known *row = find(code);
  return net_error_reason(L, call, subject,
                          row ? row->reason
                              : uv_strerror_r(code, reason, sizeof reason),
                          net_error_name(code, name));
}

/* The triple of one of several things that a call has tried. What it says is
 * added to the text at `list`: "who: reason (CODE); who: reason (CODE)". */
int net_error_append(lua_State *L, int list, const char *call,
                     const char *subject, int code) {
  int results = net_error(L, call, subject, code);
  const char *text = lua_tostring(L, list);
  lua_pushfstring(L, "%s%s%s", text, *text ? "; " : "",
                  lua_tostring(L, -2) + strlen(call) + 1);
  lua_replace(L, list);
  return results;
}

/* The triple of a call that has tried them all in vain, "call who: " and the
 * text at `list`; with no more than the text if that begins so. */
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
