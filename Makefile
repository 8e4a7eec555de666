# Letterlock: short names for what meson does. `make demo` and `make test` work on a fresh Debian 12.
#
#   make          build/letterlock                    make lint     format, clang-tidy, cppcheck, include direction
#   make demo     a server with mail in it (ONCE=1: check it and exit)
#   make test     everything is tested                make asan     unit and end-to-end tests under ASan and UBSan
#   make fuzz     each target for FUZZ_SECONDS        make tsan     the same under ThreadSanitizer
#   make model    COMMANDS random commands against a reference model of the mailbox
#   make soak     mixed load for SOAK_SECONDS (1200): memory, descriptors, threads and latency must not grow
#   make bench    the numbers in docs/benchmarks.md   make install  to PREFIX (/usr/local), DESTDIR honoured

MAKEFLAGS += --no-print-directory
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
JOBS ?= $(shell nproc)
B = build/release

.PHONY: all demo test unit e2e durability soak model lint format asan tsan fuzz bench install clean setup setup-test man

all: setup
	@test -f $(B)/build.ninja || meson setup $(B) --prefix=$(PREFIX) >/dev/null
	@ninja -C $(B) -j $(JOBS)
	@ln -sf release/letterlock build/letterlock
	@ln -sf $(B)/compile_commands.json compile_commands.json

setup:
	@tools/setup build
setup-test:
	@tools/setup test

demo: setup-test all
	@python3 tools/demo.py $(if $(ONCE),--once)

test: setup-test all
	@python3 tests/run.py

unit: all
	@meson test -C $(B) --print-errorlogs
e2e: setup-test all
	@python3 tests/run.py --only e2e
COMMANDS ?= 1000000
model: all
	@$(B)/tests/model/model_test --commands $(COMMANDS) --seed $(or $(SEED),1)
durability: setup-test all
	@python3 tests/run.py --only durability --rounds $(or $(ROUNDS),200)
SOAK_SECONDS ?= 1200
soak: setup-test all
	@python3 tests/durability/soak.py --seconds $(SOAK_SECONDS)

asan: setup-test
	@test -f build/asan/build.ninja || CC=clang meson setup build/asan -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@ninja -C build/asan -j $(JOBS)
	@python3 tests/run.py --build build/asan --only unit,talk,e2e
tsan: setup-test
	@test -f build/tsan/build.ninja || CC=clang meson setup build/tsan -Dtests=false -Db_sanitize=thread -Db_lundef=false >/dev/null
	@ninja -C build/tsan -j $(JOBS)
	@TSAN_OPTIONS="suppressions=$(CURDIR)/tools/tsan.supp" python3 tests/run.py --build build/tsan --only talk,e2e

fuzz: setup-test
	@test -f build/fuzz/build.ninja || CC=clang meson setup build/fuzz -Dfuzz=true -Dtests=false -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@ninja -C build/fuzz -j $(JOBS)
	@tools/fuzz build/fuzz $(FUZZ_SECONDS)

bench: setup-test all
	@python3 bench/run.py

lint: setup-test all
	@tools/lint

format:
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

install: all
	@DESTDIR=$(DESTDIR) meson install -C $(B) --no-rebuild

clean:
	@rm -rf build demo
