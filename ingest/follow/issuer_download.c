#include "ingest/follow/issuer_download.h"

#include <stdlib.h>

#include "ingest/ct/ct_log.h"
#include "ingest/follow/follow_stats.h"
#include "ingest/http/http_client.h"
#include "ingest/http/operator_budget.h"
#include "ingest/make/issuer_set.h"
#include "ingest/make/pipeline.h"
#include "ingest/store/batch.h"
#include "shared/base/clock.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/base/say.h"

enum {
    URL_MAX = 1024
};

struct wanted {
    struct wanted *next;
    struct issuer_download *fetcher;
    char *url; /* of the issuer */
    uint8_t fingerprint[SHA256_SIZE];
    struct operator_share share;
    struct buffer der; /* once it has arrived */
    bool in_flight;
    bool has_arrived;
    uint64_t wanted_at_ms;
    uint64_t sent_at_ms;
    uint64_t retry_at_ms;
    uint64_t back_off_ms;
};

struct issuer_download {
    struct issuer_download_options options;
    struct wanted *first;
    size_t count;
    size_t in_flight;
    bool is_failing;
};

struct issuer_download *issuer_download_create(const struct issuer_download_options *options)
{
    struct issuer_download *fetcher = memory_allocate_zeroed(1, sizeof *fetcher);
    fetcher->options = *options;
    return fetcher;
}

static void wanted_destroy(struct wanted *wanted)
{
    free(wanted->url);
    buffer_free(&wanted->der);
    free(wanted);
}

void issuer_download_destroy(struct issuer_download *fetcher)
{
    if (!fetcher)
        return;
    while (fetcher->first) {
        struct wanted *wanted = fetcher->first;
        fetcher->first = wanted->next;
        wanted_destroy(wanted);
    }
    free(fetcher);
}

static struct wanted *find_wanted(const struct issuer_download *fetcher, const uint8_t *fingerprint)
{
    struct wanted *wanted = fetcher->first;
    while (wanted && memcmp(wanted->fingerprint, fingerprint, SHA256_SIZE) != 0)
        wanted = wanted->next;
    return wanted;
}

static void add_wanted(struct issuer_download *fetcher, const struct ct_log *ct_log,
                       const uint8_t *fingerprint, uint64_t now_ms)
{
    struct wanted *wanted = memory_allocate_zeroed(1, sizeof *wanted);
    char hex[2 * SHA256_SIZE + 1];
    hex_encode(hex, bytes_of(fingerprint, SHA256_SIZE));
    struct buffer path;
    buffer_init(&path, URL_MAX);
    buffer_append_format(&path, "%sissuer/%s", ct_log->url, hex);
    wanted->url = memory_copy_text((const char *)path.data, path.size);
    buffer_free(&path);
    wanted->fetcher = fetcher;
    wanted->share =
        operator_budgets_join(fetcher->options.operators, ct_log->operator_name, ct_log->url);
    memcpy(wanted->fingerprint, fingerprint, SHA256_SIZE);
    wanted->wanted_at_ms = wanted->retry_at_ms = now_ms;
    wanted->back_off_ms = ISSUER_RETRY_MS;
    wanted->next = fetcher->first;
    fetcher->first = wanted;
    fetcher->count++;
}

bool issuer_download_want(struct issuer_download *fetcher, const struct ct_log *ct_log,
                          const uint8_t *fingerprint, uint64_t now_ms)
{
    if (issuer_set_find(pipeline_issuers(fetcher->options.pipeline), fingerprint))
        return true;
    const struct wanted *wanted = find_wanted(fetcher, fingerprint);
    if (wanted)
        return wanted->has_arrived || now_ms - wanted->wanted_at_ms >= ISSUER_WAIT_MS;
    if (fetcher->count == ISSUER_WANTED_MAX)
        return true;
    add_wanted(fetcher, ct_log, fingerprint, now_ms);
    return false;
}

void issuer_download_deliver(struct issuer_download *fetcher, struct batch *batch)
{
    for (struct wanted **link = &fetcher->first; *link && !batch_is_full(batch);) {
        struct wanted *wanted = *link;
        if (!wanted->has_arrived) {
            link = &wanted->next;
            continue;
        }
        pipeline_add_issuer(fetcher->options.pipeline, batch, buffer_bytes(&wanted->der));
        *link = wanted->next;
        fetcher->count--;
        wanted_destroy(wanted);
    }
}

static void settle_budget(struct wanted *wanted, const struct http_response *response,
                          uint64_t now_ms)
{
    struct operator_answer answer = {
        .outcome = response->result == HTTP_ANSWERED
                       ? operator_outcome_of_status(response->status, response->retry_after_ms)
                       : OPERATOR_FAILED,
        .retry_after_ms = response->retry_after_ms,
        .sent_at_ms = wanted->sent_at_ms,
    };
    operator_budget_on_answer(&wanted->share, &answer, now_ms);
}

/* A change of health is said once, not for each issuer. */
static void note_health(struct issuer_download *fetcher, const struct wanted *wanted,
                        bool is_failing, long status)
{
    if (is_failing && !fetcher->is_failing)
        say_warning("issuers cannot be fetched", "url=%s status=%ld", say_quoted(wanted->url),
                    status);
    else if (!is_failing && fetcher->is_failing)
        say_info("issuers can be fetched again", "url=%s", say_quoted(wanted->url));
    fetcher->is_failing = is_failing;
}

static void on_issuer_response(void *context, const struct http_response *response)
{
    struct wanted *wanted = context;
    const struct issuer_download_options *options = &wanted->fetcher->options;
    uint64_t now_ms = clock_monotonic_ms();
    uint8_t hash[SHA256_SIZE];
    wanted->in_flight = false;
    wanted->fetcher->in_flight--;
    if (response->result == HTTP_STOPPED)
        return;
    settle_budget(wanted, response, now_ms);
    digest_bytes(pipeline_sha256(options->pipeline), hash, buffer_bytes(response->body));
    if (response->result == HTTP_ANSWERED && response->status == 200 &&
        memcmp(hash, wanted->fingerprint, sizeof hash) == 0) {
        http_response_take_body(response, &wanted->der);
        wanted->has_arrived = true;
        note_health(wanted->fetcher, wanted, false, response->status);
        return;
    }
    note_health(wanted->fetcher, wanted, true, response->status);
    options->stats->request_failures++;
    uint64_t delay_ms = response->retry_after_ms > wanted->back_off_ms ? response->retry_after_ms
                                                                       : wanted->back_off_ms;
    wanted->retry_at_ms = now_ms + delay_ms;
    wanted->back_off_ms = wanted->back_off_ms * 2 > ISSUER_RETRY_MAX_MS ? ISSUER_RETRY_MAX_MS
                                                                        : wanted->back_off_ms * 2;
}

static void forget_old(struct issuer_download *fetcher, uint64_t now_ms)
{
    for (struct wanted **link = &fetcher->first; *link;) {
        struct wanted *wanted = *link;
        if (wanted->in_flight || wanted->has_arrived ||
            now_ms - wanted->wanted_at_ms < ISSUER_FORGET_MS) {
            link = &wanted->next;
            continue;
        }
        *link = wanted->next;
        fetcher->count--;
        wanted_destroy(wanted);
    }
}

/* UINT64_MAX: after an answer. */
static uint64_t due_ms(struct wanted *wanted, uint64_t now_ms)
{
    if (wanted->in_flight || wanted->has_arrived)
        return UINT64_MAX;
    return now_ms < wanted->retry_at_ms
               ? wanted->retry_at_ms
               : operator_budget_ask(&wanted->share, OPERATOR_ENTRIES, now_ms);
}

static void send(struct wanted *wanted, uint64_t now_ms)
{
    struct issuer_download *fetcher = wanted->fetcher;
    operator_budget_on_sent(&wanted->share, OPERATOR_ENTRIES, now_ms);
    wanted->sent_at_ms = now_ms;
    wanted->in_flight = true;
    fetcher->in_flight++;
    fetcher->options.stats->requests++;
    http_client_get(fetcher->options.http, &(struct http_get){
                                               .url = wanted->url,
                                               .body_max = ISSUER_BODY_MAX,
                                               .on_response = on_issuer_response,
                                               .context = wanted,
                                           });
}

uint64_t issuer_download_work(struct issuer_download *fetcher, uint64_t now_ms)
{
    uint64_t again_ms = UINT64_MAX;
    forget_old(fetcher, now_ms);
    /* When all are out, the next answer makes room. */
    for (struct wanted *wanted = fetcher->first; wanted && fetcher->in_flight < ISSUER_REQUESTS_MAX;
         wanted = wanted->next) {
        uint64_t at_ms = due_ms(wanted, now_ms);
        if (at_ms <= now_ms)
            send(wanted, now_ms);
        else if (at_ms < again_ms)
            again_ms = at_ms;
    }
    return again_ms;
}
