#include "conf/address.h"

#include <string.h>

#define ADDRESS_MAX 254 /* bytes of an e-mail address: RFC 5321, 4.5.3.1.3 less the brackets */

bool address_valid(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	static const char more[] = "!#$%&'*+/=?^_`{|}~"; /* before the '@': RFC 5322, 3.2.3 */
	const char *at = strchr(text, '@');
	size_t i = 0;

	if (!at || at == text || !at[1] || strlen(text) > ADDRESS_MAX || text[0] == '-')
		return false;
	for (; text + i < at; i++)
		if (!strchr(letters, text[i]) && !strchr(more, text[i]))
			return false;
	return strspn(at + 1, letters) == strlen(at + 1) && at[1] != '.' && at[1] != '-';
}
