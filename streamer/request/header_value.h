/* Values of HTTP header fields (RFC 9110 section 5.5, 5.6): views of views. */
#ifndef STREAMER_REQUEST_HEADER_VALUE_H
#define STREAMER_REQUEST_HEADER_VALUE_H

#include "shared/base/bytes.h"

/* The value without the white space around it. */
struct bytes header_value_trim(struct bytes value);
/* The next element of a comma-separated list, trimmed, which is cut off the list; empty ones are
 * passed over. No data at the list's end. */
struct bytes header_value_take_element(struct bytes *list);
/* Compares as is done with schemes, host names and tokens of HTTP: ASCII case does not matter. */
bool header_value_equal(struct bytes a, struct bytes b);
/* A token of RFC 9110 section 5.6.2: names of fields, methods, subprotocols. */
bool header_value_is_token(struct bytes text);

#endif
