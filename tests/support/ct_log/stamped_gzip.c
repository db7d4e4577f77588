/* Without it zlib takes its input by a pointer that is not const. */
#define ZLIB_CONST

#include "tests/support/ct_log/stamped_gzip.h"

#include <assert.h>
#include <stdlib.h>
#include <zlib.h>

#include "shared/base/memory.h"

enum {
    WINDOW_BITS = 15,
    WINDOW_BITS_RAW = -WINDOW_BITS,
    WINDOW_BITS_GZIP = WINDOW_BITS + 16,
    MEMORY_LEVEL = 6,
    LEVEL = 6,
    STORED_HEADER = 4,
    DEFLATED_MAX = 256 * 1024,
};

/* A byte that stands nowhere outside the places, or -1. */
static int absent_byte(const struct stamped_bytes *stamped, size_t begin)
{
    size_t place = 0;
    bool is_present[256] = { false };
    for (size_t i = begin; i < stamped->bytes.size; i++) {
        if (place < stamped->place_count && i == stamped->places[place].offset)
            i += stamp_size(stamped->places[place++].kind) - 1;
        else
            is_present[stamped->bytes.data[i]] = true;
    }
    for (int byte = 0; byte < 256; byte++)
        if (!is_present[byte])
            return byte;
    return -1;
}

/* One run deflated on its own, ending on a byte boundary with the LEN and NLEN of an empty stored
 * block. `known` are the bytes before it, which it may refer back to. */
static void deflate_run(z_stream *stream, struct buffer *out, struct bytes known, struct bytes run)
{
    int result = deflateReset(stream);
    if (known.size)
        result |= deflateSetDictionary(stream, known.data, (uInt)known.size);
    size_t room = deflateBound(stream, (uLong)run.size) + 64;
    stream->next_out = buffer_reserve(out, room);
    stream->avail_out = (uInt)room;
    stream->next_in = run.data;
    stream->avail_in = (uInt)run.size;
    result |= deflate(stream, Z_SYNC_FLUSH);
    assert(result == Z_OK && stream->avail_in == 0 && stream->avail_out > 0);
    (void)result;
    out->size += room - stream->avail_out;
}

/* Turns the empty stored block that a run ends with into one that holds a stamp. */
static void open_place(struct stamped_bytes *deflated, enum stamp_kind kind)
{
    static const uint8_t zeros[STAMP_SIZE_MAX] = { 0 };
    uint8_t size = (uint8_t)stamp_size(kind);
    const uint8_t header[STORED_HEADER] = { size, 0, (uint8_t)~size, 0xff };
    deflated->bytes.size -= STORED_HEADER;
    buffer_append(&deflated->bytes, header, sizeof header);
    stamped_bytes_add_place(deflated, deflated->bytes.size, kind);
    buffer_append(&deflated->bytes, zeros, size);
}

static void deflate_runs(struct stamped_gzip *gzip, const struct stamped_bytes *stamped,
                         size_t begin, struct bytes plain, bool may_refer_back)
{
    z_stream stream = { 0 };
    int result =
        deflateInit2(&stream, LEVEL, Z_DEFLATED, WINDOW_BITS_RAW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    assert(result == Z_OK);
    (void)result;
    size_t at = 0;
    for (size_t i = 0; i < stamped->place_count; i++) {
        const struct stamp_place *place = &stamped->places[i];
        size_t end = place->offset - begin;
        deflate_run(&stream, &gzip->deflated.bytes, bytes_of(plain.data, may_refer_back ? at : 0),
                    bytes_of(plain.data + at, end - at));
        open_place(&gzip->deflated, place->kind);
        at = end + stamp_size(place->kind);
    }
    deflate_run(&stream, &gzip->deflated.bytes, bytes_of(plain.data, may_refer_back ? at : 0),
                bytes_of(plain.data + at, plain.size - at));
    (void)deflateEnd(&stream); /* says that it threw pending output away: there is none */
}

static void fill_places(uint8_t *plain, const struct stamped_bytes *stamped, size_t begin,
                        uint8_t byte)
{
    for (size_t i = 0; i < stamped->place_count; i++)
        memset(plain + stamped->places[i].offset - begin, byte,
               stamp_size(stamped->places[i].kind));
}

static void make_checksums(struct stamped_gzip *gzip, const struct stamped_bytes *stamped,
                           size_t begin, struct bytes zeroed)
{
    gzip->plain_size = zeroed.size;
    gzip->checksum = (uint32_t)crc32(0, zeroed.data, (uInt)zeroed.size);
    gzip->append_operator = (uint32_t)crc32_combine_gen((z_off_t)zeroed.size);
    for (size_t i = 0; i < stamped->place_count; i++) {
        const struct stamp_place *place = &stamped->places[i];
        size_t behind = zeroed.size - (place->offset - begin) - stamp_size(place->kind);
        /* Equal values: the sum of their images is the image under the sum of the operators. */
        gzip->place_operators[place->kind] ^= (uint32_t)crc32_combine_gen((z_off_t)behind);
    }
}

void stamped_gzip_init(struct stamped_gzip *gzip, const struct stamped_bytes *stamped, size_t begin)
{
    assert(begin <= stamped->bytes.size);
    assert(stamped->place_count == 0 || stamped->places[0].offset >= begin);
    *gzip = (struct stamped_gzip){ 0 };
    stamped_bytes_init(&gzip->deflated, DEFLATED_MAX);
    size_t size = stamped->bytes.size - begin;
    uint8_t *plain = memory_allocate(size);
    memcpy(plain, stamped->bytes.data + begin, size);
    /* No reference may reach into a place, whose bytes are another in each entry. With a byte there
     * that no run contains, none can. */
    int filler = absent_byte(stamped, begin);
    fill_places(plain, stamped, begin, (uint8_t)filler);
    deflate_runs(gzip, stamped, begin, bytes_of(plain, size), filler >= 0);
    fill_places(plain, stamped, begin, 0);
    make_checksums(gzip, stamped, begin, bytes_of(plain, size));
    free(plain);
}

void stamped_gzip_clear(struct stamped_gzip *gzip)
{
    stamped_bytes_clear(&gzip->deflated);
}

struct gzip_stream gzip_stream_begin(struct buffer *out)
{
    /* No name, no time, unknown system. */
    static const uint8_t header[10] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff };
    buffer_append(out, header, sizeof header);
    return (struct gzip_stream){ .out = out };
}

/* CRC-32 less its start and end values: what is linear in it. */
static uint32_t linear_checksum(const uint8_t *value, size_t size)
{
    static const uint8_t zeros[STAMP_SIZE_MAX] = { 0 };
    return (uint32_t)(crc32(0, value, (uInt)size) ^ crc32(0, zeros, (uInt)size));
}

static uint32_t stamped_checksum(const struct stamped_gzip *gzip, const struct stamp *stamp)
{
    uint32_t checksum = gzip->checksum;
    for (size_t kind = 0; kind < STAMP_KINDS; kind++) {
        if (!gzip->place_operators[kind])
            continue;
        uint32_t value = linear_checksum(stamp->values[kind], stamp_size((enum stamp_kind)kind));
        checksum ^= (uint32_t)crc32_combine_op(value, 0, gzip->place_operators[kind]);
    }
    return checksum;
}

void gzip_stream_write(struct gzip_stream *stream, const struct stamped_gzip *gzip,
                       const struct stamp *stamp)
{
    stamped_bytes_write(stream->out, &gzip->deflated, gzip->deflated.bytes.size, stamp);
    stream->checksum = (uint32_t)crc32_combine_op(stream->checksum, stamped_checksum(gzip, stamp),
                                                  gzip->append_operator);
    stream->plain_size += (uint32_t)gzip->plain_size;
}

static void append_little_endian(struct buffer *out, uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        buffer_append_byte(out, (uint8_t)(value >> (8 * i)));
}

void gzip_stream_end(struct gzip_stream *stream)
{
    /* The last block: fixed codes, and nothing but the end of block. */
    static const uint8_t last_block[] = { 3, 0 };
    buffer_append(stream->out, last_block, sizeof last_block);
    append_little_endian(stream->out, stream->checksum);
    append_little_endian(stream->out, stream->plain_size);
}

void gzip_write(struct buffer *out, struct bytes plain)
{
    z_stream stream = { 0 };
    int result = deflateInit2(&stream, LEVEL, Z_DEFLATED, WINDOW_BITS_GZIP, MEMORY_LEVEL,
                              Z_DEFAULT_STRATEGY);
    size_t room = deflateBound(&stream, (uLong)plain.size);
    stream.next_out = buffer_reserve(out, room);
    assert(result == Z_OK && stream.next_out);
    stream.avail_out = (uInt)room;
    stream.next_in = plain.data;
    stream.avail_in = (uInt)plain.size;
    result = deflate(&stream, Z_FINISH);
    assert(result == Z_STREAM_END);
    (void)result;
    out->size += room - stream.avail_out;
    (void)deflateEnd(&stream);
}
