/* What the files of commands share: how a child comes to be. */
#ifndef PULIH_SOURCE_COMMAND_INTERNAL_H
#define PULIH_SOURCE_COMMAND_INTERNAL_H

#include "core/source/command.h"

/* What the child is made of. */
struct command_birth {
	const struct command_options *options;
	char **environment;	   /* command_birth_environment */
	int input, output, errors; /* input -1: /dev/null; errors -1: inherited */
	int error_pipe;		   /* command_birth's own */
};

/* The process once it has become the program. `name`: of the program, for messages. PL_CHILD. */
enum err command_birth(struct command_birth *birth, const char *name, pid_t *pid);
/* Ours with what is put in its place. *out is an array whose strings are borrowed, released with mem_free; NULL for ours as it is. */
enum err command_birth_environment(const char *const *added, char ***out);

/* A pipe whose descriptors are none of the standard ones. */
bool command_birth_pipe(int pipe_fds[2]);
void command_birth_close(int pipe_fds[2]);

#endif
