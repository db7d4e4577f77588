/*
 * X.509 extensions (RFC 5280 section 4.2, RFC 6962 section 3) as DER: each function appends one
 * whole Extension.
 */
#ifndef CT_LOG_MADE_EXTENSION_H
#define CT_LOG_MADE_EXTENSION_H

#include "shared/base/buffer.h"

struct seeded_random;

enum {
    /* The bits of keyUsage as its first octet has them. */
    MADE_USAGE_DIGITAL_SIGNATURE = 0x80,
    MADE_USAGE_KEY_ENCIPHERMENT = 0x20,
    MADE_USAGE_CERTIFICATE_SIGN = 0x04,
    MADE_USAGE_CRL_SIGN = 0x02,
};

void made_extension_write_key_usage(struct buffer *out, unsigned usage);
void made_extension_write_extended_key_usage(struct buffer *out, bool also_client);
/* A CA's has pathlen 0 if `has_path_length`; a leaf's is empty. */
void made_extension_write_basic_constraints(struct buffer *out, bool is_ca, bool has_path_length);
void made_extension_write_subject_key_id(struct buffer *out, struct bytes key_id);
void made_extension_write_authority_key_id(struct buffer *out, struct bytes key_id);
/* CA issuers, and OCSP if `has_ocsp`, below http://<host>/. */
void made_extension_write_authority_info(struct buffer *out, const char *host, bool has_ocsp);
void made_extension_write_names(struct buffer *out, const char *const *names, size_t count,
                                bool is_critical);
/* One policy, and a second with a CPS qualifier unless `own_policy` is NULL. */
void made_extension_write_policies(struct buffer *out, const char *policy, const char *own_policy,
                                   const char *host);
void made_extension_write_crl_point(struct buffer *out, const char *host, unsigned number);
void made_extension_write_poison(struct buffer *out);
/* A list of `count` well-formed SCTs of nobody. */
void made_extension_write_timestamps(struct buffer *out, struct seeded_random *random, size_t count,
                                     uint64_t timestamp_ms);

#endif
