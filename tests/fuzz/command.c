/* SPDX-License-Identifier: MIT
 *
 * command.c: the host's command line. The files of src/host that handle it are
 * included as they are, but functions that take notes replace those that run
 * Lua code, open files or print. The notes are compared with what the words
 * ask for.
 *
 * An input is an environment byte, then words, each ended by a NUL byte.
 */
#include "fuzz.h"

#include <lualib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "host/prompt.h"
#include "lib/module.h"

enum { WORDS = 16, NOTES = 1 << 14 };

static char noted[NOTES], wanted[NOTES], said[NOTES];
static int terminal;      /* standard input is a terminal */
static const char *start; /* LUA_INIT */

static void add(char *notes, const char *what, const char *text) {
  size_t len = strlen(notes);
  snprintf(notes + len, NOTES - len, "%s<%s>", what, text);
}

static int nothing(lua_State *L) {
  char text[16];
  snprintf(text, sizeof text, "%d", lua_gettop(L));
  add(noted, "run", text);
  return 0;
}

static int note_text(lua_State *L, const char *text, size_t len,
                     const char *name, const char *mode) {
  (void)len;
  if (strcmp(mode, "t") != 0) fuzz_wrong("'%s' may be bytecode", text);
  add(noted, strcmp(name, "=(command line)") == 0 ? "-e" : "init", text);
  lua_pushcfunction(L, nothing);
  return LUA_OK;
}

static int note_file(lua_State *L, const char *name, const char *mode) {
  if (strcmp(mode, "t") != 0) fuzz_wrong("'%s' may be bytecode", name);
  add(noted, "file", name ? name : "(standard input)");
  lua_pushcfunction(L, nothing);
  return LUA_OK;
}

static int note_tool(lua_State *L, const char *tool) {
  add(noted, "tool", tool);
  lua_pushcfunction(L, nothing);
  return LUA_OK;
}

static int trace(const char *target, const char *lab, char **args) {
  (void)lab, (void)args;
  add(noted, "trace", target ? target : "(terminal)");
  return EXIT_SUCCESS;
}

/* Returns itself, so that it survives -l require=x. */
static int note_require(lua_State *L) {
  add(noted, "-l", luaL_checkstring(L, 1));
  lua_pushcfunction(L, note_require);
  return 1;
}

static void open_libs(lua_State *L) {
  lua_pushcfunction(L, note_require);
  lua_setglobal(L, "require");
}

static void open_net(lua_State *L) {
  lua_newtable(L);
  lua_newtable(L);
  lua_setfield(L, -2, "coroutine");
}

static int run_task(lua_State *L, lua_CFunction script,
                    void (*prompt)(lua_State *)) {
  lua_pushcfunction(L, script);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK)
    fuzz_wrong("the script: %s", lua_tostring(L, -1));
  if (prompt) add(noted, "prompt", "");
  return EXIT_SUCCESS;
}

static void no_action(void) {
}

static void no_modules(lua_State *L) {
  (void)L;
}

/* Appends to the output. */
static int vsay(const char *format, va_list args) {
  size_t len = strlen(said);
  return vsnprintf(said + len, sizeof said - len, format, args);
}

static int say(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsay(format, args);
  va_end(args);
  return 0;
}

#define main host_main
#define luaL_loadbufferx note_text
#define luaL_loadfilex note_file
#define luaL_loadstring(L, text) note_tool(L, net_host.tool)
#define luaL_openlibs open_libs
#define luaL_requiref(L, name, open, global) open_net(L)
#define net_run_script run_task
#define net_terminal_hook_stdout no_action
#define net_embed_preload no_modules
#define net_recorder_start trace
#define net_recorder_stop no_action
#define getenv(name) start
#define isatty(fd) terminal
#define setvbuf(...) 0
#define uv_exepath(path, size) ((void)(path), (void)(size), -1)
#define printf say
#define fprintf(stream, ...) say(__VA_ARGS__)
#define vfprintf(stream, format, args) vsay(format, args)
#define fputs(text, stream) say("%s", text)
int host_main(int argc, char **argv);
#include "host/labs.c"
#include "host/main.c"
#include "host/options.c"
#include "host/script.c"

static int is_tool(const char *w) {
  return !strcmp(w, "--pair") || !strcmp(w, "--merge");
}

static int is_trace(const char *w) {
  return strncmp(w, "--trace", 7) == 0 && (w[7] == '\0' || w[7] == '=');
}

/* Returns how many words an option takes; 0: not an option. */
static int option(char **argv, int left) {
  const char *w = *argv;
  if (is_tool(w) || is_trace(w)) return 1;
  if (w[1] == 'e' || w[1] == 'l') return w[2] ? 1 : left > 1 ? 2 : 0;
  if (w[1] == '-')
    return !strcmp(w, "--help") || !strcmp(w, "--version") ||
           !strcmp(w, "--list");
  return strchr("EWiv", w[1]) && w[2] == '\0';
}

/* Notes what an option does with its argument `text`. */
static void want(const char *word, const char *text) {
  const char *equals = strchr(text, '=');
  if (word[1] == 'e') {
    add(wanted, "-e", text);
    add(wanted, "run", "0");
  } else if (word[1] == 'l') {
    add(wanted, "-l", equals ? equals + 1 : text);
  }
}

/* Notes a tool: its name, --trace, and all words that follow. */
static void want_tool(const char *word, int words) {
  char count[16];
  snprintf(count, sizeof count, "%d", words);
  add(wanted, "tool",
      strcmp(word, "--pair") == 0 ? "netlab.pair" : "netlab.merge");
  add(wanted, "run", count);
}

static void want_script(int argc, char **argv, int script, int plain) {
  const char *file = script < argc ? argv[script] : "-";
  int standard = strcmp(file, "-") == 0 && !(plain && script < argc);
  char count[16];
  snprintf(count, sizeof count, "%d", script < argc ? argc - script - 1 : 0);
  add(wanted, "file", standard ? "(standard input)" : file);
  add(wanted, "run", count);
}

/* Notes what the words ask for. Returns false if they are wrong. */
static int model(int argc, char **argv) {
  int script = 1, noenv = 0, chunks = 0, version = 0, prompt = 0, words;
  const char *tool = NULL, *traced = NULL;
  for (; script < argc && argv[script][0] == '-' && argv[script][1] && !tool;
       script += words) {
    const char *w = argv[script];
    words = 1;
    if (strcmp(w, "--") == 0) break;
    words = option(argv + script, argc - script);
    if (words == 0) return 0;
    if (is_tool(w)) tool = w;
    if (is_trace(w)) traced = w;
    if (w[1] == '-' && !is_tool(w) && !is_trace(w))
      net_host.instead = print_help; /* or another */
    noenv |= w[1] == 'E';
    version |= w[1] == 'v';
    chunks |= w[1] == 'e';
    prompt |= w[1] == 'i';
  }
  if (net_host.instead) return 1;
  if (traced && !tool)
    add(wanted, "trace", traced[7] ? traced + 8 : "(terminal)");
  if (start && !noenv) {
    add(wanted, *start == '@' ? "file" : "init", start + (*start == '@'));
    add(wanted, "run", "0");
  }
  for (int i = 1; i < script; i += words) {
    words = option(argv + i, argc - i);
    want(argv[i], words == 2 ? argv[i + 1] : argv[i] + 2);
  }
  int plain = !tool && script < argc && strcmp(argv[script], "--") == 0;
  script += plain;
  if (script >= argc && !chunks && !version && !tool) prompt |= terminal;
  if (tool)
    want_tool(tool, argc - script + 1 + (traced != NULL));
  else if (script < argc || (!chunks && !version && !prompt))
    want_script(argc, argv, script, plain);
  if (prompt) add(wanted, "prompt", "");
  return 1;
}

void fuzz_command(const uint8_t *data, size_t size) {
  static char name[] = "netlab", *argv[WORDS + 2] = {name};
  static const char *const starts[] = {NULL, "return 1", "@init.lua", "@"};
  int argc = 1;
  if (size == 0) return;
  char *words = calloc(1, size), *end = words + size - 1;
  memcpy(words, data + 1, size - 1);
  for (char *w = words; w < end && argc <= WORDS; w += strlen(w) + 1)
    argv[argc++] = w;
  argv[argc] = NULL;
  terminal = data[0] & 1;
  start = starts[data[0] >> 1 & 3];
  *noted = *wanted = *said = '\0';
  memset(&net_host, 0, sizeof net_host);
  int good = model(argc, argv), leaves = net_host.instead != NULL;
  memset(&net_host, 0, sizeof net_host);
  int status = host_main(argc, argv);
  if (good == 0 && (status != EXIT_FAILURE || !strstr(said, "usage: ")))
    fuzz_wrong("status %d, and said: %s", status, said);
  if (good && leaves && *noted) fuzz_wrong("has run %s", noted);
  if (good && !leaves && strcmp(noted, wanted) != 0)
    fuzz_wrong("has run %s\n  instead of %s", noted, wanted);
  if (good == 0 && *noted) fuzz_wrong("has run %s", noted);
  free(words);
}
