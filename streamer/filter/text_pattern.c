#include "streamer/filter/text_pattern.h"

void text_pattern_lower(uint8_t *out, struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        out[i] = (uint8_t)(byte | (byte >= 'A' && byte <= 'Z' ? 0x20 : 0));
    }
}

struct text_pattern text_pattern_of(struct bytes text)
{
    struct text_pattern pattern = { .core = text };
    if (text.size > 0 && text.data[0] == '*') {
        pattern.is_open_start = true;
        pattern.core = bytes_of(text.data + 1, text.size - 1);
    }
    if (pattern.core.size > 0 && pattern.core.data[pattern.core.size - 1] == '*') {
        pattern.is_open_end = true;
        pattern.core.size--;
    }
    return pattern;
}

const uint8_t *text_pattern_find(struct bytes whole, struct bytes part)
{
    if (part.size == 0)
        return whole.data;
    return whole.size < part.size ? NULL : memmem(whole.data, whole.size, part.data, part.size);
}

bool text_pattern_matches(const struct text_pattern *pattern, struct bytes text)
{
    struct bytes core = pattern->core;
    if (text.size < core.size)
        return false;
    size_t slack = text.size - core.size;
    if (pattern->is_open_start && pattern->is_open_end)
        return core.size == 0 || text_pattern_find(text, core);
    if (slack > 0 && !pattern->is_open_start && !pattern->is_open_end)
        return false;
    size_t offset = pattern->is_open_start ? slack : 0;
    return core.size == 0 || memcmp(text.data + offset, core.data, core.size) == 0;
}
