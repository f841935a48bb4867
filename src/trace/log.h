/* SPDX-License-Identifier: MIT
 *
 * log.h: the lines of a trace, and the sink that gets them. There is one trace
 * in a process.
 */
#ifndef LOG_H
#define LOG_H

#include "core/state.h"
#include "socket/sock.h"
#include "trace/format.h"

/* Gets the lines, some at a time. */
typedef struct net_sink {
  int (*write)(void *to, const char *lines, size_t len); /* false: no more */
  void *to;
  int eager; /* 0: when it is time; 1: after each call without bytes; 2: each */
} net_sink;

void net_log_open(const net_sink *sink, const char *lab, char **args);
void net_log_close(void);
net_strbuf *net_log_begin(const char *event, uint64_t at);
void net_log_end(net_strbuf *b, int bytes);
void net_log_idle(uint64_t now);
void net_log_lost(void);
void net_log_string(net_strbuf *b, const char *s, size_t len);
uint32_t net_log_new_sock(int fd, int family, int type);
uint32_t net_log_sock(net_sock *s);
void net_log_names(uint32_t id, const net_addr *local, const net_addr *peer);
void net_log_sock_names(net_sock *s);
void net_log_task(lua_State *L, net_task *t);
void net_log_task_end(net_task *t, const char *state);

/* A key of the line, and its value: a number, text that is to be escaped, and
 * text that is not. Macros, so that a key is one constant to copy. */
#define NET_KEY(b, key) NET_PUT(b, ",\"" key "\":")
#define NET_NUMBER(b, key, n) (NET_KEY(b, key), net_strbuf_number(b, n))
#define NET_NONZERO(b, key, n) ((n) > 0 ? NET_NUMBER(b, key, n) : (void)0)
#define NET_STRING(b, key, s, len) (NET_KEY(b, key), net_log_string(b, s, len))
#define NET_PLAIN(b, key, s, len) \
  (NET_PUT(b, ",\"" key "\":\""), net_strbuf_bytes(b, s, len), NET_PUT(b, "\""))
#define NET_TEXT(b, key, t) /* unless it is empty */ \
  ((t)->buf.len > 0 ? NET_PLAIN(b, key, (t)->room, (t)->buf.len) : (void)0)

#endif
