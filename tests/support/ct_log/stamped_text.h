/*
 * The base64 of stamped bytes, made once and then patched: the groups that hold a stamp are encoded
 * again, the rest is copied. That is what makes get-entries cheap.
 */
#ifndef CT_LOG_STAMPED_TEXT_H
#define CT_LOG_STAMPED_TEXT_H

#include "tests/support/ct_log/stamp.h"

enum {
    /* A value of eight bytes touches at most four groups of three. */
    STAMPED_TEXT_RAW_MAX = 12
};

/* The groups around one place. */
struct text_place {
    uint32_t text_offset;
    uint8_t raw[STAMPED_TEXT_RAW_MAX];
    uint8_t raw_size; /* a multiple of three but at the end of the bytes */
    uint8_t value_offset;
    uint8_t kind;
};

struct stamped_text {
    struct buffer text;
    struct text_place *places;
    size_t place_count;
};

/* The text of the first `size` bytes. Places must be so far apart that they share no group. */
void stamped_text_init(struct stamped_text *text, const struct stamped_bytes *stamped, size_t size);
void stamped_text_clear(struct stamped_text *text);

void stamped_text_write(struct buffer *out, const struct stamped_text *text,
                        const struct stamp *stamp);

#endif
