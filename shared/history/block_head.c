#include "shared/history/block_head.h"

#include <assert.h>

#include "shared/base/buffer.h"
#include "shared/base/digest.h"
#include "shared/base/reader.h"

static const char block_mark[] = "CTHB";

enum {
    MARK_SIZE = sizeof block_mark - 1,
    FIXED_SIZE = 88,
    FRAME_SIZE = 12,
    EARLIER_SIZE = 16,
    CHECK_SIZE = 8,
};

static_assert(FIXED_SIZE + BLOCK_FRAMES_MAX * FRAME_SIZE + BLOCK_EARLIER_MAX * EARLIER_SIZE +
                      CHECK_SIZE <=
                  BLOCK_HEAD_MAX,
              "the largest head");

static struct stream_id read_id(struct reader *reader)
{
    uint64_t ms = reader_integer(reader, 8);
    return (struct stream_id){ ms, reader_integer(reader, 8) };
}

static void write_head_integer(struct buffer *out, uint64_t value, unsigned width)
{
    for (unsigned i = width; i-- > 0;)
        buffer_append_byte(out, (uint8_t)(value >> 8 * i));
}

static void write_id(struct buffer *out, struct stream_id id)
{
    write_head_integer(out, id.ms, 8);
    write_head_integer(out, id.sequence, 8);
}

static void write_check(uint8_t *out, struct bytes bytes)
{
    uint8_t sha256[SHA256_SIZE];
    struct digest *digest = digest_create(DIGEST_SHA256);
    digest_bytes(digest, sha256, bytes);
    digest_destroy(digest);
    memcpy(out, sha256, CHECK_SIZE);
}

/* `whole`: the head with its check. */
static bool check_holds(struct bytes whole)
{
    uint8_t check[CHECK_SIZE];
    write_check(check, bytes_of(whole.data, whole.size - CHECK_SIZE));
    return memcmp(check, whole.data + whole.size - CHECK_SIZE, CHECK_SIZE) == 0;
}

/* Behind mark and format. */
static void read_fixed(struct block_head *head, struct reader *reader)
{
    head->frame_count = (size_t)reader_integer(reader, 4);
    head->earlier_count = (size_t)reader_integer(reader, 4);
    head->count = (uint32_t)reader_integer(reader, 4);
    head->record_count = (uint32_t)reader_integer(reader, 4);
    head->first = read_id(reader);
    head->last = read_id(reader);
    head->generation = read_id(reader);
    head->ordinal = reader_integer(reader, 8);
    head->rows.raw_size = (size_t)reader_integer(reader, 4);
    head->rows.size = (size_t)reader_integer(reader, 4);
    (void)reader_integer(reader, 2); /* nothing yet */
}

static bool fixed_is_sound(const struct block_head *head)
{
    return head->frame_count <= BLOCK_FRAMES_MAX && head->earlier_count <= BLOCK_EARLIER_MAX &&
           head->count > 0 && head->count <= BLOCK_ENTRIES_MAX &&
           head->record_count <= head->count && stream_id_compare(head->first, head->last) <= 0 &&
           stream_id_compare(head->generation, head->first) <= 0 &&
           head->rows.raw_size <= BLOCK_FRAME_RAW_MAX && head->rows.size > 0;
}

/* Sums the sizes; false unless the frames have all records, each of them some. */
static bool frames_are_sound(struct block_head *head, size_t head_size)
{
    uint32_t records = 0;
    head->rows.offset = head_size;
    head->size = head_size + head->rows.size;
    for (size_t i = 0; i < head->frame_count; i++) {
        struct block_part part = block_head_frame(head, i);
        if (part.first_record != records || part.record_count == 0 ||
            part.record_count > head->record_count - records || part.size == 0 ||
            part.raw_size > BLOCK_RECORD_MAX + BLOCK_FRAME_RAW_MAX ||
            (part.record_count > 1 && part.raw_size > BLOCK_FRAME_RAW_MAX))
            return false;
        records += part.record_count;
        head->size += part.size;
    }
    return records == head->record_count;
}

enum block_result block_head_read(struct block_head *head, struct bytes bytes)
{
    struct reader reader = reader_of(bytes);
    *head = (struct block_head){ 0 };
    if (!bytes_equal(reader_take(&reader, MARK_SIZE), bytes_of(block_mark, MARK_SIZE)))
        return BLOCK_DAMAGED;
    head->format = (uint16_t)reader_integer(&reader, 2);
    if (!reader_ok(&reader))
        return BLOCK_DAMAGED;
    if (head->format != BLOCK_FORMAT)
        return BLOCK_UNKNOWN;
    read_fixed(head, &reader);
    if (!reader_ok(&reader) || !fixed_is_sound(head))
        return BLOCK_DAMAGED;
    head->frames = reader_take(&reader, head->frame_count * FRAME_SIZE);
    head->earlier = reader_take(&reader, head->earlier_count * EARLIER_SIZE);
    (void)reader_take(&reader, CHECK_SIZE);
    size_t size = bytes.size - reader.remaining;
    bool is_good = reader_ok(&reader) && check_holds(bytes_of(bytes.data, size)) &&
                   frames_are_sound(head, size);
    return is_good ? BLOCK_GOOD : BLOCK_DAMAGED;
}

/* Where frames lie is the sum of the sizes before; there are few. */
struct block_part block_head_frame(const struct block_head *head, size_t frame)
{
    assert(frame < head->frame_count);
    struct reader reader = reader_of(head->frames);
    struct block_part part = { .offset = head->rows.offset + head->rows.size };
    for (size_t i = 0; i <= frame; i++) {
        part.offset += part.size;
        part.first_record += part.record_count;
        part.record_count = (uint32_t)reader_integer(&reader, 4);
        part.raw_size = (size_t)reader_integer(&reader, 4);
        part.size = (size_t)reader_integer(&reader, 4);
    }
    return part;
}

size_t block_head_frame_of(const struct block_head *head, uint32_t record)
{
    struct reader reader = reader_of(head->frames);
    uint64_t end = 0;
    for (size_t i = 0; i < head->frame_count; i++) {
        end += reader_integer(&reader, 4);
        (void)reader_take(&reader, FRAME_SIZE - 4);
        if (record < end)
            return i;
    }
    return head->frame_count;
}

struct stream_id block_head_earlier(const struct block_head *head, size_t number)
{
    assert(number < head->earlier_count);
    struct reader reader =
        reader_of(bytes_of(head->earlier.data + number * EARLIER_SIZE, EARLIER_SIZE));
    return read_id(&reader);
}

void block_head_write(struct buffer *out, const struct block_head *head,
                      const struct block_part *parts, const struct stream_id *earlier)
{
    size_t start = out->size;
    buffer_append(out, block_mark, MARK_SIZE);
    write_head_integer(out, BLOCK_FORMAT, 2);
    write_head_integer(out, head->frame_count, 4);
    write_head_integer(out, head->earlier_count, 4);
    write_head_integer(out, head->count, 4);
    write_head_integer(out, head->record_count, 4);
    write_id(out, head->first);
    write_id(out, head->last);
    write_id(out, head->generation);
    write_head_integer(out, head->ordinal, 8);
    write_head_integer(out, parts[0].raw_size, 4);
    write_head_integer(out, parts[0].size, 4);
    write_head_integer(out, 0, 2);
    for (size_t i = 1; i <= head->frame_count; i++) {
        write_head_integer(out, parts[i].record_count, 4);
        write_head_integer(out, parts[i].raw_size, 4);
        write_head_integer(out, parts[i].size, 4);
    }
    for (size_t i = 0; i < head->earlier_count; i++)
        write_id(out, earlier[i]);
    uint8_t check[CHECK_SIZE] = { 0 };
    if (!out->failed)
        write_check(check, bytes_of(out->data + start, out->size - start));
    buffer_append(out, check, CHECK_SIZE);
}
