# Everything that checks the program, and what it needs for that. Included by the Makefile.
#
#   make deps          installs what is missing, with apt-get; a machine that has it all needs no network
#   make demo          a real backup and restore of a small web site, in DEMO_FOLDER (default ./demo-output)
#   make test          build, unit and system tests, the demo, a sample of the faults, a short fuzzing
#   make sanitize      unit and system tests under AddressSanitizer + UBSan, and under ThreadSanitizer
#   make faults        every fault at every place, takes long
#   make deb-test      the Debian package, see debian/deb.mk
#   make year          a simulated year of the scheduler with power cuts; YEAR_SEED
#   make bench         side by side with restic and borg; BENCH_SETS, BENCH_RUNS, BENCH_DIR, BENCH_OPTIONS
#   make coverage      lines that unit and system tests run
#   make messages      makes docs/messages.md of core/base/messages.def
#   make papers        sample papers in every form, in PAPERS
#   make images        the pages that the manual shows
#   make format        lays out the C files; make format-check only says which are not
#   make SLOW=1 system the system tests that take minutes, too
#   make PYTEST_OPTIONS='-k restore -x' system

# Debian packages, by what they are for.
BUILD_PACKAGES := gcc make pkg-config libc6-dev libarchive-dev libzstd-dev libssl-dev libargon2-dev libsqlite3-dev \
	libcyaml-dev libyaml-dev libjansson-dev libqrencode-dev libpango1.0-dev libcairo2-dev libglib2.0-dev libxxhash-dev libblkid-dev \
	libcurl4-openssl-dev libsystemd-dev libssh2-1-dev fonts-liberation fonts-dejavu-core gettext
TEST_PACKAGES := faketime systemd libcmocka-dev python3 python3-pytest python3-pytest-xdist clang libclang-rt-14-dev clang-format acl attr e2fsprogs util-linux \
	mount fuse exfat-fuse exfatprogs sqlite3 libarchive-tools tar man-db poppler-utils zbar-tools \
	mariadb-server mariadb-client postgresql postgresql-client openssh-server openssh-client \
	python3-cryptography python3-aiosmtpd python3-prometheus-client python3-paramiko openssl zsh
BENCH_PACKAGES := restic borgbackup zstd linux-source-6.1 xz-utils findutils
COVERAGE_PACKAGES := gcovr
IMAGE_PACKAGES := poppler-utils optipng
DEMO_PACKAGES := sqlite3 diffutils tar findutils

# Debian's own: another python3 may come first on PATH and lack pytest.
PYTHON ?= /usr/bin/python3
SLOW ?=
PYTEST_OPTIONS ?=
FAULT_SAMPLE ?= 6
TEST_JOBS ?= $(shell nproc)
TEST_FUZZ_SECONDS ?= 3

# As many jobs as processors, unless make was told a number already.
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
C_FILES = $(shell git ls-files '*.c' '*.h' 2>/dev/null || find . -path ./build\* -prune -o -name '*.[ch]' -print)

.PHONY: deps deps-build deps-bench deps-coverage deps-demo demo demo-test test system faults faults-sample sanitize bench coverage \
	format format-check messages shim clang papers images

# $(call install,packages): those that dpkg does not list as installed, through apt-get, with sudo where needed.
define install
@missing=""; \
for package in $(1); do \
	case "$$(dpkg-query -W -f='$${Status}' $$package 2>/dev/null)" in \
	"install ok installed") ;; \
	*) missing="$$missing $$package" ;; \
	esac; \
done; \
[ -z "$$missing" ] && exit 0; \
echo "installing:$$missing"; \
sudo=""; \
if [ "$$(id -u)" != 0 ]; then \
	command -v sudo >/dev/null || { echo "run as root, or install sudo: apt-get install$$missing" >&2; exit 1; }; \
	sudo=sudo; \
fi; \
$$sudo apt-get update -q && \
$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing
endef

deps:
	$(call install,$(BUILD_PACKAGES) $(TEST_PACKAGES))
deps-build:
	$(call install,$(BUILD_PACKAGES))
deps-bench:
	$(call install,$(BUILD_PACKAGES) $(BENCH_PACKAGES))
deps-demo:
	$(call install,$(BUILD_PACKAGES) $(DEMO_PACKAGES))
deps-coverage:
	$(call install,$(BUILD_PACKAGES) $(TEST_PACKAGES) $(COVERAGE_PACKAGES))

DEMO_FOLDER ?=
demo: deps-demo
	$(MAKE) $(PARALLEL) all
	PULIH=$(abspath $(BUILD))/pulih demo/demo.sh $(DEMO_FOLDER)

# The demo says how it ended; what it printed is shown where it failed only.
demo-test: deps-demo
	@folder=$$(mktemp -d) && log=$$folder/log && if $(MAKE) demo DEMO_FOLDER=$$folder/demo >$$log 2>&1; then \
		sed -n 's,^== The demo is done.*,demo: done,p' $$log; rm -r $$folder; \
	else \
		cat $$log; rm -r $$folder; exit 1; \
	fi

# One stage after the other; the first that fails ends it.
test: deps
	$(MAKE) $(PARALLEL) all shim
	$(MAKE) $(PARALLEL) unit-programs
	$(MAKE) unit
	$(MAKE) system
	$(MAKE) demo-test
	$(MAKE) faults-sample
	$(MAKE) fuzz FUZZ_SECONDS=$(TEST_FUZZ_SECONDS)
	@echo "make test: every stage passed"

.PHONY: unit-programs
unit-programs: $(UNIT_PROGRAMS)

# What the system tests and the faults run.
TEST_ENVIRONMENT = PULIH=$(abspath $(BUILD))/pulih PULIH_SHIM=$(abspath $(BUILD))/faults/shim.so \
	PULIH_SSH_DRIVE=$(abspath $(BUILD))/ssh-drive \
	$(if $(SLOW),PULIH_DEB=$(if $(SAN),,$(abspath $(DEB)))) PULIH_SLOW=$(SLOW) PULIH_SANITIZED=$(SAN) PYTHONDONTWRITEBYTECODE=1

# What core/ssh is driven with against a real sshd.
$(BUILD)/ssh-drive: $(BUILD)/tests/ssh/drive.o $(BUILD)/libpulih.a
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS)
-include $(BUILD)/tests/ssh/drive.d

system: $(BUILD)/pulih $(BUILD)/ssh-drive $(if $(SAN),,$(BUILD)/faults/shim.so $(BUILD)/faults/tick.so $(if $(SLOW),deb deps-deb-test))
	$(TEST_ENVIRONMENT) $(PYTHON) -m pytest -q -rfEs --tb=short -p no:cacheprovider -n $(TEST_JOBS) $(PYTEST_OPTIONS) tests/system

YEAR_SEED ?= 1
.PHONY: year
year: $(BUILD)/pulih
	$(TEST_ENVIRONMENT) PULIH_YEAR=$(YEAR_SEED) $(PYTHON) -m pytest -q -s --tb=short -p no:cacheprovider -k test_year tests/system/test_year.py

SHIM_FLAGS := -std=c17 -D_GNU_SOURCE $(WARNINGS) -O2 -g -fPIC -shared
shim: $(BUILD)/faults/shim.so
$(BUILD)/faults/shim.so: tests/faults/shim.c tests/faults/verdict.c tests/faults/verdict.h
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(SHIM_FLAGS) -o $@ $(filter %.c,$^)

$(BUILD)/faults/tick.so: tests/faults/tick.c
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(SHIM_FLAGS) -o $@ $<

faults: $(BUILD)/pulih $(BUILD)/faults/shim.so
	$(TEST_ENVIRONMENT) $(PYTHON) tests/faults/sweep.py $(FAULT_OPTIONS)
faults-sample: $(BUILD)/pulih $(BUILD)/faults/shim.so
	$(TEST_ENVIRONMENT) $(PYTHON) tests/faults/sweep.py --sample $(FAULT_SAMPLE) $(FAULT_OPTIONS)

# halt_on_error: a finding is a failed test, not a line that nobody reads. Leaks count.
SANITIZER_OPTIONS := ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 LSAN_OPTIONS=suppressions=$(abspath tests/leaks.supp):print_suppressions=0 \
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$(abspath tests/races.supp)
sanitize: deps
	$(MAKE) $(PARALLEL) SAN=address,undefined all unit-programs
	$(SANITIZER_OPTIONS) $(MAKE) SAN=address,undefined unit system
	$(MAKE) $(PARALLEL) SAN=thread all unit-programs
	$(SANITIZER_OPTIONS) $(MAKE) SAN=thread unit system
	@echo "make sanitize: every stage passed"

# The other compiler, warnings being errors as well.
clang:
	$(MAKE) $(PARALLEL) CC=clang BUILD=build-clang all unit-programs

BENCH_OPTIONS ?=
bench: deps-bench
	$(MAKE) $(PARALLEL) all
	$(TEST_ENVIRONMENT) $(PYTHON) tests/bench/bench.py $(BENCH_OPTIONS)

coverage: deps-coverage
	$(MAKE) $(PARALLEL) COVERAGE=1 all unit-programs
	find build-coverage -name '*.gcda' -delete
	$(MAKE) COVERAGE=1 unit system
	@mkdir -p build-coverage/report
	gcovr --root . --object-directory build-coverage --exclude tests/ --html-details build-coverage/report/index.html \
		--print-summary -s

# By way of another name: a page that is half written is none.
messages: $(BUILD)/pulih
	$(BUILD)/pulih help messages --json > $(BUILD)/messages.json
	$(PYTHON) docs/messages.py < $(BUILD)/messages.json > docs/messages.md.new
	mv docs/messages.md.new docs/messages.md

format:
	clang-format -i $(C_FILES)
format-check:
	@clang-format --dry-run -Werror $(C_FILES) && echo "format-check: $(words $(C_FILES)) files laid out as .clang-format says"

# Sample papers in every form, to look at, in PAPERS; and those pages of them that the manual shows.
PAPERS ?= $(BUILD)/papers-made
IMAGES := docs/manual/images
$(BUILD)/papers: $(BUILD)/tests/papers/papers.o $(UNIT_HELPER_OBJECTS) $(BUILD)/libpulih.a
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) -lcmocka
-include $(BUILD)/tests/papers/papers.d
papers: $(BUILD)/papers
	$(BUILD)/papers $(PAPERS)
images: papers
	$(call install,$(IMAGE_PACKAGES))
	pdftoppm -r 80 -gray -png -singlefile $(PAPERS)/full.pdf $(IMAGES)/report
	pdftoppm -r 80 -gray -png -singlefile $(PAPERS)/recap.pdf $(IMAGES)/recap
	optipng -quiet -o5 -strip all $(IMAGES)/report.png $(IMAGES)/recap.png
