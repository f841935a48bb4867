/* SPDX-License-Identifier: MIT
 *
 * terminal.c: the terminal while a line is typed and tasks go on. Waiting for a
 * key turns the loop. What a task prints meanwhile replaces the typed line,
 * which is shown again below it.
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
  FILE *terminal;     /* the original stdout */
  const char *hide;   /* printed to hide the line */
  void (*show)(void); /* shows the line again */
  const char *prompt; /* of net_terminal_read */
  char typing;        /* a line is being typed */
  char hidden;        /* it is hidden, as something else was printed */
  char open;          /* the output so far ends without a newline */
} line;

/* Writes all of the text. Returns false if that fails. */
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

/* Hides the line, so that something else can be printed in its place. */
void net_terminal_hide(void) {
  if (!line.typing || line.hidden) return;
  line.hidden = 1;
  put_text(line.hide);
}

/* Shows the line again, below what has replaced it. */
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

/* Returns a stream to the same terminal that hides the line before it writes,
 * or `stream` itself if it is not a terminal. */
static FILE *hook(FILE *stream, int mode) {
  cookie_io_functions_t functions = {.write = on_write};
  intptr_t fd = fileno(stream);
  FILE *f = isatty((int)fd) ? fopencookie((void *)fd, "w", functions) : NULL;
  if (f == NULL) return stream;
  setvbuf(f, NULL, mode, BUFSIZ);
  return f;
}

/* Replaces stdout and stderr, so that output does not garble the typed line.
 * Must be called before Lua opens its io library. Needs fopencookie(3) of the
 * GNU library; elsewhere, output is mixed with the line. */
void net_terminal_hook_stdout(void) {
  line.terminal = stdout;
  stdout = hook(stdout, _IOLBF);
  stderr = hook(stderr, _IONBF);
}
#else
void net_terminal_hook_stdout(void) {
  line.terminal = stdout;
}
#endif

/* Returns the stream to draw the line on. */
FILE *net_terminal_stream(void) {
  return line.terminal;
}

enum { KEYS = -1 }; /* standard input's key in the poller: no watcher's */

/* Watches the standard input. (The poller refuses a file, which is always
 * ready.) */
void net_terminal_open(net_loop *loop) {
  line.loop = loop;
  setvbuf(stdin, NULL, _IONBF, 0); /* poll(2) cannot see a buffer */
  net_poller_add(loop->poller, STDIN_FILENO, (uint64_t)KEYS);
}

void net_terminal_close(void) {
  net_poller_remove(line.loop->poller, STDIN_FILENO);
}

/* Begins a line, which `hide` and `show` hide and show when a task prints. */
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

/* Turns the loop until a key is pressed, and at least once, so that fast typing
 * or pasting does not hold up the tasks. Returns false after Ctrl-C. */
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

/* Ends a line. Prints `dropped` if Ctrl-C has dropped it. */
void net_terminal_end(const char *dropped) {
  line.typing = 0;
  if (line.loop->interrupted) put_text(dropped);
}

static void show_prompt(void) {
  put_text(line.prompt);
}

/* Reads a line without libedit: from a file, or edited by the terminal. Returns
 * NULL at the end of the input, or after Ctrl-C. */
const char *net_terminal_read(const char *prompt, int *len) {
  static char *text;
  static size_t size;
  line.prompt = prompt;
  net_terminal_begin("\n", show_prompt);
  show_prompt();
  clearerr(stdin); /* io.read may have reached the end */
  ssize_t n = net_terminal_key() ? getline(&text, &size, stdin) : -1;
  net_terminal_end("\n");
  *len = (int)n;
  return n > 0 ? text : NULL;
}
