/* Base64 (RFC 4648 sections 4 and 5), always padded. */
#ifndef SHARED_BASE_BASE64_H
#define SHARED_BASE_BASE64_H

#include "shared/base/buffer.h"

/* Characters of the encoding of `size` bytes. */
static inline size_t base64_encoded_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

void base64_encode(struct buffer *out, struct bytes bytes);
/* The URL-safe alphabet ('-' and '_'), padded all the same. */
void base64_encode_url(struct buffer *out, struct bytes bytes);

/* Appends what standard-alphabet `text` encodes. Strict: false, with `out` as it was, for white
 * space, missing or misplaced padding, another alphabet, non-zero spare bits, or when `out` reaches
 * its limit (then out->failed). */
bool base64_decode(struct buffer *out, struct bytes text);
/* The same into an array that must be filled exactly. */
bool base64_decode_exactly(uint8_t *out, size_t size, struct bytes text);

#endif
