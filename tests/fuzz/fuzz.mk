# Fuzzing with libFuzzer: every tests/fuzz/fuzz_*.c is one program, built by clang against a library that has the same sanitizers.
#
#   make fuzz                        each for FUZZ_SECONDS, one behind the other; a finding ends it
#   make fuzz FUZZ_ONLY=fuzz_entry   only this one
# A program writes its seeds into its corpus (tests/fuzz/seeds.h); what libFuzzer finds stays there for the next run.

FUZZ_SECONDS ?= 10
FUZZ_BUILD ?= build-fuzz
FUZZ_ONLY ?= $(notdir $(FUZZ_SOURCES:.c=))
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_HELPERS := $(sort $(filter-out $(FUZZ_SOURCES),$(wildcard tests/fuzz/*.c)))
FUZZ_HELPER_OBJECTS := $(FUZZ_HELPERS:%.c=$(BUILD)/%.o)
FUZZ_PROGRAMS := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/fuzz/%)
FUZZ_OPTIONS := -rss_limit_mb=1024 -timeout=20 -verbosity=0

.PHONY: fuzz fuzz-programs
fuzz:
	$(MAKE) CC=clang BUILD=$(FUZZ_BUILD) SAN=fuzzer-no-link,address,undefined FUZZ_ONLY="$(FUZZ_ONLY)" fuzz-programs
	@for name in $(FUZZ_ONLY); do \
		corpus=$(FUZZ_BUILD)/corpus/$$name; \
		mkdir -p $$corpus || exit 1; \
		echo "  FUZZ $$name for $(FUZZ_SECONDS) s"; \
		FUZZ_SEEDS=$$corpus UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 $(FUZZ_BUILD)/fuzz/$$name $(FUZZ_OPTIONS) \
			-max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$(FUZZ_BUILD)/$$name- $$corpus \
			> $(FUZZ_BUILD)/$$name.log 2>&1 || { cat $(FUZZ_BUILD)/$$name.log; exit 1; }; \
	done

fuzz-programs: $(FUZZ_ONLY:%=$(BUILD)/fuzz/%)

$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(FUZZ_HELPER_OBJECTS) $(BUILD)/libpulih.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS)

-include $(FUZZ_SOURCES:%.c=$(BUILD)/%.d) $(FUZZ_HELPER_OBJECTS:.o=.d)
