/*
 * A made-up leaf certificate or precertificate of the shapes that CT logs hold today, complete but
 * for two marks, which whoever uses it overwrites in place: MADE_SERIAL_MARK in its serial number,
 * MADE_NAME_MARK in each of its names.
 */
#ifndef CT_LOG_MADE_CERTIFICATE_H
#define CT_LOG_MADE_CERTIFICATE_H

#include "shared/base/buffer.h"

struct made_authority;

enum {
    MADE_MARK_SIZE = 8,
    MADE_NAMES_MAX = 100,
    MADE_NAME_SIZE = 100,
};

/* Eight bytes each that nothing else in a certificate contains. */
#define MADE_SERIAL_MARK "\x7f\x01|ser|\x01"
#define MADE_NAME_MARK   "########"

struct made_certificate {
    const struct made_authority *authority; /* who issued it */
    bool is_precertificate;
    struct buffer certificate; /* its DER; of a precertificate with the poison */
    struct buffer body; /* of a precertificate: TBSCertificate without the poison; else empty */
};

/* Makes the certificate `number` of the seed, issued by one of `authorities` (MADE_AUTHORITY_COUNT
 * of them) about `now`, in seconds since 1970. Freed with made_certificate_clear. */
void made_certificate_init(struct made_certificate *certificate,
                           const struct made_authority *authorities, const char *seed,
                           uint64_t number, uint64_t now);
void made_certificate_clear(struct made_certificate *certificate);

#endif
