#include "streamer/tail/certificate_lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/context.h"
#include "streamer/tail/certificate_text.h"
#include "streamer/tail/server_link.h"

enum {
    STATUS_FOUND = 200,
    STATUS_ABSENT = 404,
};

#define LOOKUP_MARK CONTEXT_MARK('L', 'O', 'O', 'K')

struct lookup {
    uint32_t mark; /* LOOKUP_MARK */
    const struct tail_settings *settings;
    struct server_url url;
    struct server_link *link;
    int code;
};

static bool write_answer(struct buffer *out, const struct lookup *lookup, struct bytes body)
{
    struct terminal terminal = terminal_of(stdout);
    if (strcmp(lookup->settings->format, "json") != 0)
        return certificate_text_write(out, &terminal, body);
    terminal_append_json(out, body);
    buffer_append_byte(out, '\n');
    return true;
}

static void say_refused(const struct lookup *lookup, unsigned status)
{
    (void)fprintf(stderr, "certstream-tail: %s:%d ", lookup->url.host, lookup->url.port);
    if (status == STATUS_ABSENT)
        (void)fputs("does not hold this certificate (any more)\n", stderr);
    else if (status)
        (void)fprintf(stderr, "answers with HTTP status %u\n", status);
    else
        (void)fputs("does not answer\n", stderr);
}

static void on_certificate(void *context, unsigned status, struct bytes body)
{
    struct lookup *lookup = context_of(context, LOOKUP_MARK);
    struct buffer text;
    buffer_init(&text, SIZE_MAX);
    lookup->code = EXIT_FAILURE;
    if (status != STATUS_FOUND)
        say_refused(lookup, status);
    else if (!write_answer(&text, lookup, body))
        (void)fputs("certstream-tail: the answer is no certificate\n", stderr);
    else if (fwrite(text.data, 1, text.size, stdout) == text.size && fflush(stdout) == 0)
        lookup->code = EXIT_SUCCESS;
    buffer_free(&text);
    server_link_stop(lookup->link);
}

int certificate_lookup_run(const struct tail_settings *settings)
{
    struct lookup lookup = { .mark = LOOKUP_MARK, .settings = settings, .code = EXIT_FAILURE };
    char page[128];
    struct buffer target;
    (void)server_url_read(&lookup.url, settings->url);
    (void)snprintf(page, sizeof page, "api/cert/%s", settings->cert);
    const struct server_link_options options = {
        .url = &lookup.url,
        .token = settings->token,
        .ca_file = settings->ca,
        .events = { .on_answer = on_certificate, .context = &lookup },
    };
    lookup.link = server_link_create(&options);
    if (!lookup.link)
        return EXIT_FAILURE;
    buffer_init(&target, SERVER_TARGET_MAX);
    server_url_begin_target(&target, &lookup.url, page);
    buffer_append_byte(&target, '\0');
    server_link_get(lookup.link, (const char *)target.data);
    server_link_run(lookup.link);
    server_link_destroy(lookup.link);
    buffer_free(&target);
    return lookup.code;
}
