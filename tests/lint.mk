# The checkers: format, Lua, two compilers, cppcheck, clang-tidy.

# gcc -fanalyzer takes memory that is kept in a struct for lost: that is what
# asan and valgrind are for.
ANALYZER = -fanalyzer -Wno-analyzer-malloc-leak -Werror -include tests/support/checks.h
TIDY = $(SOURCES:%=$(BUILD)/lint/%.tidy)

# cppcheck reads no system header, so it is told which system this is.
CPPCHECK = cppcheck -q -j$(CPUS) --std=c11 --enable=warning,performance,portability \
  --error-exitcode=1 --inline-suppr -D__linux__ -D__GNUC__ -D_GNU_SOURCE \
  -DNETLAB_LIBEDIT -DLUA_VERSION_NUM=504 -DLUA_VERSION_RELEASE_NUM=50406 -Isrc

lint:
	$(call need,luacheck,$(LINT_DEPS))
	clang-format --dry-run -Werror src/*/*.[ch] tests/*/*.[ch]
	luacheck -q lua labs src tests
	@$(MAKE) -j$(CPUS) all references faults CC=clang BUILD=build/clang OUT=build/clang \
	  WARN='$(WARN) -Werror'
	@$(MAKE) -j$(CPUS) all CC=gcc BUILD=build/analyzer OUT=build/analyzer WARN='$(WARN) $(ANALYZER)'
	$(CPPCHECK) src tests/bench
	@$(MAKE) -j$(CPUS) tidy

tidy: $(TIDY)

$(BUILD)/lint/%.tidy: % .clang-tidy $(wildcard src/*/*.h) $(BUILD)/embed.inc
	@mkdir -p $(@D)
	@echo "clang-tidy $<"
	@clang-tidy --quiet $< -- $(ALL_CFLAGS) $(EDIT_CFLAGS) \
	  -include tests/support/checks.h 2>$@.log || { cat $@.log; exit 1; }
	@touch $@

.PHONY: lint tidy
