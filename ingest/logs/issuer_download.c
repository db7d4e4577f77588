#include "ingest/logs/issuer_download.h"

#include <stdlib.h>

#include <cjson/cJSON.h>
#include <hiredis/hiredis.h>

#include "ingest/ct/ct_log.h"
#include "ingest/follow/follow_stats.h"
#include "ingest/http/http_client.h"
#include "ingest/http/operator_budget.h"
#include "ingest/make/pipeline.h"
#include "shared/base/base64.h"
#include "shared/base/context.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/json/json_reader.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"

enum {
    URL_MAX = 1024,
    FINGERPRINT_HEX = 2 * SHA256_SIZE,
    /* Of a log's wanted: a tile may name thousands that are none of them. */
    BUCKETS = 256,
    /* Between two looks at what is over, if no issuer has come. */
    FORGET_LOOK_MS = 1000,
};

/* In order of travel. */
enum wanted_state {
    WANTED_UNKNOWN, /* Redis is to be asked */
    WANTED_ASKED,   /* its answer is owed */
    WANTED_ABSENT,  /* the log is to be asked, at retry_at_ms */
    WANTED_SENT,    /* its answer is owed */
};

#define WANTED_MARK   CONTEXT_MARK('W', 'A', 'N', 'T')
#define DOWNLOAD_MARK CONTEXT_MARK('I', 'S', 'S', 'D')

struct wanted {
    uint32_t mark; /* WANTED_MARK */
    struct wanted *next;
    struct wanted *next_in_bucket;
    struct download_list *list;
    enum wanted_state state;
    char *url; /* of the issuer */
    uint8_t fingerprint[SHA256_SIZE];
    uint64_t wanted_at_ms;
    uint64_t sent_at_ms;
    uint64_t retry_at_ms;
    uint64_t back_off_ms;
};

/* What one log waits for, oldest first. */
struct download_list {
    struct download_list *next;
    struct issuer_download *download;
    const void *owner;
    struct wanted *first;
    struct wanted **last;
    struct wanted *buckets[BUCKETS];
    /* Of all of them: a log that answers one after the other with 403 speaks for itself. */
    struct operator_share share;
    size_t count;
    size_t in_flight;
};

struct issuer_download {
    uint32_t mark; /* DOWNLOAD_MARK */
    struct issuer_download_options options;
    struct download_list *first;
    size_t in_flight;
    struct wanted *asked[ISSUER_LOOK_UP_MAX]; /* in the order of Redis' answer */
    size_t asked_count;
    bool is_failing;
    uint64_t forget_at_ms;
    size_t known; /* issuers, when it was looked at what is over */
};

struct issuer_download *issuer_download_create(const struct issuer_download_options *options)
{
    struct issuer_download *download = memory_allocate_zeroed(1, sizeof *download);
    download->mark = DOWNLOAD_MARK;
    download->options = *options;
    return download;
}

static void wanted_destroy(struct wanted *wanted)
{
    free(wanted->url);
    free(wanted);
}

void issuer_download_destroy(struct issuer_download *download)
{
    if (!download)
        return;
    while (download->first) {
        struct download_list *list = download->first;
        download->first = list->next;
        while (list->first) {
            struct wanted *wanted = list->first;
            list->first = wanted->next;
            wanted_destroy(wanted);
        }
        free(list);
    }
    free(download);
}

static struct download_list *find_download_list(struct issuer_download *download, const void *owner,
                                                const struct ct_log *ct_log)
{
    struct download_list *list = download->first;
    while (list && list->owner != owner)
        list = list->next;
    if (list)
        return list;
    list = memory_allocate_zeroed(1, sizeof *list);
    *list = (struct download_list){ .download = download, .owner = owner, .next = download->first };
    list->share =
        operator_budgets_join(download->options.operators, ct_log->operator_name, ct_log->url);
    list->last = &list->first;
    download->first = list;
    return list;
}

static struct wanted **bucket_of(struct download_list *list, const uint8_t *fingerprint)
{
    return &list->buckets[fingerprint[0] % BUCKETS];
}

/* Where it is linked, or would be. */
static struct wanted **find_wanted(struct download_list *list, const uint8_t *fingerprint)
{
    struct wanted **link = bucket_of(list, fingerprint);
    while (*link && memcmp((*link)->fingerprint, fingerprint, SHA256_SIZE) != 0)
        link = &(*link)->next_in_bucket;
    return link;
}

static void add_wanted(struct download_list *list, const struct ct_log *ct_log,
                       const uint8_t *fingerprint, uint64_t now_ms)
{
    struct wanted *wanted = memory_allocate_zeroed(1, sizeof *wanted);
    char hex[FINGERPRINT_HEX + 1];
    hex_encode(hex, bytes_of(fingerprint, SHA256_SIZE));
    struct buffer path;
    buffer_init(&path, URL_MAX);
    buffer_append_format(&path, "%sissuer/%s", ct_log->url, hex);
    wanted->url = memory_copy_text((const char *)path.data, path.size);
    buffer_free(&path);
    wanted->mark = WANTED_MARK;
    wanted->state = list->download->options.link ? WANTED_UNKNOWN : WANTED_ABSENT;
    wanted->list = list;
    memcpy(wanted->fingerprint, fingerprint, SHA256_SIZE);
    wanted->wanted_at_ms = wanted->retry_at_ms = now_ms;
    wanted->back_off_ms = ISSUER_RETRY_MS;
    *find_wanted(list, fingerprint) = wanted;
    *list->last = wanted;
    list->last = &wanted->next;
    list->count++;
}

static bool is_known(const struct issuer_download *download, const uint8_t *fingerprint)
{
    return issuer_set_find(pipeline_issuers(download->options.pipeline), fingerprint) != NULL;
}

bool issuer_download_want(struct issuer_download *download, const void *owner,
                          const struct ct_log *ct_log, const uint8_t *fingerprint, uint64_t now_ms)
{
    if (is_known(download, fingerprint))
        return true;
    struct download_list *list = find_download_list(download, owner, ct_log);
    const struct wanted *wanted = *find_wanted(list, fingerprint);
    if (wanted)
        return now_ms - wanted->wanted_at_ms >= ISSUER_WAIT_MS;
    if (list->count == ISSUER_WANTED_MAX)
        return true;
    add_wanted(list, ct_log, fingerprint, now_ms);
    return false;
}

/* False if these bytes are not the issuer, or there is no room for it. */
static bool learn_der(struct wanted *wanted, struct bytes der)
{
    struct pipeline *pipeline = wanted->list->download->options.pipeline;
    uint8_t hash[SHA256_SIZE];
    digest_bytes(pipeline_sha256(pipeline), hash, der);
    return memcmp(hash, wanted->fingerprint, sizeof hash) == 0 &&
           pipeline_learn_issuer(pipeline, wanted->fingerprint, der, wanted->list->owner,
                                 clock_realtime_ms());
}

/* An issuer as Redis has it: its object holds the certificate. */
static bool learn_object(struct wanted *wanted, const redisReply *object)
{
    if (object->type != REDIS_REPLY_STRING)
        return false;
    cJSON *parsed = cJSON_ParseWithLength(object->str, (size_t)object->len);
    const char *text = json_read_string(parsed, "as_der");
    struct buffer der;
    buffer_init(&der, ISSUER_BODY_MAX);
    bool learnt =
        text && base64_decode(&der, bytes_of_string(text)) && learn_der(wanted, buffer_bytes(&der));
    buffer_free(&der);
    cJSON_Delete(parsed);
    return learnt;
}

static void on_looked_up(struct redis_link *link, redisReply *reply, void *context)
{
    struct issuer_download *download = context_of(context, DOWNLOAD_MARK);
    (void)link;
    bool is_answer =
        reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == download->asked_count;
    for (size_t i = 0; i < download->asked_count; i++) {
        struct wanted *wanted = download->asked[i];
        /* Redis is away, or will not say: then it is asked again when it is there. */
        wanted->state = reply ? WANTED_ABSENT : WANTED_UNKNOWN;
        if (is_answer)
            (void)learn_object(wanted, reply->element[i]);
    }
    download->asked_count = 0;
}

static void collect_unknown(struct issuer_download *download)
{
    for (struct download_list *list = download->first; list; list = list->next)
        for (struct wanted *wanted = list->first;
             wanted && download->asked_count < ISSUER_LOOK_UP_MAX; wanted = wanted->next)
            if (wanted->state == WANTED_UNKNOWN)
                download->asked[download->asked_count++] = wanted;
}

/* One question at a time, of the issuers that are needed. */
static void look_up(struct issuer_download *download)
{
    struct redis_link *link = download->options.link;
    if (download->asked_count || !redis_link_is_up(link))
        return;
    collect_unknown(download);
    if (!download->asked_count)
        return;
    static char hex[ISSUER_LOOK_UP_MAX][FINGERPRINT_HEX + 1];
    const char *arguments[2 + ISSUER_LOOK_UP_MAX] = { "HMGET",
                                                      download->options.contract->issuers };
    size_t sizes[2 + ISSUER_LOOK_UP_MAX] = { 5, strlen(arguments[1]) };
    for (size_t i = 0; i < download->asked_count; i++) {
        hex_encode(hex[i], bytes_of(download->asked[i]->fingerprint, SHA256_SIZE));
        arguments[2 + i] = hex[i];
        sizes[2 + i] = FINGERPRINT_HEX;
        download->asked[i]->state = WANTED_ASKED;
    }
    (void)redis_link_send(link, on_looked_up, download, 2 + download->asked_count, arguments,
                          sizes);
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
    operator_budget_on_answer(&wanted->list->share, &answer, now_ms);
}

/* A change of health is said once, not for each issuer. */
static void note_health(struct issuer_download *download, const struct wanted *wanted,
                        bool is_failing, long status)
{
    if (is_failing && !download->is_failing)
        say_warning("issuers cannot be fetched", "url=%s status=%ld", say_quoted(wanted->url),
                    status);
    else if (!is_failing && download->is_failing)
        say_info("issuers can be fetched again", "url=%s", say_quoted(wanted->url));
    download->is_failing = is_failing;
}

static void on_issuer_response(void *context, const struct http_response *response)
{
    struct wanted *wanted = context_of(context, WANTED_MARK);
    struct issuer_download *download = wanted->list->download;
    uint64_t now_ms = clock_monotonic_ms();
    wanted->state = WANTED_ABSENT;
    wanted->list->in_flight--;
    download->in_flight--;
    if (response->result == HTTP_STOPPED)
        return;
    settle_budget(wanted, response, now_ms);
    bool learnt = response->result == HTTP_ANSWERED && response->status == 200 &&
                  learn_der(wanted, buffer_bytes(response->body));
    note_health(download, wanted, !learnt, response->status);
    if (learnt)
        return;
    download->options.stats->request_failures++;
    uint64_t delay_ms = response->retry_after_ms > wanted->back_off_ms ? response->retry_after_ms
                                                                       : wanted->back_off_ms;
    wanted->retry_at_ms = now_ms + delay_ms;
    wanted->back_off_ms = wanted->back_off_ms * 2 > ISSUER_RETRY_MAX_MS ? ISSUER_RETRY_MAX_MS
                                                                        : wanted->back_off_ms * 2;
}

/* An answer that is owed names its wanted. */
static bool is_over(const struct issuer_download *download, const struct wanted *wanted,
                    uint64_t now_ms)
{
    if (wanted->state == WANTED_ASKED || wanted->state == WANTED_SENT)
        return false;
    return is_known(download, wanted->fingerprint) ||
           now_ms - wanted->wanted_at_ms >= ISSUER_FORGET_MS;
}

/* Whoever's request brought it: what is known now is wanted no longer. */
static void forget_wanted(struct download_list *list, uint64_t now_ms)
{
    struct wanted **link = &list->first;
    while (*link) {
        struct wanted *wanted = *link;
        if (!is_over(list->download, wanted, now_ms)) {
            link = &wanted->next;
            continue;
        }
        *link = wanted->next;
        list->count--;
        *find_wanted(list, wanted->fingerprint) = wanted->next_in_bucket;
        wanted_destroy(wanted);
    }
    list->last = link;
}

static void forget_over(struct issuer_download *download, uint64_t now_ms)
{
    struct download_list **link = &download->first;
    size_t known = issuer_set_count(pipeline_issuers(download->options.pipeline));
    if (now_ms < download->forget_at_ms && known == download->known)
        return;
    download->forget_at_ms = now_ms + FORGET_LOOK_MS;
    download->known = known;
    while (*link) {
        struct download_list *list = *link;
        forget_wanted(list, now_ms);
        if (list->count) {
            link = &list->next;
            continue;
        }
        *link = list->next;
        free(list);
    }
}

/* One that has become known, from wherever, is not asked for again until it is forgotten. */
static uint64_t due_ms(struct wanted *wanted, uint64_t now_ms)
{
    if (wanted->state != WANTED_ABSENT)
        return UINT64_MAX;
    if (now_ms < wanted->retry_at_ms)
        return wanted->retry_at_ms;
    return is_known(wanted->list->download, wanted->fingerprint)
               ? UINT64_MAX
               : operator_budget_ask(&wanted->list->share, OPERATOR_ENTRIES, now_ms);
}

static void send_request(struct wanted *wanted, uint64_t now_ms)
{
    struct issuer_download *download = wanted->list->download;
    operator_budget_on_sent(&wanted->list->share, OPERATOR_ENTRIES, now_ms);
    wanted->sent_at_ms = now_ms;
    wanted->state = WANTED_SENT;
    wanted->list->in_flight++;
    download->in_flight++;
    download->options.stats->requests++;
    http_client_get(download->options.http, &(struct http_get){
                                                .url = wanted->url,
                                                .body_max = ISSUER_BODY_MAX,
                                                .on_response = on_issuer_response,
                                                .context = wanted,
                                            });
}

/* When all that one log, or all logs, may have out are out, the next answer makes room. */
static uint64_t work_on_download_list(struct download_list *list, uint64_t now_ms)
{
    uint64_t again_ms = UINT64_MAX;
    for (struct wanted *wanted = list->first; wanted && list->in_flight < ISSUER_LOG_REQUESTS_MAX &&
                                              list->download->in_flight < ISSUER_REQUESTS_MAX;
         wanted = wanted->next) {
        uint64_t at_ms = due_ms(wanted, now_ms);
        if (at_ms <= now_ms)
            send_request(wanted, now_ms);
        else if (at_ms < again_ms)
            again_ms = at_ms;
    }
    return again_ms;
}

/* The list that came first now comes last next time, so that each has its turn. */
static void rotate(struct issuer_download *download)
{
    struct download_list *list = download->first;
    if (!list || !list->next)
        return;
    struct download_list **last = &list->next;
    while (*last)
        last = &(*last)->next;
    *last = list;
    download->first = list->next;
    list->next = NULL;
}

uint64_t issuer_download_work(struct issuer_download *download, uint64_t now_ms)
{
    uint64_t again_ms = UINT64_MAX;
    forget_over(download, now_ms);
    look_up(download);
    rotate(download);
    for (struct download_list *list = download->first; list; list = list->next) {
        uint64_t at_ms = work_on_download_list(list, now_ms);
        again_ms = at_ms < again_ms ? at_ms : again_ms;
    }
    return again_ms;
}
