# netlab: `make demo` shows it working, `make test` proves it.
# Both say which packages are missing and install them (Debian, Ubuntu).

CC = gcc
PREFIX = /usr/local
BUILD = build
OUT = .

MAKEFLAGS += --no-print-directory

# LuaRocks builds for the Lua that it runs in.
ifeq ($(origin LUA),command line)
LUA_NAMES := $(shell $(LUA) -e 'local v = _VERSION:match "[%d.]+" \
  print("lua" .. v, "lua-" .. v, "lua" .. v:gsub("%.", ""), "lua")')
else
LUA_NAMES = lua5.4 lua-5.4 lua54 lua lua5.5 lua-5.5
endif
LUA_PC := $(firstword $(foreach p,$(LUA_NAMES),\
  $(shell pkg-config --exists '$(p) >= 5.4.4' 2>/dev/null && echo $(p))))

# LuaRocks says where Lua is in LUA_CFLAGS, and leaves the rest to pkg-config.
LUA_CFLAGS = $(shell pkg-config --cflags $(LUA_PC))
LUA_LIBS = $(shell pkg-config --libs $(LUA_PC))
LUA_V := $(or $(shell pkg-config --modversion $(LUA_PC) 2>/dev/null | cut -c1-3),5.4)
UV_CFLAGS = $(shell pkg-config --cflags libuv)
UV_LIBS = $(shell pkg-config --libs libuv)

# The prompt's line editing, where libedit's header is; loaded when it is used.
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

# The module is made of all sources but the host's own.
# The one that this system has.
POLLER = $(if $(filter Linux,$(shell uname)),epoll,kqueue)
SOURCES = $(filter-out src/os/poller_%,$(sort $(wildcard src/*/*.c))) src/os/poller_$(POLLER).c
HOST = $(patsubst src/%.c,$(BUILD)/%.o,$(filter src/host/%,$(SOURCES)))
OBJS = $(patsubst src/%.c,$(BUILD)/%.o,$(filter-out src/host/%,$(SOURCES)))
# lua/netlab is the host's own, and is in the program only.
ASSETS = build/lua/net/trace/assets.lua
NET_MODULES = $(sort $(wildcard lua/net/*.lua))
TRACE_MODULES = $(sort $(wildcard lua/net/trace/*.lua)) $(ASSETS)
LUA_MODULES = $(NET_MODULES) $(TRACE_MODULES) $(sort $(wildcard lua/netlab/*.lua))
REFERENCE = lua/meta/net.lua $(NET_MODULES)
LABS = $(wildcard labs/*.lua)
MORE = $(wildcard labs/more/*.lua)

all: $(OUT)/netlab $(OUT)/net.so $(BUILD)/net.3lua

$(OUT)/netlab: $(HOST) $(OBJS)
	@echo "$(CC) $@"
	@$(CC) $(ALL_CFLAGS) $(HOST_FLAGS) $(LDFLAGS) -o $@ $^ $(LUA_LIBS) $(UV_LIBS) -lm -ldl

$(OUT)/net.so: $(OBJS)
	@echo "$(CC) $@"
	@$(CC) $(ALL_CFLAGS) $(MODULE_FLAGS) $(LDFLAGS) -o $@ $^ $(UV_LIBS) -lm

$(BUILD)/%.o: src/%.c $(wildcard src/*/*.h) Makefile
	@mkdir -p $(dir $@)
	@echo "$(CC) $<"
	@$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/host/embed.o: $(BUILD)/embed.inc
$(BUILD)/host/editor.o: ALL_CFLAGS += $(EDIT_CFLAGS)

# lua/net/x.lua as { "net.x", "@lua/net/x.lua", bytes, length }
$(BUILD)/embed.inc: $(LUA_MODULES)
	@mkdir -p $(BUILD)
	@for f in $^; do \
	  n=$$(echo $$f | sed 's,^.*lua/,,; s,\.lua$$,,; s,/,.,g'); \
	  echo "{\"$$n\", \"@$$f\", (const unsigned char[]){"; \
	  od -An -v -tx1 $$f | sed 's/ \(..\)/0x\1,/g'; \
	  echo "}, $$(wc -c <$$f)},"; \
	done >$@

# The page of a trace is written as what it is, and carried as a module of Lua.
PAGE = lua/net/trace/html
SCRIPT = $(patsubst %,$(PAGE)/%.js,text model drawing page)
$(ASSETS): $(PAGE)/page.html $(PAGE)/page.css $(SCRIPT) Makefile
	@mkdir -p $(dir $@)
	@{ echo "-- made by make: the files of $(PAGE)"; \
	  echo "return { html = [==["; cat $(PAGE)/page.html; \
	  echo "]==], css = [==["; cat $(PAGE)/page.css; \
	  echo "]==], js = [==["; cat $(SCRIPT); echo "]==] }"; } >$@

$(BUILD)/net.3lua: src/man/net.lua $(REFERENCE) | $(OUT)/netlab
	@echo "netlab $< >$@"
	@$(OUT)/netlab $< $(REFERENCE) >$@

# What `make bench` measures servers against.
REFERENCES = $(addprefix $(BUILD)/bench/,epoll udp)

references: $(REFERENCES)

$(BUILD)/bench/%: tests/bench/%.c Makefile
	@mkdir -p $(BUILD)/bench
	@echo "$(CC) $<"
	@$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $<

# What `make acceptance` does harm with.
faults: $(patsubst tests/faults/%.c,$(BUILD)/faults/%.so,$(wildcard tests/faults/*.c))

$(BUILD)/faults/%.so: tests/faults/%.c Makefile
	@mkdir -p $(BUILD)/faults
	@echo "$(CC) $<"
	@$(CC) $(ALL_CFLAGS) -Wno-pedantic -fvisibility=default -shared -o $@ $< -ldl

# What a build needs, what the labs need, and what the tests need besides. (Others
# than Debian bring npm with their node.)
BUILD_DEPS = gcc libc6-dev make pkg-config liblua5.4-dev libuv1-dev libedit-dev lua-argparse \
  netbase
NODE = $(if $(shell command -v npm),,nodejs npm)
TEST_DEPS = $(BUILD_DEPS) lua5.4 lua-busted luarocks python3 \
  netcat-openbsd nginx-light chrony dnsmasq-base iproute2 socat lua-socket \
  lua-luv strace procps util-linux man-db \
  mandoc bash shellcheck zsh chromium chromium-driver $(NODE)
LINT_DEPS = $(BUILD_DEPS) clang clang-format clang-tidy cppcheck lua-check

# Installs what is missing of $(1), where there is apt, and says so.
define install
@missing=$$(for p in $(1); do \
  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q ' installed' || echo $$p; \
done); \
if [ -z "$$missing" ]; then exit 0; fi; \
if ! command -v apt-get >/dev/null; then \
  [ -n "$(2)" ] && exit 0; \
  echo "netlab needs a C compiler, pkg-config, Lua 5.4.4, libuv, argparse"; \
  echo "(the tests busted and more: see TEST_DEPS in the Makefile):"; \
  echo "  brew install pkg-config lua libuv libedit luarocks && luarocks install argparse"; \
  echo "  dnf install gcc make pkgconf lua-devel libuv-devel libedit-devel lua-argparse"; \
  echo "  pacman -S gcc make pkgconf lua libuv libedit lua-argparse"; \
  exit 1; \
fi; \
echo "installing what is missing:" $$missing; \
as=; [ $$(id -u) = 0 ] || as="sudo env"; \
$$as apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
  $$as apt-get -qq install -y --no-install-recommends $$missing >/dev/null
endef

deps:
	$(call install,$(BUILD_DEPS),$(LUA_PC))

test-deps:
	$(call install,$(TEST_DEPS),$(shell command -v busted))

# The packages come first; only then can pkg-config be asked what is there.
demo: deps
	@$(MAKE) all
	@tests/support/demo

# The README's pictures, of runs that happen now.
CHROMIUM = chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
  --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
  --user-data-dir=$(BUILD)/chromium --virtual-time-budget=3000
pictures: deps
	$(call install,chromium,$(shell command -v chromium))
	@$(MAKE) all
	$(OUT)/netlab --pair labs/tcp_echo_server.lua labs/tcp_echo_client.lua --trace=$(BUILD)/echo.html
	$(OUT)/netlab --trace=$(BUILD)/modes.html labs/socket_modes.lua
	@for p in echo,488 modes,408; do name=$${p%,*}; $(CHROMIUM) --window-size=880,$${p#*,} \
	  --screenshot=.github/$$name.png file://$(CURDIR)/$(BUILD)/$$name.html 2>/dev/null; done

# make test SPECS=tests/spec/socket/address_spec.lua: those only
SPECS =
test: test-deps
	@$(MAKE) all references
	@tests/support/run $(OUT) $(SPECS)

# What netlab survives, row by row: what is required, what was measured. One
# row: make acceptance ROWS=13. The nightly forms: make acceptance LONG=1
ROWS =
acceptance: test-deps
	$(if $(ROWS),,$(call install,valgrind $(FUZZ_DEPS),$(shell command -v valgrind)))
	@$(MAKE) all faults
	@LUA_PATH="./lua/?.lua;./build/lua/?.lua;./?.lua;./?/init.lua;;" LONG=$(LONG) \
	  NETLAB_OUT=$(OUT) $(OUT)/netlab tests/faults/run.lua $(ROWS)

# Echo servers side by side, those whose packages are there: lua-luv lua-socket
# lua-cqueues python3-uvloop nodejs golang-go. make bench BENCH="--rounds 1"
BENCH =
bench: deps
	@$(MAKE) all references
	@if command -v go >/dev/null; then \
	  go build -o $(BUILD)/bench/go tests/bench/echo.go || true; fi
	@$(OUT)/netlab tests/bench/run.lua $(BENCH)

# All of it again under AddressSanitizer and UBSan, but what builds and installs
# a tree of its own, without them.
OWN_BUILDS = --filter-out="^installed "
SAN = -fsanitize=address,undefined -fno-sanitize-recover=undefined
asan: test-deps
	@$(MAKE) all references BUILD=build/asan OUT=build/asan HARDEN= \
	  CFLAGS='-O1 -g -fno-omit-frame-pointer $(SAN)'
	@tests/support/run build/asan $(OWN_BUILDS) $(SPECS)

# What has threads under ThreadSanitizer: the engines and the resolver's pool. (It
# hands a signal over in a call of libc, and so ends no busy loop.)
TSAN_SPECS = $(patsubst %,tests/spec/%_spec.lua,engine/echo engine/load socket/resolver \
  socket/netdb socket/getaddrinfo)
tsan: test-deps
	@$(MAKE) all references BUILD=build/tsan OUT=build/tsan HARDEN= \
	  CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=thread'
	@tests/support/run build/tsan --filter-out=Ctrl.C $(or $(SPECS),$(TSAN_SPECS))

# How much of src, lua and labs the suite runs, under both drivers together.
# What does not run is named by its line; build/coverage/*.gcov has the branches.
# Rows 1, 2 and 7 of the acceptance have builds of their own, and in row 3 gcov's
# own allocations would fail.
COVERAGE = build/coverage
coverage: test-deps
	@rm -rf $(COVERAGE)/*.gcda $(COVERAGE)/*.gcov $(COVERAGE)/lines
	@mkdir -p $(COVERAGE)/lines
	@$(MAKE) all references $(COVERAGE)/lines.so BUILD=$(COVERAGE) \
	  OUT=$(COVERAGE) HARDEN= CFLAGS='-O0 -g --coverage -fprofile-update=atomic \
	  -include tests/support/coverage.h'
	-@tests/support/run $(COVERAGE) $(OWN_BUILDS) --filter-out="exports luaopen_net" $(SPECS)
	-@[ -n "$(SPECS)" ] || { $(MAKE) all faults && \
	  LUA_PATH="./lua/?.lua;./build/lua/?.lua;./?.lua;./?/init.lua;;" NETLAB_OUT=$(COVERAGE) \
	  $(COVERAGE)/netlab tests/faults/run.lua $$(seq 4 6) $$(seq 8 32); }
	@ln -sfn ../../src $(COVERAGE)/src
	@cd $(COVERAGE) && gcov -b */*.gcda >gcov.txt
	@$(COVERAGE)/netlab tests/support/coverage.lua $(COVERAGE) $(LUA_MODULES) $(LABS) $(MORE)

$(COVERAGE)/lines.so: tests/support/lines.c tests/support/coverage.h
	@mkdir -p $(COVERAGE)
	@$(CC) $(ALL_CFLAGS) -fvisibility=default -shared -o $@ $<

# The specs of sockets, bytes, tasks and echo labs under valgrind, the collector as busy as it can be.
# (It lets no other thread run while one is in close(2), as long as that lingers.)
valgrind: test-deps
	$(call install,valgrind,$(shell command -v valgrind))
	@$(MAKE) all
	@tests/support/run $(OUT) valgrind --filter-out="system call" --filter-out="closes at once" \
	  tests/spec/socket/io_spec.lua tests/spec/socket/sock_spec.lua \
	  tests/spec/core/task_spec.lua --filter-out="machine" --filter-out="bad input" \
	  tests/spec/labs/labs_spec.lua

# Random input for whatever reads a stranger's bytes, RUNS times each, with clang's
# libFuzzer. By night: make fuzz RUNS=10000000 SEED=0. One: make fuzz TARGETS=ntp
RUNS = 20000
SEED = 1
LONGEST = 256
FUZZ = build/fuzz
FUZZ_DEPS = $(BUILD_DEPS) clang libclang-rt-dev
FUZZ_CFLAGS = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
  -fsanitize=fuzzer-no-link -fno-sanitize-recover=all
fuzz:
	$(call install,$(FUZZ_DEPS))
	@$(MAKE) $(FUZZ)/fuzz CC=clang BUILD=$(FUZZ) HARDEN= \
	  CFLAGS='$(FUZZ_CFLAGS)'
	@LUA_PATH="./lua/?.lua;./build/lua/?.lua;./?.lua;;" lua$(LUA_V) tests/fuzz/run.lua $(FUZZ) \
	  $(RUNS) $(SEED) $(LONGEST) $(TARGETS)

FUZZ_OBJS = $(patsubst tests/fuzz/%.c,$(FUZZ)/fuzz_%.o,$(wildcard tests/fuzz/*.c))
$(FUZZ)/fuzz: $(OBJS) $(FUZZ)/host/completer.o $(FUZZ_OBJS)
	@echo "$(CC) $@"
	@$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer @tests/fuzz/wraps -o $@ $^ $(LUA_LIBS) \
	  $(UV_LIBS) -lm

$(FUZZ)/fuzz_%.o: tests/fuzz/%.c $(wildcard src/*/*.[ch] tests/fuzz/*.h) $(BUILD)/embed.inc Makefile
	@echo "$(CC) $<"
	@$(CC) $(ALL_CFLAGS) -c -o $@ $<

# gcc -fanalyzer takes memory that is kept in a struct for lost: that is what
# asan and valgrind are for.
ANALYZER = -fanalyzer -Wno-analyzer-malloc-leak -Werror -include tests/support/checks.h
TIDY = $(addsuffix .tidy,$(addprefix $(BUILD)/lint/,$(SOURCES)))
CPUS = $(shell getconf _NPROCESSORS_ONLN)

# cppcheck reads no system header, so it is told of the system that it is on.
CPPCHECK = cppcheck -q -j$(CPUS) --std=c11 --enable=warning,performance,portability \
  --error-exitcode=1 --inline-suppr -D__linux__ -D__GNUC__ -D_GNU_SOURCE \
  -DNETLAB_LIBEDIT -DLUA_VERSION_NUM=504 -DLUA_VERSION_RELEASE_NUM=50406

lint:
	$(call install,$(LINT_DEPS),$(shell command -v luacheck))
	clang-format --dry-run -Werror src/*/*.[ch] tests/*/*.[ch]
	luacheck -q lua labs src tests
	@$(MAKE) all references faults CC=clang BUILD=build/clang OUT=build/clang \
	  WARN='$(WARN) -Werror'
	@$(MAKE) all CC=gcc BUILD=build/analyzer OUT=build/analyzer \
	  WARN='$(WARN) $(ANALYZER)'
	$(CPPCHECK) -Isrc src tests/bench
	@$(MAKE) -j$(CPUS) tidy

tidy: $(TIDY)

$(BUILD)/lint/%.tidy: % .clang-tidy $(wildcard src/*/*.h) $(BUILD)/embed.inc
	@mkdir -p $(dir $@)
	@echo "clang-tidy $<"
	@clang-tidy --quiet $< -- $(ALL_CFLAGS) $(EDIT_CFLAGS) \
	  -include tests/support/checks.h 2>$@.log || { cat $@.log; exit 1; }
	@touch $@

LIBDIR = $(PREFIX)/lib/lua/$(LUA_V)
LUADIR = $(PREFIX)/share/lua/$(LUA_V)
BINDIR = $(PREFIX)/bin
LABDIR = $(PREFIX)/share/netlab
METADIR = $(LABDIR)/meta
MANDIR = $(PREFIX)/share/man
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions

install: all
	install -d $(addprefix $(DESTDIR),$(BINDIR) $(LIBDIR) $(LUADIR)/net/trace)
	install $(OUT)/netlab $(DESTDIR)$(BINDIR)
	install $(OUT)/net.so $(DESTDIR)$(LIBDIR)
	install -m 644 $(NET_MODULES) $(DESTDIR)$(LUADIR)/net
	install -m 644 $(TRACE_MODULES) $(DESTDIR)$(LUADIR)/net/trace
	[ -z "$(LABDIR)" ] || { install -d $(DESTDIR)$(LABDIR)/labs/more && \
	  install -m 644 $(LABS) $(DESTDIR)$(LABDIR)/labs && \
	  install -m 644 $(MORE) $(DESTDIR)$(LABDIR)/labs/more; }
	[ -z "$(METADIR)" ] || { install -d $(DESTDIR)$(METADIR) && \
	  install -m 644 lua/meta/net.lua $(DESTDIR)$(METADIR); }
	install -d $(addprefix $(DESTDIR)$(MANDIR)/,man1 man3)
	install -m 644 src/man/netlab.1 $(DESTDIR)$(MANDIR)/man1
	install -m 644 $(BUILD)/net.3lua $(DESTDIR)$(MANDIR)/man3
	[ -z "$(BASHDIR)" ] || { install -d $(DESTDIR)$(BASHDIR) && \
	  install -m 644 src/completion/netlab.bash $(DESTDIR)$(BASHDIR)/netlab; }
	[ -z "$(ZSHDIR)" ] || { install -d $(DESTDIR)$(ZSHDIR) && \
	  install -m 644 src/completion/_netlab $(DESTDIR)$(ZSHDIR); }

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/netlab $(DESTDIR)$(LIBDIR)/net.so
	rm -f $(addprefix $(DESTDIR)$(LUADIR)/,$(patsubst lua/%,%,$(NET_MODULES) $(TRACE_MODULES:build/%=%)))
	rm -f $(addprefix $(DESTDIR)$(LABDIR)/,$(LABS) $(MORE))
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/,man1/netlab.1 man3/net.3lua)
	rm -f $(addprefix $(DESTDIR),$(METADIR)/net.lua $(BASHDIR)/netlab \
	  $(ZSHDIR)/_netlab)
	-rmdir $(addprefix $(DESTDIR),$(LUADIR)/net/trace $(LUADIR)/net $(METADIR) $(LABDIR)/labs/more \
	  $(LABDIR)/labs $(LABDIR))

clean:
	rm -rf build netlab net.so

.DELETE_ON_ERROR:
.PHONY: all references faults deps test-deps demo pictures test acceptance bench asan tsan coverage valgrind fuzz lint tidy install uninstall clean
