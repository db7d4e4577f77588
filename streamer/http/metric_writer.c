#include "streamer/http/metric_writer.h"

#include <inttypes.h>

#include "shared/base/decimal.h"
#include "shared/base/utf8.h"

void metric_family(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Backslash, quote and newline are escaped; what is not UTF-8, and other control characters, become
 * U+FFFD. */
static void append_escaped(struct buffer *out, struct bytes text)
{
    for (size_t at = 0; at < text.size;) {
        const uint8_t *byte = text.data + at;
        size_t size = utf8_sequence_size(bytes_of(byte, text.size - at));
        if (*byte == '\n')
            buffer_append_string(out, "\\n");
        else if (*byte == '"' || *byte == '\\')
            buffer_append(out, (const uint8_t[]){ '\\', *byte }, 2);
        else if (size == 0 || *byte < 0x20 || *byte == 0x7f)
            buffer_append_string(out, "\xef\xbf\xbd");
        else
            buffer_append(out, byte, size);
        at += size ? size : 1;
    }
}

static void begin_sample(struct buffer *out, const char *name, struct metric_labels labels)
{
    buffer_append_string(out, name);
    for (size_t i = 0; i < labels.count; i++) {
        buffer_append_byte(out, i ? ',' : '{');
        buffer_append_string(out, labels.items[i].name);
        buffer_append_string(out, "=\"");
        append_escaped(out, labels.items[i].value);
        buffer_append_byte(out, '"');
    }
    buffer_append_string(out, labels.count ? "} " : " ");
}

void metric_unsigned(struct buffer *out, const char *name, struct metric_labels labels,
                     uint64_t value)
{
    begin_sample(out, name, labels);
    buffer_append_unsigned(out, value);
    buffer_append_byte(out, '\n');
}

void metric_milliseconds(struct buffer *out, const char *name, struct metric_labels labels,
                         uint64_t value_ms)
{
    begin_sample(out, name, labels);
    buffer_append_format(out, "%" PRIu64 ".%03u\n", value_ms / 1000, (unsigned)(value_ms % 1000));
}

void metric_decimal(struct buffer *out, const char *name, struct metric_labels labels,
                    struct bytes value)
{
    if (!decimal_is_fraction(value))
        return;
    begin_sample(out, name, labels);
    buffer_append_bytes(out, value);
    buffer_append_byte(out, '\n');
}
