/* SPDX-License-Identifier: MIT
 *
 * A preload that makes memory run out. From the point where a script reads the
 * environment variable "MEMORY_FORK" it runs in one process after the other,
 * each a fork(2) of this one. In the k-th, the k-th allocation fails after the
 * script reads "MEMORY_FAILS", and as many after it as MEMORY_WINDOW tells (1:
 * none, 0: all). The ends of all are counted and printed. A block or a
 * descriptor that is left, but is not where nothing fails, is a leak.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 5, DESCRIPTORS = 256, LEAK = 77 };

/* What a process reports to its parent. */
typedef struct outcome {
  int asked, blocks, descriptors, ended;
} outcome;

static outcome *told, clean;
static atomic_int asked, blocks;
static int marked, armed, fails_at, window;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int fails(void) {
  if (!armed) return 0;
  int n = atomic_fetch_add(&asked, 1) + 1;
  int yes = fails_at && n >= fails_at && (!window || n < fails_at + window);
  if (yes) errno = ENOMEM;
  return yes;
}

static void *counted(void *block) {
  if (armed && block) atomic_fetch_add(&blocks, 1);
  return block;
}

void *malloc(size_t size) {
  static __typeof__(&malloc) real;
  if (!real) real = REAL(malloc);
  return fails() ? NULL : counted(real(size));
}

/* dlsym(3) itself allocates, before it has found anything. */
void *calloc(size_t n, size_t size) {
  static __typeof__(&calloc) real;
  static int looking;
  static char first[4096];
  static size_t used;
  if (looking) return used += 1024, first + used - 1024;
  looking = 1;
  if (!real) real = REAL(calloc);
  looking = 0;
  return fails() ? NULL : counted(real(n, size));
}

void *realloc(void *block, size_t size) {
  static __typeof__(&realloc) real;
  if (!real) real = REAL(realloc);
  if (fails()) return NULL;
  void *other = real(block, size);
  return block ? other : counted(other);
}

void free(void *block) {
  static __typeof__(&free) real;
  if (!real) real = REAL(free);
  if (armed && block) atomic_fetch_sub(&blocks, 1);
  real(block);
}

static int open_descriptors(void) {
  int n = 0;
  for (int fd = 0; fd < DESCRIPTORS; fd++) n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

/* At the end of a process, when Lua is closed. */
__attribute__((destructor)) static void end(void) {
  if (!marked || getpid() == marked) return;
  armed = 0;
  told->asked = atomic_load(&asked);
  told->blocks = atomic_load(&blocks);
  told->descriptors = open_descriptors();
  told->ended = 1;
}

/* Forks a process whose k-th allocation fails. Returns true in that process. */
static int run(int k, int *status) {
  memset(told, 0, sizeof *told);
  pid_t pid = fork();
  if (pid == 0) {
    int null = open("/dev/null", O_WRONLY);
    if (!getenv("MEMORY_SHOW")) dup2(null, 1), dup2(null, 2);
    close(null);
    alarm(SECONDS);
    fails_at = k;
    return 1;
  }
  waitpid(pid, status, 0);
  return 0;
}

static const char *verdict(int status) {
  if (WIFSIGNALED(status)) {
    int signum = WTERMSIG(status);
    return signum == SIGALRM ? "hangs" : strsignal(signum);
  }
  if (!told->ended) return "no end";
  if (told->descriptors > clean.descriptors) return "descriptors left";
  if (told->blocks > clean.blocks) return "blocks left";
  return NULL;
}

/* Returns true in each of the processes; this one prints their results. */
static int torture(void) {
  const char *from = getenv("MEMORY_FROM"), *to = getenv("MEMORY_TO");
  int status, bad = 0, errors = 0, k = from ? atoi(from) : 1;
  window = atoi(getenv("MEMORY_WINDOW") ? getenv("MEMORY_WINDOW") : "1");
  told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE,
              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  marked = getpid();
  if (getenv("MEMORY_AT")) /* without a fork, for debuggers */
    return fails_at = atoi(getenv("MEMORY_AT"));
  if (run(0, &status)) return 1;
  clean = *told;
  int most = to ? atoi(to) : clean.asked, first = k;
  if (status) printf("bad\tfails by itself: %d\n", status);
  for (; k <= most; k++) {
    if (run(k, &status)) return 1;
    const char *what = verdict(status);
    errors += !what && status != 0;
    bad += what != NULL;
    if (what) printf("bad\t%s at %d of %d\n", what, k, clean.asked);
  }
  printf("tried\t%d\t%d\t%d\n", k - first, errors, bad + (status && !most));
  fflush(NULL);
  _exit(bad > 0);
}

char *getenv(const char *name) {
  static __typeof__(&getenv) real;
  if (!real) real = REAL(getenv);
  if (strcmp(name, "MEMORY_FORK") == 0) return torture() ? "1" : NULL;
  if (strcmp(name, "MEMORY_FAILS") == 0) armed = 1;
  return real(name);
}
