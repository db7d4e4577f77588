#include "ingest/follow/log_fetch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ingest/ct/rfc6962.h"
#include "ingest/follow/log_start.h"
#include "ingest/follow/log_window.h"
#include "ingest/http/http_client.h"
#include "ingest/make/pipeline.h"
#include "shared/base/clock.h"
#include "shared/base/memory.h"
#include "shared/message/tile_path.h"

enum {
    URL_MAX = 1024,
    /* A log's clock may be a little ahead of ours. */
    FUTURE_MS = 5 * 60 * 1000,
    HTTP_TOO_MANY = 429,
};

/* One request that is out. */
struct request {
    struct followed_log *log;
    struct fetch fetch;
    size_t reserved;
};

static struct digest *sha256_of(const struct followed_log *log)
{
    return pipeline_sha256(log->ingest->pipeline);
}

static const char *fetch_name(const struct followed_log *log, enum fetch_kind kind)
{
    static const char *const names[2][FETCH_KINDS] = {
        [CT_LOG_RFC6962] = { "checkpoint in Redis", "get-sth", "proof of the start", "get-entries",
                             "proof", "proof of what was released" },
        [CT_LOG_TILED] = { "checkpoint in Redis", "checkpoint", "hash tile", "data tile",
                           "hash tile", "hash tile" },
    };
    return names[log->ct_log.kind][kind];
}

static bool is_for_proof(enum fetch_kind kind)
{
    return kind == FETCH_START || kind == FETCH_PROOF || kind == FETCH_CLASSIFY;
}

static void fail_fetch(struct followed_log *log, const struct fetch *fetch,
                       enum fetch_failure failure, uint64_t retry_after_ms, uint64_t now_ms)
{
    switch (follower_on_failure(&log->follower, fetch, failure, retry_after_ms, now_ms)) {
    case FAILURE_RETRIED: log->start_begun &= fetch->kind != FETCH_START; return;
    case FAILURE_ENDS_START: log_start_bare(log, now_ms); return;
    case FAILURE_ENDS_CLASSIFY: log_window_on_no_class(log, now_ms); return;
    }
}

static enum fetch_failure failure_of(const struct http_response *response)
{
    if (response->result == HTTP_TOO_LARGE)
        return FETCH_TOO_LARGE;
    if (response->result != HTTP_ANSWERED)
        return FETCH_UNREACHABLE;
    if (response->status == 404 || response->status == 410)
        return FETCH_MISSING;
    bool is_refusal = response->status / 100 == 4 || response->status == 501;
    bool is_throttled = operator_outcome_of_status(response->status, response->retry_after_ms) ==
                        OPERATOR_THROTTLED;
    return is_refusal && !is_throttled ? FETCH_REFUSED : FETCH_UNWELL;
}

/* What refuses one question may answer another at once; what fails is asked for the other after a
 * pause. */
static bool try_other_way(struct followed_log *log, const struct fetch *fetch,
                          enum fetch_failure failure, uint64_t retry_after_ms, uint64_t now_ms)
{
    if (!is_for_proof(fetch->kind) || !log_proof_on_missing(log->proof))
        return false;
    if (failure == FETCH_REFUSED || failure == FETCH_MISSING || failure == FETCH_MALFORMED)
        follower_on_step(&log->follower, fetch);
    else
        follower_on_other_way(&log->follower, fetch, failure, retry_after_ms, now_ms);
    return true;
}

static void note_response(struct followed_log *log, const struct fetch *fetch,
                          enum fetch_failure failure, const struct http_response *response)
{
    char why[64];
    (void)snprintf(why, sizeof why, "HTTP status %ld", response->status);
    bool is_partial = log->source.is_tiled && fetch->width < TILE_WIDTH;
    if (fetch->kind == FETCH_RANGE && failure == FETCH_MISSING && is_partial)
        return;
    log->ingest->stats.request_failures++;
    log->ingest->stats.oversize += failure == FETCH_TOO_LARGE;
    followed_log_note_failure(log, fetch_name(log, fetch->kind),
                              response->result == HTTP_ANSWERED ? why : response->error);
}

static void fail_response(struct followed_log *log, const struct fetch *fetch,
                          const struct http_response *response, uint64_t now_ms)
{
    enum fetch_failure failure = failure_of(response);
    if (try_other_way(log, fetch, failure, response->retry_after_ms, now_ms))
        return;
    note_response(log, fetch, failure, response);
    fail_fetch(log, fetch, failure, response->retry_after_ms, now_ms);
}

static bool read_head(const struct followed_log *log, struct signed_head *head, struct bytes body,
                      const char **wrong)
{
    bool good = log->source.is_tiled
                    ? signed_head_read_checkpoint(head, body, log->ct_log.id, sha256_of(log))
                    : signed_head_read_sth(head, body);
    *wrong = !good                                     ? "not a tree head"
             : !log_key_has_signed(log->log_key, head) ? "not signed by the log"
                                                       : NULL;
    return !*wrong;
}

static void on_head(struct followed_log *log, const struct fetch *fetch, struct bytes body,
                    uint64_t now_ms)
{
    struct signed_head head;
    const char *wrong;
    if (!read_head(log, &head, body, &wrong)) {
        followed_log_note_failure(log, fetch_name(log, FETCH_HEAD), wrong);
        fail_fetch(log, fetch, FETCH_MALFORMED, 0, now_ms);
        return;
    }
    struct ingest_stats *stats = &log->ingest->stats;
    bool is_stale = head.size < log->follower.book.released.next ||
                    (log->follower.has_head && head.size < log->follower.head.size);
    stats->heads++;
    stats->stale_heads += is_stale;
    log->stats.stale_heads += is_stale;
    stats->future_heads += head.timestamp_ms > clock_realtime_ms() + FUTURE_MS;
    if (!log_window_accepts_head(log, &head, body, now_ms))
        return;
    follower_on_head(&log->follower, &head, now_ms);
    followed_log_note_success(log);
}

static void on_range(struct followed_log *log, const struct fetch *fetch,
                     const struct http_response *response)
{
    struct held_body *held = &log->held[fetch->slot];
    assert(held->reserved == 0);
    http_response_take_body(response, &held->body);
    /* From now on the bytes there are count, not those expected. One at least: it marks the place
     * as taken. */
    held->reserved = held->body.size + 1;
    log->ingest->held_bytes += held->reserved;
    held->seen_ms = clock_realtime_ms();
    follower_on_range(&log->follower, fetch);
}

static void on_proof(struct followed_log *log, const struct fetch *fetch, struct bytes body,
                     uint64_t now_ms)
{
    bool malformed;
    enum log_proof_state state = log_proof_on_answer(log->proof, body, sha256_of(log), &malformed);
    if (malformed) {
        if (try_other_way(log, fetch, FETCH_MALFORMED, 0, now_ms))
            return;
        followed_log_note_failure(log, fetch_name(log, fetch->kind), "not what was asked for");
        fail_fetch(log, fetch, FETCH_MALFORMED, 0, now_ms);
        return;
    }
    follower_on_step(&log->follower, fetch);
    if (fetch->kind != FETCH_START) {
        log_window_on_proof(log, fetch->kind, state, now_ms);
    } else if (!log_start_on_proof(log, state, now_ms)) {
        followed_log_note_failure(log, fetch_name(log, fetch->kind),
                                  "it does not lead to the root");
        fail_fetch(log, fetch, FETCH_MALFORMED, 0, now_ms);
    }
}

static void count_status(struct ingest_stats *stats, const struct http_response *response)
{
    if (response->result != HTTP_ANSWERED)
        stats->unreachable++;
    else if (response->status == HTTP_TOO_MANY)
        stats->status_429++;
    else if (response->status >= 200 && response->status < 600)
        stats->statuses[response->status / 100]++;
}

static void settle_budget(struct followed_log *log, const struct request *request,
                          const struct http_response *response, uint64_t now_ms)
{
    struct operator_answer answer = {
        .outcome = response->result == HTTP_ANSWERED
                       ? operator_outcome_of_status(response->status, response->retry_after_ms)
                   : response->result == HTTP_TOO_LARGE ? OPERATOR_GOOD
                                                        : OPERATOR_FAILED,
        .retry_after_ms = response->retry_after_ms,
        .sent_at_ms = request->fetch.sent_at_ms,
    };
    operator_budget_on_answer(&log->share, &answer, now_ms);
}

static void on_log_response(void *context, const struct http_response *response)
{
    struct request request = *(struct request *)context;
    struct followed_log *log = request.log;
    uint64_t now_ms = clock_monotonic_ms();
    free(context);
    log->ingest->held_bytes -= request.reserved;
    if (response->result == HTTP_STOPPED)
        return;
    settle_budget(log, &request, response, now_ms);
    count_status(&log->ingest->stats, response);
    log->ingest->stats.bytes += response->body->size;
    if (!follower_expects(&log->follower, &request.fetch))
        return;
    if (response->result != HTTP_ANSWERED || response->status != 200) {
        fail_response(log, &request.fetch, response, now_ms);
        return;
    }
    struct bytes body = buffer_bytes(response->body);
    switch (request.fetch.kind) {
    case FETCH_HEAD: on_head(log, &request.fetch, body, now_ms); break;
    case FETCH_RANGE: on_range(log, &request.fetch, response); break;
    case FETCH_START:
    case FETCH_PROOF:
    case FETCH_CLASSIFY: on_proof(log, &request.fetch, body, now_ms); break;
    case FETCH_POSITION:
    case FETCH_KINDS: break;
    }
}

static void write_range(const struct followed_log *log, const struct fetch *fetch,
                        struct buffer *url)
{
    char path[TILE_PATH_SIZE];
    if (log->source.is_tiled) {
        tile_path_write(path, TILE_LEVEL_DATA, fetch->start / TILE_WIDTH, fetch->width);
        buffer_append_string(url, path);
    } else {
        buffer_append_format(url, "ct/v1/get-entries?start=%" PRIu64 "&end=%" PRIu64, fetch->start,
                             fetch->start + fetch->count - 1);
    }
}

static void write_url(const struct followed_log *log, const struct fetch *fetch, struct buffer *url)
{
    buffer_append_string(url, log->ct_log.url);
    switch (fetch->kind) {
    case FETCH_HEAD:
        buffer_append_string(url, log->source.is_tiled ? "checkpoint" : "ct/v1/get-sth");
        break;
    case FETCH_RANGE: write_range(log, fetch, url); break;
    case FETCH_START:
    case FETCH_PROOF:
    case FETCH_CLASSIFY: log_proof_write_path(log->proof, url); break;
    case FETCH_POSITION:
    case FETCH_KINDS: assert(false);
    }
    buffer_append_byte(url, '\0');
    assert(!url->failed);
}

static size_t body_max(const struct followed_log *log, enum fetch_kind kind)
{
    if (kind == FETCH_HEAD)
        return SIGNED_HEAD_BODY_MAX;
    if (kind != FETCH_RANGE)
        return LOG_PROOF_BODY_MAX;
    return log->source.is_tiled ? ENTRY_TILE_BODY_MAX : RFC6962_BODY_MAX;
}

static size_t expected_size(const struct followed_log *log, const struct fetch *fetch)
{
    if (fetch->kind != FETCH_RANGE)
        return 0;
    uint64_t entries = log->source.is_tiled ? fetch->width : fetch->count;
    uint64_t size = entries * log->bytes_per_entry;
    return size < INGEST_HELD_MAX ? (size_t)size : INGEST_HELD_MAX;
}

static void send(struct followed_log *log, const struct fetch *fetch)
{
    struct buffer url;
    buffer_init(&url, URL_MAX);
    write_url(log, fetch, &url);
    struct request *request = memory_allocate(sizeof *request);
    *request = (struct request){ log, *fetch, expected_size(log, fetch) };
    log->ingest->held_bytes += request->reserved;
    log->ingest->stats.requests++;
    http_client_get(log->ingest->http, &(struct http_get){
                                           .url = (const char *)url.data,
                                           .body_max = body_max(log, fetch->kind),
                                           .body_expected = request->reserved,
                                           .is_fresh = fetch->is_fresh,
                                           .on_response = on_log_response,
                                           .context = request,
                                       });
    buffer_free(&url);
}

static bool may_run_ahead(const struct followed_log *log)
{
    return log->ingest->held_bytes < INGEST_HELD_MAX;
}

/* What of it needs no request is done, and nothing is in flight. */
static bool is_done_without(struct followed_log *log, const struct fetch *fetch, uint64_t now_ms)
{
    return fetch->kind == FETCH_START && log_start_begin(log, now_ms);
}

static uint64_t ask_budget(struct followed_log *log, enum fetch_kind kind, uint64_t now_ms)
{
    enum operator_request request = kind == FETCH_HEAD ? OPERATOR_HEAD : OPERATOR_ENTRIES;
    uint64_t at_ms = operator_budget_ask(&log->share, request, now_ms);
    if (at_ms <= now_ms)
        operator_budget_on_sent(&log->share, request, now_ms);
    return at_ms;
}

/* Carries one wish out. When it may be, if not now. */
static uint64_t carry_out(struct followed_log *log, struct fetch *fetch, uint64_t now_ms)
{
    if (fetch->kind == FETCH_POSITION) {
        follower_on_sent(&log->follower, fetch, now_ms);
        followed_log_load(log, now_ms);
        return now_ms;
    }
    if (is_done_without(log, fetch, now_ms))
        return now_ms;
    uint64_t at_ms = ask_budget(log, fetch->kind, now_ms);
    if (at_ms > now_ms)
        return at_ms;
    follower_on_sent(&log->follower, fetch, now_ms);
    send(log, fetch);
    return now_ms;
}

static uint64_t work_on_road(struct followed_log *log, uint64_t now_ms)
{
    struct fetch fetch;
    uint64_t at_ms;
    do {
        at_ms = follower_want(&log->follower, now_ms, may_run_ahead(log), &fetch);
        if (at_ms <= now_ms)
            at_ms = carry_out(log, &fetch, now_ms);
    } while (at_ms <= now_ms);
    return at_ms;
}

static uint64_t work_on_head(struct followed_log *log, uint64_t now_ms)
{
    struct fetch fetch;
    uint64_t at_ms = follower_want_head(&log->follower, now_ms, &fetch);
    if (at_ms <= now_ms)
        at_ms = carry_out(log, &fetch, now_ms);
    return at_ms > now_ms ? at_ms : UINT64_MAX;
}

uint64_t log_fetch_work(struct followed_log *log, uint64_t now_ms)
{
    operator_budget_set_missing(&log->share, follower_lag(&log->follower));
    uint64_t road_ms = work_on_road(log, now_ms);
    uint64_t head_ms = work_on_head(log, now_ms);
    return road_ms < head_ms ? road_ms : head_ms;
}
