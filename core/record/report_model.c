#include "core/record/report_model.h"

#include "core/base/mem.h"
#include "core/base/output.h"

#include <stdio.h>

#define ROOM_FIRST 8

void report_model_free(struct report_model *model)
{
	for (size_t i = 0; i < model->blocks_count; i++) {
		mem_free(model->blocks[i].fields);
		mem_free(model->blocks[i].cells);
		mem_free(model->blocks[i].strong);
	}
	mem_free(model->blocks);
	arena_free(&model->arena);
	*model = (struct report_model){0};
}

/* The first error is the one that counts. */
static void no_memory(struct report_model *model)
{
	if (model->err == ERR_OK)
		model->err = ERR_NOMEM;
}

/* Room for one more item of an array that has `count`; false where memory ran out. */
static bool grow(struct report_model *model, void *array, size_t size, size_t count, size_t *room)
{
	void **items = array;
	size_t wanted = *room ? *room * 2 : ROOM_FIRST;
	void *grown;

	if (count < *room)
		return true;
	grown = mem_resize(*items, wanted, size);
	if (!grown) {
		no_memory(model);
		return false;
	}
	*items = grown;
	*room = wanted;
	return true;
}

/* ---- texts ---- */

/* The character of valid UTF-8 at `at`, and its length. */
static uint32_t character_at(const char *at, size_t *length)
{
	const unsigned char *byte = (const unsigned char *)at;

	*length = byte[0] < 0x80 ? 1 : byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : 4;
	switch (*length) {
	case 1:
		return byte[0];
	case 2:
		return (byte[0] & 0x1Fu) << 6 | (byte[1] & 0x3Fu);
	case 3:
		return (byte[0] & 0x0Fu) << 12 | (byte[1] & 0x3Fu) << 6 | (byte[2] & 0x3Fu);
	default:
		return (byte[0] & 0x07u) << 18 | (byte[1] & 0x3Fu) << 12 | (byte[2] & 0x3Fu) << 6 | (byte[3] & 0x3Fu);
	}
}

/* Characters that show nothing themselves and change what is shown around them: they could make one name look like another. */
static bool is_deceptive(uint32_t character)
{
	return character == 0x00AD || character == 0x061C || (character >= 0x200B && character <= 0x200F) ||
	    (character >= 0x2028 && character <= 0x202E) || (character >= 0x2060 && character <= 0x206F) ||
	    character == 0xFEFF || character == 0xFFFE || character == 0xFFFF ||
	    (character >= 0xE0000 && character <= 0xE007F);
}

const char *report_model_text(struct report_model *model, const char *text)
{
	char *printable = model->err == ERR_OK ? output_printable(text, strlen(text)) : NULL;
	size_t size = 1, length;
	char *copy, *out;

	if (!printable) {
		no_memory(model);
		return "";
	}
	for (const char *at = printable; *at; at += length)
		size += is_deceptive(character_at(at, &length)) ? sizeof("\\u{e0000}") : length;
	copy = out = arena_alloc(&model->arena, size);
	for (const char *at = printable; copy && *at; at += length) {
		uint32_t character = character_at(at, &length);

		if (is_deceptive(character)) {
			out += snprintf(out, sizeof("\\u{e0000}"), "\\u{%04x}", character);
			continue;
		}
		memcpy(out, at, length);
		out += length;
	}
	mem_free(printable);
	if (!copy) {
		no_memory(model);
		return "";
	}
	*out = '\0';
	return copy;
}

const char *report_model_format(struct report_model *model, const char *format, ...)
{
	va_list arguments;
	const char *text = "";
	char *made;
	int length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	made = length >= 0 && model->err == ERR_OK ? mem_alloc((size_t)length + 1) : NULL;
	if (!made) {
		no_memory(model);
		return "";
	}
	va_start(arguments, format);
	vsnprintf(made, (size_t)length + 1, format, arguments);
	va_end(arguments);
	text = report_model_text(model, made);
	mem_free(made);
	return text;
}

const char *report_model_word(const struct report_model *model, enum word word)
{
	return record_word(word, model->english);
}

const char *report_model_fill(struct report_model *model, enum word word, const char *const arguments[])
{
	size_t size = record_fill(NULL, 0, word, model->english, arguments) + 1;
	char *made = model->err == ERR_OK ? mem_alloc(size) : NULL;
	const char *text;

	if (!made) {
		no_memory(model);
		return "";
	}
	record_fill(made, size, word, model->english, arguments);
	text = report_model_text(model, made);
	mem_free(made);
	return text;
}

/* ---- blocks ---- */

/* NULL where there is an error. Texts of it are never NULL but `note`, `place`. */
static struct report_block *add(struct report_model *model, enum report_kind kind)
{
	struct report_block *block;

	if (model->err != ERR_OK ||
	    !grow(model, &model->blocks, sizeof(*block), model->blocks_count, &model->blocks_room))
		return NULL;
	block = &model->blocks[model->blocks_count++];
	*block = (struct report_block){.kind = kind, .text = ""};
	return block;
}

/* The last block, where it is of that kind; else NULL. */
static struct report_block *last(struct report_model *model, enum report_kind kind)
{
	struct report_block *block = model->blocks_count ? &model->blocks[model->blocks_count - 1] : NULL;

	return model->err == ERR_OK && block && block->kind == kind ? block : NULL;
}

/* Lines of an address, each made printable, parted by '\n' again. */
static const char *lines(struct report_model *model, const char *text)
{
	const char *joined = "";

	while (*text && model->err == ERR_OK) {
		size_t length = strcspn(text, "\n");
		const char *line = report_model_format(model, "%.*s", (int)length, text);
		size_t before = strlen(joined);
		char *both = arena_alloc(&model->arena, before + strlen(line) + 2);

		if (!both) {
			no_memory(model);
			return "";
		}
		snprintf(both, before + strlen(line) + 2, "%s%s%s", joined, before && *line ? "\n" : "", line);
		joined = both;
		text += length;
		text += *text == '\n';
	}
	return joined;
}

void report_model_head(
    struct report_model *model, const char *office, const char *address, enum word title, const char *subtitle)
{
	model->office = report_model_text(model, office);
	model->address = lines(model, address);
	model->title = report_model_word(model, title);
	model->subtitle = report_model_text(model, subtitle);
	model->foot = model->title;
	model->created = "";
}

void report_model_heading(struct report_model *model, enum word text)
{
	const char *made =
	    report_model_format(model, "%c. %s", (int)('A' + model->headings % 26), report_model_word(model, text));
	struct report_block *block = add(model, REPORT_HEADING);

	model->headings++;
	if (block)
		block->text = made;
}

void report_model_paragraph(struct report_model *model, const char *text)
{
	const char *made = report_model_text(model, text);
	struct report_block *block = add(model, REPORT_PARAGRAPH);

	if (block)
		block->text = made;
}

void report_model_fields(struct report_model *model, bool boxed)
{
	struct report_block *block = add(model, REPORT_FIELDS);

	if (block)
		block->boxed = boxed;
}

static void add_field(struct report_model *model, const char *label, const char *value, bool strong)
{
	const char *made = report_model_text(model, value);
	struct report_block *block = last(model, REPORT_FIELDS);

	if (!block)
		block = last(model, REPORT_PROOF);
	if (!block)
		block = add(model, REPORT_FIELDS);
	if (block && grow(model, &block->fields, sizeof(*block->fields), block->fields_count, &block->fields_room))
		block->fields[block->fields_count++] = (struct report_field){label, made, strong};
}

void report_model_field(struct report_model *model, enum word label, const char *value)
{
	add_field(model, report_model_word(model, label), value, false);
}

void report_model_field_given(struct report_model *model, enum word label, const char *value)
{
	if (*value)
		report_model_field(model, label, value);
}

void report_model_field_strong(struct report_model *model, enum word label, const char *value)
{
	add_field(model, report_model_word(model, label), value, true);
}

void report_model_field_more(struct report_model *model, const char *value)
{
	add_field(model, "", value, false);
}

void report_model_table(struct report_model *model, const struct report_heading *columns, size_t count)
{
	struct report_block *block = add(model, REPORT_TABLE);
	struct report_column *made = block ? arena_alloc(&model->arena, count * sizeof(*made)) : NULL;

	if (!made) {
		no_memory(model);
		return;
	}
	for (size_t i = 0; i < count; i++)
		made[i] = (struct report_column){.title = report_model_word(model, columns[i].title),
		    .group = columns[i].group == REPORT_NO_GROUP ? NULL : report_model_word(model, columns[i].group),
		    .weight = columns[i].weight,
		    .right = columns[i].right};
	block->columns = made;
	block->columns_count = count;
}

void report_model_row(struct report_model *model, const char *const *cells, bool strong)
{
	struct report_block *block = last(model, REPORT_TABLE);
	size_t room, columns;
	const char **row;

	if (!block)
		return;
	columns = block->columns_count;
	room = block->rows_room;
	if (!grow(model, &block->strong, sizeof(*block->strong), block->rows_count, &room) ||
	    !grow(model, &block->cells, columns * sizeof(*block->cells), block->rows_count, &block->rows_room))
		return;
	row = &block->cells[block->rows_count * columns];
	for (size_t i = 0; i < columns; i++)
		row[i] = report_model_text(model, cells[i]);
	block->strong[block->rows_count++] = strong;
}

void report_model_signatures(
    struct report_model *model, const char *place, const struct report_signature *signatures, size_t count)
{
	const char *date = report_model_format(
	    model, "%s, %s", *place ? place : report_model_word(model, WORD_DATE_LINE), REPORT_DATE_BLANK);
	struct report_signature *made = model->err == ERR_OK ? arena_alloc(&model->arena, count * sizeof(*made)) : NULL;
	struct report_block *block;

	if (!made) {
		no_memory(model);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct report_signature *from = &signatures[i];
		const char *nip = *from->nip ? from->nip : *from->name ? "-" : REPORT_SIGN_BLANK;

		made[i] = (struct report_signature){.place = i + 1 == count ? date : "",
		    .role = report_model_text(model, from->role),
		    .position = report_model_text(model, from->position),
		    .name = report_model_text(model, *from->name ? from->name : REPORT_SIGN_BLANK),
		    .nip = report_model_format(model, "%s %s", report_model_word(model, WORD_NIP), nip)};
	}
	block = add(model, REPORT_SIGNATURES);
	if (!block)
		return;
	block->signatures = made;
	block->signatures_count = count;
}

void report_model_proof(struct report_model *model, const char *qr)
{
	const char *made = report_model_text(model, qr);
	struct report_block *block = add(model, REPORT_PROOF);

	if (block)
		block->text = made;
}

unsigned report_model_annex(struct report_model *model, enum word title, const char *note)
{
	char number[16];
	const char *made, *note_made = report_model_text(model, note);
	struct report_block *block;

	snprintf(number, sizeof(number), "%u", ++model->annexes);
	made = report_model_fill(model, WORD_ANNEX_TITLE, RECORD_ARGUMENTS(number, report_model_word(model, title)));
	block = add(model, REPORT_ANNEX);
	if (block) {
		block->text = made;
		block->note = note_made;
	}
	return model->annexes;
}

void report_model_edges(const struct report_block *block, double *out)
{
	unsigned sum = 0, before = 0;

	for (size_t i = 0; i < block->columns_count; i++)
		sum += block->columns[i].weight;
	for (size_t i = 0; i < block->columns_count; i++) {
		out[i] = (double)before / sum;
		before += block->columns[i].weight;
	}
	out[block->columns_count] = 1;
}

size_t report_model_group(const struct report_block *block, size_t first)
{
	size_t count = 1;

	while (block->columns[first].group && first + count < block->columns_count &&
	    block->columns[first + count].group == block->columns[first].group)
		count++;
	return count;
}

size_t report_model_kept(const struct report_model *model, size_t at)
{
	size_t last = model->blocks_count - 1;

	if (at < last && model->blocks[at + 1].kind == REPORT_PROOF)
		return 1;
	return at + 1 < last && model->blocks[at + 1].kind == REPORT_FIELDS &&
		model->blocks[at + 2].kind == REPORT_SIGNATURES
	    ? 2
	    : 0;
}

bool report_model_row_is_blank(const struct report_block *block, size_t row)
{
	const char *const *cells = &block->cells[row * block->columns_count];

	for (size_t i = 1; i < block->columns_count; i++)
		if (*cells[i])
			return false;
	return block->columns_count > 1;
}
