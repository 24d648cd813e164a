#include "core/record/record_member.h"

json_t *record_member(json_t *object, const char *name)
{
	return json_object_get(object, name);
}

const char *record_member_text(json_t *object, const char *name)
{
	const char *value = json_string_value(record_member(object, name));

	return value ? value : "";
}

uint64_t record_member_number(json_t *object, const char *name)
{
	json_int_t value = json_integer_value(record_member(object, name));

	return value > 0 ? (uint64_t)value : 0;
}
