#include "ingest/tree/log_key.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "shared/base/memory.h"
#include "shared/base/reader.h"

enum {
    /* RFC 5246 section 7.4.1.4.1. */
    HASH_SHA256 = 4,
    SIGNATURE_RSA = 1,
    SIGNATURE_ECDSA = 3,
    P256_BITS = 256,
    RSA_BITS_MIN = 2048,
    /* A key is verified with once per poll: no log may make that dear. */
    RSA_BITS_MAX = 8192,
    /* version, signature_type, timestamp, tree_size, root. */
    SIGNED_SIZE = 1 + 1 + 8 + 8 + SHA256_SIZE,
};

struct log_key {
    EVP_PKEY *key;
    uint64_t signature_algorithm;
};

static bool is_usable(EVP_PKEY *key, uint64_t *signature_algorithm)
{
    int bits = EVP_PKEY_get_bits(key);
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC: *signature_algorithm = SIGNATURE_ECDSA; return bits == P256_BITS;
    case EVP_PKEY_RSA:
        *signature_algorithm = SIGNATURE_RSA;
        return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
    default: return false;
    }
}

struct log_key *log_key_create(struct bytes spki)
{
    const unsigned char *at = spki.data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki.size);
    uint64_t signature_algorithm;
    ERR_clear_error();
    if (!key || at != spki.data + spki.size || !is_usable(key, &signature_algorithm)) {
        EVP_PKEY_free(key);
        return NULL;
    }
    struct log_key *log_key = memory_allocate(sizeof *log_key);
    *log_key = (struct log_key){ key, signature_algorithm };
    return log_key;
}

void log_key_destroy(struct log_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->key);
    free(key);
}

static void write_integer(uint8_t *out, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

/* TreeHeadSignature's input: version v1 and signature type tree_hash, then what is signed. */
static void write_signed(const struct signed_head *head, uint8_t *out)
{
    out[0] = 0;
    out[1] = 1;
    write_integer(out + 2, head->timestamp_ms);
    write_integer(out + 10, head->size);
    memcpy(out + 18, head->root.bytes, SHA256_SIZE);
}

bool log_key_has_signed(const struct log_key *key, const struct signed_head *head)
{
    struct reader reader = reader_of(bytes_of(head->signature, head->signature_size));
    uint64_t hash = reader_integer(&reader, 1);
    uint64_t algorithm = reader_integer(&reader, 1);
    struct bytes signature = reader_vector(&reader, 2);
    if (!reader_finished(&reader) || hash != HASH_SHA256 || algorithm != key->signature_algorithm)
        return false;
    uint8_t input[SIGNED_SIZE];
    write_signed(head, input);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert(context);
    bool good = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->key) == 1 &&
                EVP_DigestVerify(context, signature.data, signature.size, input, sizeof input) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good;
}
