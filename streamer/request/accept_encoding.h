/* What encodings of an answer's body a client takes (RFC 9110 section 12.5.3). Pure. */
#ifndef STREAMER_REQUEST_ACCEPT_ENCODING_H
#define STREAMER_REQUEST_ACCEPT_ENCODING_H

#include "shared/base/bytes.h"

/* True if the value of Accept-Encoding names gzip, or everything, and not with a weight of zero. */
bool accept_encoding_has_gzip(struct bytes value);

#endif
