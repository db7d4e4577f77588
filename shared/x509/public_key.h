/* What kind of key a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) holds, without using the key.
 * Pure. */
#ifndef SHARED_X509_PUBLIC_KEY_H
#define SHARED_X509_PUBLIC_KEY_H

#include "shared/base/bytes.h"

struct public_key {
    struct bytes algorithm; /* object identifier; data NULL if it cannot be read */
    const char *type;       /* "rsa", "ec", "ed25519", "ml-dsa-44"; NULL: no name */
    uint64_t bits;          /* of an RSA modulus or a DSA prime; 0: unknown, or no such number */
    struct bytes curve;     /* object identifier of an elliptic curve; NULL data: no named curve */
    const char *curve_name; /* "P-256"; NULL: no name */
};

/* Views into `info`, which is the whole element. False if it cannot be read at all; what cannot be
 * read of the key itself is left empty. */
bool public_key_read(struct public_key *key, struct bytes info);

/* The name of an algorithm whose keys and signatures have the same identifier ("ed448",
 * "ml-dsa-65", "slh-dsa-sha2-128s"), or NULL. */
const char *public_key_signature_name(struct bytes algorithm);

/* True of an elliptic curve's key, whose `curve` is shown even if it is null. */
bool public_key_is_on_curve(const struct public_key *key);

#endif
