#include "tests/unit/report_forms.h"

#include "core/base/mem.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

struct keys *report_forms_keys;

void make_report(struct report_model *model, struct record_original *original, enum report_sample which)
{
	assert_int_equal(report_sample(original, which, report_forms_keys), ERR_OK);
	assert_int_equal(record_report(model, original, NULL), ERR_OK);
}

void form_of(enum report_sample which, report_form *form, struct buffer *out)
{
	struct record_original original = {0};
	struct report_model model = {0};

	make_report(&model, &original, which);
	assert_int_equal(form(&model, out), ERR_OK);
	assert_int_equal(buffer_append_u8(out, 0), ERR_OK);
	out->length--;
	report_model_free(&model);
	record_original_free(&original);
}

void text_of_pdf(const struct buffer *pdf, int page, struct buffer *text)
{
	char path[] = "/tmp/pulih-test-XXXXXX", command[160], bytes[4096];
	int fd = mkstemp(path);
	size_t got;
	FILE *pipe;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, pdf->data, pdf->length), pdf->length);
	close(fd);
	if (page > 0)
		snprintf(command, sizeof(command), "pdftotext -raw -f %d -l %d %s -", page, page, path);
	else
		snprintf(command, sizeof(command), "pdftotext -raw %s -", path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	while ((got = fread(bytes, 1, sizeof(bytes), pipe)) > 0)
		assert_int_equal(buffer_append(text, bytes, got), ERR_OK);
	assert_int_equal(pclose(pipe), 0);
	assert_int_equal(buffer_append_u8(text, 0), ERR_OK);
	text->length--;
	unlink(path);
}

size_t pages_of(const struct buffer *pdf)
{
	static const char mark[] = "/Count ";
	const char *at = memmem(pdf->data, pdf->length, mark, strlen(mark));

	assert_non_null(at);
	return (size_t)atoi(at + strlen(mark));
}

char *squeezed(const char *text)
{
	char *out = mem_string(text), *to = out;

	assert_non_null(out);
	for (const char *at = out; *at; at++)
		if (!isspace((unsigned char)*at))
			*to++ = *at;
	*to = '\0';
	return out;
}

bool has_words(const char *text, const char *words)
{
	char *in = squeezed(text), *wanted = squeezed(words);
	bool found = strstr(in, wanted) != NULL;

	mem_free(in);
	mem_free(wanted);
	return found;
}

size_t times_in(const char *text, const char *words)
{
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
		count++;
	return count;
}

int report_forms_up(void **state)
{
	(void)state;
	report_forms_keys = report_samples_begin();
	return report_forms_keys ? 0 : -1;
}

int report_forms_down(void **state)
{
	(void)state;
	keys_free(report_forms_keys);
	return 0;
}
