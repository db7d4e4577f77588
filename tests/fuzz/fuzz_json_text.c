/* Any bytes as text: both ways of escaping make a JSON string of valid UTF-8, which holds the text
 * where that was valid. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "shared/base/utf8.h"
#include "shared/json/json_go_escape.h"
#include "shared/json/json_writer.h"
#include "tests/fuzz/fuzz.h"

enum {
    LIMIT = 64 << 20
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static bool is_utf8_without_nul(struct bytes text)
{
    for (size_t at = 0; at < text.size;) {
        size_t size = utf8_sequence_size(bytes_of(text.data + at, text.size - at));
        if (!size || !text.data[at])
            return false;
        at += size;
    }
    return true;
}

static void check_string(struct buffer *json, struct bytes text)
{
    buffer_append_byte(json, '"');
    check(json->data && !json->failed);
    check(is_utf8_without_nul(buffer_bytes(json)));
    for (size_t i = 0; i < json->size; i++)
        check(json->data[i] >= 0x20);
    cJSON *parsed = cJSON_ParseWithLength((const char *)json->data, json->size);
    check(cJSON_IsString(parsed));
    if (is_utf8_without_nul(text)) {
        check(strlen(parsed->valuestring) == text.size);
        check(!text.size || memcmp(parsed->valuestring, text.data, text.size) == 0);
    }
    cJSON_Delete(parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    struct buffer json;
    buffer_init(&json, LIMIT);
    for (int way = 0; way < 3; way++) {
        buffer_clear(&json);
        buffer_append_byte(&json, '"');
        if (way == 0)
            json_escape(&json, text);
        else
            json_go_escape(&json, text, way == 2);
        check_string(&json, text);
    }
    buffer_free(&json);
    return 0;
}
