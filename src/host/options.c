/* SPDX-License-Identifier: MIT
 *
 * options.c: reads the command line: that of `lua`, and netlab's own options
 * in front of the script.
 */
#include "host/options.h"

#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "core/version.h"
#include "host/complain.h"
#include "host/labs.h"

net_options net_host;

static const char usage[] =
    "usage: netlab [options] [script [args]]\n"
    "  --help       show this help and exit\n"
    "  --version    show the versions of netlab, Lua and libuv, and exit\n"
    "  --list       list the labs\n"
    "  --trace      show each network call of the script on standard error\n"
    "  --trace=FILE write the calls to FILE.jsonl, or draw them in FILE.html,\n"
    "               FILE.mmd (Mermaid) or FILE.json (Chrome trace events)\n"
    "  --pair SERVER.lua CLIENT.lua [-- client's args [-- server's args]]\n"
    "               run two labs in one terminal, on a free port\n"
    "  --merge FILE.jsonl ... -o RUN.html\n"
    "               draw several traces as one picture\n"
    "  -i           enter the prompt after the script\n"
    "  -e stat      execute string 'stat'\n"
    "  -l mod       require library 'mod' into global 'mod'\n"
    "  -l g=mod     require library 'mod' into global 'g'\n"
    "  -v           show version information\n"
    "  -E           ignore environment variables\n"
    "  -W           turn warnings on\n"
    "  --           stop handling options\n"
    "  -            stop handling options and execute standard input\n"
    "Without a script, netlab gives a prompt on a terminal, and otherwise\n"
    "executes standard input. In a script: local net = require \"net\".\n"
    "Labs: netlab --list. Options of a lab: netlab labs/NAME.lua --help.\n";

static int print_help(void) {
  fputs(usage, stdout);
  return EXIT_SUCCESS;
}

int net_options_print_version(void) {
  printf("netlab %s (%s, libuv %s)\n", NETLAB_VERSION, LUA_RELEASE,
         uv_version_string());
  return EXIT_SUCCESS;
}

/* Options that run a function, and exit with what it returns. */
static const struct {
  const char *word;
  int (*instead)(void);
} actions[] = {
    {"--help", print_help},
    {"--version", net_options_print_version},
    {"--list", net_labs_list},
};

/* Options that run a module, with the words that follow. */
static const struct {
  const char *word, *module;
} tools[] = {
    {"--pair", "netlab.pair"},
    {"--merge", "netlab.merge"},
};

/* Takes an option that is a word. Returns false if it is unknown. */
static int take_long(const char *word) {
  if (strcmp(word, "--trace") == 0 || strncmp(word, "--trace=", 8) == 0) {
    net_host.traced = 1;
    net_host.trace = word[7] ? word + 8 : NULL;
    return 1;
  }
  for (size_t k = 0; k < sizeof actions / sizeof *actions; k++) {
    if (strcmp(word, actions[k].word) != 0) continue;
    net_host.instead = actions[k].instead;
    return 1;
  }
  for (size_t k = 0; k < sizeof tools / sizeof *tools; k++)
    if (strcmp(word, tools[k].word) == 0) net_host.tool = tools[k].module;
  return net_host.tool != NULL;
}

/* Takes an option that is a letter; the argument of -e and -l is the rest of
 * the word, or else the next one. Returns how many words it has taken. */
static int take_letter(const char *word, int has_next) {
  if (strchr("el", word[1])) {
    net_host.chunks |= word[1] == 'e';
    return word[2] ? 1 : has_next ? 2 : 0;
  }
  if (word[2]) return 0;
  net_host.noenv |= word[1] == 'E';
  net_host.version |= word[1] == 'v';
  net_host.prompt |= word[1] == 'i';
  return strchr("EWiv", word[1]) != NULL;
}

/* Says why an option is wrong, as lua does; returns false. */
static int refuse(const char *word) {
  int known = strcmp(word, "-e") == 0 || strcmp(word, "-l") == 0;
  net_complain(known ? "'%s' needs argument" : "unrecognized option '%s'",
               word);
  fputs(usage, stderr);
  return 0;
}

/* Reads the options up to the script. Returns false if one is wrong. */
int net_options_read(int argc, char **argv) {
  int i = 1, words;
  net_host.argc = argc;
  net_host.argv = argv;
  for (; i < argc && !net_host.tool && !net_host.dashes; i += words) {
    const char *word = argv[i];
    if (word[0] != '-' || word[1] == '\0') break;
    net_host.dashes = strcmp(word, "--") == 0;
    words = net_host.dashes || take_long(word);
    if (words == 0) words = take_letter(word, i + 1 < argc);
    if (words == 0) return refuse(word);
  }
  net_host.script = i;
  if (i == argc && !net_host.chunks && !net_host.version && !net_host.tool)
    net_host.prompt |= isatty(STDIN_FILENO);
  return 1;
}
