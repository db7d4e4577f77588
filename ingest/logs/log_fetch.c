#include "ingest/logs/log_fetch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ingest/ct/rfc6962.h"
#include "ingest/http/http_client.h"
#include "ingest/logs/log_start.h"
#include "ingest/logs/log_window.h"
#include "ingest/make/pipeline.h"
#include "shared/base/memory.h"
#include "shared/message/tile_path.h"
#include "shared/process/clock.h"

enum {
    URL_MAX = 1024,
    /* A log's clock may be a little ahead of ours. */
    FUTURE_MS = 5 * 60 * 1000,
    HTTP_FORBIDDEN = 403,
    HTTP_TOO_MANY = 429,
    /* Answers are not all alike: a sixteenth more is expected than there was last time. */
    EXPECTED_SPARE = 16,
};

/* One request that is out. */
struct request {
    struct followed_log *log;
    struct fetch fetch;
    size_t admitted; /* bytes, of the log's memory */
    bool is_large;
    bool is_for_partial_tile;
    bool is_text; /* of get-entries, which is read as it arrives */
    struct rfc6962_text text;
};

static struct digest *sha256_of(const struct followed_log *log)
{
    return pipeline_sha256(log->services->pipeline);
}

static const char *fetch_name(const struct followed_log *log, enum fetch_kind kind)
{
    const struct log_protocol *protocol = log->protocol;
    switch (kind) {
    case FETCH_HEAD: return protocol->head_name;
    case FETCH_START: return protocol->start_name;
    case FETCH_RANGE: return protocol->range_name;
    case FETCH_PROOF:
    case FETCH_CLASSIFY:
    case FETCH_POSITION:
    case FETCH_KINDS: break;
    }
    return protocol->proof_name;
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

/* A file store that may be read and not listed says 403 of what is not there. Of a partial tile,
 * which may be gone at any time, that is no limit; the full one that is asked for next tells. */
static bool is_missing(const struct request *request, const struct http_response *response)
{
    return response->status == 404 || response->status == 410 ||
           (response->status == HTTP_FORBIDDEN && request->is_for_partial_tile &&
            !response->retry_after_ms);
}

static enum fetch_failure failure_of(const struct request *request,
                                     const struct http_response *response)
{
    if (response->result == HTTP_TOO_LARGE)
        return FETCH_TOO_LARGE;
    if (response->result != HTTP_ANSWERED)
        return FETCH_UNREACHABLE;
    if (is_missing(request, response))
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

static void note_response(struct followed_log *log, const struct request *request,
                          enum fetch_failure failure, const struct http_response *response)
{
    char why[64];
    const struct fetch *fetch = &request->fetch;
    (void)snprintf(why, sizeof why, "HTTP status %ld", response->status);
    if (fetch->kind == FETCH_RANGE && failure == FETCH_MISSING && request->is_for_partial_tile)
        return;
    log->services->stats->request_failures++;
    log->services->stats->oversize += failure == FETCH_TOO_LARGE;
    followed_log_note_failure(log, fetch_name(log, fetch->kind),
                              response->result == HTTP_ANSWERED ? why : response->error);
}

static void fail_response(struct followed_log *log, const struct request *request,
                          const struct http_response *response, uint64_t now_ms)
{
    const struct fetch *fetch = &request->fetch;
    enum fetch_failure failure = failure_of(request, response);
    if (try_other_way(log, fetch, failure, response->retry_after_ms, now_ms))
        return;
    note_response(log, request, failure, response);
    fail_fetch(log, fetch, failure, response->retry_after_ms, now_ms);
}

static bool read_head(const struct followed_log *log, struct signed_head *head, struct bytes body,
                      const char **wrong)
{
    bool good = log->protocol->read_head(head, body, log->ct_log.id, sha256_of(log));
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
    struct follow_stats *stats = log->services->stats;
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

/* What was not read in pieces, because it had to be inflated, is read as one. */
static void take_text(struct request *request, const struct http_response *response,
                      struct held_body *held)
{
    rfc6962_text_add(&request->text, buffer_bytes(response->body));
    held->text = request->text;
    request->text = (struct rfc6962_text){ 0 };
}

static void on_range(struct followed_log *log, struct request *request,
                     const struct http_response *response)
{
    const struct fetch *fetch = &request->fetch;
    struct held_body *held = &log->held[fetch->slot];
    assert(!held->is_there);
    if (request->is_text)
        take_text(request, response, held);
    else
        http_response_take_body(response, &held->body);
    held->is_there = true;
    held->size = held->body.size + rfc6962_text_size(&held->text);
    memory_share_add(&log->memory, MEMORY_ANSWER, held->size);
    held->seen_ms = clock_realtime_ms();
    if (request->is_large)
        memory_share_begin_large(&log->memory);
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

static void count_status(struct follow_stats *stats, const struct http_response *response)
{
    if (response->result != HTTP_ANSWERED)
        stats->unreachable++;
    else if (response->status == HTTP_TOO_MANY)
        stats->status_429++;
    else if (response->status >= 200 && response->status < 600)
        stats->statuses[response->status / 100]++;
}

static enum operator_outcome outcome_of(const struct request *request,
                                        const struct http_response *response)
{
    if (response->result == HTTP_TOO_LARGE)
        return OPERATOR_GOOD;
    if (response->result != HTTP_ANSWERED)
        return OPERATOR_FAILED;
    return is_missing(request, response)
               ? OPERATOR_GOOD
               : operator_outcome_of_status(response->status, response->retry_after_ms);
}

static void settle_budget(struct followed_log *log, const struct request *request,
                          const struct http_response *response, uint64_t now_ms)
{
    struct operator_answer answer = {
        .outcome = outcome_of(request, response),
        .retry_after_ms = response->retry_after_ms,
        .sent_at_ms = request->fetch.sent_at_ms,
    };
    operator_budget_on_answer(&log->share, &answer, now_ms);
}

static void take_response(struct request *request, const struct http_response *response,
                          uint64_t now_ms)
{
    struct followed_log *log = request->log;
    settle_budget(log, request, response, now_ms);
    count_status(log->services->stats, response);
    log->services->stats->bytes += response->body_size;
    if (!follower_expects(&log->follower, &request->fetch))
        return;
    if (response->result != HTTP_ANSWERED || response->status != 200) {
        fail_response(log, request, response, now_ms);
        return;
    }
    struct bytes body = buffer_bytes(response->body);
    switch (request->fetch.kind) {
    case FETCH_HEAD: on_head(log, &request->fetch, body, now_ms); break;
    case FETCH_RANGE: on_range(log, request, response); break;
    case FETCH_START:
    case FETCH_PROOF:
    case FETCH_CLASSIFY: on_proof(log, &request->fetch, body, now_ms); break;
    case FETCH_POSITION:
    case FETCH_KINDS: break;
    }
}

static void on_log_response(void *context, const struct http_response *response)
{
    struct request request = *(struct request *)context;
    struct followed_log *log = request.log;
    free(context);
    memory_share_remove(&log->memory, MEMORY_ADMITTED, request.admitted);
    if (request.is_large)
        memory_share_end_large(&log->memory);
    if (response->result != HTTP_STOPPED)
        take_response(&request, response, clock_monotonic_ms());
    rfc6962_text_free(&request.text);
}

static void on_log_piece(void *context, struct bytes piece)
{
    struct request *request = context;
    if (!request->text.entries.data)
        (void)buffer_reserve(&request->text.entries, request->admitted);
    rfc6962_text_add(&request->text, piece);
}

static void write_url(const struct followed_log *log, const struct fetch *fetch, struct buffer *url)
{
    buffer_append_string(url, log->ct_log.url);
    switch (fetch->kind) {
    case FETCH_HEAD: buffer_append_string(url, log->protocol->head_path); break;
    case FETCH_RANGE:
        log_protocol_write_range(log->protocol, fetch->start, fetch->count, fetch->width, url);
        break;
    case FETCH_START:
    case FETCH_PROOF:
    case FETCH_CLASSIFY: log_proof_write_path(log->proof, url); break;
    case FETCH_POSITION:
    case FETCH_KINDS: assert(false);
    }
    buffer_append_byte(url, '\0');
    assert(!url->failed);
}

/* What a single question may be answered with at most, as far as the format goes: a tile cannot be
 * narrowed, nor can one entry. */
static bool is_large(const struct followed_log *log, const struct fetch *fetch)
{
    return fetch->kind == FETCH_RANGE && fetch->is_large &&
           (fetch->count == 1 || log->protocol->is_tile(fetch->start, fetch->count));
}

static bool is_for_partial_tile(const struct followed_log *log, const struct fetch *fetch)
{
    if (is_for_proof(fetch->kind))
        return log_proof_asks_for_partial_tile(log->proof);
    return fetch->kind == FETCH_RANGE && log->protocol->has_partial_tiles &&
           fetch->width < TILE_WIDTH;
}

static size_t body_max(const struct followed_log *log, const struct fetch *fetch)
{
    if (fetch->kind == FETCH_HEAD)
        return SIGNED_HEAD_BODY_MAX;
    if (fetch->kind != FETCH_RANGE)
        return LOG_PROOF_BODY_MAX;
    return is_large(log, fetch) ? log_protocol_body_max(log->protocol, fetch->start, fetch->count)
                                : (size_t)HELD_MEMORY_ANSWER_MAX;
}

static size_t expected_size(const struct followed_log *log, const struct fetch *fetch)
{
    if (fetch->kind != FETCH_RANGE)
        return 0;
    uint64_t entries = log->protocol->has_partial_tiles ? fetch->width : fetch->count;
    uint64_t size = entries * log->bytes_per_entry;
    size += size / EXPECTED_SPARE;
    return size < HELD_MEMORY_LOG_MAX ? (size_t)size : HELD_MEMORY_LOG_MAX;
}

struct http_way log_fetch_way(const struct followed_log *log)
{
    const struct log_settings *settings = &log->settings;
    return (struct http_way){
        .closes_connection = settings->closes_connections,
        .ca_file = settings->ca_file,
        .source_address = settings->source_address,
        .proxy = settings->proxy,
    };
}

static void send(struct followed_log *log, const struct fetch *fetch)
{
    struct buffer url;
    buffer_init(&url, URL_MAX);
    write_url(log, fetch, &url);
    struct request *request = memory_allocate(sizeof *request);
    *request = (struct request){
        .log = log,
        .fetch = *fetch,
        .admitted = expected_size(log, fetch),
        .is_large = is_large(log, fetch),
        .is_for_partial_tile = is_for_partial_tile(log, fetch),
        .is_text =
            fetch->kind == FETCH_RANGE && !log->protocol->is_tile(fetch->start, fetch->count),
    };
    rfc6962_text_init(&request->text, body_max(log, fetch));
    if (request->is_large)
        memory_share_begin_large(&log->memory);
    memory_share_add(&log->memory, MEMORY_ADMITTED, request->admitted);
    log->services->stats->requests++;
    http_client_get(log->services->http, &(struct http_get){
                                             .url = (const char *)url.data,
                                             .way = log_fetch_way(log),
                                             .body_max = body_max(log, fetch),
                                             .body_expected = request->admitted,
                                             .is_fresh = fetch->is_fresh,
                                             .on_response = on_log_response,
                                             .on_piece = request->is_text ? on_log_piece : NULL,
                                             .context = request,
                                         });
    buffer_free(&url);
}

/* What of it needs no request is done, and nothing is in flight. */
static bool is_done_without(struct followed_log *log, const struct fetch *fetch, uint64_t now_ms)
{
    return fetch->kind == FETCH_START && log_start_begin(log, now_ms);
}

static uint64_t ask_budget(struct followed_log *log, enum fetch_kind kind, uint64_t now_ms)
{
    enum operator_request request = kind != FETCH_HEAD                 ? OPERATOR_ENTRIES
                                    : follower_lag(&log->follower) > 0 ? OPERATOR_LOOK
                                                                       : OPERATOR_HEAD;
    uint64_t at_ms = operator_budget_ask(&log->share, request, now_ms);
    if (at_ms <= now_ms)
        operator_budget_on_sent(&log->share, request, now_ms);
    return at_ms;
}

/* Sends one fetch that is wanted. When it may be sent, if not now. */
static uint64_t carry_out(struct followed_log *log, struct fetch *fetch, uint64_t now_ms)
{
    if (fetch->kind == FETCH_POSITION) {
        follower_on_sent(&log->follower, fetch, now_ms);
        followed_log_load(log, now_ms);
        return now_ms;
    }
    if (is_done_without(log, fetch, now_ms))
        return now_ms;
    /* Somebody's answer is the event. */
    if (is_large(log, fetch) && !memory_share_may_be_large(&log->memory))
        return UINT64_MAX;
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
        bool may_run_ahead =
            memory_share_may_run_ahead(&log->memory) && !followed_log_is_on_trial(log);
        at_ms = follower_want(&log->follower, now_ms, may_run_ahead, &fetch);
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
    memory_share_withdraw_large(&log->memory);
    uint64_t road_ms = work_on_road(log, now_ms);
    uint64_t head_ms = work_on_head(log, now_ms);
    return road_ms < head_ms ? road_ms : head_ms;
}
