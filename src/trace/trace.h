/* SPDX-License-Identifier: MIT
 *
 * trace.h: what the files of the trace share, and who begins one. There is one
 * trace in a process; it begins before the module is loaded.
 *
 *   call.c    each call of the module: its begin, its waits, its end
 *   trace.c   the lines of JSON, and who gets them
 *   show.c    Lua's values as text
 *   jot.c     text, piece by piece
 */
#ifndef TRACE_H
#define TRACE_H

#include "core/tracer.h"
#include "socket/sock.h"
#include "trace/strbuf.h"

/* Who gets the lines, some at a time. False: no more of them. */
typedef struct net_trace_sink {
  int (*write)(void *to, const char *lines, size_t len);
  void *to;
  int eager; /* 0: when it is time; 1: after each call without bytes; 2: each */
} net_trace_sink;

void net_trace_start(const net_trace_sink *sink, const char *lab, char **args);
void net_trace_stop(void);

/* ---- between the trace's files ---- */

enum { NET_SHOWN = 32 }; /* bytes of a string, at most */

typedef struct net_text {
  net_strbuf jot;
  char room[256];
} net_text;

void net_format_clear(net_text *t);
void net_format_data(net_text *t, const char *bytes, size_t len);
void net_format_values(net_text *t, lua_State *L, int first, int last,
                       net_text *data);
void net_format_bytes(net_text *t, lua_State *L, int arg, size_t most);
void net_format_sender(net_text *t, lua_State *L, int host);
void net_format_line(net_text *t, lua_State *L);

net_strbuf *net_trace_begin(const char *event, uint64_t at);
void net_trace_string(net_strbuf *j, const char *s, size_t len);
void net_trace_name(net_strbuf *j, const net_addr *a);
void net_trace_end(net_strbuf *j, int bytes);
void net_trace_idle(uint64_t now);
void net_trace_lost(void);
uint32_t net_trace_sock(net_sock *s);
void net_trace_sock_names(net_sock *s);
void net_call_stop(void);

/* A key of the line, and its value: a number, text that is to be escaped, and
 * such that is not. Macros, so that a key is one constant to copy. */
#define NET_KEY(j, key) NET_PUT(j, ",\"" key "\":")
#define NET_NUMBER(j, key, n) (NET_KEY(j, key), net_strbuf_number(j, n))
#define NET_SOME(j, key, n) /* where 0 is nothing to tell */ \
  ((n) > 0 ? NET_NUMBER(j, key, n) : (void)0)
#define NET_STRING(j, key, s, len) \
  (NET_KEY(j, key), net_trace_string(j, s, len))
#define NET_PLAIN(j, key, s, len) \
  (NET_PUT(j, ",\"" key "\":\""), net_strbuf_bytes(j, s, len), NET_PUT(j, "\""))
#define NET_TEXT(j, key, t) /* where no text is nothing to tell */ \
  ((t)->jot.len > 0 ? NET_PLAIN(j, key, (t)->room, (t)->jot.len) : (void)0)

#endif
