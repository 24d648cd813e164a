#include "core/source/cms_address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
#define LETTERS_V6 "0123456789abcdefABCDEF:."

static bool is_local(const char *host)
{
	return !*host || strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
	    strcmp(host, "::1") == 0;
}

static bool take_host(struct cms_address *out, const char *text, size_t length, const char *letters)
{
	if (length >= sizeof(out->host) || *text == '-' || *text == '.')
		return false;
	memcpy(out->host, text, length);
	out->host[length] = '\0';
	return strspn(out->host, letters) == length;
}

static bool take_socket(struct cms_address *out, const char *text)
{
	if (*text != '/' || strlen(text) >= sizeof(out->socket))
		return false;
	snprintf(out->socket, sizeof(out->socket), "%s", text);
	return true;
}

/* What stands behind a host: "", ":3306", ":/run/mysqld/mysqld.sock", ":3306:/run/mysqld/mysqld.sock". */
static bool take_rest(struct cms_address *out, const char *text)
{
	char *end;
	unsigned long port;

	if (!*text)
		return true;
	if (*text != ':')
		return false;
	if (text[1] == '/')
		return take_socket(out, text + 1);
	if (!text[1] || strspn(text + 1, "0123456789") == 0)
		return false;
	port = strtoul(text + 1, &end, 10);
	if (port < 1 || port > 65535)
		return false;
	out->port = (unsigned)port;
	if (!*end)
		return true;
	return *end == ':' && take_socket(out, end + 1);
}

/* "::1" without brackets has no port. */
static bool is_v6(const char *text)
{
	const char *colon = strchr(text, ':');

	return colon && strchr(colon + 1, ':') && strspn(text, LETTERS_V6) == strlen(text);
}

static bool read_host(struct cms_address *out, const char *text)
{
	size_t length;

	if (*text == '[') {
		length = strcspn(text + 1, "]");
		return text[1 + length] == ']' && length > 0 && take_host(out, text + 1, length, LETTERS_V6) &&
		    take_rest(out, text + length + 2);
	}
	if (is_v6(text))
		return take_host(out, text, strlen(text), LETTERS_V6);
	length = strcspn(text, ":");
	return take_host(out, text, length, LETTERS) && take_rest(out, text + length);
}

bool cms_address_read(struct cms_address *out, const char *text)
{
	bool read;

	*out = (struct cms_address){0};
	if (strncmp(text, "p:", 2) == 0)
		text += 2;
	if (strncmp(text, "unix:", 5) == 0)
		read = take_socket(out, text + 5);
	else
		read = *text == '/' ? take_socket(out, text) : read_host(out, text);
	out->local = read && is_local(out->host);
	/* A socket is on this machine: beside the name of another it means something that only the driver knows. */
	if (!read || (*out->socket && !out->local)) {
		*out = (struct cms_address){0};
		return false;
	}
	return true;
}
