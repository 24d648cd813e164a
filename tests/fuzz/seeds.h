/* Seeds of a fuzzing program: good inputs to start from. */
#ifndef PULIH_FUZZ_SEEDS_H
#define PULIH_FUZZ_SEEDS_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry points, which each program defines. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes an input into the folder that FUZZ_SEEDS names; does nothing without. Called from LLVMFuzzerInitialize. */
void seed_write(const char *name, const void *bytes, size_t size);

/* Ends the program with a finding where the condition does not hold. */
#define MUST(condition)                   \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

#endif
