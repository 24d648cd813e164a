# Pulih. `make` builds build/pulih; `make demo` and `make test` install what they need first.
#
#   make CC=clang            another compiler        make BUILD=/tmp/x      another build folder
#   make SAN=address,undefined | SAN=thread          sanitizers, in a build folder of their own
#   make DEBUG=1             no optimisation         make COVERAGE=1        counts lines, see `make coverage`
#   make deb | deb-test      the Debian package: see debian/deb.mk
#   make test | sanitize | faults | bench | format-check: see tests/tests.mk

CC ?= gcc
SAN ?=
COVERAGE ?=
BUILD ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(COVERAGE),-coverage)
PREFIX ?= /usr/local
DESTDIR ?=
UNIT_FOLDER ?= $(PREFIX)/lib/systemd/system
ZSH_FOLDER ?= $(PREFIX)/share/zsh/site-functions
comma := ,

# The one place where the version stands is the head of debian/changelog.
VERSION := $(shell sed -n '1s/^pulih (\(.*\)) .*/\1/p' debian/changelog)

PACKAGES := libarchive libzstd libcrypto libargon2 sqlite3 libcyaml yaml-0.1 jansson libqrencode pangocairo libxxhash blkid glib-2.0 libcurl libsystemd libssh2

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
CPPFLAGS += -I. -I$(BUILD) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DPULIH_VERSION='"$(VERSION)"'
CFLAGS ?= $(if $(DEBUG)$(COVERAGE),-O0,-O2) -g
CFLAGS += -std=c17 $(WARNINGS) -fno-strict-aliasing -pthread
HARDENING := -fstack-protector-strong -fPIE $(if $(SAN)$(DEBUG)$(COVERAGE),,-D_FORTIFY_SOURCE=2)
CFLAGS += $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer,$(HARDENING))
CFLAGS += $(if $(COVERAGE),--coverage -fprofile-update=atomic)
LDFLAGS += $(if $(COVERAGE),--coverage)
LDFLAGS += $(if $(SAN),-fsanitize=$(SAN),-pie -Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now) -pthread

PKG_CFLAGS = $(eval PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PACKAGES))))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PACKAGES)))$(PKG_LIBS)

LIBRARY_FOLDERS := core/base core/crypto core/chunk core/repo core/source core/ssh core/backup core/record targets restore scheduler conf
LIBRARY_SOURCES := $(sort $(wildcard $(addsuffix /*.c,$(LIBRARY_FOLDERS))))
CLI_SOURCES := $(sort $(wildcard cli/*.c))
UNIT_SOURCES := $(sort $(wildcard tests/unit/test_*.c))
UNIT_HELPERS := $(sort $(filter-out $(UNIT_SOURCES),$(wildcard tests/unit/*.c)))

LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(BUILD)/%.o)
CLI_OBJECTS := $(CLI_SOURCES:%.c=$(BUILD)/%.o)
UNIT_PROGRAMS := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/unit/%)
UNIT_HELPER_OBJECTS := $(UNIT_HELPERS:%.c=$(BUILD)/%.o)

V ?= 0
say = $(if $(filter 0,$(V)),@echo "  $(1)" $@;,)

.PHONY: all clean install unit
all: $(BUILD)/pulih
.SECONDARY:

$(BUILD)/libpulih.a: $(LIBRARY_OBJECTS)
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

$(BUILD)/pulih: $(CLI_OBJECTS) $(BUILD)/libpulih.a
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# The words of reports: checked by gettext's own tool, then tables of C.
WORDS := $(patsubst po/%.po,$(BUILD)/core/record/record_words_%.def,$(wildcard po/*.po))
$(BUILD)/core/record/record_words_%.def: po/%.po po/words.awk
	@mkdir -p $(@D)
	$(call say,PO)msgfmt --check -o /dev/null $< && msgcat --no-wrap -o $@.po $< && awk -f po/words.awk $@.po > $@.new && mv $@.new $@

$(BUILD)/%.o: %.c Makefile | $(WORDS)
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(UNIT_HELPER_OBJECTS) $(BUILD)/libpulih.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) -lcmocka

# Tests of parts of the command line take them along.
$(BUILD)/unit/test_options: $(BUILD)/cli/options.o $(BUILD)/cli/suggest.o
$(BUILD)/unit/test_setup $(BUILD)/unit/test_setup_answers: \
    $(addprefix $(BUILD)/cli/setup_,$(addsuffix .o,answers ask checks cms file list plan server site sqlite web))

unit: $(UNIT_PROGRAMS)
	@failed=0; for program in $^; do $$program || failed=1; done; exit $$failed

-include $(LIBRARY_OBJECTS:.o=.d) $(CLI_OBJECTS:.o=.d) $(UNIT_SOURCES:%.c=$(BUILD)/%.d) $(UNIT_HELPER_OBJECTS:.o=.d)

include tests/tests.mk
include tests/fuzz/fuzz.mk
include debian/deb.mk

SHARE = $(DESTDIR)$(PREFIX)/share
UNITS := $(wildcard conf/systemd/*)
install: all
	install -D -m 755 $(BUILD)/pulih $(DESTDIR)$(PREFIX)/bin/pulih
	install -D -m 644 docs/man/pulih.1 $(SHARE)/man/man1/pulih.1
	install -D -m 644 docs/man/pulih.yaml.5 $(SHARE)/man/man5/pulih.yaml.5
	install -D -m 644 -t $(SHARE)/doc/pulih docs/messages.md
	install -D -m 644 -t $(SHARE)/doc/pulih/manual docs/manual/en.md docs/manual/id.md
	install -D -m 644 -t $(SHARE)/doc/pulih/examples conf/pulih.example.yaml conf/examples/*.yaml
	install -D -m 644 conf/completion/pulih.bash $(SHARE)/bash-completion/completions/pulih
	install -D -m 644 conf/completion/_pulih $(DESTDIR)$(ZSH_FOLDER)/_pulih
	$(if $(UNITS),install -D -m 644 -t $(DESTDIR)$(UNIT_FOLDER) $(UNITS))
	$(if $(UNITS),sed -i 's|/usr/local/bin/pulih|$(PREFIX)/bin/pulih|' $(UNITS:conf/systemd/%=$(DESTDIR)$(UNIT_FOLDER)/%))

clean:
	rm -rf build build-*
