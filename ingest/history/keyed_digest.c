#include "ingest/history/keyed_digest.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "shared/base/memory.h"

struct keyed_digest {
    EVP_MAC *algorithm;
    EVP_MAC_CTX *context;
    uint8_t key[KEYED_DIGEST_KEY_SIZE];
};

struct keyed_digest *keyed_digest_create(const uint8_t *key)
{
    struct keyed_digest *digest = memory_allocate_zeroed(1, sizeof *digest);
    digest->algorithm = EVP_MAC_fetch(NULL, "POLY1305", NULL);
    digest->context = digest->algorithm ? EVP_MAC_CTX_new(digest->algorithm) : NULL;
    if (!digest->context)
        abort();
    memcpy(digest->key, key, sizeof digest->key);
    return digest;
}

void keyed_digest_destroy(struct keyed_digest *digest)
{
    if (!digest)
        return;
    EVP_MAC_CTX_free(digest->context);
    EVP_MAC_free(digest->algorithm);
    free(digest);
}

void keyed_digest_pieces(struct keyed_digest *digest, uint8_t *out, const struct bytes *pieces,
                         size_t count)
{
    size_t written = 0;
    bool good = EVP_MAC_init(digest->context, digest->key, sizeof digest->key, NULL) == 1;
    for (size_t i = 0; i < count && good; i++) {
        const uint64_t size = pieces[i].size;
        good = EVP_MAC_update(digest->context, (const uint8_t *)&size, sizeof size) == 1;
        if (size)
            good = good && EVP_MAC_update(digest->context, pieces[i].data, pieces[i].size) == 1;
    }
    good = good && EVP_MAC_final(digest->context, out, &written, KEYED_DIGEST_SIZE) == 1;
    if (!good || written != KEYED_DIGEST_SIZE)
        abort(); /* no input makes it fail */
}
