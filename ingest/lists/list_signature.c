#include "ingest/lists/list_signature.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "shared/base/memory.h"

enum {
    RSA_BITS_MIN = 2048,
    RSA_BITS_MAX = 8192,
};

struct list_key {
    EVP_PKEY *key;
};

static bool is_pinned(const unsigned char *der, size_t size, const uint8_t *pin)
{
    uint8_t hash[SHA256_SIZE];
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    digest_bytes(sha256, hash, bytes_of(der, size));
    digest_destroy(sha256);
    return memcmp(hash, pin, sizeof hash) == 0;
}

/* What the PEM holds, as it is there: the pin is of these bytes, not of how OpenSSL would write the
 * key. */
static unsigned char *read_pem(struct bytes pem, long *size)
{
    unsigned char *der = NULL;
    if (pem.size > LIST_KEY_PEM_MAX)
        return NULL;
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    assert(bio);
    if (PEM_bytes_read_bio(&der, size, NULL, PEM_STRING_PUBLIC, bio, NULL, NULL) != 1)
        der = NULL;
    (void)BIO_free(bio);
    return der;
}

static EVP_PKEY *read_key(const unsigned char *der, long size)
{
    const unsigned char *at = der;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, size);
    int bits = key ? EVP_PKEY_get_bits(key) : 0;
    if (key && at == der + size && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
        bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

struct list_key *list_key_create(struct bytes pem, const uint8_t *pin, const char **wrong)
{
    long size = 0;
    EVP_PKEY *key = NULL;
    unsigned char *der = read_pem(pem, &size);
    if (!der)
        *wrong = "the key is no PEM";
    else if (pin && !is_pinned(der, (size_t)size, pin))
        *wrong = "the key is not the pinned one";
    else if (!(key = read_key(der, size)))
        *wrong = "the key is no RSA key of 2048 to 8192 bits";
    OPENSSL_free(der);
    ERR_clear_error();
    if (!key)
        return NULL;
    struct list_key *list_key = memory_allocate(sizeof *list_key);
    *list_key = (struct list_key){ key };
    return list_key;
}

void list_key_destroy(struct list_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->key);
    free(key);
}

bool list_key_has_signed(const struct list_key *key, struct bytes text, struct bytes signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert(context);
    /* PKCS#1 v1.5 is OpenSSL's default padding for RSA. */
    bool good =
        EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->key) == 1 &&
        EVP_DigestVerify(context, signature.data, signature.size, text.data, text.size) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good;
}
