#include "tests/support/ct_log/stamped_text.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/base64.h"
#include "shared/base/memory.h"

static struct text_place place_in_text(const struct stamped_bytes *stamped, size_t size,
                                       const struct stamp_place *place)
{
    size_t offset = place->offset;
    size_t begin = offset / 3 * 3;
    size_t end = (offset + stamp_size(place->kind) + 2) / 3 * 3;
    if (end > size)
        end = size;
    assert(end - begin <= STAMPED_TEXT_RAW_MAX);
    struct text_place found = {
        .text_offset = (uint32_t)(begin / 3 * 4),
        .raw_size = (uint8_t)(end - begin),
        .value_offset = (uint8_t)(offset - begin),
        .kind = (uint8_t)place->kind,
    };
    memcpy(found.raw, stamped->bytes.data + begin, end - begin);
    return found;
}

void stamped_text_init(struct stamped_text *text, const struct stamped_bytes *stamped, size_t size)
{
    assert(size <= stamped->bytes.size);
    *text = (struct stamped_text){ 0 };
    buffer_init(&text->text, base64_encoded_size(size));
    base64_encode(&text->text, bytes_of(stamped->bytes.data, size));
    text->places = memory_allocate_zeroed(stamped->place_count, sizeof *text->places);
    size_t end = 0;
    for (size_t i = 0; i < stamped->place_count && stamped->places[i].offset < size; i++) {
        struct text_place place = place_in_text(stamped, size, &stamped->places[i]);
        assert(place.text_offset >= end);
        end = place.text_offset + base64_encoded_size(place.raw_size);
        text->places[text->place_count++] = place;
    }
}

void stamped_text_clear(struct stamped_text *text)
{
    buffer_free(&text->text);
    free(text->places);
    text->places = NULL;
    text->place_count = 0;
}

void stamped_text_write(struct buffer *out, const struct stamped_text *text,
                        const struct stamp *stamp)
{
    uint8_t *to = buffer_reserve(out, text->text.size);
    if (!to)
        return;
    memcpy(to, text->text.data, text->text.size);
    out->size += text->text.size;
    for (size_t i = 0; i < text->place_count; i++) {
        const struct text_place *place = &text->places[i];
        size_t size = base64_encoded_size(place->raw_size);
        struct buffer groups = { .data = to + place->text_offset, .capacity = size, .limit = size };
        uint8_t raw[STAMPED_TEXT_RAW_MAX];
        memcpy(raw, place->raw, sizeof raw);
        memcpy(raw + place->value_offset, stamp->values[place->kind],
               stamp_size((enum stamp_kind)place->kind));
        base64_encode(&groups, bytes_of(raw, place->raw_size));
    }
}
