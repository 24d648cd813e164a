/* E-mail addresses. */
#ifndef PULIH_CONF_ADDRESS_H
#define PULIH_CONF_ADDRESS_H

#include <stdbool.h>

/* What every server takes without quoting or extensions: one '@', and around it only letters, digits and a few signs. */
bool address_valid(const char *text);

#endif
