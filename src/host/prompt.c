/* SPDX-License-Identifier: MIT
 *
 * prompt.c: the prompt of `netlab` on a terminal. Each line runs as a task of
 * its own, so it may wait. Tasks started by earlier lines go on meanwhile, and
 * while the next line is typed.
 */
#include "host/prompt.h"

#include <string.h>

#include "core/interrupt.h"
#include "core/loop.h"
#include "core/report.h"
#include "core/task.h"
#include "host/editor.h"
#include "lib/module.h"

static const char greeting[] =
    "netlab " NETLAB_VERSION " (" LUA_RELEASE
    "): net is loaded, TAB completes, Ctrl-C stops a line, Ctrl-D exits\n";

/* Returns the global _PROMPT or _PROMPT2 if it is a string, else `unless`.
 * Leaves values on the stack. */
static const char *push_prompt(lua_State *L, const char *name,
                               const char *unless) {
  lua_pushglobaltable(L);
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  return lua_isstring(L, -1) ? lua_tostring(L, -1) : unless;
}

/* Pushes the next line without its newline. Returns false if there is none. */
static int push_line(lua_State *L, const char *name, const char *unless) {
  int len, top = lua_gettop(L);
  const char *text = net_editor_read(push_prompt(L, name, unless), &len);
  lua_settop(L, top);
  if (text == NULL) return 0;
  if (len > 0 && text[len - 1] == '\n') len--;
  lua_pushlstring(L, text, (size_t)len);
  return 1;
}

/* Loads `prefix` and `text` as one chunk: pushes a function, or an error
 * message. */
static int load_as(lua_State *L, const char *prefix, const char *text) {
  const char *chunk = lua_pushfstring(L, "%s%s", prefix, text);
  int status = luaL_loadbufferx(L, chunk, strlen(chunk), "=stdin", "t");
  lua_remove(L, -2);
  return status;
}

/* Loads the text at index 1 as an expression ("= x" is the same as "x"), or
 * else as a statement. */
static int load(lua_State *L) {
  const char *text = lua_tostring(L, 1);
  if (*text == '=') return load_as(L, "return ", text + 1);
  if (load_as(L, "return ", text) == LUA_OK) return LUA_OK;
  lua_pop(L, 1);
  return load_as(L, "", text);
}

/* Is the text only incomplete: would more lines mend the error? */
static int is_incomplete(lua_State *L, int status) {
  static const char mark[] = "<eof>";
  size_t len, n = sizeof mark - 1;
  if (status != LUA_ERRSYNTAX) return 0;
  const char *message = lua_tolstring(L, -1, &len);
  return len >= n && strcmp(message + len - n, mark) == 0;
}

/* Protected: reads a chunk of one or more lines. Returns a function, or true if
 * there is nothing to run, or false at the end of the input. */
static int read_chunk(lua_State *L) {
  net_loop *loop = net_loop_find(L);
  int more = push_line(L, "_PROMPT", "> "), status = LUA_OK;
  while (more) {
    status = load(L); /* text, function or error */
    more = is_incomplete(L, status) && push_line(L, "_PROMPT2", ">> ");
    if (!more) break;
    lua_remove(L, 2);
    lua_pushliteral(L, "\n");
    lua_insert(L, 2);
    lua_concat(L, 3);
  }
  if (loop->interrupted || lua_gettop(L) == 0) {
    lua_pushboolean(L, loop->interrupted);
    return 1;
  }
  net_editor_remember(lua_tostring(L, 1));
  return status == LUA_OK ? 1 : lua_error(L);
}

static int print_resultsk(lua_State *L, int status, lua_KContext context) {
  int n = lua_gettop(L);
  (void)status, (void)context;
  if (n == 0) return 0;
  luaL_checkstack(L, LUA_MINSTACK, "too many results to print");
  lua_getglobal(L, "print");
  lua_insert(L, 1);
  lua_callk(L, n, 0, 0, print_resultsk);
  return 0;
}

/* The body of the task of a line: calls the function, prints its results. */
static int run_line(lua_State *L) {
  lua_callk(L, 0, LUA_MULTRET, 0, print_resultsk);
  return print_resultsk(L, LUA_OK, 0);
}

/* Runs the function on top to its end, or until Ctrl-C, and pops it. */
static void run(lua_State *L, net_loop *loop) {
  lua_pushcfunction(L, run_line);
  lua_insert(L, -2);
  net_task *t = loop->foreground = net_task_new(L, loop, 1);
  net_interrupt_reinstall(loop);
  while (t->state == NET_LIVE) net_loop_turn(loop, 1);
  loop->foreground = NULL;
  if (loop->interrupted && t->state != NET_DONE)
    lua_writestringerror("%s\n", "\ninterrupted"); /* after ^C */
  lua_pop(L, 1);
}

/* Reads and runs lines until the input ends. */
void net_prompt_run(lua_State *L) {
  net_loop *loop = net_loop_find(L);
  int top = lua_gettop(L);
  luaL_requiref(L, "net", luaopen_net, 1);
  fputs(greeting, stdout);
  loop->interactive = 1;
  loop->external++; /* the user may end any wait: there is no deadlock */
  net_editor_open(L, loop);
  for (;; lua_settop(L, top)) {
    lua_pushcfunction(L, read_chunk);
    int failed = lua_pcall(L, 0, 1, 0);
    if (failed)
      lua_writestringerror("%s\n", lua_tostring(L, -1));
    else if (lua_isfunction(L, -1))
      run(L, loop);
    else if (!lua_toboolean(L, -1))
      break;
  }
  net_editor_close();
  fputc('\n', stdout);
  loop->external--;
  loop->interactive = loop->interrupted = 0;
  loop->failed = 0;
}
