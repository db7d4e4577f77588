/* Hexadecimal text. */
#ifndef SHARED_BASE_HEX_H
#define SHARED_BASE_HEX_H

#include "shared/base/bytes.h"

/* Writes 2 * bytes.size lower-case digits and a NUL to `text`. */
void hex_encode(char *text, struct bytes bytes);
/* Reads exactly 2 * size digits of either case; false if `text` is of another length or holds
 * anything else. */
bool hex_decode(uint8_t *out, size_t size, struct bytes text);
/* The same of fingerprints as people read them: "AB:CD:…", a colon between each two bytes. `size`
 * is not 0. */
bool hex_decode_parted(uint8_t *out, size_t size, struct bytes text);
/* Nothing but digits of either case. */
bool hex_is_text(struct bytes text);

#endif
