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

#include "jot.h"
#include "net.h"

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
  net_jot jot;
  char room[256];
} net_text;

void net_show_clear(net_text *t);
void net_show_data(net_text *t, const char *bytes, size_t len);
void net_show_values(net_text *t, lua_State *L, int first, int last,
                     net_text *data);
void net_show_bytes(net_text *t, lua_State *L, int arg, size_t most);
void net_show_sender(net_text *t, lua_State *L, int host);
void net_show_line(net_text *t, lua_State *L);

net_jot *net_trace_begin(const char *event, uint64_t at);
void net_trace_string(net_jot *j, const char *key, const char *s, size_t len);
void net_trace_name(net_jot *j, const char *key, const net_addr *a);
void net_trace_end(net_jot *j, int bytes);
void net_trace_idle(uint64_t now);
void net_trace_lost(void);
uint32_t net_trace_sock(net_sock *s);
void net_trace_sock_names(net_sock *s);
void net_call_stop(void);

/* A key of the line; inline, since mostly it is a constant. */
static inline void net_trace_key(net_jot *j, const char *key) {
  NET_JOT(j, ",\"");
  net_jot_text(j, key);
  NET_JOT(j, "\":");
}

static inline void net_trace_number(net_jot *j, const char *key, uint64_t n) {
  net_trace_key(j, key);
  net_jot_number(j, n);
}

/* Where 0 is nothing to tell. */
static inline void net_trace_some(net_jot *j, const char *key, uint64_t n) {
  if (n > 0) net_trace_number(j, key, n);
}

/* Where no text is nothing to tell. */
static inline void net_trace_text(net_jot *j, const char *key,
                                  const net_text *t) {
  if (t->jot.len == 0) return;
  net_trace_key(j, key);
  NET_JOT(j, "\"");
  net_jot_bytes(j, t->room, t->jot.len);
  NET_JOT(j, "\"");
}

#endif
