/* Walks the values along the schema, so that a key that is added there is written too. Each top-level key is a document of the library of its
 * own: between them there is room for comments, which it cannot write. */
#include "conf/write.h"
#include "conf/configuration_internal.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#define FLOW_MAX 100	 /* characters of a mapping that stands on one line, as {every: day, at: "01:00"} */
#define FLOW_NEVER 10000 /* it holds something that has no place on a line */
#define NUMBER_TEXT 24	 /* bytes of a written number */
#define NUMBER_WIDTH 6	 /* characters of the longest that a configuration takes */

struct writer {
	yaml_emitter_t emitter;
	struct buffer *out;
};

/* ---- values in memory ---- */

static int64_t number_at(const uint8_t *data, uint32_t size)
{
	int64_t number = 0;
	uint32_t word;

	if (size == sizeof(uint32_t)) {
		memcpy(&word, data, sizeof(word));
		number = (int32_t)word;
	} else {
		for (uint32_t i = size; i-- > 0;)
			number = number << 8 | data[i];
	}
	return number;
}

/* The value itself, behind its pointer where it has one; NULL where that is NULL. */
static const uint8_t *value_at(const cyaml_schema_value_t *schema, const uint8_t *data)
{
	const uint8_t *behind;

	if (!(schema->flags & CYAML_FLAG_POINTER))
		return data;
	memcpy(&behind, data, sizeof(behind));
	return behind;
}

/* From one item of a list to the next. */
static size_t step_of(const cyaml_schema_value_t *entry)
{
	return entry->flags & CYAML_FLAG_POINTER ? sizeof(void *) : entry->data_size;
}

static size_t items_of(const cyaml_schema_field_t *field, const uint8_t *structure)
{
	return (size_t)number_at(structure + field->count_offset, field->count_size);
}

/* What is optional and has no pointer is 0 where it is not given; but 0 is a minute, and hourly schedules must name theirs. And metrics are told
 * of everything: the file may not say so. */
static bool is_given(const cyaml_schema_field_t *fields, const cyaml_schema_field_t *field, const uint8_t *structure)
{
	const cyaml_schema_value_t *schema = &field->value;
	const uint8_t *value = value_at(schema, structure + field->data_offset);

	if (!value)
		return false;
	if (schema->type == CYAML_SEQUENCE)
		return items_of(field, structure) > 0;
	if (schema->type == CYAML_MAPPING || schema->flags & CYAML_FLAG_POINTER ||
	    !(schema->flags & CYAML_FLAG_OPTIONAL))
		return true;
	if (strcmp(field->key, "minute") == 0 && strcmp(fields->key, "every") == 0)
		return ((const struct configuration_schedule *)(const void *)structure)->every == EVERY_HOUR;
	if (strcmp(field->key, "on") == 0 && ((const struct configuration_channel *)(const void *)structure)->metrics)
		return false;
	return number_at(value, schema->data_size) != 0;
}

/* The word of an enumeration; "" for what has none. */
static const char *word_of(const cyaml_schema_value_t *schema, int64_t number)
{
	for (uint32_t i = 0; i < schema->enumeration.count; i++)
		if (schema->enumeration.strings[i].val == number)
			return schema->enumeration.strings[i].str;
	return "";
}

/* ---- events ---- */

static enum err emit(struct writer *writer, yaml_event_t *event, int made)
{
	if (made && yaml_emitter_emit(&writer->emitter, event))
		return ERR_OK;
	if (made && writer->emitter.error == YAML_EMITTER_ERROR)
		return fail(PL_CONFIG_SYNTAX, "the configuration cannot be written: %s", writer->emitter.problem);
	return fail(PL_NO_MEMORY, "no memory to write the configuration");
}

static bool is_reserved(const char *text)
{
	static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(words[i], text) == 0)
			return true;
	return false;
}

/* Line ends of YAML that are none of ours: in double quotes they are escapes, anywhere else they would come back as spaces. */
static bool has_other_line_ends(const char *text)
{
	return strstr(text, "\xc2\x85") || strstr(text, "\xe2\x80\xa8") || strstr(text, "\xe2\x80\xa9") ||
	    strchr(text, '\r');
}

/* The library takes a stricter style where that does not do. */
static yaml_scalar_style_t style_of(const char *text)
{
	const unsigned char first = (unsigned char)text[0];
	size_t length = strlen(text);

	if (has_other_line_ends(text))
		return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	if (strchr(text, '\n'))
		/* Several line ends at the end would want a mark behind the whole document. */
		return first == '\n' || first == ' ' || (length > 1 && strcmp(text + length - 2, "\n\n") == 0)
		    ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
		    : YAML_LITERAL_SCALAR_STYLE;
	if ((first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z') || first == '/' || first >= 0x80)
		return is_reserved(text) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE;
	return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
}

static enum err emit_scalar(struct writer *writer, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;
	int made;

	if (!output_is_utf8(text, strlen(text)))
		return fail(PL_CONFIG_SYNTAX, "a name that is not UTF-8 cannot stand in a configuration");
	made = yaml_scalar_event_initialize(
	    &event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), true, true, style);
	return emit(writer, &event, made);
}

static enum err emit_text(struct writer *writer, const char *text)
{
	return emit_scalar(writer, text, style_of(text));
}

/* ---- along the schema ---- */

static size_t width_of_list(const cyaml_schema_value_t *entry, const uint8_t *first, size_t items);
static enum err write_value(
    struct writer *writer, const cyaml_schema_value_t *schema, const uint8_t *data, size_t items);

/* Characters of a value on one line, about; FLOW_NEVER and more where it is a mapping, or has line ends. */
static size_t width_of(const cyaml_schema_value_t *schema, const uint8_t *data, size_t items)
{
	const uint8_t *value = value_at(schema, data);

	switch (schema->type) {
	case CYAML_MAPPING:
		return FLOW_NEVER;
	case CYAML_STRING:
		return strchr((const char *)value, '\n') ? FLOW_NEVER : strlen((const char *)value);
	case CYAML_SEQUENCE:
		return width_of_list(schema->sequence.entry, value, items);
	default:
		return NUMBER_WIDTH;
	}
}

static size_t width_of_list(const cyaml_schema_value_t *entry, const uint8_t *first, size_t items)
{
	size_t width = 0;

	for (size_t i = 0; i < items && width < FLOW_NEVER; i++)
		width += 2 + width_of(entry, first + i * step_of(entry), 0);
	return width;
}

static size_t width_of_mapping(const cyaml_schema_field_t *fields, const uint8_t *structure)
{
	size_t width = 0;

	for (const cyaml_schema_field_t *field = fields; field->key; field++)
		if (is_given(fields, field, structure))
			width += 4 + strlen(field->key) +
			    width_of(&field->value, structure + field->data_offset,
				field->value.type == CYAML_SEQUENCE ? items_of(field, structure) : 0);
	return width;
}

static enum err write_mapping(struct writer *writer, const cyaml_schema_field_t *fields, const uint8_t *structure)
{
	yaml_mapping_style_t style =
	    width_of_mapping(fields, structure) > FLOW_MAX ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE;
	yaml_event_t event;
	enum err err = emit(writer, &event, yaml_mapping_start_event_initialize(&event, NULL, NULL, true, style));

	for (const cyaml_schema_field_t *field = fields; err == ERR_OK && field->key; field++) {
		if (!is_given(fields, field, structure))
			continue;
		err = emit_scalar(writer, field->key, YAML_PLAIN_SCALAR_STYLE);
		if (err == ERR_OK)
			err = write_value(writer, &field->value, structure + field->data_offset,
			    field->value.type == CYAML_SEQUENCE ? items_of(field, structure) : 0);
	}
	return err == ERR_OK ? emit(writer, &event, yaml_mapping_end_event_initialize(&event)) : err;
}

static enum err start_list(struct writer *writer, bool flow)
{
	yaml_event_t event;

	return emit(writer, &event,
	    yaml_sequence_start_event_initialize(
		&event, NULL, NULL, true, flow ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE));
}

static enum err end_list(struct writer *writer)
{
	yaml_event_t event;

	return emit(writer, &event, yaml_sequence_end_event_initialize(&event));
}

static enum err write_list(
    struct writer *writer, const cyaml_schema_value_t *schema, const uint8_t *first, size_t items)
{
	const cyaml_schema_value_t *entry = schema->sequence.entry;
	enum err err = start_list(writer, width_of_list(entry, first, items) <= FLOW_MAX);

	for (size_t i = 0; err == ERR_OK && i < items; i++)
		err = write_value(writer, entry, first + i * step_of(entry), 0);
	return err == ERR_OK ? end_list(writer) : err;
}

static enum err write_flags(struct writer *writer, const cyaml_schema_value_t *schema, int64_t flags)
{
	enum err err = start_list(writer, true);

	for (uint32_t i = 0; err == ERR_OK && i < schema->enumeration.count; i++)
		if (flags & schema->enumeration.strings[i].val)
			err = emit_text(writer, schema->enumeration.strings[i].str);
	return err == ERR_OK ? end_list(writer) : err;
}

static enum err write_value(
    struct writer *writer, const cyaml_schema_value_t *schema, const uint8_t *data, size_t items)
{
	const uint8_t *value = value_at(schema, data);
	char number[NUMBER_TEXT];

	switch (schema->type) {
	case CYAML_MAPPING:
		return write_mapping(writer, schema->mapping.fields, value);
	case CYAML_SEQUENCE:
		return write_list(writer, schema, value, items);
	case CYAML_STRING:
		return emit_text(writer, (const char *)value);
	case CYAML_FLAGS:
		return write_flags(writer, schema, number_at(value, schema->data_size));
	case CYAML_ENUM:
		return emit_text(writer, word_of(schema, number_at(value, schema->data_size)));
	case CYAML_BOOL:
		return emit_scalar(writer, *value ? "true" : "false", YAML_PLAIN_SCALAR_STYLE);
	default:
		snprintf(number, sizeof(number), "%lld", (long long)number_at(value, schema->data_size));
		return emit_scalar(writer, number, YAML_PLAIN_SCALAR_STYLE);
	}
}

/* ---- documents and comments ---- */

static int on_bytes(void *context, unsigned char *bytes, size_t size)
{
	struct writer *writer = context;

	return buffer_append(writer->out, bytes, size) == ERR_OK;
}

static enum err write_section(
    const struct configuration *configuration, const cyaml_schema_field_t *field, struct buffer *out)
{
	const uint8_t *top = (const uint8_t *)configuration;
	struct writer writer = {.out = out};
	yaml_event_t event;
	enum err err;

	if (!yaml_emitter_initialize(&writer.emitter))
		return fail(PL_NO_MEMORY, "no memory to write the configuration");
	yaml_emitter_set_output(&writer.emitter, on_bytes, &writer);
	yaml_emitter_set_unicode(&writer.emitter, true);
	yaml_emitter_set_width(&writer.emitter, -1); /* no line is folded: a path stays in one piece */
	err = emit(&writer, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	if (err == ERR_OK)
		err = emit(&writer, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, true));
	if (err == ERR_OK)
		err = emit(&writer, &event,
		    yaml_mapping_start_event_initialize(&event, NULL, NULL, true, YAML_BLOCK_MAPPING_STYLE));
	if (err == ERR_OK)
		err = emit_scalar(&writer, field->key, YAML_PLAIN_SCALAR_STYLE);
	if (err == ERR_OK)
		err = write_value(&writer, &field->value, top + field->data_offset,
		    field->value.type == CYAML_SEQUENCE ? items_of(field, top) : 0);
	if (err == ERR_OK)
		err = emit(&writer, &event, yaml_mapping_end_event_initialize(&event));
	if (err == ERR_OK)
		err = emit(&writer, &event, yaml_document_end_event_initialize(&event, true));
	if (err == ERR_OK)
		err = emit(&writer, &event, yaml_stream_end_event_initialize(&event));
	yaml_emitter_delete(&writer.emitter);
	return err;
}

static enum err write_comment(const struct write_comment *comments, const char *key, struct buffer *out)
{
	bool at_start = true;
	enum err err = ERR_OK;

	while (comments && comments->key && strcmp(comments->key, key) != 0)
		comments++;
	if (!comments || !comments->key)
		return ERR_OK;
	for (const char *at = comments->text; err == ERR_OK && *at; at++) {
		if (at_start)
			err = buffer_append_text(out, *at == '\n' ? "#" : "# ");
		if (err == ERR_OK)
			err = buffer_append_u8(out, (uint8_t)(*at == '\n' || (*at >= ' ' && *at <= '~') ? *at : '?'));
		at_start = *at == '\n';
	}
	return err == ERR_OK && !at_start ? buffer_append_u8(out, '\n') : err;
}

enum err write_configuration(
    const struct configuration *configuration, const struct write_comment *comments, struct buffer *out)
{
	const cyaml_schema_field_t *fields = configuration_schema.mapping.fields;
	enum err err = write_comment(comments, "", out);

	for (const cyaml_schema_field_t *field = fields; err == ERR_OK && field->key; field++) {
		if (!is_given(fields, field, (const uint8_t *)configuration))
			continue;
		if (out->length > 0)
			err = buffer_append_u8(out, '\n');
		if (err == ERR_OK)
			err = write_comment(comments, field->key, out);
		if (err == ERR_OK)
			err = write_section(configuration, field, out);
	}
	return err;
}
