/* A log's signing key, P-256, made from a seed: the same log id on every machine. For tests only. */
#ifndef CT_LOG_LOG_KEY_H
#define CT_LOG_LOG_KEY_H

#include "shared/buffer.h"

enum {
    LOG_KEY_ID_SIZE = 32
};

struct log_key;

struct log_key *log_key_create(const char *seed, const char *purpose);
void log_key_destroy(struct log_key *key);

/* The SubjectPublicKeyInfo, and its SHA-256: the log id (RFC 6962 section 3.2). Alive as long as the key. */
struct bytes log_key_info(const struct log_key *key);
const uint8_t *log_key_id(const struct log_key *key);

/* Appends a DigitallySigned (RFC 6962 section 2.1.4 with RFC 5246 section 4.7): ECDSA over SHA-256. */
void log_key_sign(const struct log_key *key, struct bytes input, struct buffer *out);

#endif
