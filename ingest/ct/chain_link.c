#include "ingest/ct/chain_link.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "shared/x509/certificate.h"

enum {
    /* No log may make a signature dear. */
    KEY_BITS_MAX = 8192,
};

void chain_certificate_read(struct chain_certificate *out, const struct certificate *certificate,
                            struct bytes der)
{
    *out = (struct chain_certificate){
        .der = der,
        .subject = certificate_subject(certificate),
        .issuer = certificate_issuer(certificate),
        .subject_key_id = certificate_subject_key_id(certificate),
        .authority_key_id = certificate_authority_key_id(certificate),
        .public_key_info = certificate_public_key_info(certificate),
    };
    out->has_key = precertificate_issuer_read(&out->key, certificate);
}

enum chain_link chain_link_check(const struct chain_certificate *certificate,
                                 const struct chain_certificate *issuer)
{
    struct bytes named = certificate->authority_key_id, own = issuer->subject_key_id;
    bool same_name = certificate->issuer.size && bytes_equal(certificate->issuer, issuer->subject);
    bool same_key = named.size && bytes_equal(named, own);
    if (same_name && same_key)
        return CHAIN_LINK_BOUND;
    return same_name || same_key ? CHAIN_LINK_OPEN : CHAIN_LINK_BROKEN;
}

bool chain_link_is_signed(const struct chain_certificate *certificate,
                          const struct chain_certificate *issuer)
{
    const unsigned char *at = certificate->der.data, *key_at = issuer->public_key_info.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)certificate->der.size);
    EVP_PKEY *key = x509 ? d2i_PUBKEY(NULL, &key_at, (long)issuer->public_key_info.size) : NULL;
    bool holds = key && EVP_PKEY_get_bits(key) <= KEY_BITS_MAX && X509_verify(x509, key) == 1;
    EVP_PKEY_free(key);
    X509_free(x509);
    ERR_clear_error();
    return holds;
}
