/* The options that every command has, and the environment behind them. */
#ifndef PULIH_CLI_SETTINGS_H
#define PULIH_CLI_SETTINGS_H

#include "cli/options.h"

struct settings {
	const char *repository;	   /* URL, path or name; NULL: none */
	const char *config;	   /* configuration file; NULL: the default one */
	const char *password_file; /* at most one of these three is set after settings_complete */
	const char *password_command;
	const char *key_file;
	bool secret_configured;	  /* by the configuration: nobody is there to read a warning */
	const char *state_folder; /* set after settings_complete */
	const char *domain;	  /* NULL: the host's name */
	uint64_t threads;	  /* 0: as many as processors */
	unsigned verbose;
	bool quiet, json, help, version;
};

/* One per process: what main read. */
extern struct settings settings;
extern const struct option_spec settings_options[];

/* Fills from the environment what no option gave, and finds the state folder. PL_OPTION_CONFLICT where two options, or two
 * variables, contradict each other. PL_OPTION_VALUE where the configuration that was named cannot be read, unless `makes_configuration`. */
enum err settings_complete(bool makes_configuration);

#endif
