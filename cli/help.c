#include "cli/help.h"
#include "cli/settings.h"
#include "core/base/buffer.h"
#include "core/base/output.h"

#include <string.h>

#define NAME_WIDTH 32 /* columns for "-e, --exclude PATTERN"; longer ones get a line of their own */

static enum err render_options(struct buffer *out, const char *title, const struct option_spec *options)
{
	enum err err = buffer_append_text(out, "\n%s\n", title);

	for (; err == ERR_OK && options->long_name; options++) {
		char name[96];
		int width;

		if (!options->help)
			continue; /* another spelling of the one before */
		width = snprintf(name, sizeof(name), "%c%c%c --%s%s%s", options->short_name ? '-' : ' ',
		    options->short_name ? options->short_name : ' ', options->short_name ? ',' : ' ',
		    options->long_name, options->argument ? " " : "", options->argument ? options->argument : "");
		if (width >= NAME_WIDTH)
			err = buffer_append_text(out, "  %s\n  %-*s%s\n", name, NAME_WIDTH, "", options->help);
		else
			err = buffer_append_text(out, "  %-*s%s\n", NAME_WIDTH, name, options->help);
	}
	return err;
}

/* Text of several lines, each indented. */
static enum err render_lines(struct buffer *out, const char *text)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && *text) {
		size_t length = strcspn(text, "\n");

		err = buffer_append_text(out, "%s%.*s\n", length ? "  " : "", (int)length, text);
		text += length + (text[length] == '\n');
	}
	return err;
}

static enum err render_command(struct buffer *out, const struct command *command)
{
	enum err err = buffer_append_text(out, "pulih %s: %s\n\n  pulih %s%s%s%s\n", command->name, command->purpose,
	    command->name, command->options ? " [OPTION...]" : "", command->arguments[0] ? " " : "",
	    command->arguments);

	if (err == ERR_OK && command->details)
		err = buffer_append_text(out, "\n");
	if (err == ERR_OK && command->details)
		err = render_lines(out, command->details);
	if (err == ERR_OK && command->options)
		err = render_options(out, "Options", command->options);
	if (err == ERR_OK)
		err = render_options(out, "Options of every command", settings_options);
	if (err == ERR_OK && command->examples)
		err = buffer_append_text(out, "\nExamples\n");
	if (err == ERR_OK && command->examples)
		err = render_lines(out, command->examples);
	return err;
}

static enum err render_group(struct buffer *out, const char *group)
{
	size_t length = strlen(group);
	enum err err = buffer_append_text(out, "pulih %s COMMAND\n\n", group);

	for (const struct command_entry *entry = commands; err == ERR_OK && entry->command; entry++) {
		const struct command *command = entry->command;

		if (strncmp(command->name, group, length) == 0 && command->name[length] == ' ')
			err = buffer_append_text(out, "  %-20s  %s\n", command->name + length + 1, command->purpose);
	}
	if (err == ERR_OK)
		err = buffer_append_text(out, "\nMore about one: pulih help %s COMMAND\n", group);
	return err;
}

static enum err render_overview(struct buffer *out)
{
	const char *group = "";
	enum err err = buffer_append_text(
	    out, "pulih: backups that prove themselves\n\n  pulih COMMAND [OPTION...] [ARGUMENT...]\n");

	for (const struct command_entry *entry = commands; err == ERR_OK && entry->command; entry++) {
		if (strcmp(group, entry->group) != 0)
			err = buffer_append_text(out, "\n%s\n", entry->group);
		group = entry->group;
		if (err == ERR_OK)
			err = buffer_append_text(out, "  %-20s  %s\n", entry->command->name, entry->command->purpose);
	}
	if (err == ERR_OK)
		err = render_options(out, "Options of every command", settings_options);
	if (err == ERR_OK)
		err = buffer_append_text(out,
		    "\nMore: pulih help COMMAND, pulih help exit, pulih help excludes, pulih help environment,\n"
		    "      pulih help messages, pulih help PL-1203\n"
		    "\nFirst steps\n"
		    "  pulih setup                     asks a few questions; or step by step:\n"
		    "  pulih init -r /srv/pulih\n"
		    "  pulih backup -r /srv/pulih /etc /home\n"
		    "  pulih snapshots -r /srv/pulih\n"
		    "  pulih restore -r /srv/pulih latest:/etc -t /tmp/etc\n");
	return err;
}

/* A person who typed no command sees the overview all the same, on standard error and with the exit code of a mistake. */
static enum err print_unasked(const struct buffer *text, const struct command *command, const char *group)
{
	if (!output_is_json())
		fwrite(text->data, 1, text->length, stderr);
	if (command)
		return ERR_OK;
	return group ? fail(PL_ARGUMENTS, "pulih %s needs one more word", group)
		     : fail(PL_ARGUMENTS, "no command was given");
}

enum err help_print(const struct command *command, const char *group, bool asked)
{
	struct buffer text = {0};
	enum err err = command ? render_command(&text, command)
	    : group	       ? render_group(&text, group)
			       : render_overview(&text);

	if (err == ERR_OK && !asked) {
		err = print_unasked(&text, command, group);
	} else if (err == ERR_OK) {
		output_print("%.*s", (int)text.length, (const char *)text.data);
		output_object("help",
		    json_pack("{s:s, s:s#}", "topic",
			command	    ? command->name
			    : group ? group
				    : "",
			"text", text.data, text.length));
	}
	buffer_free(&text);
	return err;
}
