#include "streamer/lanes/sse.h"

static void write_field(struct buffer *out, const char *name, struct bytes value)
{
    buffer_append_string(out, name);
    buffer_append_string(out, ": ");
    buffer_append_bytes(out, value);
    buffer_append_byte(out, '\n');
}

/* A line of its own for each line of the data; the newline at its end belongs to the messages of
 * the go dialect. */
static void write_data(struct buffer *out, struct bytes data)
{
    if (data.size > 0 && data.data[data.size - 1] == '\n')
        data.size--;
    for (;;) {
        const uint8_t *end = data.size ? memchr(data.data, '\n', data.size) : NULL;
        size_t size = end ? (size_t)(end - data.data) : data.size;
        write_field(out, "data", bytes_of(data.data, size));
        if (!end)
            return;
        data = bytes_of(end + 1, data.size - size - 1);
    }
}

void sse_write_event(struct buffer *out, struct bytes id, const char *event, struct bytes data)
{
    if (id.size > 0)
        write_field(out, "id", id);
    if (event)
        write_field(out, "event", bytes_of_string(event));
    write_data(out, data);
    buffer_append_byte(out, '\n');
}

void sse_write_comment(struct buffer *out, const char *text)
{
    buffer_append_string(out, ": ");
    buffer_append_string(out, text);
    buffer_append_string(out, "\n\n");
}
