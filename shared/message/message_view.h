/*
 * Where things stand in the lite message that ingest stored (message.c,
 * certificate_json.c), found by byte searches and without parsing it. Exact all the same:
 * JSON escapes the quotes inside of its strings, so in a message a quote right behind a comma
 * begins a string, and a string with a colon behind it is a key; and each key that is searched for
 * here occurs once in it. What is found is a view, still escaped.
 */
#ifndef SHARED_MESSAGE_MESSAGE_VIEW_H
#define SHARED_MESSAGE_MESSAGE_VIEW_H

#include "shared/base/bytes.h"
#include "shared/base/digest.h"

struct message_source_view {
    struct bytes name, url, operator_name;
    struct bytes type; /* rfc6962 or tiled */
};

/* NULL data where the message has null. */
struct message_issuer_view {
    struct bytes common_name, organization;
};

struct message_fingerprints {
    uint8_t sha1[SHA1_SIZE];
    uint8_t sha256[SHA256_SIZE];
    /* What a precertificate and its certificate have in common; not in the message but beside it
     * (CONTRACT_FIELD_TBS). */
    bool has_tbs;
    uint8_t tbs[SHA256_SIZE];
};

/* What is told apart when certificates are counted. */
struct message_certificate_view {
    struct bytes policies; /* the text of the extension; NULL data without it */
    struct message_issuer_view issuer;
    bool has_lifetime; /* both times could be read */
    int64_t not_before, not_after;
    struct bytes key_type, key_curve; /* NULL data where there is none */
    uint64_t key_bits;                /* 0 where there are none */
};

/* True if the entry is a precertificate. */
bool message_view_is_precertificate(struct bytes json);

/* All of them: false if `json` is not of the stored form. */
bool message_view_source(struct bytes json, struct message_source_view *source);
/* The certificate's issuer. */
bool message_view_issuer(struct bytes json, struct message_issuer_view *issuer);
/* The certificate's issuer, times, key and policies. A message that was stored before there was a
 * `public_key` has none. */
bool message_view_certificate(struct bytes json, struct message_certificate_view *certificate);
/* The certificate's own; false also if there is no certificate, which has none. */
bool message_view_fingerprints(struct bytes json, struct message_fingerprints *fingerprints);

/* The inside of a JSON string with its escapes undone, written to `out`, which has room for
 * text.size bytes; answers the size. What is no escape stays as it is. */
size_t message_view_unescape(uint8_t *out, struct bytes text);

#endif
