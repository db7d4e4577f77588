#include "streamer/filter/query.h"

void query_init(struct query *query)
{
    query->count = 0;
    query->size = 0;
}

static struct query_parameter split(struct bytes fragment)
{
    const uint8_t *equals = memchr(fragment.data, '=', fragment.size);
    size_t name = equals ? (size_t)(equals - fragment.data) : fragment.size;
    size_t value = equals ? name + 1 : name;
    return (struct query_parameter){
        .name = bytes_of(fragment.data, name),
        .value = bytes_of(fragment.data + value, fragment.size - value),
    };
}

bool query_add(struct query *query, struct bytes fragment)
{
    if (fragment.size == 0)
        return true;
    if (query->count == QUERY_PARAMETERS_MAX || fragment.size > QUERY_TEXT_MAX - query->size)
        return false;
    uint8_t *text = query->text + query->size;
    memcpy(text, fragment.data, fragment.size);
    query->size += fragment.size;
    query->parameters[query->count++] = split(bytes_of(text, fragment.size));
    return true;
}

struct bytes query_find(const struct query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++)
        if (bytes_equal_string(query->parameters[i].name, name))
            return query->parameters[i].value;
    return (struct bytes){ 0 };
}
