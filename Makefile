# netlab: `make demo` shows it working, `make test` proves it.
# Both say which packages are missing and install them (Debian, Ubuntu).
# This file builds and installs; the other targets are in tests/*.mk.

CC = gcc
PREFIX = /usr/local
BUILD = build
OUT = .

MAKEFLAGS += --no-print-directory
CPUS = $(shell getconf _NPROCESSORS_ONLN)

all:

# The first Lua that pkg-config knows; LuaRocks names the one that it runs in.
ifeq ($(origin LUA),command line)
LUA_NAMES := $(shell $(LUA) -e 'local v = _VERSION:match "[%d.]+" \
  print("lua" .. v, "lua-" .. v, "lua" .. v:gsub("%.", ""), "lua")')
else
LUA_NAMES = lua5.4 lua-5.4 lua54 lua lua5.5 lua-5.5
endif
LUA_PC := $(firstword $(foreach p,$(LUA_NAMES),\
  $(shell pkg-config --exists '$(p) >= 5.4.4' 2>/dev/null && echo $(p))))
LUA_V := $(or $(shell pkg-config --modversion $(LUA_PC) 2>/dev/null | cut -c1-3),5.4)
LUA_CFLAGS := $(shell pkg-config --cflags $(LUA_PC) 2>/dev/null)
LUA_LIBS := $(shell pkg-config --libs $(LUA_PC) 2>/dev/null)
UV_CFLAGS := $(shell pkg-config --cflags libuv 2>/dev/null)
UV_LIBS := $(shell pkg-config --libs libuv 2>/dev/null)

# The prompt edits lines where libedit's header is, and loads libedit to do so.
EDIT_CFLAGS := $(shell pkg-config --exists libedit 2>/dev/null && \
  echo -DNETLAB_LIBEDIT && pkg-config --cflags libedit)

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
HARDEN = -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS = -O2 -g
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden $(WARN) $(HARDEN) \
  $(CFLAGS) $(LUA_CFLAGS) $(UV_CFLAGS) -Isrc -I$(BUILD)

ifeq ($(shell uname),Darwin)
MODULE_FLAGS = -bundle -undefined dynamic_lookup
else
MODULE_FLAGS = -shared -Wl,-z,relro,-z,now,-z,nodelete
HOST_FLAGS = -pie -Wl,-z,relro,-z,now
endif

# The program is made of all folders, the module of all but src/host.
POLLER := src/os/poller_$(if $(filter Linux,$(shell uname)),epoll,kqueue).c
SOURCES := $(filter-out src/os/poller_%,$(sort $(wildcard src/*/*.c))) $(POLLER)
OBJECTS := $(SOURCES:src/%.c=$(BUILD)/%.o)
MODULE := $(filter-out $(BUILD)/host/%,$(OBJECTS))

# The program has all Lua modules inside; those of lua/netlab are its own.
PAGE = build/lua/net/trace/assets.lua
NET_MODULES := $(sort $(wildcard lua/net/*.lua))
TRACE_MODULES := $(sort $(wildcard lua/net/trace/*.lua)) $(PAGE)
LUA_MODULES := $(NET_MODULES) $(TRACE_MODULES) $(sort $(wildcard lua/netlab/*.lua))
LABS := $(wildcard labs/*.lua)
MORE := $(wildcard labs/more/*.lua)

all: $(OUT)/netlab $(OUT)/net.so $(BUILD)/net.3lua

$(OUT)/netlab: $(OBJECTS)
	@echo "$(CC) $@"
	@$(CC) $(ALL_CFLAGS) $(HOST_FLAGS) $(LDFLAGS) -o $@ $^ $(LUA_LIBS) $(UV_LIBS) -lm -ldl

$(OUT)/net.so: $(MODULE)
	@echo "$(CC) $@"
	@$(CC) $(ALL_CFLAGS) $(MODULE_FLAGS) $(LDFLAGS) -o $@ $^ $(UV_LIBS) -lm

$(BUILD)/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	@echo "$(CC) $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/host/editor.o: ALL_CFLAGS += $(EDIT_CFLAGS)
$(BUILD)/host/embed.o: $(BUILD)/embed.inc
-include $(OBJECTS:.o=.d)

# lua/net/x.lua as { "net.x", "@lua/net/x.lua", bytes, length }
$(BUILD)/embed.inc: $(LUA_MODULES)
	@mkdir -p $(@D)
	@for f in $^; do \
	  n=$$(echo $$f | sed 's,^.*lua/,,; s,\.lua$$,,; s,/,.,g'); \
	  echo "{\"$$n\", \"@$$f\", (const unsigned char[]){"; \
	  od -An -v -tx1 $$f | sed 's/ \(..\)/0x\1,/g'; \
	  echo "}, $$(wc -c <$$f)},"; \
	done >$@

# The files of a trace's page as a Lua module.
HTML := $(patsubst %,lua/net/trace/html/%,page.html page.css \
  $(addsuffix .js,text model drawing page))
$(PAGE): $(HTML) Makefile
	@mkdir -p $(@D)
	@{ echo "return { html = [==["; cat $(filter %.html,$(HTML)); \
	  echo "]==], css = [==["; cat $(filter %.css,$(HTML)); \
	  echo "]==], js = [==["; cat $(filter %.js,$(HTML)); echo "]==] }"; } >$@

REFERENCE = src/man/net.lua lua/meta/net.lua $(NET_MODULES)
$(BUILD)/net.3lua: $(REFERENCE) | $(OUT)/netlab
	@echo "netlab $< >$@"
	@$(OUT)/netlab $(REFERENCE) >$@

LIBDIR = $(PREFIX)/lib/lua/$(LUA_V)
LUADIR = $(PREFIX)/share/lua/$(LUA_V)
BINDIR = $(PREFIX)/bin
LABDIR = $(PREFIX)/share/netlab
METADIR = $(LABDIR)/meta
MANDIR = $(PREFIX)/share/man
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions

# $(call put,ROOT,FOLDER,FILES): into ROOT/FOLDER, if ROOT is not empty.
put = $(if $1,install -d $(DESTDIR)$1/$2 && install -m 644 $3 $(DESTDIR)$1/$2)

install: all
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(LIBDIR))
	install $(OUT)/netlab $(DESTDIR)$(BINDIR)
	install $(OUT)/net.so $(DESTDIR)$(LIBDIR)
	$(call put,$(LUADIR),net,$(NET_MODULES))
	$(call put,$(LUADIR),net/trace,$(TRACE_MODULES))
	$(call put,$(LABDIR),labs,$(LABS))
	$(call put,$(LABDIR),labs/more,$(MORE))
	$(call put,$(METADIR),,lua/meta/net.lua)
	$(call put,$(MANDIR),man1,src/man/netlab.1)
	$(call put,$(MANDIR),man3,$(BUILD)/net.3lua)
	$(if $(BASHDIR),install -d $(DESTDIR)$(BASHDIR) && \
	  install -m 644 src/completion/netlab.bash $(DESTDIR)$(BASHDIR)/netlab)
	$(call put,$(ZSHDIR),,src/completion/_netlab)

uninstall:
	rm -f $(addprefix $(DESTDIR),$(BINDIR)/netlab $(LIBDIR)/net.so \
	  $(addprefix $(LUADIR)/,$(patsubst lua/%,%,$(NET_MODULES) $(TRACE_MODULES:build/%=%))) \
	  $(addprefix $(LABDIR)/,$(LABS) $(MORE)) $(METADIR)/net.lua \
	  $(MANDIR)/man1/netlab.1 $(MANDIR)/man3/net.3lua $(BASHDIR)/netlab $(ZSHDIR)/_netlab)
	rmdir $(addprefix $(DESTDIR),$(LUADIR)/net/trace $(LUADIR)/net $(METADIR) \
	  $(LABDIR)/labs/more $(LABDIR)/labs $(LABDIR)) 2>/dev/null || true

clean:
	rm -rf build netlab net.so

include $(wildcard tests/*.mk)

.DELETE_ON_ERROR:
.PHONY: all install uninstall clean
