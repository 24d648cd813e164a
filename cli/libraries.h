/* The versions of the libraries that this program runs with: nothing else of theirs is used here. */
#ifndef PULIH_CLI_LIBRARIES_H
#define PULIH_CLI_LIBRARIES_H

struct library {
	const char *name;
	const char *version; /* static */
};

/* Ends with name NULL. Static. */
const struct library *libraries_list(void);

#endif
