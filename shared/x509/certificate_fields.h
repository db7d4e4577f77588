/* What certificate_parse has read, for the files that render or compare certificates. Everybody
 * else uses certificate.h. */
#ifndef SHARED_X509_CERTIFICATE_FIELDS_H
#define SHARED_X509_CERTIFICATE_FIELDS_H

#include "shared/base/buffer.h"
#include "shared/base/digest.h"
#include "shared/x509/asn1_text.h"
#include "shared/x509/certificate_extension.h"
#include "shared/x509/distinguished_name.h"
#include "shared/x509/name_set.h"
#include "shared/x509/public_key.h"

struct certificate_name {
    struct bytes sets;                                 /* the content of its SEQUENCE */
    struct asn1_text attributes[NAME_ATTRIBUTE_COUNT]; /* of a repeated attribute the last */
};

struct certificate_time {
    bool is_known;
    int64_t seconds; /* since 1970 */
};

struct certificate_extension {
    enum certificate_extension_kind kind;
    struct bytes id;
    struct bytes value; /* the content of extnValue */
};

/* The text of all extensions of one kind, within certificate.text. */
struct certificate_extension_text {
    bool is_present; /* the certificate has such an extension */
    bool is_readable;
    size_t offset;
    size_t size;
};

struct certificate {
    struct digest *sha256_digest;
    struct digest *sha1_digest;
    uint8_t sha256[SHA256_SIZE];
    uint8_t sha1[SHA1_SIZE];
    const char *parse_error;

    /* Views into the DER: whole elements where not said otherwise, data NULL where there is
     * none. */
    struct bytes der;
    struct bytes tbs;
    struct bytes serial;              /* content of the INTEGER */
    struct bytes signature_algorithm; /* content of the outer AlgorithmIdentifier */
    struct bytes issuer;
    struct bytes subject;
    struct bytes public_key_info;

    struct certificate_name issuer_name;
    struct certificate_name subject_name;
    struct certificate_time not_before;
    struct certificate_time not_after;
    bool is_ca;

    struct certificate_extension *extensions; /* in the certificate's order */
    size_t extension_count;
    size_t extension_capacity;
    struct certificate_extension_text texts[EXTENSION_KIND_COUNT];
    struct buffer text;

    struct public_key public_key;
    uint8_t public_key_sha256[SHA256_SIZE]; /* of public_key_info */
    bool has_names_only; /* certificate_parse_names: no digests, keys and texts */
    bool has_tbs_sha256;
    uint8_t tbs_sha256[SHA256_SIZE]; /* tbs_digest */

    struct name_set domains;   /* all_domains of the certstream dialect */
    struct name_set addresses; /* octets of the iPAddresses of alternative names */
    struct bytes common_name;  /* the subject's last, as UTF-8 (not checked) */
    /* What had to be converted to UTF-8 or put together from pieces, for views that stay: it never
     * moves while the certificate is used. */
    struct buffer converted;
};

#endif
