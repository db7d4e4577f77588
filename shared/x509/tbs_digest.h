/*
 * What a precertificate and its certificate have in common (RFC 6962 section 3.2): the
 * TBSCertificate without the poison and without the list of SCTs, which are all that the CA may
 * change between the two. Pure.
 */
#ifndef SHARED_X509_TBS_DIGEST_H
#define SHARED_X509_TBS_DIGEST_H

#include "shared/base/digest.h"

/* Writes SHA256_SIZE bytes to `out`: the SHA-256 of `tbs`, a whole element, as it would be encoded
 * in DER without those two extensions, and without the list of extensions if none is left. False,
 * with nothing written, if it cannot be read or something stands behind the extensions. */
bool tbs_digest(struct digest *sha256, uint8_t *out, struct bytes tbs);

#endif
