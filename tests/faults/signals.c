/* SPDX-License-Identifier: MIT
 *
 * A preload: at least 10,000 signals per second interrupt the process, as their
 * handler does not restart system calls. Their number is printed at the end.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

static const int signals[] = {SIGUSR1, SIGUSR2, SIGCHLD, SIGWINCH, SIGALRM};
enum { SIGNALS = sizeof signals / sizeof *signals };
static volatile sig_atomic_t count;

/* The timer's signal causes another one. */
static void on_signal(int signum) {
  count++;
  if (signum == SIGALRM) raise(signals[count % (SIGNALS - 1)]);
}

static void set_timer(int us) {
  struct itimerval timer = {{0, us}, {0, us}};
  setitimer(ITIMER_REAL, &timer, NULL);
}

__attribute__((constructor)) static void begin(void) {
  struct sigaction action = {.sa_handler = on_signal};
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < SIGNALS; i++) sigaction(signals[i], &action, NULL);
  set_timer(100);
}

__attribute__((destructor)) static void end(void) {
  set_timer(0);
  printf("signals\t%d\n", (int)count);
}
