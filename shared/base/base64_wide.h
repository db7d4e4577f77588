/*
 * Base64 32 characters at a time, for processors that can (x86-64 with AVX2). base64.c decides what
 * is base64; this only does the bulk of it sooner.
 */
#ifndef SHARED_BASE_BASE64_WIDE_H
#define SHARED_BASE_BASE64_WIDE_H

#include <stddef.h>
#include <stdint.h>

/* Decodes the beginning of `size` characters, a multiple of four with no padding among them, to
 * `to`, which has room for what all of them encode. Returns how many characters it has decoded, a
 * multiple of 32: it leaves the rest, from the first run of 32 on in which a character is not of
 * the standard alphabet, and leaves all of it where the processor cannot. Reads and writes nothing
 * outside. */
size_t base64_wide_decode(uint8_t *to, const uint8_t *from, size_t size);

#endif
