#include "streamer/edge/admission.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "shared/base/buffer.h"
#include "shared/base/memory.h"
#include "shared/process/say.h"
#include "streamer/edge/tls_identity.h"

enum {
    /* 1,000 tokens of 256 characters, and as much again in comments. */
    TOKEN_FILE_MAX = 512 * 1024,
    READ_SIZE = 4096,
};

static bool say_admission(char *reason, const char *path, const char *why)
{
    (void)snprintf(reason, ADMISSION_REASON_SIZE, "%.256s: %s", path, why);
    return false;
}

static bool read_token_file(struct buffer *text, const char *path, char *reason)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return say_admission(reason, path, strerror(errno));
    size_t size = 1;
    for (uint8_t *room; size && (room = buffer_reserve(text, READ_SIZE)) != NULL;
         text->size += size)
        size = fread(room, 1, READ_SIZE, file);
    bool good = !ferror(file);
    (void)fclose(file);
    if (text->failed)
        return say_admission(reason, path, "larger than 512 KiB");
    return good || say_admission(reason, path, "cannot be read");
}

static bool add_token_file(struct token_set *tokens, const char *path, char *reason)
{
    struct buffer text;
    buffer_init(&text, TOKEN_FILE_MAX);
    bool good = read_token_file(&text, path, reason);
    size_t line = 0;
    const char *wrong = good ? token_set_add_lines(tokens, buffer_bytes(&text), &line) : NULL;
    if (wrong) {
        (void)snprintf(reason, ADMISSION_REASON_SIZE, "%.256s, line %zu: %s", path, line, wrong);
        good = false;
    }
    /* The tokens themselves are nobody's business any more. */
    if (text.data)
        explicit_bzero(text.data, text.capacity);
    buffer_free(&text);
    if (good && token_set_count(tokens) == 0)
        return say_admission(reason, path, "holds no token, so nobody could come in");
    return good;
}

/* NULL, and why in `reason`, if the file is wrong. */
static struct token_set *read_tokens(const struct admission_options *options, char *reason)
{
    struct token_set *tokens = token_set_create();
    for (size_t i = 0; i < options->tokens.count; i++) {
        const char *wrong = token_set_add(tokens, bytes_of_string(options->tokens.items[i]));
        assert(!wrong);
    }
    if (!*options->token_file || add_token_file(tokens, options->token_file, reason))
        return tokens;
    token_set_destroy(tokens);
    return NULL;
}

static bool read_tls_identity(struct admission *admission, char *reason)
{
    const struct admission_options *options = &admission->options;
    if (!*options->tls_cert && !*options->tls_key)
        return true;
    if (!*options->tls_cert || !*options->tls_key)
        return say_admission(reason, "--tls-cert and --tls-key", "one needs the other");
    admission->identity = tls_identity_create(options->tls_cert, options->tls_key, reason);
    return admission->identity != NULL;
}

static uint64_t own_or(uint64_t own, uint64_t otherwise)
{
    return own == UINT64_MAX ? otherwise : own;
}

/* The named tokens are customers from the start, with limits of their own. */
static void keep_holders(const struct admission *admission)
{
    const struct customer_limits *all = &admission->options.customers;
    for (size_t i = 0; i < token_set_count(admission->tokens); i++) {
        const struct token_holder *holder = token_set_holder(admission->tokens, i);
        struct customer_limits limits = {
            .replay_bytes_per_second =
                own_or(holder->limits.replay_bytes_per_second, all->replay_bytes_per_second),
        };
        for (size_t share = 0; share < CUSTOMER_SHARES; share++)
            limits.held[share] = own_or(holder->limits.held[share], all->held[share]);
        if (holder->customer[0])
            customers_keep(admission->customers, holder->customer, &limits);
    }
}

bool admission_init(struct admission *admission, const struct admission_options *options,
                    char *reason)
{
    static_assert((int)TLS_IDENTITY_REASON_SIZE <= (int)ADMISSION_REASON_SIZE, "a reason fits");
    uint64_t seed = 0;
    (void)!getrandom(&seed, sizeof seed, 0);
    *admission = (struct admission){
        .options = *options,
        .tokens = read_tokens(options, reason),
        .access = { .origins = options->origins.items,
                    .origin_count = options->origins.count,
                    .own_origins = options->own_origins.items,
                    .own_origin_count = options->own_origins.count },
        .proxies =
            trusted_proxies_of(options->trusted_proxies.items, options->trusted_proxies.count),
        .customers = customers_create(&options->customers, options->connections_max, seed),
    };
    admission->access.tokens = admission->tokens;
    if (admission->tokens)
        keep_holders(admission);
    return admission->tokens && read_tls_identity(admission, reason);
}

void admission_clear(struct admission *admission)
{
    token_set_destroy(admission->tokens);
    trusted_proxies_clear(&admission->proxies);
    customers_destroy(admission->customers);
    tls_identity_destroy(admission->identity);
    *admission = (struct admission){ 0 };
}

static void reload_tokens(struct admission *admission)
{
    char reason[ADMISSION_REASON_SIZE];
    if (!*admission->options.token_file)
        return;
    struct token_set *tokens = read_tokens(&admission->options, reason);
    if (!tokens) {
        say_error("the tokens stay as they were", "reason=%s", say_quoted(reason));
        return;
    }
    token_set_destroy(admission->tokens);
    admission->tokens = tokens;
    admission->access.tokens = tokens;
    customers_begin_keeping(admission->customers);
    keep_holders(admission);
    customers_end_keeping(admission->customers);
    say_info("tokens read again", "count=%zu", token_set_count(tokens));
}

static void reload_identity(const struct admission *admission)
{
    char reason[ADMISSION_REASON_SIZE];
    if (!admission->identity)
        return;
    if (tls_identity_reload(admission->identity, reason))
        say_info("certificate read again", "path=%s", say_quoted(admission->options.tls_cert));
    else
        say_error("the certificate stays as it was", "reason=%s", say_quoted(reason));
}

void admission_reload(struct admission *admission)
{
    reload_tokens(admission);
    reload_identity(admission);
}
