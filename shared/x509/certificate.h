/*
 * A certificate (RFC 5280) or precertificate (RFC 6962 section 3.1), read from DER into views.
 * Nothing is copied and nothing allocated per field; what cannot be read is left empty and the rest
 * is read all the same, because a certificate that is in a log is published however odd it is.
 */
#ifndef SHARED_X509_CERTIFICATE_H
#define SHARED_X509_CERTIFICATE_H

#include "shared/base/bytes.h"

struct certificate;

/* One parsed certificate, to be used again and again. Freed with certificate_destroy (NULL is
 * fine). */
struct certificate *certificate_create(void);
void certificate_destroy(struct certificate *certificate);

/*
 * Reads `der`, which must stay alive and unchanged as long as the certificate is used. False if it
 * cannot be read as a certificate at all or a part the message needs is unreadable: then
 * certificate_parse_error says why, and everything that could be read is there (fingerprints
 * always).
 */
bool certificate_parse(struct certificate *certificate, struct bytes der);

/* Reads no more than certificate_json_write_domains needs, in half the time: nothing else may be
 * asked of the certificate afterwards. */
void certificate_parse_names(struct certificate *certificate, struct bytes der);

/* A constant text without anything from outside, or NULL when all was read. */
const char *certificate_parse_error(const struct certificate *certificate);

/* The SHA-256 and SHA-1 of the DER: 32 and 20 bytes, alive until the next parse. */
const uint8_t *certificate_sha256(const struct certificate *certificate);
const uint8_t *certificate_sha1(const struct certificate *certificate);

/* Views into the DER, whole elements, empty where unreadable: TBSCertificate, the two names,
 * SubjectPublicKeyInfo. */
struct bytes certificate_tbs(const struct certificate *certificate);
struct bytes certificate_issuer(const struct certificate *certificate);
struct bytes certificate_subject(const struct certificate *certificate);
struct bytes certificate_public_key_info(const struct certificate *certificate);

/* The key identifiers of the two extensions (RFC 5280 sections 4.2.1.1 and 4.2.1.2), views into the
 * DER; empty where there is none, or where it is in pieces. */
struct bytes certificate_subject_key_id(const struct certificate *certificate);
struct bytes certificate_authority_key_id(const struct certificate *certificate);

/* The SHA-256 of SubjectPublicKeyInfo, of nothing where that is unreadable; and tbs_digest, which
 * is the same for a precertificate and its certificate, or NULL. Alive until the next parse. */
const uint8_t *certificate_public_key_sha256(const struct certificate *certificate);
const uint8_t *certificate_tbs_sha256(const struct certificate *certificate);

/* True if an extendedKeyUsage names this purpose: the content of an object identifier. */
bool certificate_has_purpose(const struct certificate *certificate, struct bytes purpose);

#endif
