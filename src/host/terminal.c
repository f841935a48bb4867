/* SPDX-License-Identifier: MIT
 *
 * line.c: somebody types while the tasks go on. Waiting for a key turns the
 * loop; what a task prints meanwhile takes the typed line's place on the
 * terminal, and the line is shown again below it.
 */
#include "host/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/interrupt.h"
#include "core/loop.h"
#include "os/counters.h"
#include "os/poller.h"

static struct {
  net_loop *loop;
  FILE *terminal;     /* what stdout was */
  const char *hide;   /* printed before what comes in the line's place */
  void (*show)(void); /* shows the line again */
  const char *prompt; /* of net_terminal_read */
  char typing;        /* a line is being typed, ... */
  char hidden;        /* and has made room for something else */
  char open;          /* what was printed last has not ended its line */
} line;

/* Writes it all to a descriptor; false where that fails. */
static int put(int fd, const char *text, size_t len) {
  while (len > 0) {
    ssize_t n;
    NET_RETRY(n, write(fd, text, len));
    if (n < 0) return 0;
    text += n;
    len -= (size_t)n;
  }
  return 1;
}

static void put_text(const char *text) {
  put(STDOUT_FILENO, text, strlen(text));
}

/* Makes room for something else where the line is shown. */
void net_terminal_hide(void) {
  if (!line.typing || line.hidden) return;
  line.hidden = 1;
  put_text(line.hide);
}

/* Shows the line again, below what has taken its place. */
static void show_again(void) {
  fflush(stdout);
  if (!line.hidden) return;
  if (line.open) put_text("\n");
  line.hidden = line.open = 0;
  line.show();
}

#ifdef __GLIBC__
static ssize_t on_write(void *fd, const char *text, size_t len) {
  net_terminal_hide();
  line.open = text[len - 1] != '\n';
  return put((int)(intptr_t)fd, text, len) ? (ssize_t)len : 0;
}

/* A stream that makes room before it writes; else the one that there is. */
static FILE *shared(FILE *stream, int mode) {
  cookie_io_functions_t functions = {.write = on_write};
  intptr_t fd = fileno(stream);
  FILE *f = isatty((int)fd) ? fopencookie((void *)fd, "w", functions) : NULL;
  if (f == NULL) return stream;
  setvbuf(f, NULL, mode, BUFSIZ);
  return f;
}

/* From now on, what is printed while somebody types does not garble the line.
 * To be called before Lua takes its streams. Only the GNU library can do it;
 * elsewhere the output is just mixed with the line. */
void net_terminal_hook_stdout(void) {
  line.terminal = stdout;
  stdout = shared(stdout, _IOLBF);
  stderr = shared(stderr, _IONBF);
}
#else
void net_terminal_hook_stdout(void) {
  line.terminal = stdout;
}
#endif

/* The stream to draw the line on. */
FILE *net_terminal_stream(void) {
  return line.terminal;
}

enum { KEYS = -1 }; /* the standard input's key in the watch: no poll's */

/* Somebody types from now on. A file cannot be watched, and need not be. */
void net_terminal_open(net_loop *loop) {
  line.loop = loop;
  setvbuf(stdin, NULL, _IONBF, 0); /* what it holds back, poll(2) would miss */
  net_poller_add(loop->poller, STDIN_FILENO, (uint64_t)KEYS);
}

void net_terminal_close(void) {
  net_poller_remove(line.loop->poller, STDIN_FILENO);
}

/* A line is going to be typed; `hide` and `show` are for what interrupts it. */
void net_terminal_begin(const char *hide, void (*show)(void)) {
  fflush(stdout);
  if (line.open) put_text("\n");
  line.hide = hide;
  line.show = show;
  line.hidden = line.open = 0;
  line.loop->interrupted = 0;
  line.typing = 1;
  net_interrupt_reinstall(line.loop);
}

/* Turns the loop until a key has been pressed, and once for each key: who types
 * fast, or pastes, does not keep the tasks waiting. False: it was Ctrl-C. */
int net_terminal_key(void) {
  struct pollfd input = {STDIN_FILENO, POLLIN, 0};
  net_loop *loop = line.loop;
  while (!loop->interrupted) {
    int pressed = !loop->pending && poll(&input, 1, 0) > 0;
    net_loop_turn(loop, !pressed);
    show_again();
    if (pressed && !loop->interrupted) return 1;
  }
  return 0;
}

/* The line is complete, or it was dropped, and `dropped` shows it. */
void net_terminal_end(const char *dropped) {
  line.typing = 0;
  if (line.loop->interrupted) put_text(dropped);
}

static void show_prompt(void) {
  put_text(line.prompt);
}

/* A line without libedit, edited by the terminal itself or from a file. */
const char *net_terminal_read(const char *prompt, int *len) {
  static char *text;
  static size_t size;
  line.prompt = prompt;
  net_terminal_begin("\n", show_prompt);
  show_prompt();
  clearerr(stdin); /* io.read may have met an end */
  ssize_t n = net_terminal_key() ? getline(&text, &size, stdin) : -1;
  net_terminal_end("\n");
  *len = (int)n;
  return n > 0 ? text : NULL;
}
