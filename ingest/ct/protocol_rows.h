/* The rows of the table in log_protocol.c. */
#ifndef INGEST_CT_PROTOCOL_ROWS_H
#define INGEST_CT_PROTOCOL_ROWS_H

#include "ingest/ct/log_protocol.h"

extern const struct log_protocol rfc6962_protocol;
extern const struct log_protocol tiled_protocol;
extern const struct log_protocol hybrid_protocol;

/* RFC 6962 section 4.3, which a hybrid log has too. */
bool rfc6962_protocol_read_head(struct signed_head *head, struct bytes body, const uint8_t *log_id,
                                struct digest *sha256);

#endif
