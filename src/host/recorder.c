/* SPDX-License-Identifier: MIT
 *
 * record.c: netlab --trace, from the option to what it asks for: the view on
 * the terminal, while the script runs; its lines in a file, or for whoever has
 * given us a descriptor; or a picture that is made of them when it has ended.
 *
 * The view and the picture are made by lua/net/trace, in a Lua state of their
 * own, which the script cannot see.
 */
#include "host/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "core/interrupt.h"
#include "host/embed.h"
#include "host/process.h"
#include "trace/tracer.h"

static struct {
  lua_State *L;     /* of the view, whose function is at the bottom; or NULL */
  FILE *lines;      /* to make a picture of, or NULL */
  const char *path; /* of the picture */
  int fd;           /* where the lines go */
} record;

static int complain(const char *what, const char *reason) {
  fprintf(stderr, "netlab: trace%s%s: %s\n", what ? " " : "", what ? what : "",
          reason);
  return EXIT_FAILURE;
}

static int write_lines(void *to, const char *lines, size_t len) {
  struct pollfd room = {.fd = record.fd, .events = POLLOUT};
  while (len > 0) {
    ssize_t n = write(record.fd, lines, len); /* none of the script's calls */
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN && poll(&room, 1, -1) >= 0) continue;
    if (n < 0) {
      if (errno != EPIPE) complain(to, strerror(errno));
      return 0; /* it may be that nobody wants to read more of it */
    }
    lines += n;
    len -= (size_t)n;
  }
  return 1;
}

/* protected: view, lines, end; the view gets a line at a time */
static int show_lines(lua_State *L) {
  const char *line = lua_touserdata(L, 2), *end = lua_touserdata(L, 3), *next;
  for (; line < end; line = next + 1) {
    next = memchr(line, '\n', (size_t)(end - line));
    lua_pushvalue(L, 1);
    lua_pushlstring(L, line, (size_t)(next - line));
    lua_call(L, 1, 0);
  }
  return 0;
}

static int view_lines(void *unused, const char *lines, size_t len) {
  (void)unused;
  lua_pushcfunction(record.L, show_lines);
  lua_pushvalue(record.L, 1);
  lua_pushlightuserdata(record.L, (char *)lines);
  lua_pushlightuserdata(record.L, (char *)lines + len);
  if (lua_pcall(record.L, 3, 0, 0) == LUA_OK) return 1;
  complain(NULL, lua_tostring(record.L, -1));
  return 0;
}

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  if (L == NULL) return NULL;
  luaL_openlibs(L);
  net_embed_preload(L);
  return L;
}

static int view_write(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  fwrite(text, 1, len, stderr);
  return 0;
}

/* protected: -> the view's function */
static int open_view(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "net.trace.live");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "new");
  lua_newtable(L);
  lua_pushcfunction(L, view_write);
  lua_setfield(L, -2, "write");
  lua_pushcfunction(L, net_process_terminal);
  lua_pushinteger(L, STDERR_FILENO);
  lua_call(L, 1, 2);
  lua_setfield(L, -3, "colour");
  lua_setfield(L, -2, "width");
  lua_call(L, 1, 1);
  return 1;
}

static int start_view(net_sink *sink) {
  record.L = new_state();
  if (record.L == NULL) return complain(NULL, "not enough memory");
  lua_pushcfunction(record.L, open_view);
  if (lua_pcall(record.L, 0, 1, 0) != LUA_OK)
    return complain(NULL, lua_tostring(record.L, -1));
  *sink = (net_sink){.write = view_lines, .eager = 2};
  return EXIT_SUCCESS;
}

/* Opens the file, empty, for this program only: two would mix their lines, or
 * draw over each other's picture. It is ours until we end. -1: errno */
static int open_file(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return -1;
  if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
    close(fd);
    errno = EBUSY;
    return -1;
  }
  if (ftruncate(fd, 0) && errno != EINVAL) return -1; /* no device has a size */
  return fd;
}

static int start_file(net_sink *sink, const char *path) {
  static const char *const pictures[] = {".html", ".mmd", ".json"};
  const char *extension = strrchr(path, '.');
  for (size_t i = 0; i < 3 && extension; i++)
    if (strcmp(extension, pictures[i]) == 0) record.path = path;
  if (!record.path && !(extension && strcmp(extension, ".jsonl") == 0))
    return complain(path, "a name that ends in .jsonl, .html, .mmd or .json, "
                          "please");
  record.fd = open_file(path);
  if (record.fd < 0)
    return complain(path, errno == EBUSY ? "another program is writing to it"
                                         : strerror(errno));
  if (record.path) {
    record.lines = tmpfile();
    if (record.lines == NULL) return complain(path, strerror(errno));
    record.fd = fileno(record.lines);
    fcntl(record.fd, F_SETFD, FD_CLOEXEC);
  }
  *sink = (net_sink){.write = write_lines, .to = (char *)path};
  return EXIT_SUCCESS;
}

/* The programs that the script starts have it only if it is theirs, too. */
static int start_descriptor(net_sink *sink, const char *target) {
  char *end;
  record.fd = (int)strtol(target + 3, &end, 10);
  int flags = record.fd > STDERR_FILENO ? FD_CLOEXEC : 0;
  if (end == target + 3 || *end || fcntl(record.fd, F_SETFD, flags))
    return complain(target, "no such descriptor");
  *sink = (net_sink){.write = write_lines, .to = (char *)target, .eager = 1};
  return EXIT_SUCCESS;
}

/* Begins the trace of a script: for the terminal (NULL), fd:N, or a file. */
int net_recorder_start(const char *target, const char *lab, char **args) {
  net_sink sink;
  int status = target == NULL ? start_view(&sink)
               : strncmp(target, "fd:", 3) == 0
                   ? start_descriptor(&sink, target)
                   : start_file(&sink, target);
  if (status != EXIT_SUCCESS) return status;
  net_interrupt_count_lookups(
      0); /* whose end of the program must not come before ours */
  atexit(net_recorder_stop);
  net_interrupt_catch_sigterm();
  signal(SIGPIPE, SIG_IGN); /* until net_interrupt_catch_sigpipe */
  net_tracer_start(&sink, lab, args);
  return EXIT_SUCCESS;
}

/* protected: writes the picture of record.lines */
static int draw(lua_State *L) {
  luaL_Buffer text;
  rewind(record.lines);
  luaL_buffinit(L, &text);
  for (size_t n = 1; n > 0; luaL_addsize(&text, n))
    n = fread(luaL_prepbuffer(&text), 1, LUAL_BUFFERSIZE, record.lines);
  luaL_pushresult(&text);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "net.trace");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "draw");
  lua_insert(L, 1);
  lua_settop(L, 2);
  lua_pushstring(L, record.path);
  lua_call(L, 2, 2); /* draw(lines, path) -> true, or nil and a message */
  if (lua_toboolean(L, -2)) return 0;
  return lua_error(L);
}

/* Ends the trace: the picture is drawn, the view is closed. */
void net_recorder_stop(void) {
  net_tracer_stop();
  if (record.L) lua_close(record.L);
  record.L = NULL;
  if (record.lines == NULL) return;
  lua_State *L = new_state();
  if (L == NULL) {
    complain(record.path, "not enough memory");
  } else {
    lua_pushcfunction(L, draw);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
      complain(NULL, luaL_tolstring(L, -1, NULL)); /* it names the file */
    lua_close(L);
  }
  fclose(record.lines);
  record.lines = NULL;
}
