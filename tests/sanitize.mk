# The specs again with builds that watch: sanitizers, valgrind, coverage, fuzzer.

# These specs build or install the program by themselves.
OWN_BUILDS = --filter-out="^installed " --filter-out="^the runner "
SAN = -fsanitize=address,undefined -fno-sanitize-recover=undefined

# $(call build,FOLDER,FLAGS): everything that specs run, in a folder of its own
build = @$(MAKE) -j$(CPUS) all references BUILD=$1 OUT=$1 HARDEN= CFLAGS='-g $2'

asan: test-deps
	$(call build,build/asan,-O1 -fno-omit-frame-pointer $(SAN))
	@tests/support/run build/asan $(OWN_BUILDS) $(SPECS)

# What has threads: the engines and the resolver. (ThreadSanitizer delivers a
# signal at the next call of libc, so Ctrl-C does not end a busy loop.)
TSAN_SPECS = $(patsubst %,tests/spec/%_spec.lua,engine/echo engine/load socket/resolver \
  socket/netdb socket/getaddrinfo)
tsan: test-deps
	$(call build,build/tsan,-O1 -fno-omit-frame-pointer -fsanitize=thread)
	@tests/support/run build/tsan --filter-out=Ctrl.C $(or $(SPECS),$(TSAN_SPECS))

# Sockets, bytes, tasks and echo labs, with the collector as busy as it can be.
# (Valgrind lets no other thread run while one lingers in close(2).)
VALGRIND_SPECS = $(patsubst %,tests/spec/%_spec.lua,socket/io socket/sock core/task labs/labs)
valgrind: test-deps
	$(call need,valgrind,valgrind)
	@$(MAKE) -j$(CPUS) all
	@tests/support/run $(OUT) valgrind --filter-out="system call" --filter-out="closes at once" \
	  --filter-out="machine" --filter-out="bad input" $(or $(SPECS),$(VALGRIND_SPECS))

# How much of src, lua and labs the suite runs, under both drivers together.
# What does not run is named by its line; build/coverage/*.gcov has the branches.
# Rows 1, 2 and 7 of the acceptance have builds of their own, and in row 3 gcov's
# own allocations would fail.
COVERAGE = build/coverage
coverage: test-deps
	@mkdir -p $(COVERAGE)/lines
	@rm -rf $(COVERAGE)/*/*.gcda $(COVERAGE)/*.gcov $(COVERAGE)/lines/*
	$(call build,$(COVERAGE),-O0 --coverage -fprofile-update=atomic \
	  -include tests/support/coverage.h)
	@$(CC) $(ALL_CFLAGS) -shared -fvisibility=default -o $(COVERAGE)/lines.so tests/support/lines.c
	-@tests/support/run $(COVERAGE) $(OWN_BUILDS) --filter-out="luaopen_net" $(SPECS)
	-@[ -n "$(SPECS)" ] || { $(MAKE) faults && \
	  $(call survive,$(COVERAGE)) $$(seq 4 6) $$(seq 8 32); }
	@ln -sfn ../../src $(COVERAGE)/src
	@cd $(COVERAGE) && gcov -b */*.gcda >gcov.txt
	@$(COVERAGE)/netlab tests/support/coverage.lua $(COVERAGE) $(LUA_MODULES) $(LABS) $(MORE)

# Random input for whatever reads a stranger's bytes, RUNS times each, by clang's
# libFuzzer. By night: make fuzz RUNS=10000000 SEED=0. One: make fuzz TARGETS=ntp
RUNS = 20000
SEED = 1
LONGEST = 256
FUZZ = build/fuzz
FUZZ_CFLAGS = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
  -fsanitize=fuzzer-no-link -fno-sanitize-recover=all
fuzz:
	$(call need,,$(FUZZ_DEPS))
	@$(MAKE) -j$(CPUS) $(FUZZ)/fuzz CC=clang BUILD=$(FUZZ) HARDEN= CFLAGS='$(FUZZ_CFLAGS)'
	@LUA_PATH="./lua/?.lua;./build/lua/?.lua;./?.lua;;" lua$(LUA_V) tests/fuzz/run.lua $(FUZZ) \
	  $(RUNS) $(SEED) $(LONGEST) $(TARGETS)

FUZZ_OBJS = $(patsubst tests/fuzz/%.c,$(FUZZ)/targets/%.o,$(wildcard tests/fuzz/*.c))
$(FUZZ)/fuzz: $(MODULE) $(FUZZ)/host/completer.o $(FUZZ_OBJS)
	@echo "$(CC) $@"
	@$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer @tests/fuzz/wraps -o $@ $^ $(LUA_LIBS) $(UV_LIBS) -lm

$(FUZZ)/targets/%.o: tests/fuzz/%.c $(BUILD)/embed.inc Makefile
	@mkdir -p $(@D)
	@echo "$(CC) $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
-include $(FUZZ_OBJS:.o=.d)

.PHONY: asan tsan valgrind coverage fuzz
