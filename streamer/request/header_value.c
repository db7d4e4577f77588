#include "streamer/request/header_value.h"

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

struct bytes header_value_trim(struct bytes value)
{
    while (value.size && is_space(value.data[value.size - 1]))
        value.size--;
    while (value.size && is_space(value.data[0]))
        value = bytes_of(value.data + 1, value.size - 1);
    return value;
}

struct bytes header_value_take_element(struct bytes *list)
{
    while (list->size) {
        const uint8_t *comma = memchr(list->data, ',', list->size);
        size_t size = comma ? (size_t)(comma - list->data) : list->size;
        size_t used = comma ? size + 1 : size;
        struct bytes element = header_value_trim(bytes_of(list->data, size));
        *list = bytes_of(list->data + used, list->size - used);
        if (element.size)
            return element;
    }
    return (struct bytes){ 0 };
}

static uint8_t lower_octet(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 'a' - 'A') : byte;
}

bool header_value_equal(struct bytes a, struct bytes b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower_octet(a.data[i]) != lower_octet(b.data[i]))
            return false;
    return true;
}

bool header_value_is_token(struct bytes text)
{
    static const char separators[] = "\"(),/:;<=>?@[\\]{}";
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f ||
            memchr(separators, text.data[i], sizeof separators - 1))
            return false;
    return text.size > 0;
}
