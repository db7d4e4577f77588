/*
 * The key of a log, and whether it signed a tree head (RFC 6962 section 3.5). Both kinds of log
 * sign the same 50 bytes.
 */
#ifndef INGEST_TREE_LOG_KEY_H
#define INGEST_TREE_LOG_KEY_H

#include "ingest/tree/signed_head.h"

struct log_key;

/* Reads a DER SubjectPublicKeyInfo; NULL if it is neither a P-256 key nor an RSA key of 2048 to
 * 8192 bits, which are all that logs may have (section 2.1.4). */
struct log_key *log_key_create(struct bytes spki);
/* NULL is fine. */
void log_key_destroy(struct log_key *key);

/* True if the head's signature is this key's over its size, time and root. */
bool log_key_has_signed(const struct log_key *key, const struct signed_head *head);

#endif
