#include "shared/json/json_reader.h"

#include <cjson/cJSON.h>

#include "shared/base/base64.h"

static const double exact_max = 9007199254740992.0;

const char *json_read_string(const struct cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

bool json_read_unsigned(const struct cJSON *object, const char *name, uint64_t *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= exact_max))
        return false;
    uint64_t value = (uint64_t)item->valuedouble;
    *out = value;
    return !((double)value < item->valuedouble);
}

bool json_read_base64(const struct cJSON *object, const char *name, uint8_t *out, size_t size)
{
    const char *text = json_read_string(object, name);
    return text && base64_decode_exactly(out, size, bytes_of_string(text));
}
