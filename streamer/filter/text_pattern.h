/*
 * A pattern for the names of logs, operators and issuers: the whole text, without regard to the
 * case of ASCII letters; an asterisk at the start or the end stands for anything. "DigiCert*" is
 * every text that begins so.
 */
#ifndef STREAMER_FILTER_TEXT_PATTERN_H
#define STREAMER_FILTER_TEXT_PATTERN_H

#include "shared/base/bytes.h"

struct text_pattern {
    struct bytes core; /* lower case, without the asterisks */
    bool is_open_start;
    bool is_open_end;
};

/* A pattern over `text`, which is lower case and must live as long. */
struct text_pattern text_pattern_of(struct bytes text);

/* `text` is lower case. In time linear in its size. */
bool text_pattern_matches(const struct text_pattern *pattern, struct bytes text);

/* Writes `text` with the capitals of ASCII made small to `out`, of the same size; may be in place.
 */
void text_pattern_lower(uint8_t *out, struct bytes text);

/* The first place of `part` in `whole`, or NULL; an empty part is everywhere. In time linear in
 * both sizes. */
const uint8_t *text_pattern_find(struct bytes whole, struct bytes part);

#endif
