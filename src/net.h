/* SPDX-License-Identifier: MIT
 *
 * net.h: the contract between netlab's C files: the types they share and the
 * few doors each opens to the ones above it. What the module's functions are
 * for, take and return is in lua/meta/net.lua, the reference. Calls go down:
 *
 *   main > prompt > net > lecho, lload, select, dial, listen, gai > io, info
 *        > stream, attr > sock > names > dns > task, coroutine, deadline > loop
 *        > report, gather > poll > wait > intr
 *
 * and from anywhere to args, buffer, addr, iface, usage, opt and err. While
 * there is a trace, each tells call > trace, show > jot of it. The exceptions:
 * a wait asks for its loop, Ctrl-C (intr) turns the loop, and the loop unwinds
 * a failed task.
 */
#ifndef NET_H
#define NET_H

#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <lauxlib.h>
#include <lua.h>
#include <uv.h>

#include "os/os.h"
#include "os/poller.h"

#define NETLAB_VERSION "0.1.0"

#if LUA_VERSION_RELEASE_NUM < 50404
#error "netlab needs Lua 5.4.4 or newer: before, no __close could wait"
#endif
#ifndef lua_writestringerror /* Lua 5.5 keeps it to itself */
#define lua_writestringerror(format, text) \
  (fprintf(stderr, format, text), fflush(stderr))
#endif

/* Ends a coroutine: its <close> variables are closed. */
#if LUA_VERSION_NUM > 504 || LUA_VERSION_RELEASE_NUM >= 50406
#define net_reset_thread(L, from) lua_closethread(L, from)
#else
#define net_reset_thread(L, from) lua_resetthread(L)
#endif

/* err.c: the only maker of  nil, message, code.
 * `code` is an errno or one of libuv's codes (UV_EOF, UV_EAI_NONAME); `who`
 * may be NULL. The message reads "call who: reason (CODE)". */
int net_err(lua_State *L, const char *call, const char *who, int code);
int net_err_say(lua_State *L, const char *call, const char *who,
                const char *reason, const char *code);
int net_err_add(lua_State *L, int list, const char *call, const char *who,
                int code);
int net_err_all(lua_State *L, int list, const char *call, const char *who,
                int code);
const char *net_err_code(const char *message);
int net_err_hint(lua_State *L);
enum { NET_ERR_NAME = 64 }; /* bytes that hold any code's name */
const char *net_err_name(int code, char name[NET_ERR_NAME]);

/* addr.c: socket addresses, as text and as bytes. */
typedef struct net_addr {
  socklen_t len; /* 0: no address is known */
  union {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage any; /* room for whatever the kernel answers */
  } u;
} net_addr;

/* The same of a socket's peer, for messages, in fewer bytes. */
typedef struct net_peer {
  char *path; /* a UNIX socket's */
  union {
    struct sockaddr sa; /* its family is 0: no peer is known */
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
  } u;
} net_peer;

enum { NET_WHO = 160 }; /* bytes that hold any "host:port" or path */

int net_addr_ip(net_addr *a, int family, const char *host, uint16_t port);
int net_addr_numeric(net_addr *a, const char *host, uint16_t port);
unsigned net_addr_index(const char *name);
int net_addr_no_zone(const char *host);
int net_addr_path(net_addr *a, const char *path, size_t len);
void net_addr_set_port(net_addr *a, uint16_t port);
uint16_t net_addr_port(const net_addr *a);
int net_addr_push(lua_State *L, const net_addr *a);
const char *net_addr_text(const net_addr *a, char text[NET_WHO]);
void net_addr_pack(net_peer *p, const net_addr *a);
const char *net_addr_peer_text(const net_peer *p, char text[NET_WHO]);
extern const luaL_Reg net_addr_functions[];

/* opt.c: one row of a table serves setsockopt and getsockopt. */
int net_opt_set(lua_State *L, int fd, int arg);
int net_opt_get(lua_State *L, int fd, int arg);
int net_opt_group(lua_State *L, int fd, int family, const char *call,
                  int joins);
int net_opt_put(int fd, int level, int number, int value);
int net_opt_reuseport(int fd);
int net_opt_error(int fd);
int net_opt_tcp_info(int fd, void *info, socklen_t *len);
int net_opt_quiet(int fd);
int net_opt_lingers(int fd);

/* wait.c and loop.c: the one way to wait.
 *
 * A call that may wait is a net_try: it tries, and either returns its Lua
 * results, or arms what will wake it and returns NET_WAIT; then it is called
 * again, with its arguments where they were (checked ones), and told why.
 *
 *   begin   net_loop_begin: may this call wait, and how long?  (may raise)
 *   arm     net_wait_hold:  put the wait into a slot that somebody wakes
 *   await   net_loop_await: a task yields; plain Lua's main thread turns the
 *           loop; both come back through the same try
 *
 * Lua code never runs inside uv_run: callbacks only mark waits as ready, and
 * the tasks behind them are resumed when uv_run has returned.
 *
 * Descriptors are watched by the loop itself (poll.c); timers, lookups and the
 * wake-up of Ctrl-C are libuv's, whose own descriptor is among the watched. */
typedef enum {
  NET_FIRST,
  NET_READY,
  NET_TIMEOUT,
  NET_CANCELED,
  NET_INTERRUPTED /* by Ctrl-C; only for a call that is graceful */
} net_why;
typedef int (*net_try)(lua_State *L, net_why why);
enum { NET_WAIT = -1 };

typedef struct net_call net_call;
typedef struct net_loop net_loop;
typedef struct net_task net_task;
typedef struct net_poll net_poll;

typedef struct net_link {
  struct net_link *next, *prev;
} net_link;

/* One call that waits: each task has one, and so has plain Lua's main thread.
 * It stands in at most one slot: the list of those whom the same thing wakes.
 * It stays there until its call has returned, so a slot also says "busy". */
typedef struct net_wait {
  net_link ready; /* its place among those to be resumed */
  struct net_wait **slot, *next;
  struct net_timer *timer; /* made when first needed */
  net_loop *loop;
  net_task *task;    /* NULL: plain Lua's main thread */
  lua_State *L, *in; /* the task's; the one that waits, which is L or one
                        that the student has resumed in it */
  const void *sock;  /* for which a name is being looked up */
  net_call *call;    /* the innermost, while there is a trace */
  uint64_t deadline; /* of the call under way, ns of uv_hrtime; 0: none */
  int top;           /* of L's stack while it waits */
  net_why why;
  char begun, waiting, woken, interrupted;
  char outside;  /* it waits for what the kernel reports */
  char graceful; /* Ctrl-C is an end of the call, not an error */
} net_wait;

/* A coroutine of the student's own that runs now, and the one it runs in. */
typedef struct net_frame {
  struct net_frame *outer;
  lua_State *co;
} net_frame;

/* The end of the time that all calls in a coroutine share: net.deadline. */
typedef struct net_deadline {
  struct net_deadline **place, *next; /* among the loop's */
  const lua_State *co;
  uint64_t at; /* ns of uv_hrtime */
} net_deadline;

typedef enum { NET_LIVE, NET_DONE, NET_FAILED, NET_ENDED } net_state;

/* A coroutine that the loop resumes; Lua's task object. */
struct net_task {
  net_link link; /* among the loop's live tasks */
  net_wait wait;
  net_wait *joiners;
  net_state state; /* NET_ENDED: cancelled, or closed from outside */
  char yielded;    /* it gave way by coroutine.yield, and waits for nothing */
  char reported;   /* its error has been printed */
  char told;       /* the trace has its end */
  uint32_t id;     /* in the trace */
};

/* The task whose link this is: its first member. */
static inline net_task *net_task_of(net_link *link) {
  return (net_task *)link;
}

struct net_loop {
  uv_loop_t uv;
  uv_async_t interrupt; /* Ctrl-C came while the loop was turning */
  int watch;            /* of every descriptor that somebody waits for */
  int spare;            /* one to give up when there is no other */
  net_poll **polls;     /* by descriptor */
  int npolls;
  uint32_t serial;      /* of the last poll */
  int outside;          /* calls that wait for what the watch reports */
  net_link ready, mark; /* waits to resume; up to where this turn goes */
  net_link tasks;       /* every live task */
  net_link selects;     /* the gathers that want to know what is closed */
  net_wait main;        /* plain Lua's main thread */
  net_wait *idle;       /* slot of those in net.run() */
  net_task *running;
  lua_State *volatile current; /* whose Lua code runs; NULL: the loop turns */
  net_frame *frames;           /* the innermost; NULL: current is the task's */
  net_deadline *deadlines;     /* that have not been left, of all coroutines */
  int live;                    /* tasks that have not ended */
  int lookups;                 /* that are under way, or not yet taken */
  int failed;                  /* errors printed that nobody joined */
  int streak;                  /* calls in a row that did not have to wait */
  int closing;                 /* task:cancel within task:cancel within ... */
  volatile int pending;        /* Ctrl-C's that nobody has taken yet */
  net_task *line;              /* at the prompt: of the line that runs */
  char prompt;                 /* there is one */
  char hosted, interrupted;
  char rigid; /* why the task cannot yield from where its code is; 0: it can */
  char scratch[1 << 18]; /* what recv(2) fills before it is a Lua string */
};

void net_link_init(net_link *l);
void net_link_append(net_link *list, net_link *l);
void net_link_remove(net_link *l);
void net_wait_init(net_loop *loop, net_wait *w, lua_State *L, net_task *task);
net_wait *net_wait_of(net_loop *loop, lua_State *L);
uint64_t net_wait_from_now(double seconds);
void net_wait_limit(net_wait *w, double seconds);
int net_wait_late(const net_loop *loop);
void net_wait_within(net_loop *loop, net_deadline *d, const lua_State *co,
                     double seconds);
void net_wait_without(net_deadline *d);
int net_wait_hold(lua_State *L, net_wait **slot);
int net_wait_nap(lua_State *L, net_wait **slot, int ms);
void net_wait_outside(net_wait *w);
int net_wait_busy(lua_State *L, const net_wait *slot);
void net_wait_ready(net_wait *w, net_why why);
void net_wait_wake(net_wait *slot, net_why why);
void net_wait_detach(net_wait *w);
void net_wait_release(net_wait *w);
void net_wait_forget(net_wait *w);

net_loop *net_loop_get(lua_State *L);
net_loop *net_loop_find(lua_State *L);
void net_loop_begin(lua_State *L, const char *call, double seconds);
int net_loop_await(lua_State *L, net_try try);
int net_loop_at_once(lua_State *L, int results);
typedef int (*net_then)(lua_State *L, lua_State *co, int status, int results);
int net_loop_resume(lua_State *L, net_then then);
lua_State *net_loop_passed(lua_State *co);
int net_loop_turn(net_loop *loop, int patient);
void net_loop_interrupt(net_loop *loop);
void net_loop_open(lua_State *L);

/* call.c and trace.c: what is told to the trace, if there is one. */
extern int net_trace_on;
void net_trace_spawn(lua_State *L, net_task *t);
void net_trace_done(net_task *t, const char *state);
uint32_t net_trace_new(int fd, int family, int type);
void net_trace_names(uint32_t id, const net_addr *local, const net_addr *peer);
void net_call_push(lua_State *L, const char *name, lua_CFunction f, int box);
void net_call_push_lines(lua_State *L, lua_CFunction f, int box);
void net_call_waits(net_wait *w);
void net_call_goes_on(net_wait *w);
void net_call_addr(net_loop *loop, const net_addr *a);
void net_call_ends(lua_State *L, net_wait *w, int results);
void net_call_left(net_loop *loop, const lua_State *L);
void net_call_done(net_task *t, const char *state);
typedef struct net_engine_call {
  const char *name, *data; /* "recv", and the bytes */
  uint32_t sock, made;     /* numbers of sockets, or 0 */
  uint64_t begun, ended;   /* ns of uv_hrtime */
  size_t in, out;          /* bytes of data that came, or went */
  const net_addr *addr;    /* of a datagram, or NULL */
} net_engine_call;
void net_call_engine(lua_State *L, net_loop *loop, const net_engine_call *e);

/* report.c: the error that a task has ended with. */
void net_report_error(net_task *t);

/* task.c: spawn, join, cancel; the host's script is the first task. */
void net_task_end(net_task *t);
void net_task_cancel(net_task *t, lua_State *from);
net_task *net_task_new(lua_State *L, net_loop *loop, int n);
int net_task_host(lua_State *L, lua_CFunction script,
                  void (*prompt)(lua_State *L));
#define NET_TASK "net.task"
extern const luaL_Reg net_task_methods[];
extern const luaL_Reg net_task_functions[];

/* coroutine.c: coroutines of the student's own that may wait. */
void net_coroutine_open(lua_State *L, int box);

/* deadline.c: one total time for many calls. */
#define NET_DEADLINE "net.deadline"
extern const luaL_Reg net_deadline_methods[], net_deadline_functions[];

/* intr.c: Ctrl-C, and leaving with the right status. */
void net_intr_watch(net_loop *loop);
void net_intr_watch_again(net_loop *loop);
void net_intr_pipe(net_loop *loop);
void net_intr_term(void);
int net_intr_leave(void);
void net_intr_hook(net_loop *loop);
void net_intr_lookups(int change);
void net_intr_forget(net_loop *loop);
int net_intr_raise(lua_State *L);
void net_intr_take(net_loop *loop);
int net_intr_is(lua_State *L, int index);

/* poll.c: waiting for a descriptor. */
enum { NET_EITHER = -1, NET_READ, NET_WRITE }; /* the direction of a call */
struct net_poll {
  net_loop *loop;      /* NULL: it is not watched (yet) */
  net_wait *holder[2]; /* slots: the call that reads, the call that writes */
  uint32_t serial;
  int fd;
  char can;     /* NET_CAN_READ, NET_CAN_WRITE: as far as one knows */
  char hung_up; /* NET_HUNG_UP was reported */
};
void net_poll_init(net_poll *p);
int net_poll_wait(lua_State *L, net_poll *p, int fd, int dir);
int net_poll_busy(lua_State *L, const net_poll *p, int dir);
void net_poll_drained(net_poll *p);
void net_poll_report(net_loop *loop, const net_event *event);
void net_poll_hand_over(net_poll *p);
void net_poll_close(net_poll *p);
void net_poll_forget(net_loop *loop);

/* gather.c: waiting for any of several descriptors. */
#define NET_GATHER "net.gather"
typedef struct net_gather net_gather;
net_gather *net_gather_open(lua_State *L);
int net_gather_add(net_gather *g, int fd);
int net_gather_wait(lua_State *L, net_gather *g);
void net_gather_look(net_gather *g);
void net_gather_select(lua_State *L, net_gather *g);
void net_gather_closing(net_loop *loop, int fd);
extern const luaL_Reg net_gather_methods[];

/* dns.c: names and services. `then` finds the address on top of the stack, or
 * what `use` has pushed of the resolver's list. */
typedef struct net_query {
  const char *call;  /* for messages: "connect" */
  int host, service; /* where they are on the stack, strings or nil; 0: none */
  int extra;         /* what a failure returns besides; 0: nothing */
  uint16_t port;     /* for each address, where no service is asked for */
  struct addrinfo hints;
  void (*use)(lua_State *L, const struct addrinfo *list, uint16_t port);
  net_try then;
} net_query;

int net_dns_lookup(lua_State *L, const net_query *query);
int net_dns_addresses(lua_State *L, int family, int arg, const char *call,
                      double seconds, net_try then, int extra);
const char *net_dns_host(lua_State *L, int arg);
int net_dns_address(lua_State *L, int family, int arg, const char *call,
                    double seconds, net_try then, int waits);
int net_dns_known(lua_State *L, int family, int arg, net_addr *a);
const char *net_dns_port(lua_State *L, int arg, uint16_t *port);
net_wait *net_dns_waiter(net_loop *loop, const void *sock);
#define NET_LOOKUP "net.lookup"
extern const luaL_Reg net_dns_methods[], net_dns_functions[];

/* names.c: from addresses to names; iface.c: this machine's own addresses;
 * usage.c: what the kernel has done for this process. */
#define NET_NAME "net.name"
extern const luaL_Reg net_names_methods[], net_names_functions[];
extern const luaL_Reg net_iface_functions[], net_usage_functions[];

/* sock.c: a socket, from socket(2) to close(2). */
#define NET_SOCK "net.socket"
extern const luaL_Reg net_sock_methods[], net_sock_functions[];

typedef struct net_sock {
  const char *mark; /* says that it is one, to net_sock_check */
  int fd;           /* -1: closed */
  int family, type;
  char lingers;   /* SO_LINGER was set: close(2) may wait */
  char named;     /* the trace has its names */
  uint32_t id;    /* in the trace; 0: it has none yet */
  double timeout; /* seconds; 0: non-blocking, negative: none */
  net_poll poll;
  net_poll *engine; /* where the call waits that gave it to an engine */
  char *in;         /* received and not yet asked for: in[start .. end) */
  uint32_t start, end, size;
  net_peer peer;
} net_sock;

/* The socket at an index, or NULL. A look at the object itself is quicker than
 * one at its class by name. */
extern const char net_sock_mark;
static inline net_sock *net_sock_at(lua_State *L, int index) {
  net_sock *s = lua_touserdata(L, index);
  if (s == NULL || lua_rawlen(L, index) != sizeof *s) return NULL;
  return s->mark == &net_sock_mark ? s : NULL;
}

int net_sock_open(int family, int type);
net_sock *net_sock_new(lua_State *L, int family, int type);
net_sock *net_sock_check(lua_State *L);
int net_sock_refuse(lua_State *L, net_sock *s, const char *call, int dir);
int net_sock_start(lua_State *L, net_sock *s, const char *call, int dir,
                   net_try try);
int net_sock_again(lua_State *L, net_sock *s, const char *call, int dir,
                   net_why why);
int net_sock_address(lua_State *L, net_sock *s, int arg, const char *call,
                     net_try then, int waits);
int net_sock_err(lua_State *L, const net_sock *s, const char *call, int code);

/* args.c: a size, and options in a table. */
size_t net_args_size(lua_State *L, int arg);
void net_args_keys(lua_State *L, int arg, const char *known);
lua_Integer net_args_int(lua_State *L, int arg, const char *name,
                         lua_Integer unless, lua_Integer least,
                         lua_Integer most);
int net_args_choice(lua_State *L, int arg, const char *name, int unless,
                    const char *const list[]);
double net_args_number(lua_State *L, int arg, const char *name, double unless,
                       double most);
int net_args_flag(lua_State *L, int arg, const char *name, int unless);
int net_args_function(lua_State *L, int arg, const char *name);
typedef struct net_flag {
  const char *name; /* as in C; NULL: the last one */
  int value;
} net_flag;
int net_args_flags(lua_State *L, int arg, const char *name,
                   const net_flag *known);

/* lecho.c: a socket handed to the echo engine, which is in echo.h. */
#define NET_ECHO "net.echo"
extern const luaL_Reg net_echo_engine_methods[], net_echo_methods[];

/* lhist.c and lload.c: latencies, and the generator, which is in load.h. */
#define NET_HIST "net.histogram"
#define NET_LOAD "net.load"
struct net_hist;
const struct net_hist *net_hist_push(lua_State *L, const struct net_hist *from);
extern const luaL_Reg net_hist_methods[], net_load_engine_methods[];
extern const luaL_Reg net_load_functions[];

/* attr.c: time-outs, options, names. */
extern const luaL_Reg net_attr_methods[];

/* info.c: how a connection fares, and what is in the queues. */
extern const luaL_Reg net_info_methods[];

/* buffer.c: bytes that are received and sent without a string. */
#define NET_BUFFER "net.buffer"
const char *net_buffer_data(lua_State *L, int arg, size_t *len);
char *net_buffer_room(lua_State *L, int arg, size_t *len);
extern const luaL_Reg net_buffer_methods[], net_buffer_functions[];

/* stream.c: a stream by lines and by numbers of bytes, and what has come and
 * nobody has taken yet. */
static inline size_t net_stream_buffered(const net_sock *s) {
  return s->end - s->start;
}
void net_stream_drop(net_sock *s, size_t n);
int net_stream_take(lua_State *L, net_sock *s, size_t n, size_t more);
extern const luaL_Reg net_stream_methods[];

/* io.c: bytes in and bytes out. */
extern const luaL_Reg net_io_methods[];

/* dial.c and listen.c: from a host and a port to a socket, in one call. */
#define NET_DIAL "net.dial"
extern const luaL_Reg net_dial_methods[], net_dial_functions[];
extern const luaL_Reg net_listen_functions[];

/* gai.c: the resolver's whole answer. */
extern const luaL_Reg net_gai_functions[];

/* select.c: which of many sockets are ready. */
extern const luaL_Reg net_select_functions[];

/* A system call that is counted; and is made again if a signal cut it short. */
#define NET_CALL(call) (net_sys_add(&net_sys_calls, 1), (call))
#define NET_RETRY(result, call) \
  do (result) = NET_CALL(call); \
  while ((result) < 0 && errno == EINTR)

/* net.c: the module. */
__attribute__((visibility("default"))) int luaopen_net(lua_State *L);

#endif
