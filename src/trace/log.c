/* SPDX-License-Identifier: MIT
 *
 * trace.c: the lines of a trace, JSON each, and to whom they go. What they are
 * is in the manual, src/man/netlab.1.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/counters.h"
#include "trace/trace.h"

int net_trace_on;

enum { LINE = 1 << 13 };      /* bytes; only the first is longer */
enum { IDLE = 10 * 1000000 }; /* ns between writes, of a program that waits */
enum { MOST = LINE / 8 };     /* bytes of one text; each may become six */

static struct {
  net_trace_sink sink;
  uint64_t written; /* when, ns */
  uint64_t lost;    /* calls, for want of memory */
  uint32_t tasks, socks;
  net_strbuf out;
  char room[1 << 16];
} trace;

/* Gives the sink what there is. If it takes no more, the trace is over. */
static void flush(uint64_t now) {
  if (trace.out.len == 0) return;
  size_t len = trace.out.len;
  trace.out.len = 0;
  trace.written = now;
  if (net_trace_on && !trace.sink.write(trace.sink.to, trace.room, len))
    net_trace_on = 0;
}

/* A call begins to wait: a good time to write. */
void net_trace_idle(uint64_t now) {
  if (now - trace.written > IDLE) flush(now);
}

/* Begins a line; there is room for all of it. */
net_strbuf *net_trace_begin(const char *event, uint64_t at) {
  if (sizeof trace.room - trace.out.len < LINE) flush(at);
  net_strbuf *j = &trace.out;
  NET_PUT(j, "{\"ev\":\"");
  net_strbuf_text(j, event);
  NET_PUT(j, "\",\"t\":");
  net_strbuf_number(j, at);
  return j;
}

/* Ends a line; `bytes`: of a call that carried some. */
void net_trace_end(net_strbuf *j, int bytes) {
  NET_PUT(j, "}\n");
  if (trace.sink.eager > bytes) flush(uv_hrtime());
}

/* Text that is to be escaped, between quotes. */
void net_trace_string(net_strbuf *j, const char *s, size_t len) {
  NET_PUT(j, "\"");
  net_strbuf_json(j, s, len < MOST ? len : MOST);
  NET_PUT(j, "\"");
}

void net_trace_name(net_strbuf *j, const net_addr *a) {
  char peer_text[NET_PEER_TEXT];
  net_addr_text(a, peer_text);
  net_trace_string(j, peer_text, strlen(peer_text));
}

static void put_wall(net_strbuf *j) {
  uv_timeval64_t now;
  char digits[32];
  uv_gettimeofday(&now);
  snprintf(digits, sizeof digits, "%lld.%06d", (long long)now.tv_sec,
           (int)now.tv_usec);
  NET_KEY(j, "wall");
  net_strbuf_text(j, digits);
}

/* A call for which there was no memory. */
void net_trace_lost(void) {
  trace.lost++;
}

/* Says that there is a socket; its number. */
uint32_t net_trace_new(int fd, int family, int type) {
  const char *families = family == AF_INET    ? "inet"
                         : family == AF_INET6 ? "inet6"
                                              : "unix";
  const char *types = type == SOCK_STREAM ? "stream" : "dgram";
  net_strbuf *j = net_trace_begin("sock", uv_hrtime());
  NET_NUMBER(j, "sock", ++trace.socks);
  NET_NUMBER(j, "fd", (uint64_t)fd);
  NET_PLAIN(j, "family", families, strlen(families));
  NET_PLAIN(j, "type", types, strlen(types));
  net_trace_end(j, 0);
  return trace.socks;
}

/* The number of a socket, which is told of once; 0: it has no descriptor. */
uint32_t net_trace_sock(net_sock *s) {
  if (s->id == 0 && s->fd >= 0)
    s->id = net_trace_new(s->fd, s->family, s->type);
  return s->id;
}

/* Says which names a socket has now; a peer with len 0 is none. */
void net_trace_names(uint32_t id, const net_addr *local, const net_addr *peer) {
  net_strbuf *j = net_trace_begin("name", uv_hrtime());
  NET_NUMBER(j, "sock", id);
  NET_KEY(j, "local");
  net_trace_name(j, local);
  if (peer->len > 0) {
    NET_KEY(j, "peer");
    net_trace_name(j, peer);
  }
  net_trace_end(j, 0);
}

/* The same of a socket; the kernel does not say it any more of a peer that has
 * reset the connection. A stream without one may still get another name. */
void net_trace_sock_names(net_sock *s) {
  net_addr local = {.len = sizeof local.u}, peer = {.len = sizeof peer.u};
  if (s->fd < 0 || net_trace_sock(s) == 0) return;
  if (getsockname(s->fd, &local.u.sa, &local.len)) local.len = 0;
  if (getpeername(s->fd, &peer.u.sa, &peer.len)) {
    memcpy(&peer.u, &s->peer.u, sizeof s->peer.u);
    peer.len = s->peer.u.sa.sa_family ? sizeof s->peer.u : 0;
  }
  net_trace_names(s->id, &local, &peer);
  s->named = peer.len > 0 || s->type == SOCK_DGRAM;
}

/* Says that there is a task, which the code that runs in L has spawned. */
void net_trace_spawn(lua_State *L, net_task *t) {
  const net_task *by = t->wait.loop->running;
  net_text line;
  t->id = ++trace.tasks;
  if (t->id == 1) return; /* the script */
  net_format_line(&line, L);
  net_strbuf *j = net_trace_begin("task", uv_hrtime());
  NET_NUMBER(j, "task", t->id);
  NET_NUMBER(j, "by", by ? by->id : 0);
  NET_TEXT(j, "line", &line);
  net_trace_end(j, 0);
}

/* Says that a task has ended, and how. */
void net_trace_done(net_task *t, const char *state) {
  if (t->end_traced) return;
  t->end_traced = 1;
  net_strbuf *j = net_trace_begin("done", uv_hrtime());
  NET_NUMBER(j, "task", t->id);
  NET_PLAIN(j, "state", state, strlen(state));
  net_trace_end(j, 0);
}

/* FNV-1a of a file's first bytes, by which a picture knows the lab's source
 * from what has become of it since; 0: it is no file. */
static uint64_t sum_of(const char *path) {
  enum { BYTES = 1 << 20 }; /* as many as lua/net/trace/model.lua reads */
  uint32_t sum = 2166136261u;
  struct stat is; /* a pipe has its text only once */
  FILE *file =
      stat(path, &is) == 0 && S_ISREG(is.st_mode) ? fopen(path, "rb") : NULL;
  if (file == NULL) return 0;
  for (int i = 0, c; i < BYTES && (c = getc(file)) != EOF; i++)
    sum = (sum ^ (uint32_t)c) * 16777619u;
  fclose(file);
  return sum;
}

/* Begins the trace of a script and its arguments. */
void net_trace_start(const net_trace_sink *sink, const char *lab, char **args) {
  char host[UV_MAXHOSTNAMESIZE] = "";
  size_t size = sizeof host;
  net_trace_on = 1;
  trace.sink = *sink;
  trace.out = (net_strbuf){.text = trace.room, .size = sizeof trace.room};
  uv_os_gethostname(host, &size);
  net_strbuf *j = net_trace_begin("start", uv_hrtime());
  put_wall(j);
  NET_NUMBER(j, "v", 1);
  NET_NUMBER(j, "pid", (uint64_t)getpid());
  NET_STRING(j, "host", host, strlen(host));
  NET_STRING(j, "lab", lab, strlen(lab));
  NET_SOME(j, "sum", sum_of(lab));
  NET_KEY(j, "args");
  NET_PUT(j, "[");
  for (const char *comma = ""; *args; comma = ",", args++) {
    int room = j->size - j->len > LINE; /* else there are too many */
    const char *word = room ? *args : "...";
    net_strbuf_text(j, comma);
    net_trace_string(j, word, strlen(word));
    if (!room) break;
  }
  NET_PUT(j, "]");
  NET_PLAIN(j, "netlab", NETLAB_VERSION, strlen(NETLAB_VERSION));
  net_trace_end(j, 0);
}

/* Ends the trace, with the calls that have not ended. */
void net_trace_stop(void) {
  if (!net_trace_on) return;
  net_call_stop();
  net_strbuf *j = net_trace_begin("stop", uv_hrtime());
  put_wall(j);
  NET_NUMBER(j, "sys", net_count_calls);
  NET_SOME(j, "lost", trace.lost);
  net_trace_end(j, 0);
  flush(uv_hrtime());
  net_trace_on = 0;
}
