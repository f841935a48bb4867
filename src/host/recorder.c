/* SPDX-License-Identifier: MIT
 *
 * recorder.c: netlab --trace. The lines of a trace go to a live view on the
 * terminal, to a file, to a descriptor, or into a temporary file from which a
 * picture is drawn at the end.
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
#include "host/complain.h"
#include "host/embed.h"
#include "host/process.h"
#include "trace/tracer.h"

static struct {
  lua_State *L;     /* of the view, with its function at index 1; or NULL */
  FILE *lines;      /* the lines of a picture, or NULL */
  const char *path; /* of the picture */
  int fd;           /* where the lines go */
} record;

static int write_lines(void *target, const char *lines, size_t len) {
  struct pollfd room = {.fd = record.fd, .events = POLLOUT};
  while (len > 0) {
    ssize_t n = write(record.fd, lines, len); /* not counted as the script's */
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN && poll(&room, 1, -1) >= 0) continue;
    if (n < 0) { /* EPIPE: the reader has seen enough */
      if (errno != EPIPE)
        net_complain("trace %s: %s", (char *)target, strerror(errno));
      return 0;
    }
    lines += n;
    len -= (size_t)n;
  }
  return 1;
}

/* Protected: view, lines, end. Calls the view for each line. */
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
  net_complain("trace: %s", lua_tostring(record.L, -1));
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

/* Protected: returns the function of the view. */
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
  if (record.L == NULL) return net_complain("trace: not enough memory");
  lua_pushcfunction(record.L, open_view);
  if (lua_pcall(record.L, 0, 1, 0) != LUA_OK)
    return net_complain("trace: %s", lua_tostring(record.L, -1));
  *sink = (net_sink){.write = view_lines, .eager = 2};
  return EXIT_SUCCESS;
}

/* Opens the file and empties it. It stays locked until the program ends: two
 * programs would mix their lines. Returns -1 and errno if that fails. */
static int open_file(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return -1;
  if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
    close(fd);
    errno = EBUSY;
    return -1;
  }
  if (ftruncate(fd, 0) && errno != EINVAL) return -1; /* EINVAL: a device */
  return fd;
}

static int is_picture(const char *extension) {
  static const char *const pictures[] = {".html", ".mmd", ".json"};
  for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
    if (strcmp(extension, pictures[i]) == 0) return 1;
  return 0;
}

static int start_file(net_sink *sink, const char *path) {
  const char *dot = strrchr(path, '.'), *extension = dot ? dot : "";
  if (is_picture(extension))
    record.path = path;
  else if (strcmp(extension, ".jsonl") != 0)
    return net_complain("trace %s: the name must end in .jsonl, .html, .mmd "
                        "or .json",
                        path);
  record.fd = open_file(path);
  if (record.fd < 0)
    return net_complain("trace %s: %s", path,
                        errno == EBUSY ? "another program is writing to it"
                                       : strerror(errno));
  if (record.path) {
    record.lines = tmpfile();
    if (record.lines == NULL)
      return net_complain("trace %s: %s", path, strerror(errno));
    record.fd = fileno(record.lines);
    fcntl(record.fd, F_SETFD, FD_CLOEXEC);
  }
  *sink = (net_sink){.write = write_lines, .to = (char *)path};
  return EXIT_SUCCESS;
}

/* fd:N. Programs that the script starts inherit N only if it is one of their
 * standard streams. */
static int start_descriptor(net_sink *sink, const char *target) {
  char *end;
  record.fd = (int)strtol(target + 3, &end, 10);
  int flags = record.fd > STDERR_FILENO ? FD_CLOEXEC : 0;
  if (end == target + 3 || *end || fcntl(record.fd, F_SETFD, flags))
    return net_complain("trace %s: no such descriptor", target);
  *sink = (net_sink){.write = write_lines, .to = (char *)target, .eager = 1};
  return EXIT_SUCCESS;
}

/* Starts the trace of a script. The target is a file, fd:N, or NULL for the
 * terminal. Returns the exit status if it fails, else EXIT_SUCCESS. */
int net_recorder_start(const char *target, const char *lab, char **args) {
  net_sink sink;
  int status = target == NULL ? start_view(&sink)
               : strncmp(target, "fd:", 3) == 0
                   ? start_descriptor(&sink, target)
                   : start_file(&sink, target);
  if (status != EXIT_SUCCESS) return status;
  net_interrupt_count_lookups(0); /* so that its exit handler runs after ours */
  atexit(net_recorder_stop);
  net_interrupt_catch_sigterm();
  signal(SIGPIPE, SIG_IGN); /* until net_interrupt_catch_sigpipe */
  net_tracer_start(&sink, lab, args);
  return EXIT_SUCCESS;
}

/* Protected: draws the picture of record.lines. */
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
  lua_call(L, 2, 2); /* draw(lines, path): true, or nil, message */
  if (lua_toboolean(L, -2)) return 0;
  return lua_error(L);
}

/* Ends the trace: closes the view, draws the picture. */
void net_recorder_stop(void) {
  net_tracer_stop();
  if (record.L) lua_close(record.L);
  record.L = NULL;
  if (record.lines == NULL) return;
  lua_State *L = new_state();
  if (L == NULL) {
    net_complain("trace %s: not enough memory", record.path);
  } else {
    lua_pushcfunction(L, draw);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
      net_complain("trace: %s", luaL_tolstring(L, -1, NULL));
    lua_close(L);
  }
  fclose(record.lines);
  record.lines = NULL;
}
