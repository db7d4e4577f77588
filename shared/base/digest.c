#include "shared/base/digest.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "shared/base/memory.h"

struct digest {
    EVP_MD *algorithm;
    EVP_MD_CTX *context;
};

struct digest *digest_create(enum digest_algorithm algorithm)
{
    struct digest *digest = memory_allocate(sizeof *digest);
    digest->algorithm = EVP_MD_fetch(NULL, algorithm == DIGEST_SHA256 ? "SHA256" : "SHA1", NULL);
    digest->context = EVP_MD_CTX_new();
    assert(digest->algorithm && digest->context);
    return digest;
}

void digest_destroy(struct digest *digest)
{
    if (!digest)
        return;
    EVP_MD_CTX_free(digest->context);
    EVP_MD_free(digest->algorithm);
    free(digest);
}

void digest_bytes(struct digest *digest, uint8_t *out, struct bytes bytes)
{
    digest_pieces(digest, out, &bytes, 1);
}

void digest_pieces(struct digest *digest, uint8_t *out, const struct bytes *pieces, size_t count)
{
    digest_begin(digest);
    for (size_t i = 0; i < count; i++)
        digest_add(digest, pieces[i]);
    digest_end(digest, out);
}

void digest_begin(struct digest *digest)
{
    int good = EVP_DigestInit_ex2(digest->context, digest->algorithm, NULL);
    assert(good == 1);
}

void digest_add(struct digest *digest, struct bytes piece)
{
    int good = EVP_DigestUpdate(digest->context, piece.data, piece.size);
    assert(good == 1);
}

void digest_end(struct digest *digest, uint8_t *out)
{
    int good = EVP_DigestFinal_ex(digest->context, out, NULL);
    assert(good == 1);
}
