/* SPDX-License-Identifier: MIT
 *
 * process.c: programs that the host starts and waits for: the private module
 * netlab.process, for lua/netlab/pair.lua.
 *
 *   program()                path of the program that runs this
 *   terminal(fd)             its width in columns, and whether it should show
 *                            colour; nothing if fd is not a terminal
 *   spawn(argv, terminal)    a child, and three sockets: its standard output,
 *                            its standard error and its descriptor 3
 *   child:wait(seconds)      exit status; 128 + N if signal N ended it
 *   child:kill(name)         "SIGINT", "SIGTERM", "SIGKILL"
 *   interrupt(name)          an object that is waited for like a child, and
 *                            ends when this process gets the signal
 *
 * With `terminal`, the child shares our standard input and gets the Ctrl-C of
 * the terminal. Otherwise it reads nothing, and has a process group of its own,
 * so that it gets SIGINT from us only. Either way it ends when we end, however
 * that happens.
 */
#include "host/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "core/loop.h"
#include "core/wait.h"
#include "os/counters.h"
#include "os/os.h"
#include "socket/sock.h"

#define CHILD "netlab.process"

enum { PIPES = 3, FIRST = 1 }; /* descriptors 1, 2 and 3 of the child */

/* Outlives its userdata, until libuv has closed the handle. */
typedef struct program {
  uv_signal_t signal; /* SIGCHLD, sent for any child; or the one to wait for */
  net_wait *waiters;
  pid_t pid; /* 0: none, or it has ended */
  int finished, status;
} program;

static program *check_child(lua_State *L) {
  return *(program **)luaL_checkudata(L, 1, CHILD);
}

/* The child has ended, or the signal has come: wakes the waiters. */
static void finish(program *p, int status) {
  p->pid = 0;
  p->finished = 1;
  p->status = status;
  uv_signal_stop(&p->signal);
  net_wait_wake(p->waiters, NET_READY);
}

/* Collects the exit status of the child, if it has ended. */
static void reap(program *p, int flags) {
  int status;
  pid_t ended;
  if (p->pid == 0) return;
  NET_RETRY(ended, waitpid(p->pid, &status, flags));
  if (ended == 0) return;
  if (ended < 0)
    finish(p, EXIT_FAILURE); /* something else has collected it */
  else
    finish(p, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void on_sigchld(uv_signal_t *handle, int signum) {
  (void)signum;
  reap(handle->data, WNOHANG);
}

static void on_signal(uv_signal_t *handle, int signum) {
  finish(handle->data, 128 + signum);
}

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

/* Kills and reaps a child that nothing refers to any more. */
static int child___gc(lua_State *L) {
  program **box = luaL_checkudata(L, 1, CHILD), *p = *box;
  if (p == NULL) return 0;
  *box = NULL;
  if (p->pid) kill(p->pid, SIGKILL);
  reap(p, 0);
  while (p->waiters) net_wait_detach(p->waiters);
  uv_close((uv_handle_t *)&p->signal, on_closed);
  return 0;
}

static program *push_child(lua_State *L) {
  program **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, CHILD);
  program *p = calloc(1, sizeof *p);
  if (p == NULL) luaL_error(L, "not enough memory");
  int code = uv_signal_init(&net_loop_get(L)->uv, &p->signal);
  if (code) {
    free(p);
    luaL_error(L, "cannot wait for programs: %s", uv_strerror(code));
  }
  p->signal.data = p;
  return *box = p;
}

/* Pushes an array for execv(3) with the strings of the list at `arg`. */
static char **push_words(lua_State *L, int arg) {
  luaL_checktype(L, arg, LUA_TTABLE);
  size_t n = lua_rawlen(L, arg);
  luaL_argcheck(L, n > 0, arg, "empty list");
  char **words = lua_newuserdatauv(L, (n + 1) * sizeof *words, 1);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, arg, (lua_Integer)i + 1);
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, arg, "not all strings");
    words[i] = (char *)lua_tostring(L, -1); /* the list keeps it */
    lua_pop(L, 1);
  }
  words[n] = NULL;
  return words;
}

/* Makes the pipes of a child, and pushes a socket for our end of each. Returns
 * -1 and errno if that fails. */
static int open_pipes(lua_State *L, int theirs[PIPES]) {
  for (int i = 0; i < PIPES; i++) {
    net_sock_new(L, AF_UNIX, SOCK_STREAM);
    theirs[i] = -1;
  }
  for (int i = 0; i < PIPES; i++) {
    int ends[2];
    net_sock *ours = lua_touserdata(L, i - PIPES);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) return -1;
    net_os_nonblock(ours->fd = ends[0]);
    theirs[i] = ends[1];
  }
  return 0;
}

static void close_pipes(const int theirs[PIPES]) {
  for (int i = 0; i < PIPES; i++)
    if (theirs[i] >= 0) close(theirs[i]);
}

static _Noreturn void exec_failed(const char *path) {
  const char *parts[] = {"cannot run ", path, ": ", strerror(errno), "\n"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0) break;
  _exit(127);
}

/* In the new process: runs the program. A pipe may occupy a descriptor that
 * another one needs, so all are moved out of the way first. */
static _Noreturn void exec_child(char **argv, int fds[PIPES], int terminal,
                                 pid_t parent) {
  static const int defaults[] = {SIGINT, SIGPIPE, SIGCHLD};
  sigset_t none;
  net_os_die_with_parent(parent);
  for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
    if (!terminal || defaults[i] != SIGINT) signal(defaults[i], SIG_DFL);
  for (int i = 0; i < PIPES; i++)
    fds[i] = fcntl(fds[i], F_DUPFD, FIRST + PIPES);
  for (int i = 0; i < PIPES; i++) {
    dup2(fds[i], FIRST + i);
    close(fds[i]);
  }
  if (!terminal) {
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    if (null > STDERR_FILENO) close(null);
    setpgid(0, 0);
  }
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execv(argv[0], argv);
  exec_failed(argv[0]);
}

/* Signals are blocked meanwhile, so that none reaches the new process before it
 * has reset its handlers. */
static pid_t fork_child(char **argv, int fds[PIPES], int terminal) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) exec_child(argv, fds, terminal, parent);
  int code = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = code;
  return pid;
}

/* process.spawn(argv, terminal) -> child, output, errors, trace      fork(2) */
static int process_spawn(lua_State *L) {
  int terminal = lua_toboolean(L, 2), theirs[PIPES];
  char **argv = push_words(L, 1);
  program *p = push_child(L);
  if (open_pipes(L, theirs)) {
    int code = errno;
    close_pipes(theirs);
    return net_error(L, "socketpair", NULL, code);
  }
  uv_signal_start(&p->signal, on_sigchld, SIGCHLD);
  pid_t pid = fork_child(argv, theirs, terminal);
  int code = errno;
  close_pipes(theirs);
  if (pid < 0) return net_error(L, "fork", NULL, code);
  p->pid = pid;
  return 1 + PIPES;
}

static int process_waitk(lua_State *L, net_wake wake) {
  program *p = check_child(L);
  if (!p->finished && wake == NET_TIMEOUT)
    return net_error(L, "wait", NULL, ETIMEDOUT);
  if (!p->finished) return net_wait_on(L, &p->waiters);
  lua_pushinteger(L, p->status);
  return 1;
}

/* child:wait(seconds) -> status                                   waitpid(2) */
static int process_wait(lua_State *L) {
  program *p = check_child(L);
  lua_Number seconds = luaL_optnumber(L, 2, -1);
  reap(p, WNOHANG);
  if (seconds == 0) return process_waitk(L, NET_TIMEOUT);
  net_loop_begin(L, "wait", p->finished ? 0 : seconds);
  return net_loop_await(L, process_waitk);
}

static int check_signal(lua_State *L, int arg) {
  static const char *const names[] = {"SIGINT", "SIGTERM", "SIGKILL", NULL};
  static const int numbers[] = {SIGINT, SIGTERM, SIGKILL};
  return numbers[luaL_checkoption(L, arg, NULL, names)];
}

/* child:kill(name) -> child                                          kill(2) */
static int process_kill(lua_State *L) {
  program *p = check_child(L);
  int number = check_signal(L, 2);
  reap(p, WNOHANG);
  if (p->pid == 0) return net_error(L, "kill", NULL, ESRCH);
  if (kill(p->pid, number)) return net_error(L, "kill", NULL, errno);
  lua_settop(L, 1);
  return 1;
}

/* process.interrupt(name) -> an object that ends when the signal comes, which
 * then does nothing else; a second one ends the program at once. A signal that
 * was ignored stays so. */
static int process_interrupt(lua_State *L) {
  struct sigaction now;
  int number = check_signal(L, 1);
  program *p = push_child(L);
  sigaction(number, NULL, &now);
  if (now.sa_handler != SIG_IGN) uv_signal_start(&p->signal, on_signal, number);
  return 1;
}

/* process.program() -> path */
static int process_program(lua_State *L) {
  char path[4096];
  size_t len = sizeof path;
  int code = uv_exepath(path, &len);
  if (code) return net_error(L, "exepath", NULL, code);
  lua_pushlstring(L, path, len);
  return 1;
}

/* process.terminal(fd) -> columns, colour                       no-color.org */
int net_process_terminal(lua_State *L) {
  const int usual = 80;
  const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
  struct winsize size = {0};
  int fd = (int)luaL_checkinteger(L, 1);
  if (!isatty(fd)) return 0;
  ioctl(fd, TIOCGWINSZ, &size);
  lua_pushinteger(L, size.ws_col ? size.ws_col : usual);
  lua_pushboolean(L, !(no && *no) && !(term && strcmp(term, "dumb") == 0));
  return 2;
}

/* Opens the module. Its functions have the box of the loop as their upvalue,
 * as those of the module net. */
int net_process_open(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"wait", process_wait}, {"kill", process_kill}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"spawn", process_spawn},
                                       {"interrupt", process_interrupt},
                                       {"program", process_program},
                                       {"terminal", net_process_terminal},
                                       {NULL, NULL}};
  static const luaL_Reg meta[] = {
      {"__gc", child___gc}, {"__close", child___gc}, {NULL, NULL}};
  lua_settop(L, 0);
  net_loop_open(L); /* box */
  luaL_newmetatable(L, CHILD);
  luaL_setfuncs(L, meta, 0);
  lua_newtable(L); /* box meta methods */
  lua_pushvalue(L, 1);
  luaL_setfuncs(L, methods, 1);
  lua_setfield(L, -2, "__index");
  lua_newtable(L); /* box meta module */
  lua_pushvalue(L, 1);
  luaL_setfuncs(L, functions, 1);
  return 1;
}
