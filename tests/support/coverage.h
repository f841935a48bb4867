/* SPDX-License-Identifier: MIT
 *
 * For `make coverage`: writes the counters also when a process ends by _exit
 * or by SIGTERM, with which the specs end their servers.
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

/* Runs for each file, some of which are loaded when netlab has a handler. */
__attribute__((constructor)) static void coverage_begin(void) {
  struct sigaction now;
  sigaction(SIGTERM, NULL, &now);
  if (now.sa_handler == SIG_DFL) signal(SIGTERM, coverage_on_term);
}

#define _exit(status) coverage_leave(status)
