/*
 * Reading values out of JSON that cJSON has parsed, as strictly as the fields of logs and log lists
 * ask for.
 */
#ifndef SHARED_JSON_JSON_READER_H
#define SHARED_JSON_JSON_READER_H

#include "shared/base/buffer.h"

struct cJSON;

/* The member's text, or NULL if it is missing or no string. Lives as long as `object`. */
const char *json_read_string(const struct cJSON *object, const char *name);
/* False if the member is missing or no whole number from 0 to 2^53, beyond which cJSON's doubles
 * lose digits. */
bool json_read_unsigned(const struct cJSON *object, const char *name, uint64_t *out);
/* False unless the member is the base64 of exactly `size` bytes. */
bool json_read_base64(const struct cJSON *object, const char *name, uint8_t *out, size_t size);

#endif
