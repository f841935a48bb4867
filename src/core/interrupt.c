/* SPDX-License-Identifier: MIT
 *
 * intr.c: Ctrl-C. The first one raises an error, "interrupted", in every wait
 * or, where Lua code is running, at its next instruction; <close> variables
 * are closed on the way out, and the process leaves with status 130. The
 * second one finds the system's default action and ends the process. In the
 * host, the same happens when nobody reads our standard output any more, and
 * the status is 1.
 *
 *   registry[&interrupt_key] = setmetatable({}, {
 *     __name = "interrupt", __tostring = "interrupted" })
 *
 * Signals belong to the process, so there is one watched loop: the first.
 */
#include "core/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/loop.h"
#include "core/report.h"

static const char interrupt_key = 0;
static net_loop *volatile watched;
static struct sigaction before; /* what SIGINT did until we watched it */
static int raised_at;           /* how deep, in plain Lua's main thread */
static int died;                /* and nothing caught it */
static int taken;               /* by a call that returned what it had */
static int lookups;             /* under way, in all states of the process */
static volatile uint64_t cut;   /* when our standard output was; 0: it is not */

static const char *reason(void) {
  return cut ? "nobody reads the standard output" : "interrupted";
}

/* How many calls are active. */
static int depth(lua_State *L) {
  lua_Debug ar;
  int level = 0;
  while (lua_getstack(L, level, &ar)) level++;
  return level;
}

/* Where no pcall is, `lua5.4` has its message handler ask for the text before
 * anything is unwound: two calls above the one that raised it. So we know that
 * Ctrl-C ends the script, and is not caught. */
static int interrupt_tostring(lua_State *L) {
  if (lua_pushthread(L) && raised_at > 0 && depth(L) == raised_at + 2) died = 1;
  lua_pushstring(L, reason());
  return 1;
}

static void push_interrupt(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &interrupt_key) != LUA_TNIL) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_createtable(L, 0, 2);
  lua_pushliteral(L, "interrupt");
  lua_setfield(L, -2, "__name");
  lua_pushcfunction(L, interrupt_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &interrupt_key);
}

/* Raises the error of Ctrl-C in L. */
int net_interrupt_raise(lua_State *L) {
  if (lua_pushthread(L)) raised_at = depth(L); /* plain Lua's main thread */
  push_interrupt(L);
  return lua_error(L);
}

/* Ctrl-C has ended a graceful call, which returns: the script goes on to its
 * end, and the status is still 130. */
void net_interrupt_note(net_loop *loop) {
  loop->interrupted = 1;
  if (!loop->hosted) taken = 1;
}

/* Is the value at `index` that error? */
int net_interrupt_is(lua_State *L, int index) {
  index = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &interrupt_key);
  int is = !lua_isnil(L, -1) && lua_rawequal(L, -1, index);
  lua_pop(L, 1);
  return is;
}

/* Runs at the next instruction of the code that Ctrl-C found running. */
static void on_hook(lua_State *L, lua_Debug *ar) {
  net_loop *loop = watched;
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  if (loop == NULL || !loop->pending) return; /* it was found waiting */
  loop->pending = 0;
  net_loop_interrupt(loop);
  /* Plain Lua may never turn the loop again: let the tasks unwind now. */
  if (!loop->running && !loop->hosted) net_loop_turn(loop, 0);
  net_interrupt_raise(L);
}

/* Lets the code that runs now see that Ctrl-C was pressed. At the prompt it is
 * for the line; only when pressed again, for a task that keeps the loop. */
void net_interrupt_set_hook(net_loop *loop) {
  if (loop->interactive && loop->running != loop->foreground &&
      loop->pending < 2)
    return;
  const int all = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT;
  lua_sethook(loop->current, on_hook, all, 1);
}

/* In a signal handler: lua_sethook and uv_async_send are made for it. The
 * code that runs and the loop are both told; the first to look takes it. */
static void tell(void) {
  net_loop *loop = watched;
  if (loop == NULL) return;
  loop->pending++;
  if (loop->current) net_interrupt_set_hook(loop);
  uv_async_send(&loop->interrupt);
}

static void on_sigint(int signum) {
  net_loop *loop = watched;
  if (loop == NULL || !loop->interactive || loop->pending)
    signal(signum, SIG_DFL);
  tell();
}

static void on_sigterm(int signum) {
  signal(signum, SIG_DFL);
  if (watched)
    tell();
  else
    raise(signum);
}

/* The trace's: SIGTERM would leave nothing to draw. It ends the script as
 * Ctrl-C does, also where that is ignored: in a shell script's background. */
void net_interrupt_catch_sigterm(void) {
  struct sigaction action = {.sa_handler = on_sigterm, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, NULL);
}

/* A pipe that we wrote to has no reader. Where it is our standard output, as
 * in `netlab lab.lua | head -1`, print would not tell the script, for ever: the
 * script ends here, and one that goes on to print ends a little later. Any
 * other write just fails, with EPIPE. */
static void on_sigpipe(int signum) {
  const uint64_t grace = 500000000; /* ns */
  int error = errno;
  struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
  (void)signum;
  if (poll(&out, 1, 0) > 0 && out.revents & (POLLERR | POLLHUP)) {
    if (cut && uv_hrtime() - cut > grace) _exit(EXIT_FAILURE);
    if (!cut) {
      cut = uv_hrtime();
      tell();
    }
  }
  errno = error;
}

#ifdef __GLIBC__
/* `lua5.4` leaves with status 1 after any error; Ctrl-C is 130. And libuv
 * joins its resolver threads at exit, which a lookup may hold up for long. */
static void at_exit(int status, void *unused) {
  (void)unused;
  int interrupted =
      (died && status == EXIT_FAILURE) || (taken && status == EXIT_SUCCESS);
  if (!interrupted && lookups == 0) return;
  fflush(NULL);
  _exit(interrupted ? 130 : status);
}

static void watch_exit(void) {
  static int watching;
  if (!watching) watching = on_exit(at_exit, NULL) == 0;
}
#else
static void watch_exit(void) {
}
#endif

/* Counts the lookups that the resolver's threads work on. */
void net_interrupt_count_lookups(int change) {
  watch_exit();
  lookups += change;
}

/* Ctrl-C is ours again: at the prompt it ends a line, not the program. */
void net_interrupt_reinstall(net_loop *loop) {
  struct sigaction action = {.sa_handler = on_sigint, .sa_flags = SA_RESTART};
  if (watched != loop || before.sa_handler == SIG_IGN) return;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}

/* Called by each wait; the work is done by the first. A SIGINT that was
 * ignored when the program started (nohup, a shell's `&`) stays ignored. */
void net_interrupt_install(net_loop *loop) {
  if (watched) return;
  watched = loop;
  sigaction(SIGINT, NULL, &before);
  net_interrupt_reinstall(loop);
}

/* The host's: a pipe without a reader is no reason to die on the spot. It is
 * not ignored, as then the programs that the script starts would ignore it. */
void net_interrupt_catch_sigpipe(net_loop *loop) {
  struct sigaction action = {.sa_handler = on_sigpipe, .sa_flags = SA_RESTART};
  net_interrupt_install(loop);
  sigemptyset(&action.sa_mask);
  sigaction(SIGPIPE, &action, NULL);
}

/* The last line of a program that was interrupted; its exit status. */
int net_interrupt_exit_status(void) {
  lua_writestringerror("netlab: %s\n", reason());
  return cut ? EXIT_FAILURE : 130;
}

/* The loop is about to go: gives SIGINT back. */
void net_interrupt_uninstall(net_loop *loop) {
  if (died || taken) watch_exit();
  if (watched != loop) return;
  struct sigaction now;
  sigaction(SIGINT, NULL, &now);
  if (now.sa_handler == on_sigint) sigaction(SIGINT, &before, NULL);
  watched = NULL;
}
