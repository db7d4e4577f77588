/*
 * What the commands write for people: whether there is a terminal, how wide, with colours or
 * without; and text from outside, which must never reach a terminal as it is.
 */
#ifndef SHARED_PROCESS_TERMINAL_H
#define SHARED_PROCESS_TERMINAL_H

#include <stdio.h>

#include "shared/base/buffer.h"

enum terminal_colour {
    TERMINAL_PLAIN,
    TERMINAL_BOLD,
    TERMINAL_DIM,
    TERMINAL_RED,
    TERMINAL_GREEN,
    TERMINAL_YELLOW,
    TERMINAL_CYAN,
};

struct terminal {
    bool is_one;
    bool has_colours; /* NO_COLOR and TERM=dumb are heeded */
    size_t width;     /* in characters; of what is no terminal 80 */
};

struct terminal terminal_of(FILE *file);

/* The sequence that begins a colour, TERMINAL_PLAIN ends it; "" without colours. A literal. */
const char *terminal_colour(const struct terminal *terminal, enum terminal_colour colour);

/* Appends text from outside: control characters (C0, DEL, C1, as ISO 6429 has them) and what turns
 * the direction of writing become \u00XX, what is not UTF-8 (RFC 3629) U+FFFD. At most `width`
 * characters of it, the last an ellipsis if it has more. Answers how many were written. */
size_t terminal_append_text(struct buffer *out, struct bytes text, size_t width);

/* Appends JSON that came from outside, which stays what it was as JSON (RFC 8259 section 7) if it
 * was any: what terminal_append_text replaces is escaped, line breaks become blanks. */
void terminal_append_json(struct buffer *out, struct bytes json);

#endif
