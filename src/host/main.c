/* SPDX-License-Identifier: MIT
 *
 * main.c: the host program. It takes the command line of `lua`, runs the
 * script as the first task, and waits for the tasks that are still alive.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lualib.h>

#include "host/embed.h"
#include "host/prompt.h"
#include "host/recorder.h"
#include "host/run.h"
#include "host/terminal.h"
#include "lib/module.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

static const char usage[] =
    "usage: netlab [options] [script [args]]\n"
    "  --help       show this and leave\n"
    "  --version    show the versions of netlab, Lua and libuv, and leave\n"
    "  --list       list the labs, one for each program of the slides\n"
    "  --trace      show each call of the script, on the standard error\n"
    "  --trace=FILE write them to FILE.jsonl, or draw FILE.html, FILE.mmd\n"
    "               (Mermaid) or FILE.json (Chrome trace events)\n"
    "  --pair SERVER.lua CLIENT.lua [-- args [-- server's args]]\n"
    "               run two labs in one terminal, on a free port\n"
    "  --merge FILE.jsonl ... -o RUN.html\n"
    "               make one picture of several traces\n"
    "  -i           enter the prompt when the script has ended\n"
    "  -e stat      execute the string 'stat'\n"
    "  -l mod       require library 'mod' into global 'mod'\n"
    "  -l g=mod     require library 'mod' into global 'g'\n"
    "  -v           show version information\n"
    "  -E           ignore environment variables\n"
    "  -W           turn warnings on\n"
    "  --           stop handling options\n"
    "  -            stop handling options and execute the standard input\n"
    "Without a script, a terminal gets a prompt.\n"
    "The script runs with the net module in reach: local net = require "
    "\"net\".\n"
    "Labs: netlab --list. A lab's options: netlab labs/NAME.lua --help.\n";

/* What the command line asks for. */
static struct {
  int argc, script; /* argv[script] is the script; argc: there is none */
  char **argv;
  int version, noenv, chunks; /* -v, -E, any -e */
  int prompt;                 /* -i, or a terminal and nothing to run */
  int ended;                  /* the options, by `--` */
  int traced;                 /* --trace */
  const char *trace;          /* --trace=FILE; NULL: on the terminal */
  const char *tool;           /* --pair, --merge: a module, for a script */
  int (*instead)(void);       /* --help, --version, --list */
} host;

static int complain(const char *message) {
  fprintf(stderr, "netlab: %s\n", message);
  return EXIT_FAILURE;
}

static int print_version(void) {
  printf("netlab %s (%s, libuv %s)\n", NETLAB_VERSION, LUA_RELEASE,
         uv_version_string());
  return EXIT_SUCCESS;
}

static int print_help(void) {
  fputs(usage, stdout);
  return EXIT_SUCCESS;
}

/* The folder of the labs, seen from where the program is: a checkout, `make
 * install`, or a LuaRocks tree. */
static const char *const lab_folders[] = {
    "labs", "../share/netlab/labs",
    "../lib/luarocks/rocks-" LUA_VERSION_MAJOR "." LUA_VERSION_MINOR
    "/netlab/scm-1/labs"};

typedef struct lab {
  char name[64], line[128]; /* its first line: "Lab 12: ... slide: ..." */
} lab;

static int lab_number(const lab *l) {
  return (int)strtol(l->line + strcspn(l->line, "0123456789"), NULL, 10);
}

static int by_number(const void *a, const void *b) {
  const lab *x = a, *y = b;
  int difference = lab_number(x) - lab_number(y);
  return difference ? difference : strcmp(x->name, y->name);
}

/* Reads a lab's first line; false where it is no lab. */
static int read_lab(lab *l, const char *folder, const char *name) {
  char path[4096 + 256];
  const char *end = strrchr(name, '.');
  if (end == NULL || strcmp(end, ".lua") != 0) return 0;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  *l = (lab){{0}, {0}};
  snprintf(l->name, sizeof l->name, "%s", name);
  if (fgets(l->line, sizeof l->line, file) == NULL) l->line[0] = '\0';
  fclose(file);
  l->line[strcspn(l->line, "\r\n")] = '\0';
  return 1;
}

/* Lists a folder, by the numbers of its labs; false where there is none. */
static int print_labs(const char *folder) {
  lab labs[100];
  uv_fs_t entries;
  uv_dirent_t entry;
  size_t count = 0, most = sizeof labs / sizeof *labs;
  int found = uv_fs_scandir(NULL, &entries, folder, 0, NULL) >= 0;
  while (found && count < most && uv_fs_scandir_next(&entries, &entry) == 0)
    count += (size_t)read_lab(&labs[count], folder, entry.name);
  uv_fs_req_cleanup(&entries);
  if (!found) return 0;
  qsort(labs, count, sizeof *labs, by_number);
  printf("in %s:\n", folder);
  for (size_t i = 0; i < count; i++)
    printf("%-27s %s\n", labs[i].name,
           labs[i].line + strspn(labs[i].line, "- "));
  return 1;
}

static int list_labs(void) {
  char here[2048], folder[4096];
  size_t size = sizeof here;
  if (uv_exepath(here, &size)) return complain("cannot tell where I am");
  *strrchr(here, '/') = '\0';
  for (size_t i = 0; i < sizeof lab_folders / sizeof *lab_folders; i++) {
    snprintf(folder, sizeof folder, "%s/%s", here, lab_folders[i]);
    if (!print_labs(folder)) continue;
    snprintf(folder, sizeof folder, "%s/%s/more", here, lab_folders[i]);
    print_labs(folder); /* what goes further than the slides */
    return EXIT_SUCCESS;
  }
  return complain("there are no labs beside me");
}

/* netlab's own options: the word, and what is done instead of a script. */
static const struct {
  const char *word;
  int (*instead)(void);
} long_options[] = {
    {"--help", print_help},
    {"--version", print_version},
    {"--list", list_labs},
};

/* What runs in place of a script, with the words that follow. */
static const struct {
  const char *word, *module;
} tools[] = {
    {"--pair", "netlab.pair"},
    {"--merge", "netlab.merge"},
};

/* Takes one option word at argv[i]; returns how many words it is, or 0. */
static int take_option(int i) {
  const char *word = host.argv[i];
  int more = i + 1 < host.argc;
  if (strcmp(word, "--trace") == 0 || strncmp(word, "--trace=", 8) == 0) {
    host.traced = 1;
    host.trace = word[7] ? word + 8 : NULL;
    return 1;
  }
  for (size_t k = 0; k < sizeof long_options / sizeof *long_options; k++) {
    if (strcmp(word, long_options[k].word) != 0) continue;
    host.instead = long_options[k].instead;
    return 1;
  }
  for (size_t k = 0; k < sizeof tools / sizeof *tools; k++)
    if (strcmp(word, tools[k].word) == 0) host.tool = tools[k].module;
  if (host.tool) return 1;
  if (strchr("el", word[1])) { /* its argument: the rest, or the next word */
    host.chunks |= word[1] == 'e';
    return word[2] ? 1 : more ? 2 : 0;
  }
  if (word[2]) return 0;
  host.noenv |= word[1] == 'E';
  host.version |= word[1] == 'v';
  host.prompt |= word[1] == 'i';
  return strchr("EWiv", word[1]) != NULL;
}

/* Finds the script; false at an option that is not known. */
static int read_options(int argc, char **argv) {
  int i = 1;
  host.argc = argc;
  host.argv = argv;
  while (i < argc && !host.tool && argv[i][0] == '-' && argv[i][1] != '\0') {
    if (strcmp(argv[i], "--") == 0) {
      host.ended = 1;
      i++;
      break;
    }
    int words = take_option(i);
    if (words == 0) {
      int lacks = strcmp(argv[i], "-e") == 0 || strcmp(argv[i], "-l") == 0;
      fprintf(stderr,
              lacks ? "netlab: '%s' needs argument\n%s"
                    : "netlab: unrecognized option '%s'\n%s",
              argv[i], usage);
      return 0;
    }
    i += words;
  }
  host.script = i;
  int idle = i == argc && !host.chunks && !host.version && !host.tool;
  host.prompt |= idle && isatty(STDIN_FILENO);
  return 1;
}

/* lua_callk's continuation: goes on where a chunk has been run */
static int run_fromk(lua_State *L, int status, lua_KContext next);

/* Runs the chunk that was just loaded, then goes on from word `next`. */
static int run_chunk(lua_State *L, int loaded, int args, int next) {
  if (loaded != LUA_OK) return lua_error(L);
  lua_insert(L, -args - 1); /* args ... chunk to chunk args ... */
  lua_callk(L, args, 0, next, run_fromk);
  return run_fromk(L, LUA_OK, next);
}

static int run_init(lua_State *L) {
  const char *name = "LUA_INIT" LUA_VERSUFFIX, *init = getenv(name);
  if (init == NULL) init = getenv(name = "LUA_INIT");
  if (init == NULL || host.noenv) return run_fromk(L, LUA_OK, 1);
  if (init[0] == '@')
    return run_chunk(L, luaL_loadfilex(L, init + 1, "t"), 0, 1);
  lua_pushfstring(L, "=%s", name);
  return run_chunk(
      L, luaL_loadbufferx(L, init, strlen(init), lua_tostring(L, -1), "t"), 0,
      1);
}

/* -l mod, -l global=mod */
static void run_require(lua_State *L, const char *name) {
  const char *equals = strchr(name, '=');
  if (equals)
    lua_pushlstring(L, name, (size_t)(equals - name));
  else
    lua_pushstring(L, name);
  lua_getglobal(L, "require");
  lua_pushstring(L, equals ? equals + 1 : name);
  lua_call(L, 1, 1);
  lua_pushglobaltable(L); /* global module _G */
  lua_insert(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

/* Runs netlab.pair or netlab.merge, which take the words themselves; --trace,
 * too. */
static int run_tool(lua_State *L) {
  int words = host.argc - host.script;
  luaL_checkstack(L, words + 4, "too many arguments");
  lua_pushstring(L, host.tool);
  if (host.traced)
    lua_pushfstring(L, "--trace%s%s", host.trace ? "=" : "",
                    host.trace ? host.trace : "");
  for (int i = host.script; i < host.argc; i++) lua_pushstring(L, host.argv[i]);
  return run_chunk(
      L, luaL_loadstring(L, "os.exit(require(...).main(select(2, ...)), true)"),
      words + 1 + host.traced, host.argc + 1);
}

static int run_script(lua_State *L) {
  int words = host.argc - host.script, last = host.argc + 1;
  const char *file = words > 0 ? host.argv[host.script] : "-";
  if (host.tool) return run_tool(L);
  if (words == 0 && (host.chunks || host.version || host.prompt)) return 0;
  luaL_checkstack(L, words + 3, "too many arguments to the script");
  for (int i = host.script + 1; i < host.argc; i++)
    lua_pushstring(L, host.argv[i]);
  /* `-` is the standard input, but `-- -` a file of that name. */
  if (strcmp(file, "-") == 0 && (words == 0 || !host.ended)) file = NULL;
  return run_chunk(L, luaL_loadfilex(L, file, "t"), words ? words - 1 : 0,
                   last);
}

static int run_fromk(lua_State *L, int status, lua_KContext next) {
  (void)status;
  for (int i = (int)next; i < host.script && i < host.argc; i++) {
    const char *word = host.argv[i], *rest = word + 2;
    if (strcmp(word, "--") == 0) break;
    if (word[1] == 'W') lua_warning(L, "@on", 0);
    if (!strchr("el", word[1])) continue;
    if (*rest == '\0') rest = host.argv[++i];
    if (word[1] == 'l')
      run_require(L, rest);
    else
      return run_chunk(
          L, luaL_loadbufferx(L, rest, strlen(rest), "=(command line)", "t"), 0,
          i + 1);
  }
  if (next > host.argc) return 0; /* the script has been run */
  return run_script(L);
}

/* arg: the script at 0, its arguments above, the options below */
static void set_arg(lua_State *L) {
  int script = host.script < host.argc ? host.script : 0;
  lua_createtable(L, host.argc - script, script + 1);
  for (int i = 0; i < host.argc; i++) {
    lua_pushstring(L, host.argv[i]);
    lua_rawseti(L, -2, i - script);
  }
  lua_setglobal(L, "arg");
}

/* Lua's coroutine library becomes net.coroutine; net is on top. */
static void use_coroutine(lua_State *L) {
  lua_getfield(L, -1, "coroutine");
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "coroutine");
  lua_pop(L, 1);
  lua_setglobal(L, "coroutine");
  lua_pop(L, 1);
}

/* What is traced: the script, or the first chunk. */
static int start_trace(void) {
  int script = host.script < host.argc;
  return net_recorder_start(host.trace,
                            script        ? host.argv[host.script]
                            : host.chunks ? "-e"
                                          : "-",
                            host.argv + host.script + script);
}

/* protected: everything but the command line itself -> exit status */
static int run(lua_State *L) {
  luaL_checkversion(L);
  lua_pushboolean(L, host.noenv);
  lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
  lua_warning(L, "@off", 0); /* which Lua 5.5 has on */
  luaL_openlibs(L);
  net_embed_preload(L);
  luaL_requiref(L, "net", luaopen_net, 0);
  use_coroutine(L);
  set_arg(L);
#ifdef LUA_GCPARAM /* of Lua 5.5; a longer pause may double a server's heap */
  lua_gc(L, LUA_GCPARAM, LUA_GCPPAUSE, 120);
#else
  lua_gc(L, LUA_GCINC, 120, 0, 0);
#endif
  lua_gc(L, LUA_GCGEN, 0, 0);
  void (*prompt)(lua_State *) = host.prompt ? net_prompt_run : NULL;
  lua_pushinteger(L, net_run_script(L, run_init, prompt));
  return 1;
}

/* The collector frees many strings at once. glibc would often give the top of
 * the heap back to the kernel each time, to fault it in again: a third of the
 * time of a loop that receives 16 KiB at a time. (Who sets the one threshold
 * fixes the other, which is too small for strings of 128 KiB.) */
static void keep_memory(void) {
#ifdef __GLIBC__
  mallopt(M_TRIM_THRESHOLD, 2 << 20);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

static int run_state(void) {
  keep_memory();
  lua_State *L = luaL_newstate();
  if (L == NULL) return complain("not enough memory");
  lua_pushcfunction(L, run);
  int failed = lua_pcall(L, 0, 1, 0);
  int status = failed ? complain(luaL_tolstring(L, -1, NULL))
                      : (int)lua_tointeger(L, -1);
  lua_close(L);
  return status;
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* a line is seen when it is printed */
  if (!read_options(argc, argv)) return EXIT_FAILURE;
  if (host.instead) return host.instead();
  if (host.version) print_version();
  if (host.prompt) net_terminal_hook_stdout();
  if (host.traced && !host.tool && start_trace()) return EXIT_FAILURE;
  int status = run_state();
  net_recorder_stop();
  return status;
}
