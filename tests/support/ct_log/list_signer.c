#include "tests/support/ct_log/list_signer.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "shared/base/memory.h"

enum {
    KEY_BITS = 2048,
    SIGNATURE_SIZE = KEY_BITS / 8,
};

struct list_signer {
    EVP_PKEY *pair;
};

struct list_signer *list_signer_create(void)
{
    struct list_signer *signer = memory_allocate(sizeof *signer);
    signer->pair = EVP_RSA_gen(KEY_BITS);
    assert(signer->pair);
    return signer;
}

void list_signer_destroy(struct list_signer *signer)
{
    if (!signer)
        return;
    EVP_PKEY_free(signer->pair);
    free(signer);
}

void list_signer_write_key(const struct list_signer *signer, struct buffer *out)
{
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    assert(bio);
    bool made = PEM_write_bio_PUBKEY(bio, signer->pair) == 1;
    long size = BIO_get_mem_data(bio, &text);
    assert(made && size > 0);
    (void)made;
    buffer_append(out, text, (size_t)size);
    (void)BIO_free(bio);
}

void list_signer_sign(const struct list_signer *signer, struct bytes text, struct buffer *out)
{
    size_t size = SIGNATURE_SIZE;
    uint8_t *signature = buffer_reserve(out, size);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made = signature && context &&
                EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signer->pair) == 1 &&
                EVP_DigestSign(context, signature, &size, text.data, text.size) == 1;
    assert(made);
    (void)made;
    out->size += size;
    EVP_MD_CTX_free(context);
}
