rockspec_format = "3.0"
package = "netlab"
version = "scm-1"
source = { url = "git+https://example.org/netlab.git" }
description = {
  summary = "Network programming in Lua, as the man pages have it",
  detailed = [[
    The module net: sockets with the names of the BSD socket API, tasks that
    wait in straight-line code, on libuv. The program netlab: a Lua interpreter
    with the module inside, and fifteen labs of a course on basic network
    programming. The labs read their options with argparse.]],
  license = "MIT",
}
dependencies = { "lua >= 5.4, < 5.6" }
external_dependencies = { LIBUV = { header = "uv.h", library = "uv" } }
build = {
  type = "make",
  build_variables = {
    CC = "$(CC)",
    LUA = "$(LUA)",
    CFLAGS = "$(CFLAGS)",
    LUA_CFLAGS = "-I$(LUA_INCDIR)",
    UV_CFLAGS = "-I$(LIBUV_INCDIR)",
    UV_LIBS = "-L$(LIBUV_LIBDIR) -luv",
  },
  install_variables = {
    LUA = "$(LUA)",
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
    BINDIR = "$(BINDIR)",
    LABDIR = "",
    METADIR = "$(PREFIX)/meta",
    MANDIR = "$(PREFIX)/doc",
    BASHDIR = "",
    ZSHDIR = "",
    LUA_CFLAGS = "-I$(LUA_INCDIR)",
    UV_CFLAGS = "-I$(LIBUV_INCDIR)",
    UV_LIBS = "-L$(LIBUV_LIBDIR) -luv",
    CFLAGS = "$(CFLAGS)",
  },
  copy_directories = { "labs" },
}
test = {
  type = "command",
  command = "make test",
}
