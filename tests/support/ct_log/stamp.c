#include "tests/support/ct_log/stamp.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "tests/support/ct_log/big_endian.h"
#include "tests/support/ct_log/made_certificate.h"
#include "tests/support/seeded_random.h"

/* A one-to-one image of 40 bits: odd factors and right shifts can both be undone. */
static uint64_t mix_40_bits(uint64_t value)
{
    const uint64_t mask = (UINT64_C(1) << 40) - 1;
    value = value * 0x9e3779b97f4a7c15 & mask;
    value ^= value >> 21;
    value = value * 0xbf58476d1ce4e5b9 & mask;
    value ^= value >> 19;
    return value;
}

struct stamp stamp_of(uint64_t key, uint64_t index, uint64_t timestamp_ms)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    struct stamp stamp = { 0 };
    assert(index >> 40 == 0);
    big_endian_write(stamp.values[STAMP_TIMESTAMP], timestamp_ms, 8);
    big_endian_write(stamp.values[STAMP_SERIAL], seeded_random_mix(index ^ key), 8);
    big_endian_write(stamp.values[STAMP_INDEX], index, 5);
    uint64_t name = mix_40_bits(index ^ (key >> 24));
    for (size_t i = 0; i < 8; i++)
        stamp.values[STAMP_NAME][i] = (uint8_t)digits[name >> (5 * i) & 31];
    return stamp;
}

void stamped_bytes_init(struct stamped_bytes *stamped, size_t limit)
{
    *stamped = (struct stamped_bytes){ 0 };
    buffer_init(&stamped->bytes, limit);
}

void stamped_bytes_clear(struct stamped_bytes *stamped)
{
    buffer_free(&stamped->bytes);
    free(stamped->places);
    stamped->places = NULL;
    stamped->place_count = 0;
}

void stamped_bytes_add_place(struct stamped_bytes *stamped, size_t offset, enum stamp_kind kind)
{
    const struct stamp_place *last =
        stamped->place_count ? &stamped->places[stamped->place_count - 1] : NULL;
    assert(!last || last->offset + stamp_size(last->kind) <= offset);
    assert(offset <= UINT32_MAX);
    stamped->places =
        memory_resize(stamped->places, stamped->place_count + 1, sizeof *stamped->places);
    stamped->places[stamped->place_count++] = (struct stamp_place){ (uint32_t)offset, kind };
}

void stamped_bytes_append_marked(struct stamped_bytes *stamped, struct bytes der)
{
    size_t start = stamped->bytes.size;
    buffer_append_bytes(&stamped->bytes, der);
    for (size_t i = 0; i + MADE_MARK_SIZE <= der.size; i++) {
        if (memcmp(der.data + i, MADE_SERIAL_MARK, MADE_MARK_SIZE) == 0)
            stamped_bytes_add_place(stamped, start + i, STAMP_SERIAL);
        else if (memcmp(der.data + i, MADE_NAME_MARK, MADE_MARK_SIZE) == 0)
            stamped_bytes_add_place(stamped, start + i, STAMP_NAME);
    }
}

void stamped_bytes_write(struct buffer *out, const struct stamped_bytes *stamped, size_t size,
                         const struct stamp *stamp)
{
    assert(size <= stamped->bytes.size);
    uint8_t *to = buffer_reserve(out, size);
    if (!to)
        return;
    memcpy(to, stamped->bytes.data, size);
    for (size_t i = 0; i < stamped->place_count; i++) {
        const struct stamp_place *place = &stamped->places[i];
        if (place->offset >= size)
            break;
        memcpy(to + place->offset, stamp->values[place->kind], stamp_size(place->kind));
    }
    out->size += size;
}
