#include "streamer/edge/token_set.h"

#include <assert.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "shared/base/digest.h"
#include "shared/base/memory.h"
#include "streamer/edge/header_value.h"

struct token_set {
    struct digest *digest;
    uint8_t (*hashes)[SHA256_SIZE];
    size_t count;
};

struct token_set *token_set_create(void)
{
    struct token_set *set = memory_allocate_zeroed(1, sizeof *set);
    set->digest = digest_create(DIGEST_SHA256);
    return set;
}

void token_set_destroy(struct token_set *set)
{
    if (!set)
        return;
    digest_destroy(set->digest);
    free(set->hashes);
    free(set);
}

/* The characters of a b64token (RFC 6750 section 2.1), which mean themselves in a header. */
static bool is_token_character(uint8_t byte)
{
    static const char others[] = "-._~+/=";
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || memchr(others, byte, sizeof others - 1);
}

const char *token_set_check(struct bytes token)
{
    if (token.size < TOKEN_SIZE_MIN || token.size > TOKEN_SIZE_MAX)
        return "a token has 8 to 256 characters";
    for (size_t i = 0; i < token.size; i++)
        if (!is_token_character(token.data[i]))
            return "a token has letters, digits and -._~+/= only";
    return NULL;
}

const char *token_set_add(struct token_set *set, struct bytes token)
{
    const char *wrong = token_set_check(token);
    if (wrong)
        return wrong;
    if (set->count == TOKENS_MAX)
        return "more than 1000 tokens";
    set->hashes = memory_resize(set->hashes, set->count + 1, sizeof *set->hashes);
    digest_bytes(set->digest, set->hashes[set->count++], token);
    return NULL;
}

const char *token_set_add_lines(struct token_set *set, struct bytes text, size_t *line)
{
    *line = 0;
    while (text.size) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;
        size_t used = end ? size + 1 : size;
        size -= size && text.data[size - 1] == '\r';
        struct bytes token = header_value_trim(bytes_of(text.data, size));
        text = bytes_of(text.data + used, text.size - used);
        ++*line;
        const char *wrong =
            token.size == 0 || token.data[0] == '#' ? NULL : token_set_add(set, token);
        if (wrong)
            return wrong;
    }
    return NULL;
}

size_t token_set_count(const struct token_set *set)
{
    return set->count;
}

bool token_set_has(const struct token_set *set, struct bytes token)
{
    uint8_t hash[SHA256_SIZE];
    bool found = false;
    if (token.size < TOKEN_SIZE_MIN || token.size > TOKEN_SIZE_MAX)
        return false;
    digest_bytes(set->digest, hash, token);
    /* All of them, so that the time says nothing of which one it was. */
    for (size_t i = 0; i < set->count; i++)
        found |= CRYPTO_memcmp(hash, set->hashes[i], sizeof hash) == 0;
    return found;
}
