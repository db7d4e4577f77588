/*
 * The issuers that entries have named lately: each is parsed once, however many thousand entries
 * name it, and sent to Redis when an entry first names it and once an hour from then on. Pure.
 *
 * A certificate of an RFC 6962 chain comes as DER each time. To hash it each time would cost more
 * than all else that is done to an entry, so the set keeps the DER and compares it: certificates
 * end in their signature, whose last bytes find the place.
 *
 * Anybody may mint issuers, so each log has a share of the set. What no entry has named for a day
 * makes room; where there is none, an issuer is not kept.
 */
#ifndef INGEST_MAKE_ISSUER_SET_H
#define INGEST_MAKE_ISSUER_SET_H

#include "ingest/ct/chain_link.h"

enum {
    /* 3,277 issuers are known to the public Web PKI, of 1 to 3 KB; a log names some hundred. */
    ISSUER_SET_MAX = 8 * 1024,
    ISSUER_SET_BYTES_MAX = 32 * 1024 * 1024,
    ISSUER_SET_LOG_MAX = 1024,
    ISSUER_SET_LOG_BYTES_MAX = 4 * 1024 * 1024,
    /* Of one certificate. */
    ISSUER_SET_DER_MAX = 128 * 1024,
    /* For so long after its stamp Redis keeps an issuer at least (publisher.h), so it is stamped
     * and sent again when an entry names it after that. */
    ISSUER_STAMP_MS = 3600 * 1000,
};

struct issuer_set;

/* What is known of an issuer. */
struct known_issuer {
    uint8_t fingerprint[SHA256_SIZE];
    struct chain_certificate certificate; /* views into a copy that the set owns */
    const void *owner;                    /* the log in whose share it is */
    uint64_t named_ms; /* when it was last found by an entry of that log or another */
    /* Whose signature it was last tested for, and whether it has it: chains are always the same. */
    bool is_tested, is_signed;
    uint8_t tested_issuer[SHA256_SIZE];
    uint64_t stamped_ms; /* when it was last sent to Redis; 0: Redis may not have it */
};

struct issuer_set *issuer_set_create(void);
void issuer_set_destroy(struct issuer_set *set);

/* Redis may have lost what was sent to it: after a lost connection or a refused batch. */
void issuer_set_forget_stamps(struct issuer_set *set);

/* Lives until the next issuer_set_add; NULL if the issuer is not known. */
struct known_issuer *issuer_set_find(const struct issuer_set *set, const uint8_t *fingerprint);
/* The same by its DER. */
struct known_issuer *issuer_set_find_der(const struct issuer_set *set, struct bytes der);

/* Copies the certificate. NULL, with nothing kept, if there is no room for it: then it is counted.
 * `owner`: the log, compared and never followed. */
struct known_issuer *issuer_set_add(struct issuer_set *set, const uint8_t *fingerprint,
                                    struct bytes der, const void *owner, uint64_t now_ms);

size_t issuer_set_count(const struct issuer_set *set);
/* Issuers for which there was no room. */
uint64_t issuer_set_refused(const struct issuer_set *set);

#endif
