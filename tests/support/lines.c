/* SPDX-License-Identifier: MIT
 *
 * lines.c: a module for `make coverage` that marks the lines of lua/ and labs/
 * that run. Each file has a map in the folder $NETLAB_LINES, a byte per line,
 * which all processes share, however they end. New coroutines inherit a C hook,
 * but not the hook of debug.sethook.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

enum { MOST = 4096 }; /* lines of a file */

static struct {
  char name[64];
  char *ran; /* MAP_FAILED: cannot be marked */
} files[64];

/* Returns "lua/net/x.lua" for "@/home/me/lua/net/x.lua"; NULL: not ours. */
static const char *our_name(const char *source) {
  static const char *const folders[] = {"lua/net", "labs/"};
  for (int i = 0; *source == '@' && i < 2; i++) {
    const char *at = strstr(source, folders[i]);
    if (at && strlen(at) < sizeof files->name) return at;
  }
  return NULL;
}

/* Returns the map of a file: $NETLAB_LINES/lua.net.x.lua of lua/net/x.lua. */
static char *map(const char *name) {
  char path[4096];
  const char *folder = getenv("NETLAB_LINES");
  int at = snprintf(path, sizeof path, "%s/", folder ? folder : "");
  snprintf(path + at, sizeof path - (size_t)at, "%s", name);
  for (char *p = path + at; *p; p++)
    if (*p == '/') *p = '.';
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return MAP_FAILED;
  char *ran = ftruncate(fd, MOST)
                  ? MAP_FAILED
                  : mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return ran;
}

static void on_line(lua_State *L, lua_Debug *ar) {
  lua_getinfo(L, "S", ar);
  const char *name = our_name(ar->source);
  if (name == NULL || ar->currentline >= MOST) return;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    if (*files[i].name == '\0') {
      snprintf(files[i].name, sizeof files[i].name, "%s", name);
      files[i].ran = map(name);
    }
    if (strcmp(files[i].name, name) != 0) continue;
    if (files[i].ran != MAP_FAILED) files[i].ran[ar->currentline] = 1;
    return;
  }
}

int luaopen_lines(lua_State *L);

int luaopen_lines(lua_State *L) {
  lua_sethook(L, on_line, LUA_MASKLINE, 0);
  return 0;
}
