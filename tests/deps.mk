# The Debian packages that a build, the tests and the checks need.

BUILD_DEPS = gcc libc6-dev make pkg-config liblua5.4-dev libuv1-dev libedit-dev \
  lua-argparse netbase
# Systems other than Debian bring npm with their node.
TEST_DEPS = $(BUILD_DEPS) lua5.4 lua-busted luarocks python3 netcat-openbsd \
  nginx-light chrony dnsmasq-base iproute2 socat lua-socket lua-luv strace procps \
  util-linux man-db mandoc bash shellcheck zsh chromium chromium-driver \
  $(if $(shell command -v npm),,nodejs npm)
LINT_DEPS = $(BUILD_DEPS) clang clang-format clang-tidy cppcheck lua-check
FUZZ_DEPS = $(BUILD_DEPS) clang libclang-rt-dev

# $(call need,PROGRAM,PACKAGES): installs the packages that are missing.
need = @tests/support/deps "$(shell command -v $1)" $2

# The packages come first; only then does pkg-config know what is there.
deps:
	@tests/support/deps "$(LUA_PC)" $(BUILD_DEPS)

test-deps:
	$(call need,busted,$(TEST_DEPS))

.PHONY: deps test-deps
