#include "streamer/past/since.h"

#include "shared/base/decimal.h"

enum {
    MS_PER_S = 1000,
};

static bool read_seconds(struct since *since, struct bytes text)
{
    since->kind = SINCE_SECONDS;
    return text.size >= 2 && text.data[text.size - 1] == 's' &&
           decimal_parse(&since->seconds, bytes_of(text.data, text.size - 1));
}

static bool read_id(struct since *since, struct bytes text)
{
    since->kind = SINCE_ID;
    return stream_id_parse(&since->after.id, text);
}

struct since since_read(struct bytes text)
{
    struct since since = { .kind = SINCE_NOW };
    if (!text.data)
        return since;
    since.kind = SINCE_BEGINNING;
    if (bytes_equal_string(text, "0") || read_seconds(&since, text) || read_id(&since, text))
        return since;
    return (struct since){ .kind = SINCE_UNKNOWN };
}

/* The first millisecond is included. More seconds than have passed since 1970 are all there is. */
struct since since_at(const struct since *since, uint64_t now_ms)
{
    if (since->kind != SINCE_SECONDS)
        return *since;
    if (since->seconds >= now_ms / MS_PER_S)
        return (struct since){ .kind = SINCE_BEGINNING };
    struct stream_id first = { now_ms - since->seconds * MS_PER_S, 0 };
    return (struct since){ .kind = SINCE_ID, .after = { stream_id_before(first), 0 } };
}
