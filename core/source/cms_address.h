/* Where a content management system looks for its database server. */
#ifndef PULIH_SOURCE_CMS_ADDRESS_H
#define PULIH_SOURCE_CMS_ADDRESS_H

#include <stdbool.h>

struct cms_address {
	bool local;	  /* on this machine */
	char socket[256]; /* an absolute path; of PostgreSQL the folder that it is in. "": none is named */
	char host[256];	  /* a name or an address, without brackets; "": none */
	unsigned port;	  /* 0: the usual one */
};

/* Reads what settings call the host: "", "localhost", "db.example.org", "127.0.0.1:3307", "[::1]:3306", "localhost:/run/mysqld/mysqld.sock",
 * "/run/postgresql", "unix:/run/mysqld/mysqld.sock", "p:localhost" (a connection that stays). False where it is none of them. */
bool cms_address_read(struct cms_address *out, const char *text);

#endif
