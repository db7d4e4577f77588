/* The names of signature algorithms in the messages. */
#ifndef SHARED_MESSAGE_SIGNATURE_ALGORITHM_H
#define SHARED_MESSAGE_SIGNATURE_ALGORITHM_H

#include "shared/base/buffer.h"
#include "shared/message/certificate_json.h"

/* Appends the name of the algorithm whose AlgorithmIdentifier (RFC 5280 section 4.1.1.2) has this
 * content: in the certstream dialect the dotted identifier where there is no name, in the go
 * dialect "unknown". False, with nothing appended, if the identifier cannot be read. */
bool signature_algorithm_append(struct buffer *out, struct bytes algorithm,
                                enum certificate_dialect dialect);

#endif
