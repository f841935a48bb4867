/* SPDX-License-Identifier: MIT
 *
 * log.c: the lines of a trace, which are JSON, and the sink that gets them. The
 * manual, src/man/netlab.1, says what they mean.
 */
#include "trace/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/tracer.h"
#include "core/version.h"
#include "os/counters.h"
#include "socket/family.h"

enum { LINE = 1 << 13 };      /* bytes; only the first is longer */
enum { IDLE = 10 * 1000000 }; /* ns between writes of a script that waits */
enum { MOST = LINE / 8 };     /* bytes of one text; each may become six */

static struct {
  net_sink sink;
  uint64_t written; /* ns: when lines were written last */
  uint64_t lost;    /* calls that there was no memory for */
  uint32_t tasks, socks;
  net_strbuf out;
  char room[1 << 16];
} trace;

/* Gives the sink what there is. A sink that takes no more ends the trace. */
static void flush(uint64_t now) {
  if (trace.out.len == 0) return;
  size_t len = trace.out.len;
  trace.out.len = 0;
  trace.written = now;
  if (net_trace && !trace.sink.write(trace.sink.to, trace.room, len))
    net_trace = NULL;
}

/* Uses the time while a call waits to write. */
void net_log_idle(uint64_t now) {
  if (now - trace.written > IDLE) flush(now);
}

/* Begins a line, and makes room for all of it. */
net_strbuf *net_log_begin(const char *event, uint64_t at) {
  if (sizeof trace.room - trace.out.len < LINE) flush(at);
  net_strbuf *b = &trace.out;
  NET_PUT(b, "{\"ev\":\"");
  net_strbuf_text(b, event);
  NET_PUT(b, "\",\"t\":");
  net_strbuf_number(b, at);
  return b;
}

/* Ends a line. bytes: it is of a call that sent or received some. */
void net_log_end(net_strbuf *b, int bytes) {
  NET_PUT(b, "}\n");
  if (trace.sink.eager > bytes) flush(uv_hrtime());
}

/* Puts text between quotes, escaped and cut. */
void net_log_string(net_strbuf *b, const char *s, size_t len) {
  NET_PUT(b, "\"");
  net_strbuf_json(b, s, len < MOST ? len : MOST);
  NET_PUT(b, "\"");
}

static void add_address(net_strbuf *b, const net_addr *a) {
  char text[NET_ADDR_TEXT];
  net_addr_text(a, text);
  net_log_string(b, text, strlen(text));
}

static void put_wall(net_strbuf *b) {
  uv_timeval64_t now;
  char digits[32];
  uv_gettimeofday(&now);
  snprintf(digits, sizeof digits, "%lld.%06d", (long long)now.tv_sec,
           (int)now.tv_usec);
  NET_KEY(b, "wall");
  net_strbuf_text(b, digits);
}

/* Counts a call that there was no memory for. */
void net_log_lost(void) {
  trace.lost++;
}

/* Writes that there is a socket, and returns its number. */
uint32_t net_log_new_sock(int fd, int family, int type) {
  const char *families = net_args_name(net_families, family),
             *types = net_args_name(net_types, type);
  net_strbuf *b = net_log_begin("sock", uv_hrtime());
  NET_NUMBER(b, "sock", ++trace.socks);
  NET_NUMBER(b, "fd", (uint64_t)fd);
  NET_PLAIN(b, "family", families, strlen(families));
  NET_PLAIN(b, "type", types, strlen(types));
  net_log_end(b, 0);
  return trace.socks;
}

/* Returns the number of a socket, which gets one when it is first seen. 0: it
 * is closed. */
uint32_t net_log_sock(net_sock *s) {
  if (s->id == 0 && s->fd >= 0)
    s->id = net_log_new_sock(s->fd, s->family, s->type);
  return s->id;
}

/* Writes the addresses of a socket. A peer with len 0 is none. */
void net_log_names(uint32_t id, const net_addr *local, const net_addr *peer) {
  net_strbuf *b = net_log_begin("name", uv_hrtime());
  NET_NUMBER(b, "sock", id);
  NET_KEY(b, "local");
  add_address(b, local);
  if (peer->len > 0) {
    NET_KEY(b, "peer");
    add_address(b, peer);
  }
  net_log_end(b, 0);
}

/* The same, as the kernel knows them. It no longer knows a peer that has reset
 * the connection; and a stream without a peer may get one, and be `named`,
 * yet. */
void net_log_sock_names(net_sock *s) {
  net_addr local = {.len = sizeof local.u}, peer = {.len = sizeof peer.u};
  if (s->fd < 0 || net_log_sock(s) == 0) return;
  if (getsockname(s->fd, &local.u.sa, &local.len)) local.len = 0;
  if (getpeername(s->fd, &peer.u.sa, &peer.len)) {
    memcpy(&peer.u, &s->peer.u, sizeof s->peer.u);
    peer.len = s->peer.u.sa.sa_family ? sizeof s->peer.u : 0;
  }
  net_log_names(s->id, &local, &peer);
  s->named = peer.len > 0 || s->type == SOCK_DGRAM;
}

/* Writes that the code in L has spawned a task, and numbers it. */
void net_log_task(lua_State *L, net_task *t) {
  const net_task *by = t->wait.loop->running;
  net_text line;
  t->id = ++trace.tasks;
  if (t->id == 1) return; /* the script */
  net_format_line(&line, L);
  net_strbuf *b = net_log_begin("task", uv_hrtime());
  NET_NUMBER(b, "task", t->id);
  NET_NUMBER(b, "by", by ? by->id : 0);
  NET_TEXT(b, "line", &line);
  net_log_end(b, 0);
}

/* Writes that a task has ended, and how. */
void net_log_task_end(net_task *t, const char *state) {
  if (t->end_traced) return;
  t->end_traced = 1;
  net_strbuf *b = net_log_begin("done", uv_hrtime());
  NET_NUMBER(b, "task", t->id);
  NET_PLAIN(b, "state", state, strlen(state));
  net_log_end(b, 0);
}

/* Returns the FNV-1a of a file's first bytes, by which a picture can tell
 * whether the lab was changed since. 0: it is not a regular file. */
static uint64_t sum_of(const char *path) {
  enum { BYTES = 1 << 20 }; /* as many as lua/net/trace/model.lua reads */
  uint32_t sum = 2166136261u;
  struct stat is; /* a pipe could be read only once */
  FILE *file =
      stat(path, &is) == 0 && S_ISREG(is.st_mode) ? fopen(path, "rb") : NULL;
  if (file == NULL) return 0;
  for (int i = 0, c; i < BYTES && (c = getc(file)) != EOF; i++)
    sum = (sum ^ (uint32_t)c) * 16777619u;
  fclose(file);
  return sum;
}

/* Puts the arguments, as many as there is room for. */
static void put_args(net_strbuf *b, char **args) {
  NET_KEY(b, "args");
  NET_PUT(b, "[");
  for (const char *comma = ""; *args; comma = ",", args++) {
    int room = b->size - b->len > LINE;
    const char *word = room ? *args : "...";
    net_strbuf_text(b, comma);
    net_log_string(b, word, strlen(word));
    if (!room) break;
  }
  NET_PUT(b, "]");
}

/* Begins the log of a script and its arguments. */
void net_log_open(const net_sink *sink, const char *lab, char **args) {
  char host[UV_MAXHOSTNAMESIZE] = "";
  size_t size = sizeof host;
  trace.sink = *sink;
  trace.out = (net_strbuf){.text = trace.room, .size = sizeof trace.room};
  uv_os_gethostname(host, &size);
  net_strbuf *b = net_log_begin("start", uv_hrtime());
  put_wall(b);
  NET_NUMBER(b, "v", 1);
  NET_NUMBER(b, "pid", (uint64_t)getpid());
  NET_STRING(b, "host", host, strlen(host));
  NET_STRING(b, "lab", lab, strlen(lab));
  NET_NONZERO(b, "sum", sum_of(lab));
  put_args(b, args);
  NET_PLAIN(b, "netlab", NETLAB_VERSION, strlen(NETLAB_VERSION));
  net_log_end(b, 0);
}

void net_log_close(void) {
  net_strbuf *b = net_log_begin("stop", uv_hrtime());
  put_wall(b);
  NET_NUMBER(b, "sys", net_count_calls);
  NET_NONZERO(b, "lost", trace.lost);
  net_log_end(b, 0);
  flush(uv_hrtime());
}
