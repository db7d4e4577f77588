#include "streamer/stream/since.h"

#include "shared/base/decimal.h"

enum {
    MS_PER_S = 1000,
    /* How far apart clocks may be. */
    CLOCKS_APART_MS = 3600 * MS_PER_S,
};

static bool read_seconds(struct since *since, struct bytes text)
{
    since->kind = SINCE_SECONDS;
    return text.size >= 2 && text.data[text.size - 1] == 's' &&
           decimal_parse(&since->seconds, bytes_of(text.data, text.size - 1));
}

bool since_read(struct since *since, struct bytes text)
{
    *since = (struct since){ .kind = SINCE_NOW };
    if (!text.data)
        return true;
    since->kind = SINCE_BEGINNING;
    if (bytes_equal_string(text, "0") || read_seconds(since, text))
        return true;
    since->kind = SINCE_ID;
    return stream_id_parse(&since->after, text);
}

/* The first millisecond is included. More seconds than have passed since 1970 are all there is. */
struct since since_at(const struct since *since, uint64_t now_ms)
{
    if (since->kind != SINCE_SECONDS)
        return *since;
    if (since->seconds >= now_ms / MS_PER_S)
        return (struct since){ .kind = SINCE_BEGINNING };
    return (struct since){
        .kind = SINCE_ID,
        .after = stream_id_before((struct stream_id){ now_ms - since->seconds * MS_PER_S, 0 }),
    };
}

bool since_is_to_come(const struct since *since, uint64_t now_ms)
{
    return since->kind == SINCE_ID && since->after.ms > now_ms + CLOCKS_APART_MS;
}
