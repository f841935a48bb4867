# Runs of the program: demo, specs, acceptance, benchmark, pictures.

demo: deps
	@$(MAKE) -j$(CPUS) all
	@tests/support/demo

# make test SPECS=tests/spec/socket/address_spec.lua: those only
SPECS =
test: test-deps
	@$(MAKE) -j$(CPUS) all references
	@tests/support/run $(OUT) $(SPECS)

# What netlab survives, row by row: what is required, what was measured. One
# row: make acceptance ROWS=13. The nightly forms: make acceptance LONG=1
ROWS =
survive = LUA_PATH="./lua/?.lua;./build/lua/?.lua;./?.lua;./?/init.lua;;" LONG=$(LONG) \
  NETLAB_OUT=$1 $1/netlab tests/faults/run.lua
acceptance: test-deps
	$(if $(ROWS),,$(call need,valgrind,valgrind $(FUZZ_DEPS)))
	@$(MAKE) -j$(CPUS) all faults
	@$(call survive,$(OUT)) $(ROWS)

# Echo servers side by side, those whose packages are there: lua-luv lua-socket
# lua-cqueues python3-uvloop nodejs golang-go. make bench BENCH="--rounds 1"
BENCH =
bench: deps
	@$(MAKE) -j$(CPUS) all references
	@if command -v go >/dev/null; then \
	  go build -o $(BUILD)/bench/go tests/bench/echo.go || true; fi
	@$(OUT)/netlab tests/bench/run.lua $(BENCH)

# The C servers that `make bench` measures others against.
references: $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/bench/*.c))

$(BUILD)/bench/%: tests/bench/%.c Makefile
	@mkdir -p $(@D)
	@echo "$(CC) $<"
	@$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $<

# The libraries that `make acceptance` preloads to make system calls fail.
faults: $(patsubst tests/%.c,$(BUILD)/%.so,$(wildcard tests/faults/*.c))

$(BUILD)/faults/%.so: tests/faults/%.c Makefile
	@mkdir -p $(@D)
	@echo "$(CC) $<"
	@$(CC) $(ALL_CFLAGS) -Wno-pedantic -fvisibility=default -shared -o $@ $< -ldl

# The README's pictures, of runs that happen now.
CHROMIUM = chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
  --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
  --user-data-dir=$(BUILD)/chromium --virtual-time-budget=3000
pictures: deps
	$(call need,chromium,chromium)
	@$(MAKE) -j$(CPUS) all
	$(OUT)/netlab --pair labs/tcp_echo_server.lua labs/tcp_echo_client.lua --trace=$(BUILD)/echo.html
	$(OUT)/netlab --trace=$(BUILD)/modes.html labs/socket_modes.lua
	@for p in echo,488 modes,408; do name=$${p%,*}; $(CHROMIUM) --window-size=880,$${p#*,} \
	  --screenshot=.github/$$name.png file://$(CURDIR)/$(BUILD)/$$name.html 2>/dev/null; done

.PHONY: demo test acceptance bench references faults pictures
