/* Known answers in hexadecimal digits. Each ends the test where something is wrong. */
#ifndef PULIH_TESTS_HEX_H
#define PULIH_TESTS_HEX_H

#include <stddef.h>

/* Decodes a known answer; its length comes from the text, and is returned. */
size_t unhex(void *out, const char *text);
/* As many bytes as the text has pairs of digits. */
void assert_hex(const void *bytes, const char *expected);

#endif
