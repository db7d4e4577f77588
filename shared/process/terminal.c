#include "shared/process/terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shared/base/utf8.h"

enum {
    WIDTH_OTHERWISE = 80,
    WIDTH_MIN = 20,
};

static size_t width_of(int descriptor)
{
    struct winsize size;
    if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_OTHERWISE;
    return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
}

struct terminal terminal_of(FILE *file)
{
    const char *no_colour = getenv("NO_COLOR"), *kind = getenv("TERM");
    struct terminal terminal = { .is_one = isatty(fileno(file)), .width = WIDTH_OTHERWISE };
    if (!terminal.is_one)
        return terminal;
    terminal.width = width_of(fileno(file));
    terminal.has_colours = !(no_colour && *no_colour) && kind && strcmp(kind, "dumb") != 0;
    return terminal;
}

const char *terminal_colour(const struct terminal *terminal, enum terminal_colour colour)
{
    static const char *const sequences[] = {
        [TERMINAL_PLAIN] = "\x1b[0m", [TERMINAL_BOLD] = "\x1b[1m",   [TERMINAL_DIM] = "\x1b[2m",
        [TERMINAL_RED] = "\x1b[31m",  [TERMINAL_GREEN] = "\x1b[32m", [TERMINAL_YELLOW] = "\x1b[33m",
        [TERMINAL_CYAN] = "\x1b[36m",
    };
    return terminal->has_colours ? sequences[colour] : "";
}

/* The code point of a well-formed sequence. */
static uint32_t code_point(const uint8_t *at, size_t size)
{
    if (size == 1)
        return at[0];
    uint32_t code = at[0] & (0x7fU >> size);
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (at[i] & 0x3f);
    return code;
}

/* C0, DEL and C1; marks, embeddings, overrides and isolates of direction (UAX #9), and the
 * separators that some take for ends of lines. */
static bool is_dangerous(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c ||
           (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

static void append_escape(struct buffer *out, uint32_t code)
{
    buffer_append_format(out, "\\u%04x", (unsigned)code);
}

/* One character at the start of `text`, made harmless. Answers how many bytes of it were read. */
static size_t append_character(struct buffer *out, struct bytes text)
{
    size_t size = utf8_sequence_size(text);
    if (size == 0) {
        buffer_append_string(out, "\xef\xbf\xbd");
        return 1;
    }
    uint32_t code = code_point(text.data, size);
    if (is_dangerous(code))
        append_escape(out, code);
    else
        buffer_append(out, text.data, size);
    return size;
}

/* In place of what stands behind `end`. */
static size_t end_with_ellipsis(struct buffer *out, size_t end, size_t width)
{
    out->size = end;
    buffer_append_string(out, "\xe2\x80\xa6");
    return width;
}

size_t terminal_append_text(struct buffer *out, struct bytes text, size_t width)
{
    enum {
        /* An escape is the longest that a character becomes. */
        CHARACTER_WIDTH_MAX = 6
    };
    size_t written = 0, last = out->size;
    while (text.size) {
        if (written == width)
            return end_with_ellipsis(out, last, width);
        last = out->size;
        size_t used = append_character(out, text);
        size_t columns = out->size - last > 4 && out->data[last] == '\\' ? CHARACTER_WIDTH_MAX : 1;
        if (columns > width - written)
            return end_with_ellipsis(out, last, written + 1);
        written += columns;
        text.data += used;
        text.size -= used;
    }
    return written;
}

void terminal_append_json(struct buffer *out, struct bytes json)
{
    while (json.size) {
        uint8_t first = json.data[0];
        bool is_blank = first == '\n' || first == '\r' || first == '\t';
        size_t used = 1;
        if (is_blank)
            buffer_append_byte(out, ' ');
        else
            used = append_character(out, json);
        json.data += used;
        json.size -= used;
    }
}
