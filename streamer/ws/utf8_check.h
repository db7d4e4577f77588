/* Whether text that comes in pieces is UTF-8 (RFC 3629): a character may lie across two of them. */
#ifndef STREAMER_WS_UTF8_CHECK_H
#define STREAMER_WS_UTF8_CHECK_H

#include "shared/base/bytes.h"

/* All zero: at the start of a text. */
struct utf8_check {
    uint8_t missing;   /* bytes of the character that has begun */
    uint8_t low, high; /* between which the next one has to be */
};

/* False as soon as no more bytes could make it right. */
bool utf8_check_add(struct utf8_check *check, struct bytes piece);
/* At the text's end: no character is cut off. */
bool utf8_check_is_complete(const struct utf8_check *check);

#endif
