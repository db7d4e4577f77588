#include "streamer/edge/token_set.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "shared/base/decimal.h"
#include "shared/base/digest.h"
#include "shared/base/memory.h"
#include "streamer/request/header_value.h"

struct token_set {
    struct digest *digest;
    struct token {
        uint8_t hash[SHA256_SIZE];
        struct token_holder holder;
    } * tokens;
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
    free(set->tokens);
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

static struct customer_limits as_everybody(void)
{
    struct customer_limits limits = { .replay_bytes_per_second = UINT64_MAX };
    for (size_t share = 0; share < CUSTOMER_SHARES; share++)
        limits.held[share] = UINT64_MAX;
    return limits;
}

const char *token_set_add(struct token_set *set, struct bytes token)
{
    const char *wrong = token_set_check(token);
    if (wrong)
        return wrong;
    if (set->count == TOKENS_MAX)
        return "more than 1000 tokens";
    set->tokens = memory_resize(set->tokens, set->count + 1, sizeof *set->tokens);
    struct token *added = &set->tokens[set->count++];
    *added = (struct token){ .holder.limits = as_everybody() };
    digest_bytes(set->digest, added->hash, token);
    return NULL;
}

static struct bytes take_token_word(struct bytes *line)
{
    struct bytes rest = header_value_trim(*line);
    size_t size = 0;
    while (size < rest.size && rest.data[size] != ' ' && rest.data[size] != '\t')
        size++;
    *line = bytes_of(rest.data + size, rest.size - size);
    return bytes_of(rest.data, size);
}

static const char *read_limit(struct customer_limits *limits, struct bytes word)
{
    const struct {
        const char *name;
        uint64_t *limit;
    } known[] = {
        { "connections=", &limits->held[CUSTOMER_CONNECTIONS] },
        { "filters=", &limits->held[CUSTOMER_FILTERS] },
        { "filter-cost=", &limits->held[CUSTOMER_FILTER_COST] },
        { "filter-time=", &limits->reading_ms_per_second },
        { "searches=", &limits->held[CUSTOMER_SEARCHES] },
        { "replay-rate=", &limits->replay_bytes_per_second },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t size = strlen(known[i].name);
        if (word.size > size && memcmp(word.data, known[i].name, size) == 0)
            return decimal_parse(known[i].limit, bytes_of(word.data + size, word.size - size))
                       ? NULL
                       : "a limit is a number";
    }
    return "behind a token come its limits: connections=, filters=, filter-cost=, "
           "filter-time=, searches=, replay-rate=";
}

static bool is_name(struct bytes name)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == '/' || name.data[i] == '+' || name.data[i] == '=' ||
            !is_token_character(name.data[i]))
            return false;
    return name.size > 0 && name.size < TOKEN_NAME_SIZE;
}

static const char *add_named(struct token_set *set, struct bytes name, struct bytes token,
                             struct bytes limits)
{
    if (!is_name(name))
        return "a token's name has 1 to 32 letters, digits and -._~";
    const char *wrong = token_set_add(set, token);
    if (wrong)
        return wrong;
    struct token_holder *holder = &set->tokens[set->count - 1].holder;
    (void)snprintf(holder->customer, sizeof holder->customer, "token %.*s", (int)name.size,
                   (const char *)name.data);
    for (struct bytes word; !wrong && (word = take_token_word(&limits)).size;)
        wrong = read_limit(&holder->limits, word);
    return wrong;
}

const char *token_set_add_line(struct token_set *set, struct bytes line)
{
    struct bytes rest = line;
    struct bytes word = take_token_word(&rest);
    const uint8_t *colon = word.size ? memchr(word.data, ':', word.size) : NULL;
    size_t size = colon ? (size_t)(colon - word.data) : 0;
    return colon ? add_named(set, bytes_of(word.data, size),
                             bytes_of(colon + 1, word.size - size - 1), rest)
                 : token_set_add(set, header_value_trim(line));
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
            token.size == 0 || token.data[0] == '#' ? NULL : token_set_add_line(set, token);
        if (wrong)
            return wrong;
    }
    return NULL;
}

size_t token_set_count(const struct token_set *set)
{
    return set->count;
}

const struct token_holder *token_set_holder(const struct token_set *set, size_t number)
{
    return &set->tokens[number].holder;
}

const struct token_holder *token_set_find(const struct token_set *set, struct bytes token)
{
    uint8_t hash[SHA256_SIZE];
    const struct token_holder *found = NULL;
    if (token.size < TOKEN_SIZE_MIN || token.size > TOKEN_SIZE_MAX)
        return NULL;
    digest_bytes(set->digest, hash, token);
    /* All of them, so that the time says nothing of which one it was. */
    for (size_t i = 0; i < set->count; i++)
        found = CRYPTO_memcmp(hash, set->tokens[i].hash, sizeof hash) == 0 ? &set->tokens[i].holder
                                                                           : found;
    return found;
}

bool token_set_has(const struct token_set *set, struct bytes token)
{
    return token_set_find(set, token) != NULL;
}
