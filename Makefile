# isosocks: one Makefile, no configure step. `make help` lists the targets.

ifeq ($(wildcard wrappers/isosocks.c),)
$(error run make where the Makefile is: make -C $(dir $(lastword $(MAKEFILE_LIST))))
endif

VERSION   ?= 0.1.0
PREFIX    ?= /usr/local
DESTDIR   ?=
BINDIR    ?= $(PREFIX)/bin
SBINDIR   ?= $(PREFIX)/sbin
LIBDIR    ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
MANDIR    ?= $(PREFIX)/share/man
DOCDIR    ?= $(PREFIX)/share/doc/isosocks
BASHDIR   ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR    ?= $(PREFIX)/share/zsh/site-functions
SYSTEMDDIR ?= $(PREFIX)/lib/systemd/system
APPARMORDIR ?= $(SYSCONFDIR)/apparmor.d/abstractions/base.d

VARIANT   ?= release
BUILD     := build/$(VARIANT)
CC        ?= cc
PKG_CONFIG ?= pkg-config
INSTALL   ?= install
CFLAGS    ?= -O2 -g
JOBS      ?= $(shell nproc)

SANITIZE_release :=
SANITIZE_asan    := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SANITIZE_tsan    := -fsanitize=thread -fno-omit-frame-pointer
SANITIZE  := $(SANITIZE_$(VARIANT))

# Those of the flags that this compiler knows: each has some of its own.
known      = $(foreach f,$(1),$(shell $(CC) -Werror $(f) -E -x c /dev/null >/dev/null 2>&1 && echo $(f)))
# i386's compiler would speak of an older one at each 64-bit atomic (psabi).
WARNINGS  := -Wall -Wextra -Wno-psabi -Wshadow -Wvla -Wstrict-prototypes -Wwrite-strings \
	-Werror=implicit-function-declaration -Werror=missing-prototypes -Werror=incompatible-pointer-types \
	-Werror=int-conversion -Werror=return-type -Werror=format -Werror=vla \
	$(call known,-Werror=discarded-qualifiers -Werror=incompatible-pointer-types-discards-qualifiers)
COMMON    := -std=gnu11 -D_GNU_SOURCE -DISOSOCKS_VERSION='"$(VERSION)"' $(WARNINGS) $(SANITIZE) -MMD -MP -Ilib
# No fortified inlines and no aliases for large files and late times in the library, which some 32-bit compilers define by
# themselves: they would rename the very functions it exports.
LIB_FLAGS := $(COMMON) -fPIC -fvisibility=hidden -fno-plt -U_FORTIFY_SOURCE -U_FILE_OFFSET_BITS -U_TIME_BITS $(if $(call known,-Whardened),-Wno-hardened)
TOOL_FLAGS = $(COMMON) -Iwrappers $(shell $(PKG_CONFIG) --cflags $(1))
LINK       = $(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS)

# ---- sources: a new file needs no edit here ------------------------------------------------------------
PURE      := base socks5 keys policy names elf dns
PURE_SRC  := $(foreach d,$(PURE),$(wildcard lib/$(d)/*.c))
LIVE_SRC  := $(wildcard lib/session/*.c lib/tunnel/*.c)
HOOKS_SRC := $(wildcard lib/hooks/*.c)
MAINS     := wrappers/isosocks.c wrappers/isosocksctl.c wrappers/isosocks-rescue.c
CTL_SRC   := $(wildcard wrappers/ctl_*.c)
TOOL_SRC  := $(filter-out $(MAINS) $(CTL_SRC),$(wildcard wrappers/*.c))
PROXY_SRC := $(wildcard wrappers/proxy/*.c)
PROXY_MAIN := wrappers/proxy/main.c
TEST_SRC  := $(wildcard tests/unit/*/*.c tests/unit/*/*/*.c tests/integration/*.c tests/lint/*.c tests/support/*.c)
CLIENT_SRC := $(wildcard tests/clients/*.c)
CALL_SRC  := $(wildcard tests/leak/call/*.c)
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
BENCH_SRC := $(filter-out tests/bench/by_hand.c,$(wildcard tests/bench/*.c))

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))

LIBRARY   := $(BUILD)/libisosocks.so
ARCHIVE   := $(BUILD)/libpure.a
TOOLS     := $(BUILD)/isosocks $(if $(wildcard wrappers/isosocksctl.c),$(BUILD)/isosocksctl) $(BUILD)/isosocks-rescue
PROXY     := $(BUILD)/isosocks-proxy
TESTS     := $(BUILD)/tests/isosocks-tests
CLIENTS   := $(patsubst tests/clients/%.c,$(BUILD)/tests/clients/%,$(CLIENT_SRC))
LEAKS     := $(addprefix $(BUILD)/tests/leak/,call plain plain-static deep.so)
REPLAYS   := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(FUZZ_SRC))
BENCHES   := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(BENCH_SRC))

ifeq ($(V),1)
say =
else
say = @printf '  %-7s %s\n' "$(1)" "$(2)";
endif

.DELETE_ON_ERROR:
# What a rule leaves on the way to something else stays: make would say what it removes.
.SECONDARY:
.DEFAULT_GOAL := all
.PHONY: all help deps demo check check-all check-release platforms check-asan check-tsan tests recording fuzz bench leak-report tor-network format install uninstall dist deb clean judges compatibility

all: $(LIBRARY) $(TOOLS) $(PROXY) ## build the library and the tools into build/release

# ---- compile --------------------------------------------------------------------------------------------
$(BUILD)/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(LIB_FLAGS) $(CPPFLAGS) $(CFLAGS) -U_FORTIFY_SOURCE -c $< -o $@

$(BUILD)/wrappers/proxy/%.o: wrappers/proxy/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(call TOOL_FLAGS,gio-2.0 gio-unix-2.0) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(BUILD)/wrappers/%.o: wrappers/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(call TOOL_FLAGS,glib-2.0) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(BUILD)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(call TOOL_FLAGS,gio-2.0 gio-unix-2.0 criterion) -Wno-write-strings -Itests $(CPPFLAGS) $(CFLAGS) -c $< -o $@

# ---- link -----------------------------------------------------------------------------------------------
$(ARCHIVE): $(call obj,$(PURE_SRC))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(LIBRARY): $(call obj,$(PURE_SRC) $(LIVE_SRC) $(HOOKS_SRC))
	$(call say,LD,$@)$(LINK) -shared -Wl,-soname,libisosocks.so -Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,-z,noseparate-code -Wl,--hash-style=gnu -Wl,--as-needed -o $@ $^ $(if $(SANITIZE),-Wl$(comma)-z$(comma)undefs)

comma := ,
# The command goes in front of every program, and the dynamic linker would take longer than all it does. The linker warns of
# look-ups of users that GLib could make and this command does not.
ISOSOCKS_LINK = $(if $(SANITIZE),,-static -Wl$(comma)--no-warnings -Wl$(comma)-z$(comma)noseparate-code) -Wl,--gc-sections
GLIB_STATIC = $(shell $(PKG_CONFIG) $(if $(SANITIZE),,--static) --libs glib-2.0)

# Newer linkers hide the warning and print the note to it all the same, on standard output.
QUIETLY = >$@.said 2>&1; ended=$$?; grep -v 'note: the message above does not take linker garbage collection' $@.said >&2; rm -f $@.said; exit $$ended

$(BUILD)/isosocks: $(call obj,wrappers/isosocks.c $(TOOL_SRC)) $(ARCHIVE)
	$(call say,LD,$@)$(LINK) $(ISOSOCKS_LINK) -o $@ $^ $(GLIB_STATIC) $(QUIETLY)

$(BUILD)/isosocksctl: $(call obj,wrappers/isosocksctl.c $(CTL_SRC) $(TOOL_SRC)) $(ARCHIVE)
	$(call say,LD,$@)$(LINK) -o $@ $^ $(shell $(PKG_CONFIG) --libs glib-2.0)

# For a machine on which nothing that is dynamically linked runs.
$(BUILD)/isosocks-rescue: $(call obj,wrappers/isosocks-rescue.c wrappers/note.c)
	$(call say,LD,$@)$(LINK) $(if $(SANITIZE),,-static) -o $@ $^

$(PROXY): $(call obj,$(PROXY_SRC))
	$(call say,LD,$@)$(LINK) -o $@ $^ $(shell $(PKG_CONFIG) --libs gio-2.0 gio-unix-2.0)

$(TESTS): $(call obj,$(TEST_SRC) $(LIVE_SRC) $(TOOL_SRC) $(filter-out $(PROXY_MAIN),$(PROXY_SRC))) $(ARCHIVE)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(LINK) -o $@ $^ $(shell $(PKG_CONFIG) --libs criterion gio-2.0 gio-unix-2.0)

# One-call clients are what a user's program would be: no sanitizer, no library of ours. But ThreadSanitizer must see
# the threads that call the library.
$(BUILD)/tests/clients/%: tests/clients/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(if $(filter tsan,$(VARIANT)),$(SANITIZE)) -Itests -O1 -g -MMD -MP -MF $@.d -o $@ $< -Wl,--as-needed -lpthread -lresolv

# A program that no dynamic linker looks after.
CLIENTS += $(BUILD)/tests/clients/border-static
$(BUILD)/tests/clients/border-static: tests/clients/border.c
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -O1 -g -static -o $@ $<

# The same, of whatever variant: a sanitizer's runtime would find its own ways.
$(BUILD)/tests/leak/call: $(CALL_SRC) tests/leak/call/call.h
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -O1 -g -o $@ $(CALL_SRC) -lresolv

$(BUILD)/tests/leak/plain: tests/leak/plain.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -O1 -g -o $@ $<

$(BUILD)/tests/leak/deep.so: tests/leak/deep.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -O1 -g -shared -fPIC -o $@ $<

# libc warns that a static program's look-ups need libc's own libraries at run time: that is one of the ways.
$(BUILD)/tests/leak/plain-static: tests/leak/plain.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -O1 -g -static -Wl,--no-warnings -o $@ $<

# Clients of event loops, where those libraries are.
LOOPS := $(foreach l,libevent libuv,$(shell $(PKG_CONFIG) --exists $(l) 2>/dev/null && echo $(l)))
CLIENTS += $(patsubst lib%,$(BUILD)/tests/clients/%,$(LOOPS))
$(patsubst lib%,$(BUILD)/tests/clients/%,$(LOOPS)): $(BUILD)/tests/clients/%: tests/programs/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -O1 -g -o $@ $< $(shell $(PKG_CONFIG) --cflags --libs lib$*)

CLIENTS += $(BUILD)/tests/clients/gio
$(BUILD)/tests/clients/gio: tests/programs/gio.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -O1 -g -o $@ $< $(shell $(PKG_CONFIG) --cflags --libs gio-2.0)

# What reads the environment, but for what fuzz_environment.c has itself.
FUZZED_SESSION := lib/session/environment.c lib/session/inheritance.c lib/session/self.c lib/session/source.c

$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/replay.o $(call obj,$(filter-out $(PROXY_MAIN),$(PROXY_SRC)) $(TOOL_SRC) lib/hooks/answered.c $(FUZZED_SESSION)) $(ARCHIVE)
	$(call say,LD,$@)$(LINK) -o $@ $^ $(shell $(PKG_CONFIG) --libs gio-2.0 gio-unix-2.0)

$(BUILD)/tests/bench/%: tests/bench/%.c tests/bench/by_hand.c tests/bench/by_hand.h
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -O2 -g -o $@ $< tests/bench/by_hand.c -lpthread

# The one that measures the library's own code by itself.
$(BUILD)/tests/bench/rules: tests/bench/rules.c $(ARCHIVE)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(COMMON) -O2 -g -MF $@.d -o $@ $^

tests: all $(TESTS) $(CLIENTS) $(LEAKS) $(REPLAYS) $(BUILD)/tests/bench/answer

# ---- what a person runs -----------------------------------------------------------------------------------
PACKAGES_BUILD := gcc libc6-dev make pkg-config libglib2.0-dev libpcre2-dev
PACKAGES_DEMO  := curl wget python3
PACKAGES_CHECK := libcriterion-dev iproute2 netbase util-linux bsdutils curl wget git openssh-client openssh-server rsync python3 \
	perl bash-completion nginx-light openssl tor binutils strace busybox-static bind9-dnsutils bind9-host iputils-ping \
	netcat-openbsd man-db
# Single tests want these, and are skipped without; a|b is the first that the release has.
PACKAGES_TOOLS := mandoc clang clang-format libclang-rt-dev valgrind gdb musl-tools libjemalloc2 libtcmalloc-minimal4t64|libtcmalloc-minimal4 \
	torsocks proxychains4 tsocks dante-client systemd
PACKAGES_DEB   := build-essential debhelper lintian fakeroot dpkg-dev
PACKAGES_ALL   := $(PACKAGES_DEB) debootstrap nodejs default-jdk-headless erlang-base ruby php-cli php-curl zsh ksh fish tcsh aria2 golang-go gcc-multilib \
	ncat socat telnet lynx w3m links elinks lftp httpie python3-requests python3-aiohttp \
	python3-twisted apache2-utils wrk redis-server redis-tools postgresql chromium libevent-dev libuv1-dev \
	libpython3.14-testsuite|libpython3.13-testsuite|libpython3.11-testsuite cmake patch

PACKAGES_BENCH := torsocks proxychains4 tsocks dante-client dante-server microsocks curl python3 gnuplot-nox util-linux iproute2

# The list as the shell takes it: a | in a name is none of its own.
deps = sh tests/support/deps.sh $(foreach p,$(1),'$(p)')

deps: ## install what building and checking need (Debian packages)
	@$(call deps,$(PACKAGES_BUILD) $(PACKAGES_CHECK) -- $(PACKAGES_TOOLS))

demo: ## two programs, two keys, and an error that says what happened
	@$(call deps,$(PACKAGES_BUILD) $(PACKAGES_DEMO))
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@BUILD=$(BUILD) sh tests/support/demo.sh

recording: all ## doc/demo.svg: the demo as it runs, in colour
	@BUILD=$(BUILD) script -qec 'sh tests/support/demo.sh' /dev/null </dev/null | python3 tests/support/svg.py >doc/demo.svg

RUN_TESTS = BUILD=$(BUILD) VARIANT=$(VARIANT) $(TESTS) -j$(JOBS) --timeout 300

check: ## install what is missing, build, run the tests (5 minutes on 2 cores)
	@$(call deps,$(PACKAGES_BUILD) $(PACKAGES_CHECK) -- $(PACKAGES_TOOLS))
	@$(MAKE) --no-print-directory -j$(JOBS) tests
	@$(RUN_TESTS) --filter '!(heavy_*)/*'

check-all: ## what takes longer or needs heavy packages
	@$(call deps,$(PACKAGES_BUILD) $(PACKAGES_CHECK) $(PACKAGES_ALL) -- $(PACKAGES_TOOLS))
	@$(MAKE) --no-print-directory -j$(JOBS) tests
	@$(MAKE) --no-print-directory check-asan
	@$(MAKE) --no-print-directory check-tsan
	-@tests/judges/sources.sh build/judges/sources
	@$(RUN_TESTS) --timeout 900 --filter 'heavy_*/*'

RELEASE ?= trixie
check-release: ## the tests on a minimal Debian of its own, RELEASE=trixie, as root and as an ordinary user
	@$(call deps,debootstrap git)
	@sh tests/platforms/run.sh $(RELEASE) root:check user:check

RELEASES ?= bookworm trixie forky
STEPS := root:all root:demo root:deb root:packages root:check 'root:guard/*' 'root:leak/*' user:all user:demo user:check 'user:guard/*' \
	user:deb root:reproducible root:facts
platforms: ## all of that on each of RELEASES (an hour), and write doc/platforms.md
	@$(call deps,debootstrap git)
	@$(foreach r,$(RELEASES),sh tests/platforms/run.sh $(r) $(STEPS);) true
	@python3 tests/platforms/document.py build/platforms >doc/platforms.md

compatibility: ## run the real programs, and write doc/compatibility.md
	@$(call deps,$(PACKAGES_BUILD) $(PACKAGES_CHECK) $(PACKAGES_ALL) -- $(PACKAGES_TOOLS))
	@$(MAKE) --no-print-directory -j$(JOBS) tests
	@rm -rf build/compatibility && mkdir -p build/compatibility
	@COMPATIBILITY=$(CURDIR)/build/compatibility $(RUN_TESTS) --filter '@(real_programs|heavy_programs)/work'
	@sh tests/programs/document.sh build/compatibility >doc/compatibility.md

judges: ## run other projects' tests against the library, and write doc/judges.md
	@$(call deps,$(PACKAGES_CHECK) $(PACKAGES_ALL) -- $(PACKAGES_TOOLS))
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@tests/judges/sources.sh build/judges/sources
	@BUILD=$(BUILD) tests/judges/run.sh --document doc/judges.md build/judges/run

# An instrumented library needs its runtime first, and what is executed with an environment that was cleared gets the library
# alone: the suites about that run with the release.
UNSANITIZED := lint|real_*|manuals|exec|hostile

check-asan: ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=asan CFLAGS='-O1 -g' tests
	@$(MAKE) --no-print-directory VARIANT=asan run-sanitized

# Criterion and GLib do not run under ThreadSanitizer: the runner and the proxy are those of the release; the library, the
# command and the programs that call it are instrumented. setarch: its shadow memory does not fit a fully random layout.
# It stands behind the library in LD_PRELOAD (wrappers/library.c): what runs inside a libc call of its own, as a hook of
# epoll_wait would, it takes for libc, and does not see the locks in it. Its own handlers have no SA_RESTART, and a tunnel goes
# on after a signal only when all have. The suites are those whose programs have threads of ours: other programs' races, and what a
# loader does with so large a runtime, are no findings.
THREADED := connect|nonblocking|resolve|sequences|sockets
TSAN_SETTINGS = suppressions=$(CURDIR)/tests/support/tsan.supp exitcode=66 halt_on_error=1 handle_segv=0 handle_sigbus=0 handle_sigfpe=0 handle_sigill=0 handle_abort=0
check-tsan: ## the programs with threads under ThreadSanitizer
	@$(MAKE) --no-print-directory -j$(JOBS) tests
	@$(MAKE) --no-print-directory -j$(JOBS) VARIANT=tsan CFLAGS='-O1 -g' sanitized-programs
	@cp $(PROXY) build/tsan
	@BUILD=build/tsan VARIANT=tsan SANITIZER=$$($(CC) -print-file-name=libtsan.so) TSAN_OPTIONS='$(TSAN_SETTINGS)' setarch -R $(TESTS) -j$(JOBS) --timeout 300 \
		--filter '@($(THREADED))/*'

.PHONY: sanitized-programs
sanitized-programs: $(LIBRARY) $(TOOLS) $(CLIENTS)

.PHONY: run-sanitized
run-sanitized:
	@SANITIZER=$$($(CC) -print-file-name=lib$(VARIANT).so) $(RUN_TESTS) --filter '!(heavy_*|$(UNSANITIZED))/*'

FUZZ_SECONDS ?= 300
fuzz: ## five minutes of libFuzzer for each target, under ASan and UBSan
	@sh tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ_SRC)

# A peer that is missing and cannot be installed stands in the tables as such. With TABLES='startup hot' only these are run, and
# printed.
bench: ## run every benchmark beside the peers (8 minutes), and write doc/benchmark.md
	@$(call deps,$(PACKAGES_BUILD) -- $(PACKAGES_BENCH))
	@$(MAKE) --no-print-directory -j$(JOBS) all bench-programs
	@rm -rf build/bench && BUILD=$(BUILD) sh tests/bench/run.sh build/bench $(TABLES)
	@python3 tests/bench/document.py build/bench $(if $(TABLES),,doc)

.PHONY: bench-programs
bench-programs: $(BENCHES)

# Namespaces of its own: nothing leaves, and nothing of it is left at the end.
tor-network: all ## a shell in a Tor network on loopback, to try things in
	@$(call deps,$(PACKAGES_BUILD) $(PACKAGES_CHECK) -- $(PACKAGES_TOOLS))
	@unshare --map-root-user --net --pid --fork --mount-proc --kill-child sh -c 'ip link set lo up && \
		PATH=$(CURDIR)/$(BUILD):$$PATH exec tests/tor/network.py -- $${SHELL:-sh}'

leak-report: tests ## what stays open without the guard, as text for the manual
	@BUILD=$(BUILD) tests/leak/report

format: ## clang-format over every source
	clang-format -i $(shell git ls-files '*.c' '*.h')

# LD_PRELOAD cannot carry a path with a space, a colon or a dollar sign (ld.so(8)), and a shell not one with a quote. Read
# with the file, so that nothing has happened yet.
PLACES := DESTDIR PREFIX BINDIR SBINDIR LIBDIR INCLUDEDIR SYSCONFDIR MANDIR DOCDIR BASHDIR ZSHDIR SYSTEMDDIR APPARMORDIR
none   :=
blank  := $(none) $(none)
odd     = $(strip $(foreach c,: $$ ' " ` \,$(findstring $(c),$(1)))$(if $(findstring $(blank),$(1)),blank))
# A dollar sign that begins no other variable: make would take it, and the letter behind it, away.
parens := ( {
dollars = $(findstring $$,$(subst $$$(firstword $(parens)),,$(subst $$$(lastword $(parens)),,$(value $(1)))))
ifneq ($(filter install uninstall,$(MAKECMDGOALS)),)
$(foreach v,$(PLACES),$(if $(call odd,$($(v)))$(call dollars,$(v)),$(error $(v) must be a path without spaces, colons, dollar signs, quotes and backslashes: LD_PRELOAD could not carry it)))
endif

install: all ## install under DESTDIR and PREFIX
	$(INSTALL) -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(SBINDIR)' '$(DESTDIR)$(LIBDIR)/isosocks' '$(DESTDIR)$(DOCDIR)'
	$(INSTALL) -m 755 $(BUILD)/isosocks $(PROXY) '$(DESTDIR)$(BINDIR)'
	$(INSTALL) -m 755 $(ADMIN_TOOLS) '$(DESTDIR)$(SBINDIR)'
	$(INSTALL) -m 644 $(LIBRARY) '$(DESTDIR)$(LIBDIR)/isosocks'
	$(INSTALL) -d '$(DESTDIR)$(INCLUDEDIR)' '$(DESTDIR)$(LIBDIR)/pkgconfig'
	$(INSTALL) -m 644 lib/isosocks.h '$(DESTDIR)$(INCLUDEDIR)'
	$(call fill,config/isosocks.pc.in) >'$(DESTDIR)$(LIBDIR)/pkgconfig/isosocks.pc' && chmod 644 '$(DESTDIR)$(LIBDIR)/pkgconfig/isosocks.pc'
	$(INSTALL) -d '$(DESTDIR)$(BASHDIR)' '$(DESTDIR)$(ZSHDIR)' '$(DESTDIR)$(APPARMORDIR)'
	$(foreach n,$(COMPLETED),$(INSTALL) -m 644 config/completion/isosocks.bash '$(DESTDIR)$(BASHDIR)/$(n)' &&) true
	$(INSTALL) -m 644 config/completion/isosocks.zsh '$(DESTDIR)$(ZSHDIR)/_isosocks'
	$(call fill,config/apparmor/isosocks) >'$(DESTDIR)$(APPARMORDIR)/isosocks' && chmod 644 '$(DESTDIR)$(APPARMORDIR)/isosocks'
	$(INSTALL) -d '$(DESTDIR)$(SYSTEMDDIR)'
	$(foreach n,$(UNITS),$(call fill,config/systemd/$(n)) >'$(DESTDIR)$(SYSTEMDDIR)/$(n)' && chmod 644 '$(DESTDIR)$(SYSTEMDDIR)/$(n)' &&) true
	$(foreach n,$(SECTIONS),$(INSTALL) -d '$(DESTDIR)$(MANDIR)/man$(n)' && $(INSTALL) -m 644 $(wildcard doc/*.$(n)) '$(DESTDIR)$(MANDIR)/man$(n)' &&) true
	$(INSTALL) -m 644 $(DOCUMENTS) '$(DESTDIR)$(DOCDIR)'

ADMIN_TOOLS := $(filter-out $(BUILD)/isosocks,$(TOOLS))
SECTIONS  := $(sort $(subst .,,$(suffix $(wildcard doc/*.[1-8]))))
DOCUMENTS := README.md LICENSE config/isosocks.conf
remove = rm -f $(foreach f,$(2),'$(DESTDIR)$(1)/$(notdir $(f))')
# A folder that has become empty; one of the user's files in it keeps it.
remove_folder = if [ -d '$(DESTDIR)$(1)' ]; then rmdir --ignore-fail-on-non-empty '$(DESTDIR)$(1)'; fi

# A template with this installation's places in it.
fill = sed -e 's,@PREFIX@,$(PREFIX),; s,@BINDIR@,$(BINDIR),; s,@LIBDIR@,$(LIBDIR),; s,@INCLUDEDIR@,$(INCLUDEDIR),; s,@SYSCONFDIR@,$(SYSCONFDIR),; s,@VERSION@,$(VERSION),' $(1)
UNITS     := isosocks-proxy.service isosocks-proxy.socket
COMPLETED := isosocks isosocksctl isosocks-proxy

uninstall: ## remove what install put there
	$(call remove,$(BINDIR),isosocks isosocks-proxy)
	$(call remove,$(SBINDIR),$(ADMIN_TOOLS))
	$(call remove,$(LIBDIR)/isosocks,$(LIBRARY))
	$(call remove,$(LIBDIR)/pkgconfig,isosocks.pc)
	$(call remove,$(INCLUDEDIR),isosocks.h)
	$(foreach n,$(SECTIONS),$(call remove,$(MANDIR)/man$(n),$(wildcard doc/*.$(n))) &&) true
	$(call remove,$(DOCDIR),$(DOCUMENTS))
	$(call remove,$(BASHDIR),$(COMPLETED))
	$(call remove,$(ZSHDIR),_isosocks)
	$(call remove,$(SYSTEMDDIR),$(UNITS))
	$(call remove,$(APPARMORDIR),isosocks)
	$(call remove_folder,$(LIBDIR)/isosocks)
	$(call remove_folder,$(DOCDIR))

dist: ## a source archive of the last commit
	@mkdir -p build
	git archive --prefix=isosocks-$(VERSION)/ -o build/isosocks-$(VERSION).tar.gz HEAD

deb: ## Debian packages of the last commit, into build/deb
	@$(call deps,$(PACKAGES_BUILD) $(PACKAGES_DEB))
	@rm -rf build/deb && mkdir -p build/deb
	git archive --prefix=isosocks-$(VERSION)/ HEAD | tar -x -C build/deb
	mv build/deb/isosocks-$(VERSION)/config/debian build/deb/isosocks-$(VERSION)/debian
	cd build/deb/isosocks-$(VERSION) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b >../build.log 2>&1 || { tail -40 ../build.log; exit 1; }
	lintian --fail-on error,warning build/deb/*.changes

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
