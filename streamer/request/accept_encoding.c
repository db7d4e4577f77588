#include "streamer/request/accept_encoding.h"

#include "streamer/request/header_value.h"

/* A weight of zero is "0", "0.", "0.0" … "0.000". */
static bool is_zero(struct bytes weight)
{
    for (size_t i = 0; i < weight.size; i++)
        if (weight.data[i] != '0' && weight.data[i] != '.')
            return false;
    return weight.size > 0;
}

/* Cuts off what stands in front of the next semicolon. */
static struct bytes take_parameter(struct bytes *element)
{
    const uint8_t *semicolon = memchr(element->data, ';', element->size);
    size_t size = semicolon ? (size_t)(semicolon - element->data) : element->size;
    size_t used = semicolon ? size + 1 : size;
    struct bytes part = header_value_trim(bytes_of(element->data, size));
    *element = bytes_of(element->data + used, element->size - used);
    return part;
}

static bool is_refused(struct bytes parameters)
{
    while (parameters.size) {
        struct bytes part = take_parameter(&parameters);
        bool is_weight =
            part.size > 2 && header_value_equal(bytes_of(part.data, 2), bytes_of_string("q="));
        if (is_weight && is_zero(bytes_of(part.data + 2, part.size - 2)))
            return true;
    }
    return false;
}

bool accept_encoding_has_gzip(struct bytes value)
{
    bool takes_all = false;
    for (struct bytes element; (element = header_value_take_element(&value)).size;) {
        struct bytes coding = take_parameter(&element);
        if (header_value_equal(coding, bytes_of_string("gzip")) ||
            header_value_equal(coding, bytes_of_string("x-gzip")))
            return !is_refused(element);
        takes_all |= bytes_equal_string(coding, "*") && !is_refused(element);
    }
    return takes_all;
}
