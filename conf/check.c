/* The tree against the schema. Recursion is as deep as the schema, not as the file. */
#include "conf/configuration_internal.h"

#include <stdio.h>

#define ALLOWED_MAX 512 /* bytes of a list of what is allowed */

static enum err check_value(
    struct locate *locate, const cyaml_schema_value_t *schema, yaml_node_t *node, const char *path);

static void append(char list[ALLOWED_MAX], const char *word)
{
	size_t length = strlen(list);

	snprintf(list + length, ALLOWED_MAX - length, "%s%s", length ? ", " : "", word);
}

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *key)
{
	for (; fields->key; fields++)
		if (strcmp(fields->key, key) == 0)
			return fields;
	return NULL;
}

static enum err fail_unknown(
    struct locate *locate, const yaml_node_t *key, const cyaml_schema_field_t *fields, const char *path)
{
	char list[ALLOWED_MAX] = "";

	for (; fields->key; fields++)
		append(list, fields->key);
	return locate_fail_node(locate, key, PL_CONFIG_KEY, path, "there is no key \"%s\" here; allowed: %s",
	    (const char *)key->data.scalar.value, list);
}

/* A plain scalar that YAML takes for nothing. */
static bool is_nothing(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    (!*text || strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0);
}

static const char *kind_of(const yaml_node_t *node)
{
	switch (node->type) {
	case YAML_SEQUENCE_NODE:
		return "a list";
	case YAML_MAPPING_NODE:
		return "a mapping";
	default:
		return is_nothing(node) ? "nothing" : "a single value";
	}
}

static enum err fail_type(struct locate *locate, const yaml_node_t *node, const char *path, const char *wanted)
{
	if (node->type == YAML_SCALAR_NODE && is_nothing(node))
		return locate_fail_node(
		    locate, node, PL_CONFIG_NO_VALUE, path, "the value is missing; wanted: %s", wanted);
	return locate_fail_node(locate, node, PL_CONFIG_TYPE, path, "this is %s; wanted: %s", kind_of(node), wanted);
}

static bool key_seen_before(struct locate *locate, yaml_node_t *mapping, const yaml_node_pair_t *end, const char *key)
{
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < end; pair++) {
		const yaml_node_t *other = yaml_document_get_node(&locate->document, pair->key);

		if (strcmp((const char *)other->data.scalar.value, key) == 0)
			return true;
	}
	return false;
}

static enum err check_mapping(
    struct locate *locate, const cyaml_schema_field_t *fields, yaml_node_t *node, const char *path)
{
	enum err err = ERR_OK;

	if (node->type != YAML_MAPPING_NODE)
		return fail_type(locate, node, path, "a mapping (key: value)");
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     err == ERR_OK && pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&locate->document, pair->key);
		const cyaml_schema_field_t *field;
		const char *name;

		if (key->type != YAML_SCALAR_NODE)
			return locate_fail_node(
			    locate, key, PL_CONFIG_TYPE, path, "a key is %s; wanted: a word", kind_of(key));
		name = (const char *)key->data.scalar.value;
		field = find_field(fields, name);
		if (!field)
			return fail_unknown(locate, key, fields, path);
		if (key_seen_before(locate, node, pair, name))
			return locate_fail_node(
			    locate, key, PL_CONFIG_DUPLICATE, path, "the key \"%s\" stands twice", name);
		err = check_value(locate, &field->value, yaml_document_get_node(&locate->document, pair->value),
		    locate_path("%s%s%s", path, *path ? "." : "", name).text);
	}
	for (; err == ERR_OK && fields->key; fields++)
		if (!(fields->value.flags & CYAML_FLAG_OPTIONAL) && !locate_member(locate, node, fields->key, NULL))
			return locate_fail_node(
			    locate, node, PL_CONFIG_NO_VALUE, path, "the key \"%s\" is missing", fields->key);
	return err;
}

static enum err check_sequence(
    struct locate *locate, const cyaml_schema_value_t *schema, yaml_node_t *node, const char *path)
{
	size_t count, i = 0;
	enum err err = ERR_OK;

	if (node->type != YAML_SEQUENCE_NODE)
		return fail_type(locate, node, path, "a list");
	count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (count < schema->sequence.min)
		return locate_fail_node(locate, node, PL_CONFIG_NO_VALUE, path, "the list is empty");
	if (count > schema->sequence.max)
		return locate_fail_node(locate, node, PL_CONFIG_VALUE, path,
		    "the list has %zu items; at most %u are allowed", count, schema->sequence.max);
	for (yaml_node_item_t *at = node->data.sequence.items.start;
	     err == ERR_OK && at < node->data.sequence.items.top; at++, i++)
		err = check_value(locate, schema->sequence.entry, yaml_document_get_node(&locate->document, *at),
		    locate_path("%s[%zu]", path, i).text);
	return err;
}

/* The one text whose line ends mean something: the letterhead of reports. */
#define OF_SEVERAL_LINES "office.address"

static enum err check_text(
    struct locate *locate, const cyaml_schema_value_t *schema, yaml_node_t *node, const char *path)
{
	size_t length = node->data.scalar.length;
	const unsigned char *text = node->data.scalar.value;

	if (length == 0)
		return locate_fail_node(locate, node, PL_CONFIG_NO_VALUE, path, "the value is empty; wanted: a text");
	if (length > schema->string.max)
		return locate_fail_node(locate, node, PL_CONFIG_VALUE, path,
		    "the text has %zu bytes; at most %u are allowed", length, schema->string.max);
	for (size_t i = 0; i < length; i++)
		if ((text[i] < 0x20 || text[i] == 0x7f) && !(text[i] == '\n' && strcmp(path, OF_SEVERAL_LINES) == 0))
			return locate_fail_node(locate, node, PL_CONFIG_VALUE, path,
			    "the text holds a control character (line end, tab, NUL, ...)");
	return ERR_OK;
}

/* CYAML_INT may be below 0, CYAML_UINT not. */
static enum err check_number(
    struct locate *locate, const cyaml_schema_value_t *schema, yaml_node_t *node, const char *path)
{
	const char *whole = (const char *)node->data.scalar.value, *text = whole;
	size_t length = node->data.scalar.length;
	bool is_signed = schema->type == CYAML_INT;

	if (is_signed && length > 1 && text[0] == '-' && text[1] != '0') {
		text++;
		length--;
	}
	/* At most 6 digits: no number of the configuration needs more, and none overflows. A leading zero would be octal for some. */
	if (length == 0 || length > 6 || strspn(text, "0123456789") != length || (text[0] == '0' && length > 1))
		return locate_fail_node(locate, node, PL_CONFIG_TYPE, path,
		    "\"%s\" is no number; wanted: a number from %s to 999999", whole, is_signed ? "-999999" : "0");
	return ERR_OK;
}

static enum err check_word(
    struct locate *locate, const cyaml_schema_value_t *schema, yaml_node_t *node, const char *path)
{
	const char *text = (const char *)node->data.scalar.value;
	char list[ALLOWED_MAX] = "";

	for (uint32_t i = 0; i < schema->enumeration.count; i++) {
		if (strcmp(schema->enumeration.strings[i].str, text) == 0)
			return ERR_OK;
		append(list, schema->enumeration.strings[i].str);
	}
	return locate_fail_node(locate, node, PL_CONFIG_VALUE, path, "\"%s\" is not known; allowed: %s", text, list);
}

/* A list of words, each of them once. */
static enum err check_words(
    struct locate *locate, const cyaml_schema_value_t *schema, yaml_node_t *node, const char *path)
{
	const yaml_node_item_t *first, *end;
	enum err err = ERR_OK;

	if (node->type != YAML_SEQUENCE_NODE)
		return fail_type(locate, node, path, "a list of words");
	first = node->data.sequence.items.start;
	end = node->data.sequence.items.top;
	if (first == end)
		return locate_fail_node(locate, node, PL_CONFIG_NO_VALUE, path, "the list is empty");
	for (const yaml_node_item_t *at = first; err == ERR_OK && at < end; at++) {
		yaml_node_t *word = yaml_document_get_node(&locate->document, *at);
		struct locate_path item = locate_path("%s[%zu]", path, (size_t)(at - first));

		if (word->type != YAML_SCALAR_NODE || is_nothing(word))
			return fail_type(locate, word, item.text, "a word");
		err = check_word(locate, schema, word, item.text);
		for (const yaml_node_item_t *other = first; err == ERR_OK && other < at; other++)
			if (strcmp((const char *)yaml_document_get_node(&locate->document, *other)->data.scalar.value,
				(const char *)word->data.scalar.value) == 0)
				err = locate_fail_node(locate, word, PL_CONFIG_DUPLICATE, item.text,
				    "\"%s\" stands twice", (const char *)word->data.scalar.value);
	}
	return err;
}

static enum err check_value(
    struct locate *locate, const cyaml_schema_value_t *schema, yaml_node_t *node, const char *path)
{
	const char *text = (const char *)node->data.scalar.value;
	const bool is_number = schema->type == CYAML_INT || schema->type == CYAML_UINT;

	if (schema->type == CYAML_MAPPING)
		return check_mapping(locate, schema->mapping.fields, node, path);
	if (schema->type == CYAML_SEQUENCE)
		return check_sequence(locate, schema, node, path);
	if (schema->type == CYAML_FLAGS)
		return check_words(locate, schema, node, path);
	if (node->type != YAML_SCALAR_NODE || is_nothing(node))
		return fail_type(locate, node, path,
		    schema->type == CYAML_STRING     ? "a text"
			: schema->type == CYAML_BOOL ? "true or false"
			: is_number		     ? "a number"
						     : "a word");
	if (schema->type == CYAML_STRING)
		return check_text(locate, schema, node, path);
	if (is_number)
		return check_number(locate, schema, node, path);
	if (schema->type == CYAML_ENUM)
		return check_word(locate, schema, node, path);
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return locate_fail_node(
		    locate, node, PL_CONFIG_TYPE, path, "\"%s\" is neither; wanted: true or false", text);
	return ERR_OK;
}

enum err check_schema(struct locate *locate, const cyaml_schema_value_t *schema)
{
	return check_value(locate, schema, yaml_document_get_root_node(&locate->document), "");
}
