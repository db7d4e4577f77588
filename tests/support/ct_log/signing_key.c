#include "tests/support/ct_log/signing_key.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "shared/base/memory.h"
#include "tests/support/seeded_random.h"

enum {
    SCALAR_SIZE = 32,
    POINT_SIZE = 1 + 2 * SCALAR_SIZE,
    SIGNATURE_MAX = 80,
};

struct signing_key {
    EVP_PKEY *pair;
    uint8_t *info;
    size_t info_size;
    uint8_t id[SIGNING_KEY_ID_SIZE];
};

static void make_point(uint8_t *out, const BIGNUM *scalar)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    assert(group);
    EC_POINT *point = EC_POINT_new(group);
    assert(point);
    bool made = EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) == 1 &&
                EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out, POINT_SIZE,
                                   NULL) == POINT_SIZE;
    assert(made);
    (void)made;
    EC_POINT_free(point);
    EC_GROUP_free(group);
}

static EVP_PKEY *make_pair(const BIGNUM *scalar)
{
    uint8_t point[POINT_SIZE];
    make_point(point, scalar);
    EVP_PKEY *pair = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    assert(context && builder);
    bool made =
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) ==
            1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, scalar) == 1;
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    made = made && parameters && EVP_PKEY_fromdata_init(context) == 1 &&
           EVP_PKEY_fromdata(context, &pair, EVP_PKEY_KEYPAIR, parameters) == 1;
    assert(made);
    (void)made;
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    return pair;
}

struct signing_key *signing_key_create(const char *seed, const char *purpose)
{
    struct signing_key *key = memory_allocate_zeroed(1, sizeof *key);
    struct seeded_random random = seeded_random_of(seed, purpose, 0);
    uint8_t scalar_bytes[SCALAR_SIZE];
    seeded_random_fill(&random, scalar_bytes, sizeof scalar_bytes);
    scalar_bytes[0] = 1; /* far below the order of the curve */
    BIGNUM *scalar = BN_bin2bn(scalar_bytes, sizeof scalar_bytes, NULL);
    assert(scalar);
    key->pair = make_pair(scalar);
    BN_free(scalar);
    int size = i2d_PUBKEY(key->pair, &key->info);
    assert(size > 0);
    key->info_size = (size_t)size;
    bool made = EVP_Digest(key->info, key->info_size, key->id, NULL, EVP_sha256(), NULL) == 1;
    assert(made);
    (void)made;
    return key;
}

void signing_key_destroy(struct signing_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pair);
    OPENSSL_free(key->info);
    free(key);
}

struct bytes signing_key_info(const struct signing_key *key)
{
    return bytes_of(key->info, key->info_size);
}

const uint8_t *signing_key_id(const struct signing_key *key)
{
    return key->id;
}

void signing_key_sign(const struct signing_key *key, struct bytes input, struct buffer *out)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t size = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made = context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->pair) == 1 &&
                EVP_DigestSign(context, signature, &size, input.data, input.size) == 1;
    assert(made);
    (void)made;
    EVP_MD_CTX_free(context);
    const uint8_t header[] = { 4, 3, (uint8_t)(size >> 8), (uint8_t)size };
    buffer_append(out, header, sizeof header);
    buffer_append(out, signature, size);
}
