#include "conf/configuration_internal.h"
#include "core/base/output.h"

#include <stdarg.h>
#include <stdio.h>

#define DEPTH_MAX 32 /* of lists and mappings in one another; the schema has 7 */

static enum err fail_parser(const struct locate *locate, const yaml_parser_t *parser)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return fail(PL_NO_MEMORY, "no memory to read %s", locate->file);
	if (parser->error == YAML_READER_ERROR)
		return fail(PL_CONFIG_SYNTAX, "%s: it is no UTF-8 text at byte %zu: %s", locate->file,
		    parser->problem_offset, parser->problem);
	return fail(PL_CONFIG_SYNTAX, "%s:%zu:%zu: %s%s%s", locate->file, parser->problem_mark.line + 1,
	    parser->problem_mark.column + 1, parser->problem ? parser->problem : "it is no YAML",
	    parser->context ? ", " : "", parser->context ? parser->context : "");
}

/* Of events, not nodes: the library's work grows with the square of the depth, and an alias to a list of aliases stands for more values than
 * any memory holds. */
static enum err check_shape(struct locate *locate, yaml_parser_t *parser)
{
	yaml_event_type_t type = YAML_NO_EVENT;
	unsigned depth = 0;
	enum err err = ERR_OK;

	while (err == ERR_OK && type != YAML_STREAM_END_EVENT) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event))
			return fail_parser(locate, parser);
		type = event.type;
		depth += type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT;
		depth -= type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT;
		if (depth > DEPTH_MAX || type == YAML_ALIAS_EVENT)
			err = fail(PL_CONFIG_SYNTAX, "%s:%zu:%zu: %s", locate->file, event.start_mark.line + 1,
			    event.start_mark.column + 1,
			    type == YAML_ALIAS_EVENT ? "an alias (*name) is not allowed; write the values out"
						     : "lists and mappings are nested too deeply");
		yaml_event_delete(&event);
	}
	return err;
}

static enum err check_text_shape(struct locate *locate, const struct buffer *text)
{
	yaml_parser_t parser;
	enum err err;

	if (!yaml_parser_initialize(&parser))
		return fail(PL_NO_MEMORY, "no memory to read %s", locate->file);
	yaml_parser_set_input_string(&parser, text->data, text->length);
	err = check_shape(locate, &parser);
	yaml_parser_delete(&parser);
	return err;
}

enum err locate_open(struct locate *locate, const char *file, const struct buffer *text)
{
	yaml_parser_t parser;
	yaml_document_t more;
	const yaml_node_t *root = NULL;
	enum err err = ERR_OK;

	*locate = (struct locate){.file = file};
	err = check_text_shape(locate, text);
	if (err != ERR_OK)
		return err;
	if (!yaml_parser_initialize(&parser))
		return fail(PL_NO_MEMORY, "no memory to read %s", file);
	yaml_parser_set_input_string(&parser, text->data, text->length);
	if (!yaml_parser_load(&parser, &locate->document)) {
		err = fail_parser(locate, &parser);
		goto done;
	}
	locate->loaded = true;
	if (!yaml_document_get_root_node(&locate->document)) {
		err = fail(PL_CONFIG_NO_VALUE, "%s:1:1: the file is empty", file);
		goto done;
	}
	if (!yaml_parser_load(&parser, &more)) {
		err = fail_parser(locate, &parser);
		goto done;
	}
	root = yaml_document_get_root_node(&more);
	if (root)
		err = fail(PL_CONFIG_SYNTAX, "%s:%zu:%zu: a second document begins here; a configuration is one", file,
		    root->start_mark.line + 1, root->start_mark.column + 1);
	yaml_document_delete(&more);
done:
	yaml_parser_delete(&parser);
	return err;
}

void locate_close(struct locate *locate)
{
	if (locate->loaded)
		yaml_document_delete(&locate->document);
	*locate = (struct locate){0};
}

yaml_node_t *locate_member(struct locate *locate, yaml_node_t *node, const char *key, yaml_node_t **key_node)
{
	if (!node || node->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(&locate->document, pair->key);

		if (name->type != YAML_SCALAR_NODE || strcmp((const char *)name->data.scalar.value, key) != 0)
			continue;
		if (key_node)
			*key_node = name;
		return yaml_document_get_node(&locate->document, pair->value);
	}
	return NULL;
}

static yaml_node_t *item(struct locate *locate, yaml_node_t *node, size_t at)
{
	yaml_node_item_t *items;

	if (!node || node->type != YAML_SEQUENCE_NODE)
		return NULL;
	items = node->data.sequence.items.start;
	return at < (size_t)(node->data.sequence.items.top - items)
	    ? yaml_document_get_node(&locate->document, items[at])
	    : NULL;
}

/* The node of the path, or with `nearest` the last one on the way to it. */
static yaml_node_t *follow(struct locate *locate, const char *path, bool nearest)
{
	yaml_node_t *node = yaml_document_get_root_node(&locate->document);
	char key[CONFIGURATION_NAME_MAX];

	while (*path && node) {
		yaml_node_t *next;

		if (*path == '[') {
			next = item(locate, node, strtoul(path + 1, NULL, 10));
			path += strcspn(path, "]") + 1;
		} else {
			size_t length = strcspn(path, ".[");

			snprintf(key, sizeof(key), "%.*s", (int)length, path);
			next = locate_member(locate, node, key, NULL);
			path += length;
		}
		if (*path == '.')
			path++;
		if (!next && nearest)
			return node;
		node = next;
	}
	return node;
}

yaml_node_t *locate_find(struct locate *locate, const char *path)
{
	return follow(locate, path, false);
}

static enum err fail_at(const struct locate *locate, const yaml_node_t *node, enum message id, const char *path,
    const char *format, va_list arguments)
{
	char text[FAILURE_TEXT];

	vsnprintf(text, sizeof(text), format, arguments);
	return fail(id, "%s:%zu:%zu: %s%s%s", locate->file, node->start_mark.line + 1, node->start_mark.column + 1,
	    path, *path ? ": " : "", text);
}

enum err locate_fail_node(
    struct locate *locate, const yaml_node_t *node, enum message id, const char *path, const char *format, ...)
{
	va_list arguments;
	enum err err;

	va_start(arguments, format);
	err = fail_at(locate, node, id, path, format, arguments);
	va_end(arguments);
	return err;
}

enum err locate_fail(struct locate *locate, enum message id, const char *path, const char *format, ...)
{
	va_list arguments;
	enum err err;

	va_start(arguments, format);
	err = fail_at(locate, follow(locate, path, true), id, path, format, arguments);
	va_end(arguments);
	if (!locate->for_work || (id != PL_CONFIG_FILE && id != PL_CONFIG_SECRET))
		return err;
	output_failure_warning(failure_last());
	failure_clear();
	return ERR_OK;
}

struct locate_path locate_path(const char *format, ...)
{
	struct locate_path path;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(path.text, sizeof(path.text), format, arguments);
	va_end(arguments);
	return path;
}
