/* SPDX-License-Identifier: MIT
 *
 * options.h: what the command line asks for.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

typedef struct net_options {
  char **argv;
  int argc, script;           /* argv[script] is the script; argc: none */
  int version, noenv, chunks; /* -v, -E, any -e */
  int prompt;                 /* -i, or nothing to run and a terminal */
  int dashes;                 /* `--` ended the options */
  int traced;                 /* --trace */
  const char *trace;          /* --trace=FILE; NULL: the terminal */
  const char *tool;           /* --pair, --merge: the module to run */
  int (*instead)(void);       /* --help, --version, --list */
} net_options;

extern net_options net_host; /* those of this process */

int net_options_read(int argc, char **argv);
int net_options_print_version(void);

#endif
