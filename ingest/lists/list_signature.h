/*
 * The key that signs a log list, and whether it signed a text: a detached RSA signature (PKCS#1
 * v1.5 over SHA-256) of the list's raw bytes, as beside Chrome's list. The key is no part of this
 * program: it is fetched from beside the list and taken only if it is the one that is pinned by its
 * SHA-256. Pure.
 */
#ifndef INGEST_LISTS_LIST_SIGNATURE_H
#define INGEST_LISTS_LIST_SIGNATURE_H

#include "shared/base/bytes.h"
#include "shared/base/digest.h"

enum {
    /* An RSA-4096 key takes 800 bytes of PEM, its signature 512; others may use larger keys, within
     * reason. */
    LIST_KEY_PEM_MAX = 8 * 1024,
    LIST_SIGNATURE_MAX = 1024,
};

struct list_key;

/* Reads a PEM file with one "PUBLIC KEY", an RSA key of 2048 to 8192 bits. `pin` is the SHA-256
 * that its DER SubjectPublicKeyInfo must have, or NULL for a key that is trusted as it is. NULL if
 * it is not taken; `wrong` is then a constant text that says why. */
struct list_key *list_key_create(struct bytes pem, const uint8_t *pin, const char **wrong);
/* NULL is fine. */
void list_key_destroy(struct list_key *key);

bool list_key_has_signed(const struct list_key *key, struct bytes text, struct bytes signature);

#endif
