#include "streamer/request/request_path.h"

static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* The byte that stands at `at`, which is moved behind it. -1: a percent sign without its digits. */
static int decode(struct bytes raw, size_t *at)
{
    if (raw.data[*at] != '%')
        return raw.data[(*at)++];
    if (raw.size - *at < 3)
        return -1;
    int high = hex_value(raw.data[*at + 1]);
    int low = hex_value(raw.data[*at + 2]);
    if (high < 0 || low < 0)
        return -1;
    *at += 3;
    return high << 4 | low;
}

/* Where the segment before the last one ends. */
static size_t without_segment(const uint8_t *path, size_t size)
{
    while (size > 0 && path[size - 1] != '/')
        size--;
    return size > 0 ? size - 1 : 0;
}

/* The segment has been written behind a slash, from `start` on: what is left of the path with it.
 * */
static size_t end_segment(const uint8_t *path, size_t start, size_t size)
{
    struct bytes segment = bytes_of(path + start, size - start);
    if (segment.size == 0 || bytes_equal_string(segment, "."))
        return start - 1;
    return bytes_equal_string(segment, "..") ? without_segment(path, start - 1) : size;
}

bool request_path_read(uint8_t *room, struct bytes raw, struct bytes *path)
{
    size_t size = 0;
    size_t start = 0; /* of the segment; 0: none has begun */
    if (raw.size == 0 || raw.data[0] != '/')
        return false;
    for (size_t at = 0; at < raw.size;) {
        int byte = decode(raw, &at);
        if (byte < ' ' || byte == 0x7f)
            return false;
        if (byte == '/' && start)
            size = end_segment(room, start, size);
        room[size++] = (uint8_t)byte;
        if (byte == '/')
            start = size;
    }
    *path = bytes_of(room, end_segment(room, start, size));
    return true;
}

static size_t decode_fragment(uint8_t *room, struct bytes raw)
{
    size_t size = 0;
    for (size_t at = 0; at < raw.size;) {
        if (raw.data[at] == '+') {
            room[size++] = ' ';
            at++;
            continue;
        }
        int byte = decode(raw, &at);
        room[size++] = byte < 0 ? raw.data[at++] : (uint8_t)byte;
    }
    return size;
}

static bool take_raw(struct bytes *query, struct bytes *fragment)
{
    if (query->size == 0)
        return false;
    const uint8_t *end = memchr(query->data, '&', query->size);
    size_t size = end ? (size_t)(end - query->data) : query->size;
    size_t used = end ? size + 1 : size;
    *fragment = bytes_of(query->data, size);
    *query = bytes_of(query->data + used, query->size - used);
    return true;
}

bool request_query_take(struct bytes *query, uint8_t *room, struct bytes *fragment)
{
    struct bytes raw;
    if (!take_raw(query, &raw))
        return false;
    *fragment = bytes_of(room, decode_fragment(room, raw));
    return true;
}

struct bytes request_query_find(struct bytes query, const char *name, uint8_t *room, size_t size)
{
    size_t name_size = strlen(name);
    struct bytes raw;
    while (take_raw(&query, &raw)) {
        if (raw.size <= name_size || memcmp(raw.data, name, name_size) != 0 ||
            raw.data[name_size] != '=')
            continue;
        struct bytes value = bytes_of(raw.data + name_size + 1, raw.size - name_size - 1);
        return value.size <= size ? bytes_of(room, decode_fragment(room, value))
                                  : (struct bytes){ 0 };
    }
    return (struct bytes){ 0 };
}
