/* What the tests of papers share: samples in every form, and what stands in them. Each ends the test where something is wrong. */
#ifndef PULIH_TESTS_REPORT_FORMS_H
#define PULIH_TESTS_REPORT_FORMS_H

#include "core/record/record_report.h"
#include "core/record/report_html.h"
#include "core/record/report_pdf.h"
#include "core/record/report_text.h"
#include "tests/unit/report_samples.h"

typedef enum err report_form(const struct report_model *model, struct buffer *out);

/* Set-up and teardown of a group of tests. */
int report_forms_up(void **state);
int report_forms_down(void **state);
/* Of the samples, from one to the other. */
extern struct keys *report_forms_keys;

void make_report(struct report_model *model, struct record_original *original, enum report_sample which);
/* Ends with a NUL that does not count. */
void form_of(enum report_sample which, report_form *form, struct buffer *out);
/* The text of a page of a PDF (0: of all), in the order in which it was drawn; ends like that of form_of(). */
void text_of_pdf(const struct buffer *pdf, int page, struct buffer *text);
size_t pages_of(const struct buffer *pdf);
/* Without blanks and line ends: how a text is wrapped is the form's own affair. */
char *squeezed(const char *text); /* to be freed with mem_free */
bool has_words(const char *text, const char *words);
size_t times_in(const char *text, const char *words);

#endif
