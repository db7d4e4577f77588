/*
 * Entries of get-entries answers in files, as OpenSSL reads them: the oracle for what has to arrive
 * in the stream. Uses none of the code under test.
 */
#ifndef TESTS_E2E_GIVEN_ENTRY_H
#define TESTS_E2E_GIVEN_ENTRY_H

#include <openssl/sha.h>

#include "shared/base/bytes.h"

enum {
    GIVEN_NAMES_MAX = 512
};

struct given_entry {
    bool is_precertificate;
    uint64_t timestamp_ms;
    struct bytes der; /* of the certificate, or of the submitted precertificate */
    uint8_t sha1[SHA_DIGEST_LENGTH];
    uint8_t sha256[SHA256_DIGEST_LENGTH];
    /* The dNSNames of the SAN in order, then the common name unless it is one of them or of a CA.
     * Owned. */
    char *names[GIVEN_NAMES_MAX];
    size_t name_count;
    size_t chain_length;
    uint8_t *leaf_input; /* owned; `der` points into one of these */
    uint8_t *extra_data;
};

/* Reads all entries of the file, fails the test if it cannot. An array to be freed with
 * given_entries_free. */
struct given_entry *given_entries_read(const char *path, size_t *count);
void given_entries_free(struct given_entry *entries, size_t count);

#endif
