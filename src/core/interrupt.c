/* SPDX-License-Identifier: MIT
 *
 * interrupt.c: Ctrl-C. The first one raises an error, "interrupted", in every
 * wait and, where Lua code is running, at its next instruction; <close>
 * variables are closed on the way out, and the host exits with status 130. The
 * second one finds the system's default action and ends the process. In the
 * host the same happens when the reader of its standard output goes away; then
 * the status is 1.
 *
 *   registry[&interrupt_key] = setmetatable({}, {
 *     __name = "interrupt", __tostring = reason })   -- "interrupted"
 *
 * Signals belong to the process, so one loop gets them: the first that waits.
 */
#include "core/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/report.h"

static const char interrupt_key = 0;
static net_loop *volatile receiver; /* of signals; NULL: none */
static struct sigaction before;     /* what SIGINT did until we caught it */
static int lookups; /* under way, in all states of the process */
static volatile uint64_t reader_left; /* our standard output, when; 0: no */

static const char *reason(void) {
  return reader_left ? "nobody reads the standard output" : "interrupted";
}

static int interrupt_tostring(lua_State *L) {
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
  push_interrupt(L);
  return lua_error(L);
}

/* Is the value at `index` that error? */
int net_interrupt_is(lua_State *L, int index) {
  index = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &interrupt_key);
  int is = !lua_isnil(L, -1) && lua_rawequal(L, -1, index);
  lua_pop(L, 1);
  return is;
}

/* Calls an observer of the script, which is below its n arguments on top of the
 * stack. Returns 0 if Ctrl-C has interrupted it: the running call is to return
 * then, and the exit status will be that of an interrupt. */
int net_interrupt_pcall(lua_State *L, int n) {
  if (!lua_pcall(L, n, 0, 0)) return 1;
  if (!net_interrupt_is(L, -1)) return lua_error(L);
  net_loop_get(L)->interrupted = 1;
  return 0;
}

/* Runs at the next instruction of the code that was running at Ctrl-C. */
static void on_hook(lua_State *L, lua_Debug *ar) {
  net_loop *loop = receiver;
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  if (loop == NULL || !loop->pending) return; /* the loop has taken it */
  loop->pending = 0;
  loop->deliver(loop);
  net_interrupt_raise(L);
}

/* Has the running code notice a Ctrl-C. At the prompt that is the typed line's;
 * a second Ctrl-C reaches a task that never yields. */
void net_interrupt_set_hook(net_loop *loop) {
  const int all = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT;
  int foreground = loop->running == loop->foreground;
  if (loop->interactive && !foreground && loop->pending < 2) return;
  lua_sethook(loop->current, on_hook, all, 1);
}

/* Notifies the running code and the loop; the first of them takes the signal.
 * lua_sethook and uv_async_send are safe in a signal handler. */
static void notify(void) {
  net_loop *loop = receiver;
  if (loop == NULL) return;
  loop->pending++;
  if (loop->current) net_interrupt_set_hook(loop);
  uv_async_send(&loop->interrupt);
}

static void on_sigint(int signum) {
  net_loop *loop = receiver;
  if (loop == NULL || !loop->interactive || loop->pending)
    signal(signum, SIG_DFL);
  notify();
}

static void on_sigterm(int signum) {
  signal(signum, SIG_DFL);
  if (receiver)
    notify();
  else
    raise(signum);
}

/* A pipe that we wrote to has no reader. If it is our standard output, as in
 * `netlab lab.lua | head -1`, the script ends here, since print would never
 * tell it; one that goes on printing is killed after the grace time. Any other
 * write just fails with EPIPE. */
static void on_sigpipe(int signum) {
  const uint64_t grace = 500000000; /* ns */
  int error = errno;
  struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
  (void)signum;
  if (poll(&out, 1, 0) > 0 && out.revents & (POLLERR | POLLHUP)) {
    if (reader_left && uv_hrtime() - reader_left > grace) _exit(EXIT_FAILURE);
    if (!reader_left) {
      reader_left = uv_hrtime();
      notify();
    }
  }
  errno = error;
}

static void catch_signal(int signum, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(signum, &action, NULL);
}

/* For --trace: SIGTERM ends the script as Ctrl-C does, so that there is a trace
 * to draw; also where Ctrl-C is ignored, in a shell script's background. */
void net_interrupt_catch_sigterm(void) {
  catch_signal(SIGTERM, on_sigterm);
}

/* Catches SIGINT again: at the prompt it ends a line, not the program. */
void net_interrupt_reinstall(net_loop *loop) {
  if (receiver == loop && before.sa_handler != SIG_IGN)
    catch_signal(SIGINT, on_sigint);
}

/* Called by each wait; only the first call does anything. A SIGINT that was
 * ignored when the program started (nohup, a shell's `&`) stays ignored. */
void net_interrupt_install(net_loop *loop) {
  if (receiver) return;
  receiver = loop;
  sigaction(SIGINT, NULL, &before);
  net_interrupt_reinstall(loop);
}

/* For the host: a pipe without a reader must not kill it. SIGPIPE is caught and
 * not ignored, as the programs that the script starts would inherit that. */
void net_interrupt_catch_sigpipe(net_loop *loop) {
  net_interrupt_install(loop);
  catch_signal(SIGPIPE, on_sigpipe);
}

/* Prints the last line of a program that was interrupted, and returns its exit
 * status. */
int net_interrupt_exit_status(void) {
  lua_writestringerror("netlab: %s\n", reason());
  return reader_left ? EXIT_FAILURE : 130;
}

/* The loop is about to be freed: restores SIGINT. */
void net_interrupt_uninstall(net_loop *loop) {
  if (receiver != loop) return;
  struct sigaction now;
  sigaction(SIGINT, NULL, &now);
  if (now.sa_handler == on_sigint) sigaction(SIGINT, &before, NULL);
  receiver = NULL;
}

#ifdef __GLIBC__
/* libuv joins its resolver threads at exit, which a lookup may hold up for a
 * long time: does not wait for them. */
static void at_exit(int status, void *unused) {
  (void)unused;
  if (lookups == 0) return;
  fflush(NULL);
  _exit(status);
}

static void watch_exit(void) {
  static int watching;
  if (!watching) watching = on_exit(at_exit, NULL) == 0;
}
#else
static void watch_exit(void) {
}
#endif

/* Counts the lookups under way. The first call registers an exit handler: what
 * must run before that is to be registered later. */
void net_interrupt_count_lookups(int change) {
  watch_exit();
  lookups += change;
}
