/*
 * The gzip form (RFC 1952) of stamped bytes, compressed once: what is common to a template's
 * entries is deflated when the template is made, each stamp stands in a stored block of its own
 * between, and the checksum is put together from the parts', because CRC-32 is linear. A tile is
 * then made by copying.
 *
 *     deflated run · LEN NLEN stamp · … · deflated run · empty stored block
 */
#ifndef CT_LOG_STAMPED_GZIP_H
#define CT_LOG_STAMPED_GZIP_H

#include "tests/support/ct_log/stamp.h"

struct stamped_gzip {
    struct stamped_bytes deflated;
    size_t plain_size;
    uint32_t checksum; /* of the bytes with zeros in all places */
    /* Carry a value's checksum to the places of its kind; 0: there are none. */
    uint32_t place_operators[STAMP_KINDS];
    uint32_t append_operator; /* carries a checksum past these bytes */
};

/* The form of the bytes from `begin` on. */
void stamped_gzip_init(struct stamped_gzip *gzip, const struct stamped_bytes *stamped,
                       size_t begin);
void stamped_gzip_clear(struct stamped_gzip *gzip);

/* A gzip stream that is being written. */
struct gzip_stream {
    struct buffer *out;
    uint32_t checksum;
    uint32_t plain_size;
};

struct gzip_stream gzip_stream_begin(struct buffer *out);
void gzip_stream_write(struct gzip_stream *stream, const struct stamped_gzip *gzip,
                       const struct stamp *stamp);
void gzip_stream_end(struct gzip_stream *stream);

/* Appends the gzip form of any bytes. */
void gzip_write(struct buffer *out, struct bytes plain);

#endif
