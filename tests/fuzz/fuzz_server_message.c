/* A message of a foreign CertStream server, and how certstream-tail prints it: the first two bytes
 * choose format and terminal. Whatever the server sends, the output is valid UTF-8 without a
 * character that moves a cursor, turns writing or ends a line too early; rows are as many as they
 * should be, fit the terminal, and JSON stays the same JSON. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "shared/base/utf8.h"
#include "streamer/tail/certificate_text.h"
#include "streamer/tail/message_row.h"
#include "tests/fuzz/fuzz.h"

enum {
    LIMIT = 64 << 20,
    /* From here on a row has its columns side by side. */
    COLUMNS_WIDTH = 76,
};

struct printed {
    size_t lines, tabs, width; /* of the widest line, in characters */
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static uint32_t code_point(const uint8_t *at, size_t size)
{
    uint32_t code = size == 1 ? at[0] : at[0] & (0x7fU >> size);
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (at[i] & 0x3f);
    return code;
}

/* C0, DEL and C1 (ISO 6429), and what turns the direction (UAX #9) or separates lines. */
static bool is_harmless(uint32_t code)
{
    return code >= 0x20 && !(code >= 0x7f && code <= 0x9f) && code != 0x061c && code != 0x200e &&
           code != 0x200f && !(code >= 0x2028 && code <= 0x202e) &&
           !(code >= 0x2066 && code <= 0x2069);
}

static struct printed look(const struct buffer *out)
{
    struct printed printed = { 0 };
    size_t width = 0;
    check(!out->failed && (!out->size || out->data[out->size - 1] == '\n'));
    for (size_t at = 0, size; at < out->size; at += size) {
        size = utf8_sequence_size(bytes_of(out->data + at, out->size - at));
        check(size > 0);
        uint32_t code = code_point(out->data + at, size);
        check(code == '\n' || code == '\t' || is_harmless(code));
        printed.lines += code == '\n';
        printed.tabs += code == '\t';
        width = code == '\n' ? 0 : width + 1;
        printed.width = width > printed.width ? width : printed.width;
    }
    return printed;
}

/* cJSON takes more than RFC 8259 does: control characters anywhere. */
static bool is_strict_text(struct bytes text)
{
    for (size_t at = 0, size; at < text.size; at += size) {
        size = utf8_sequence_size(bytes_of(text.data + at, text.size - at));
        if (size == 0 || text.data[at] < 0x20)
            return false;
    }
    return true;
}

static void check_same_json(const struct server_message *message, const struct buffer *out)
{
    struct server_message again;
    server_message_read(&again, buffer_bytes(out));
    check(again.kind == message->kind);
    char *before = cJSON_PrintUnformatted(message->json);
    char *after = cJSON_PrintUnformatted(again.json);
    check(before && after && strcmp(before, after) == 0);
    cJSON_free(before);
    cJSON_free(after);
    server_message_clear(&again);
}

static void check_row(const struct row_style *style, const struct server_message *message,
                      struct bytes text)
{
    struct buffer out;
    buffer_init(&out, LIMIT);
    message_row_write(&out, style, message, text);
    struct printed printed = look(&out);
    bool is_certificate = message->kind == SERVER_MESSAGE_CERTIFICATE;
    bool has_tabs = !style->is_per_name && style->format == ROW_LINE && is_certificate &&
                    !style->terminal.is_one;
    size_t names = (size_t)cJSON_GetArraySize(message->names);
    check(printed.lines == (style->is_per_name ? names : 1));
    check(printed.tabs == (has_tabs ? 4 : 0));
    if (style->format == ROW_LINE && !style->is_per_name && style->terminal.is_one &&
        style->terminal.width >= COLUMNS_WIDTH)
        check(printed.width < style->terminal.width);
    if (style->format == ROW_JSON && !style->is_per_name && is_strict_text(text))
        check_same_json(message, &out);
    buffer_free(&out);
}

static void check_text(const struct terminal *terminal, struct bytes text)
{
    struct buffer out;
    buffer_init(&out, LIMIT);
    if (!certificate_text_write(&out, terminal, text))
        check(out.size == 0);
    check(look(&out).tabs == 0);
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum row_format formats[] = { ROW_LINE, ROW_JSON, ROW_CSV };
    if (size < 2)
        return 0;
    const struct row_style style = {
        .format = formats[data[0] % 3],
        .is_per_name = data[0] & 0x40,
        .terminal = { .is_one = data[0] & 0x80, .width = 20 + data[1] },
    };
    struct bytes text = bytes_of(data + 2, size - 2);
    struct server_message message;
    server_message_read(&message, text);
    if (message.kind == SERVER_MESSAGE_CERTIFICATE || message.kind == SERVER_MESSAGE_NAMES)
        check_row(&style, &message, text);
    server_message_clear(&message);
    check_text(&style.terminal, text);
    return 0;
}
