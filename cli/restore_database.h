/* pulih restore SNAPSHOT:DUMP --to-database: a dump of databases back into a server. */
#ifndef PULIH_CLI_RESTORE_DATABASE_H
#define PULIH_CLI_RESTORE_DATABASE_H

#include "cli/selection.h"

/* What was given; NULL and 0: not. */
struct restore_database {
	const char *to, *from;
	bool all, with_users;
	const char *server; /* of the configuration, or: */
	const char *socket, *host, *user, *password_file, *defaults_file;
	uint64_t port;
};
#define RESTORE_DATABASE_OPTIONS(to_where)                                                                             \
	{OPTION("to-database", 0, OPTION_TEXT, "NAME", "load the dump at PATH into this database", &(to_where)->to)},  \
	    {OPTION("from-database", 0, OPTION_TEXT, "NAME", "which database of a dump that holds several",            \
		&(to_where)->from)},                                                                                   \
	    {OPTION("all-databases", 0, OPTION_FLAG, NULL, "every database of the dump, under its own name",           \
		&(to_where)->all)},                                                                                    \
	    {OPTION("with-users", 0, OPTION_FLAG, NULL,                                                                \
		"first the users and roles that the server lacks, from the dump beside it", &(to_where)->with_users)}, \
	    {OPTION("server", 0, OPTION_TEXT, "NAME", "a database server of the configuration", &(to_where)->server)}, \
	    {OPTION("server-socket", 0, OPTION_TEXT, "PATH", "its socket; of PostgreSQL the folder of it",             \
		&(to_where)->socket)},                                                                                 \
	    {OPTION("server-host", 0, OPTION_TEXT, "HOST", "or its address", &(to_where)->host)},                      \
	    {OPTION("server-port", 0, OPTION_NUMBER, "PORT", "and its port", &(to_where)->port), .most = 65535},       \
	    {OPTION("server-user", 0, OPTION_TEXT, "USER", "the user of the server", &(to_where)->user)},              \
	    {OPTION("server-password-file", 0, OPTION_TEXT, "FILE", "whose first line is that user's password",        \
		&(to_where)->password_file)},                                                                          \
	{                                                                                                              \
		OPTION("defaults-file", 0, OPTION_TEXT, "FILE", "option file of the MariaDB or MySQL client",          \
		    &(to_where)->defaults_file)                                                                        \
	}

/* Whether a database is to be restored, and whether any of the options was given. */
bool restore_database_is_wanted(const struct restore_database *given);
bool restore_database_is_given(const struct restore_database *given);

struct restore_database_how {
	bool dry_run, verify;
	bool overwrite; /* what is there is replaced */
};
enum err restore_database(struct repository *repository, const struct selection *selection,
    const struct restore_database *given, const struct restore_database_how *how);

#endif
