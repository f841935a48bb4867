/* SPDX-License-Identifier: MIT
 *
 * tcp_info.c: sock:info, what the kernel knows about a socket: the state of its
 * connection (TCP_INFO, tcp(7)) and the bytes in its queues.
 */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>

#include "os/counters.h"
#include "socket/option.h"
#include "socket/stream.h"

#ifdef __linux__
#include <linux/sockios.h>
#include <netinet/tcp.h>

/* By tcpi_state, whose values are those of the kernel's tcp_states.h. */
static const char *const states[] = {"CLOSE",     "ESTABLISHED", "SYN_SENT",
                                     "SYN_RECV",  "FIN_WAIT1",   "FIN_WAIT2",
                                     "TIME_WAIT", "CLOSE",       "CLOSE_WAIT",
                                     "LAST_ACK",  "LISTEN",      "CLOSING"};

#define FIELD(name, kind) \
  { #name, offsetof(struct tcp_info, tcpi_##name), kind }

static const struct field {
  const char *name;
  size_t at;
  enum { COUNT, MICROSECONDS, LIMIT, WIDE } kind; /* WIDE: 64 bits, not 32 */
} fields[] = {
    FIELD(rtt, MICROSECONDS),      FIELD(rttvar, MICROSECONDS),
    FIELD(rto, MICROSECONDS),      FIELD(snd_cwnd, COUNT),
    FIELD(snd_ssthresh, LIMIT),    FIELD(snd_mss, COUNT),
    FIELD(rcv_mss, COUNT),         FIELD(pmtu, COUNT),
    FIELD(unacked, COUNT),         FIELD(lost, COUNT),
    FIELD(retrans, COUNT),         FIELD(total_retrans, COUNT),
    {"bytes_acked", 120, WIDE}, /* after the end of glibc's structure */
    {"bytes_received", 128, WIDE},
};

typedef union reply {
  struct tcp_info tcp;
  char bytes[256];
} reply;

static size_t size_of(const struct field *f) {
  return f->kind == WIDE ? sizeof(uint64_t) : sizeof(uint32_t);
}

static void push_field(lua_State *L, const reply *r, const struct field *f) {
  const uint32_t infinite = INT32_MAX; /* snd_ssthresh while in slow start */
  uint32_t n = 0;
  uint64_t wide = 0;
  void *to = f->kind == WIDE ? (void *)&wide : (void *)&n;
  memcpy(to, r->bytes + f->at, size_of(f));
  if (f->kind == MICROSECONDS)
    lua_pushnumber(L, n / 1e6);
  else if (f->kind == LIMIT && n >= infinite)
    lua_pushnumber(L, HUGE_VAL);
  else if (f->kind == WIDE)
    lua_pushinteger(L, (lua_Integer)wide);
  else
    lua_pushinteger(L, n);
}

/* Adds the fields of TCP_INFO, of which an older kernel has fewer, to the table
 * on top of the stack. Returns 0 or an errno. */
static int add_tcp(lua_State *L, int fd) {
  reply r = {0};
  socklen_t len = sizeof r;
  int err = net_option_tcp_info(fd, &r, &len);
  if (err) return err;
  size_t state = r.tcp.tcpi_state;
  if (state >= sizeof states / sizeof *states) state = 0;
  lua_pushstring(L, states[state]);
  lua_setfield(L, -2, "state");
  if (strcmp(states[state], "LISTEN") == 0) {
    lua_pushinteger(L, r.tcp.tcpi_unacked);
    lua_setfield(L, -2, "accept_queue");
    lua_pushinteger(L, r.tcp.tcpi_sacked);
    lua_setfield(L, -2, "backlog");
    return 0;
  }
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    if (fields[i].at + size_of(&fields[i]) > len) continue;
    push_field(L, &r, &fields[i]);
    lua_setfield(L, -2, fields[i].name);
  }
  return 0;
}

#else
static int add_tcp(lua_State *L, int fd) {
  (void)L, (void)fd;
  return 0;
}
#endif

/* Adds the number of bytes in a queue, and `more`; a listener has no queue. */
static void add_queue(lua_State *L, int fd, const char *name,
                      unsigned long request, size_t more) {
  int n = 0;
  if (NET_CALL(ioctl(fd, request, &n))) return;
  lua_pushinteger(L, n + (lua_Integer)more);
  lua_setfield(L, -2, name);
}

/* sock:info() -> info                    tcp(7): TCP_INFO, SIOCINQ, SIOCOUTQ */
static int sock_info(lua_State *L) {
  net_sock *s = net_sock_check(L);
  if (s->fd < 0) return net_sock_error(L, s, "info", EBADF);
  lua_newtable(L);
  int tcp = s->type == SOCK_STREAM && s->family != AF_UNIX;
  int err = tcp ? add_tcp(L, s->fd) : 0;
  if (err) return net_sock_error(L, s, "info", err);
  add_queue(L, s->fd, "recv_queue", FIONREAD, net_stream_buffered(s));
#ifdef SIOCOUTQ
  add_queue(L, s->fd, "send_queue", SIOCOUTQ, 0);
#endif
  return 1;
}

const luaL_Reg net_tcp_info_methods[] = {
    {"info", sock_info},
    {NULL, NULL},
};
