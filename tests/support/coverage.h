/* SPDX-License-Identifier: MIT
 *
 * For `make coverage`: the counters are written also where a process leaves
 * by _exit, or is ended by SIGTERM, as the specs end their servers.
 */
#include <signal.h>
#include <unistd.h>

void __gcov_dump(void);

__attribute__((noreturn)) static void coverage_leave(int status) {
  __gcov_dump();
  _exit(status);
}

static void coverage_on_term(int signum) {
  coverage_leave(128 + signum);
}

/* In each file, some of which are loaded when netlab has a handler. */
__attribute__((constructor)) static void coverage_begin(void) {
  struct sigaction now;
  sigaction(SIGTERM, NULL, &now);
  if (now.sa_handler == SIG_DFL) signal(SIGTERM, coverage_on_term);
}

#define _exit(status) coverage_leave(status)
