#include "shared/redis/stream_id.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "shared/base/decimal.h"

bool stream_id_parse(struct stream_id *id, struct bytes text)
{
    const uint8_t *dash = text.size ? memchr(text.data, '-', text.size) : NULL;
    if (!dash)
        return false;
    size_t before = (size_t)(dash - text.data);
    return decimal_parse(&id->ms, bytes_of(text.data, before)) &&
           decimal_parse(&id->sequence, bytes_of(dash + 1, text.size - before - 1));
}

struct bytes stream_id_format(char *text, struct stream_id id)
{
    int size = snprintf(text, STREAM_ID_TEXT_SIZE, "%" PRIu64 "-%" PRIu64, id.ms, id.sequence);
    assert(size > 0 && size < STREAM_ID_TEXT_SIZE);
    return bytes_of(text, (size_t)size);
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int stream_id_compare(struct stream_id a, struct stream_id b)
{
    int order = compare(a.ms, b.ms);
    return order ? order : compare(a.sequence, b.sequence);
}

struct stream_id stream_id_before(struct stream_id id)
{
    if (id.sequence > 0)
        return (struct stream_id){ id.ms, id.sequence - 1 };
    return id.ms > 0 ? (struct stream_id){ id.ms - 1, UINT64_MAX } : id;
}

struct stream_id stream_id_after(struct stream_id id)
{
    if (id.sequence < UINT64_MAX)
        return (struct stream_id){ id.ms, id.sequence + 1 };
    return id.ms < UINT64_MAX ? (struct stream_id){ id.ms + 1, 0 } : id;
}
