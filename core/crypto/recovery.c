#include "core/crypto/crypto.h"

#include <string.h>

/* The code is for paper and for a tired person: 160 random bits, so that even unhurried hardware of the future finds
 * nothing, and 16 bits that catch a slip of the eye before Argon2 spends a second on it. 36 characters carry 180 bits;
 * the last 4 are zero.
 *   bytes = code (20) ‖ first 2 bytes of SHA-256("pulih recovery" ‖ code) */
#define CHECK_SIZE 2
#define CODED_SIZE (RECOVERY_BYTES + CHECK_SIZE)
#define CHARACTERS 36
#define GROUP 6

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static enum err checked_bytes(const uint8_t code[RECOVERY_BYTES], uint8_t out[CODED_SIZE])
{
	static const char label[] = "pulih recovery";
	uint8_t message[sizeof(label) - 1 + RECOVERY_BYTES];
	uint8_t hash[HASH_SIZE];
	enum err err;

	memcpy(message, label, sizeof(label) - 1);
	memcpy(message + sizeof(label) - 1, code, RECOVERY_BYTES);
	err = sha256(message, sizeof(message), hash);
	memcpy(out, code, RECOVERY_BYTES);
	memcpy(out + RECOVERY_BYTES, hash, CHECK_SIZE);
	crypto_wipe(message, sizeof(message));
	crypto_wipe(hash, sizeof(hash));
	return err;
}

char *recovery_format(const uint8_t code[RECOVERY_BYTES], char out[RECOVERY_TEXT])
{
	uint8_t bytes[CODED_SIZE];
	char *at = out;

	if (checked_bytes(code, bytes) != ERR_OK)
		return NULL;
	for (unsigned i = 0; i < CHARACTERS; i++) {
		unsigned value = 0;

		for (unsigned bit = 5 * i; bit < 5 * i + 5; bit++)
			value = value << 1 | (bit < 8 * CODED_SIZE && bytes[bit / 8] & 0x80u >> bit % 8);
		if (i > 0 && i % GROUP == 0)
			*at++ = '-';
		*at++ = alphabet[value];
	}
	*at = '\0';
	crypto_wipe(bytes, sizeof(bytes));
	return out;
}

/* The value of a character, -1 for one that is none, -2 for one that is skipped. */
static int character_value(char character)
{
	const char *found;

	if (character == '-' || character == ' ' || character == '\t' || character == '\n' || character == '\r')
		return -2;
	if (character >= 'a' && character <= 'z')
		character = (char)(character - 'a' + 'A');
	if (character == 'O')
		return 0;
	if (character == 'I' || character == 'L')
		return 1;
	found = character ? strchr(alphabet, character) : NULL;
	return found ? (int)(found - alphabet) : -1;
}

/* Reads exactly CHARACTERS characters of five bits each; the bits behind the last byte must be zero. */
static bool read_bits(const char *text, uint8_t bytes[CODED_SIZE])
{
	unsigned bit = 0;

	memset(bytes, 0, CODED_SIZE);
	for (; *text; text++) {
		int value = character_value(*text);

		if (value == -2)
			continue;
		if (value < 0 || bit == 5 * CHARACTERS)
			return false;
		for (int i = 4; i >= 0; i--, bit++) {
			unsigned one = (unsigned)value >> i & 1u;

			if (bit < 8 * CODED_SIZE)
				bytes[bit / 8] = (uint8_t)(bytes[bit / 8] | one << (7 - bit % 8));
			else if (one)
				return false;
		}
	}
	return bit == 5 * CHARACTERS;
}

bool recovery_parse(const char *text, uint8_t code[RECOVERY_BYTES])
{
	uint8_t bytes[CODED_SIZE], expected[CODED_SIZE];
	bool good = read_bits(text, bytes) && checked_bytes(bytes, expected) == ERR_OK &&
	    crypto_equal(bytes, expected, CODED_SIZE);

	if (good)
		memcpy(code, bytes, RECOVERY_BYTES);
	crypto_wipe(bytes, sizeof(bytes));
	crypto_wipe(expected, sizeof(expected));
	return good;
}
