#include "streamer/edge/admission.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "shared/base/buffer.h"
#include "shared/base/memory.h"
#include "shared/base/say.h"
#include "streamer/edge/tls_identity.h"
#include "streamer/streamer_settings.h"

enum {
    /* 1,000 tokens of 256 characters, and as much again in comments. */
    TOKEN_FILE_MAX = 512 * 1024,
    READ_SIZE = 4096,
};

static bool say(char *reason, const char *path, const char *why)
{
    (void)snprintf(reason, EDGES_REASON_SIZE, "%.256s: %s", path, why);
    return false;
}

static bool read_file(struct buffer *text, const char *path, char *reason)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return say(reason, path, strerror(errno));
    size_t size = 1;
    for (uint8_t *room; size && (room = buffer_reserve(text, READ_SIZE)) != NULL;
         text->size += size)
        size = fread(room, 1, READ_SIZE, file);
    bool good = !ferror(file);
    (void)fclose(file);
    if (text->failed)
        return say(reason, path, "larger than 512 KiB");
    return good || say(reason, path, "cannot be read");
}

static bool add_token_file(struct token_set *tokens, const char *path, char *reason)
{
    struct buffer text;
    buffer_init(&text, TOKEN_FILE_MAX);
    bool good = read_file(&text, path, reason);
    size_t line = 0;
    const char *wrong = good ? token_set_add_lines(tokens, buffer_bytes(&text), &line) : NULL;
    if (wrong) {
        (void)snprintf(reason, EDGES_REASON_SIZE, "%.256s, line %zu: %s", path, line, wrong);
        good = false;
    }
    /* The tokens themselves are nobody's business any more. */
    if (text.data)
        explicit_bzero(text.data, text.capacity);
    buffer_free(&text);
    if (good && token_set_count(tokens) == 0)
        return say(reason, path, "holds no token, so nobody could come in");
    return good;
}

/* NULL, and why in `reason`, if the file is wrong. */
static struct token_set *read_tokens(const struct streamer_settings *settings, char *reason)
{
    struct token_set *tokens = token_set_create();
    for (size_t i = 0; i < settings->tokens.count; i++) {
        const char *wrong = token_set_add(tokens, bytes_of_string(settings->tokens.items[i]));
        assert(!wrong);
    }
    if (!*settings->token_file || add_token_file(tokens, settings->token_file, reason))
        return tokens;
    token_set_destroy(tokens);
    return NULL;
}

static bool read_identity(struct edges *edges, char *reason)
{
    const struct streamer_settings *settings = edges->settings;
    if (!*settings->tls_cert && !*settings->tls_key)
        return true;
    if (!*settings->tls_cert || !*settings->tls_key)
        return say(reason, "--tls-cert and --tls-key", "one needs the other");
    edges->identity = tls_identity_create(settings->tls_cert, settings->tls_key, reason);
    return edges->identity != NULL;
}

bool edges_init(struct edges *edges, const struct streamer_settings *settings, size_t connections,
                char *reason)
{
    static_assert((int)TLS_IDENTITY_REASON_SIZE <= (int)EDGES_REASON_SIZE, "a reason fits");
    uint64_t seed = 0;
    (void)!getrandom(&seed, sizeof seed, 0);
    *edges = (struct edges){
        .settings = settings,
        .tokens = read_tokens(settings, reason),
        .access = { .origins = settings->origins.items, .origin_count = settings->origins.count },
        .proxies =
            trusted_proxies_of(settings->trusted_proxies.items, settings->trusted_proxies.count),
        .limits =
            connection_limits_create(connections, (size_t)settings->max_clients_per_address, seed),
    };
    edges->access.tokens = edges->tokens;
    return edges->tokens && read_identity(edges, reason);
}

void edges_clear(struct edges *edges)
{
    token_set_destroy(edges->tokens);
    trusted_proxies_clear(&edges->proxies);
    connection_limits_destroy(edges->limits);
    tls_identity_destroy(edges->identity);
    *edges = (struct edges){ 0 };
}

static void reload_tokens(struct edges *edges)
{
    char reason[EDGES_REASON_SIZE];
    if (!*edges->settings->token_file)
        return;
    struct token_set *tokens = read_tokens(edges->settings, reason);
    if (!tokens) {
        log_error("the tokens stay as they were", "reason=%s", log_quoted(reason));
        return;
    }
    token_set_destroy(edges->tokens);
    edges->tokens = tokens;
    edges->access.tokens = tokens;
    log_info("tokens read again", "count=%zu", token_set_count(tokens));
}

static void reload_identity(const struct edges *edges)
{
    char reason[EDGES_REASON_SIZE];
    if (!edges->identity)
        return;
    if (tls_identity_reload(edges->identity, reason))
        log_info("certificate read again", "path=%s", log_quoted(edges->settings->tls_cert));
    else
        log_error("the certificate stays as it was", "reason=%s", log_quoted(reason));
}

void edges_reload(struct edges *edges)
{
    reload_tokens(edges);
    reload_identity(edges);
}
