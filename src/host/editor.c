/* SPDX-License-Identifier: MIT
 *
 * editor.c: reads a line with libedit: its keys, its history, TAB for names.
 * The library is loaded here, not linked, so that scripts do not pay for
 * loading it and the program runs where it is not installed.
 */
#include "host/editor.h"

#include "core/interrupt.h"
#include "host/completer.h"
#include "host/terminal.h"
#include "os/counters.h"

#ifdef NETLAB_LIBEDIT
#include <dlfcn.h>
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

static const char *const libraries[] = {"libedit.so.2", "libedit.so.0",
                                        "libedit.so", "libedit.3.dylib"};

/* The functions of the library that are used here. */
/* clang-format off */
#define FUNCTIONS(F) \
  F(el_init) F(el_end) F(el_set) F(el_wset) F(el_gets) F(el_line) \
  F(el_insertstr) F(el_resize) F(el_source) \
  F(history) F(history_init) F(history_end)
/* clang-format on */

#define POINTER(f) __typeof__(f) *f; /* NOLINT: f is a name */
#define NAME(f) {#f, (void **)&lib.f},

static struct { FUNCTIONS(POINTER) } lib;

static const struct {
  const char *name;
  void **where;
} functions[] = {FUNCTIONS(NAME)};

enum { REMEMBERED = 1000 }; /* entries in the history */

static const int signals[] = {SIGWINCH, SIGTSTP, SIGTERM, SIGHUP};
enum { SIGNALS = sizeof signals / sizeof *signals };

static struct {
  lua_State *L;
  EditLine *e; /* NULL: no libedit, or no terminal for it */
  History *h;
  const char *prompt;
  uv_signal_t signal[SIGNALS];
  char file[4096]; /* of the history; "": none */
} edit;

static int load(void) {
  void *so = NULL;
  for (size_t i = 0; so == NULL && i < sizeof libraries / sizeof *libraries;)
    so = dlopen(libraries[i++], RTLD_NOW);
  if (so == NULL) return 0;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    if (!(*functions[i].where = dlsym(so, functions[i].name))) return 0;
  return 1;
}

static char *on_prompt(EditLine *e) {
  (void)e;
  return (char *)(uintptr_t)edit.prompt;
}

/* Reads a character, which may have several bytes. */
static int on_getc(EditLine *e, wchar_t *c) {
  mbstate_t state = {0};
  (void)e;
  for (;;) {
    char byte;
    ssize_t n;
    errno = EINTR;
    if (!net_terminal_key()) return -1;
    NET_RETRY(n, read(STDIN_FILENO, &byte, 1));
    if (n <= 0) return (int)n;
    size_t used = mbrtowc(c, &byte, 1, &state);
    if (used <= 1) return 1;
    if (used == (size_t)-1) state = (mbstate_t){0}; /* not a character */
  }
}

static void redraw(void) {
  lib.el_set(edit.e, EL_REFRESH);
}

/* Lists names in columns, 80 characters wide. */
static void list(const net_names *names) {
  FILE *out = net_terminal_stream();
  const int width = 78;
  int widest = 0;
  for (int i = 0; i < names->count; i++) {
    int len = (int)strlen(names->name[i]);
    if (len > widest) widest = len;
  }
  int columns = widest + 2 < width ? width / (widest + 2) : 1;
  int rows = (names->count + columns - 1) / columns;
  for (int row = 0; row < rows; row++) {
    fputc('\n', out);
    for (int i = row; i < names->count; i += rows)
      fprintf(out, "%-*s", widest + 2, names->name[i]);
  }
  fputs(names->more ? "\n...\n" : "\n", out);
  fflush(out);
}

/* Returns how many bytes all names (which are sorted) have in common. */
static size_t common_length(const net_names *names) {
  if (names->count == 0 || names->more) return 0;
  const char *first = names->name[0], *last = names->name[names->count - 1];
  size_t n = 0;
  while (first[n] && first[n] == last[n]) n++;
  return n;
}

/* TAB: inserts what all names that fit here have in common, or lists them. In
 * front of the first word of a line, it indents. */
static unsigned char on_tab(EditLine *e, int key) {
  const LineInfo *line = lib.el_line(e);
  size_t len = (size_t)(line->cursor - line->buffer);
  char more[256];
  net_names names;
  (void)key;
  if (strspn(line->buffer, " ") >= len)
    return lib.el_insertstr(e, "  ") ? CC_ERROR : CC_REFRESH;
  net_completer_find(edit.L, line->buffer, len, &names);
  size_t n = common_length(&names);
  if (n > names.typed && n < sizeof more) {
    snprintf(more, sizeof more, "%.*s", (int)(n - names.typed),
             names.name[0] + names.typed);
    return lib.el_insertstr(e, more) ? CC_ERROR : CC_REFRESH;
  }
  if (names.count < 2) return CC_ERROR; /* a beep */
  list(&names);
  redraw();
  return CC_NORM;
}

/* SIGWINCH adapts to the size of the terminal. Other signals have their default
 * action, with the terminal reset. */
static void on_signal(uv_signal_t *handle, int signum) {
  net_terminal_hide();
  if (signum == SIGWINCH) {
    lib.el_resize(edit.e);
    return;
  }
  lib.el_set(edit.e, EL_PREP_TERM, 0);
  uv_signal_stop(handle);
  raise(signum);
  uv_signal_start(handle, on_signal, signum);
  lib.el_set(edit.e, EL_PREP_TERM, 1);
}

static void watch_signals(int on) {
  for (int i = 0; i < SIGNALS; i++)
    if (on)
      uv_signal_start(&edit.signal[i], on_signal, signals[i]);
    else
      uv_signal_stop(&edit.signal[i]);
}

/* Resets the terminal after os.exit in a task while a line is typed. */
static void at_exit(void) {
  if (edit.e) lib.el_set(edit.e, EL_PREP_TERM, 0);
}

static void open_history(void) {
  HistEvent event;
  const char *file = getenv("NETLAB_HISTORY"), *home = getenv("HOME");
  if (file)
    snprintf(edit.file, sizeof edit.file, "%s", file);
  else if (home)
    snprintf(edit.file, sizeof edit.file, "%s/.netlab_history", home);
  edit.h = lib.history_init();
  if (edit.h == NULL) return;
  lib.history(edit.h, &event, H_SETSIZE, REMEMBERED);
  lib.history(edit.h, &event, H_SETUNIQUE, 1);
  if (edit.file[0]) lib.history(edit.h, &event, H_LOAD, edit.file);
  lib.el_set(edit.e, EL_HIST, lib.history, edit.h);
}

/* Keys that libedit does not bind by default. */
static const char *const keys[][2] = {
    {"^I", "net-complete"},
    {"^R", "em-inc-search-prev"},
    {"\\e[3~", "ed-delete-next-char"},
    {"\\e[1;5C", "em-next-word"},
    {"\\e[1;5D", "ed-prev-word"},
};

static void configure(net_loop *loop) {
  EditLine *e = edit.e;
  lib.el_set(e, EL_SIGNAL, 0);
  lib.el_set(e, EL_EDITOR, "emacs");
  lib.el_set(e, EL_PROMPT, on_prompt);
  lib.el_wset(e, EL_GETCFN, on_getc);
  lib.el_wset(e, EL_ADDFN, L"net-complete", L"complete a name", on_tab);
  lib.el_source(e, NULL); /* ~/.editrc, which may choose other keys */
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    lib.el_set(e, EL_BIND, keys[i][0], keys[i][1], NULL);
  for (int i = 0; i < SIGNALS; i++) {
    uv_signal_init(&loop->uv, &edit.signal[i]);
    uv_unref((uv_handle_t *)&edit.signal[i]);
  }
  open_history();
  net_interrupt_count_lookups(0); /* so that its exit handler runs after ours */
  atexit(at_exit);
}

/* Can the terminal move its cursor? */
static int can_edit(void) {
  const char *term = getenv("TERM");
  return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term &&
         strcmp(term, "dumb") != 0;
}

void net_editor_open(lua_State *L, net_loop *loop) {
  net_terminal_open(loop);
  edit.L = L;
  if (!can_edit() || !load()) return;
  setlocale(LC_CTYPE, "");
  if (MB_CUR_MAX == 1) setlocale(LC_CTYPE, "C.UTF-8");
  edit.e = lib.el_init("netlab", stdin, net_terminal_stream(), stderr);
  if (edit.e) configure(loop);
}

/* Returns a line with its newline, and its length. Returns NULL at the end of
 * the input or, with loop->interrupted, after Ctrl-C. */
const char *net_editor_read(const char *prompt, int *len) {
  if (edit.e == NULL) return net_terminal_read(prompt, len);
  edit.prompt = prompt;
  net_terminal_begin("\r\033[J", redraw);
  lib.el_resize(edit.e);
  watch_signals(1);
  lib.el_set(edit.e, EL_PREP_TERM, 1); /* before the first key is read */
  const char *text = lib.el_gets(edit.e, len);
  watch_signals(0);
  net_terminal_end("^C\n"); /* the terminal does not echo it now */
  return text;
}

/* Adds a chunk to the history and its file. */
void net_editor_remember(const char *text) {
  HistEvent event;
  if (edit.h == NULL || text[strspn(text, " \n")] == '\0') return;
  lib.history(edit.h, &event, H_ENTER, text);
  if (edit.file[0]) lib.history(edit.h, &event, H_SAVE, edit.file);
}

void net_editor_close(void) {
  net_terminal_close();
  if (edit.e == NULL) return;
  for (int i = 0; i < SIGNALS; i++)
    uv_close((uv_handle_t *)&edit.signal[i], NULL);
  if (edit.h) lib.history_end(edit.h);
  lib.el_end(edit.e);
  edit.h = NULL;
  edit.e = NULL;
}

#else

void net_editor_open(lua_State *L, net_loop *loop) {
  (void)L;
  net_terminal_open(loop);
}

const char *net_editor_read(const char *prompt, int *len) {
  return net_terminal_read(prompt, len);
}

void net_editor_remember(const char *text) {
  (void)text;
}

void net_editor_close(void) {
  net_terminal_close();
}
#endif
