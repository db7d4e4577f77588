#include "ingest/followed_log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "ingest/http_client.h"
#include "ingest/issuer_fetcher.h"
#include "ingest/pipeline.h"
#include "ingest/remembered_log.h"
#include "ingest/rfc6962.h"
#include "ingest/static_ct.h"
#include "shared/base64.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/memory.h"
#include "shared/reader.h"
#include "shared/redis_link.h"
#include "shared/redis_refusal.h"

enum {
    URL_MAX = 1024,
    KEY_SIZE_MAX = 2048,
    /* Before anything is learnt: ct.md 6.2 gives 5.5 to 8 KB for JSON and 1.6 KB for a tile's entry. */
    RFC6962_BYTES_PER_ENTRY = 8192,
    TILED_BYTES_PER_ENTRY = 2048,
    /* After an append that failed, Redis is given this long before the checkpoint is read again; twice as long after each
     * further one, because all that was under way is fetched again. */
    RELOAD_DELAY_MS = 500,
    RELOAD_DELAY_MAX_MS = 60 * 1000,
};

/* One request that is out. */
struct request {
    struct followed_log *log;
    struct fetch fetch;
    size_t reserved;
};

static void set_source(struct followed_log *log)
{
    log->source = (struct message_source){
        .name = log->ct_log.description,
        .url = log->ct_log.url,
        .operator_name = log->ct_log.operator_name,
        .log_id_base64 = log->ct_log.id_base64,
        .is_tiled = log->ct_log.kind == CT_LOG_TILED,
    };
}

static uint64_t seed_of(const struct followed_log *log, uint64_t now_ms)
{
    uint64_t seed;
    memcpy(&seed, log->ct_log.id, sizeof seed);
    return seed ^ now_ms << 20 ^ (uint64_t)(uintptr_t)log;
}

/* Says a change of health once, not each failure. */
static void note_failure(struct followed_log *log, const char *what, const char *why)
{
    (void)snprintf(log->error, sizeof log->error, "%s: %s", what, why);
    if (!log->is_failing)
        log_warning("log fails", "log=%s error=%s", log_quoted(log->ct_log.description),
                    log_quoted(log->error));
    log->is_failing = true;
}

/* What cannot be mended by asking again: until the process is restarted. */
static void leave_alone(struct followed_log *log, const char *what, const char *why)
{
    log->is_left_alone = true;
    followed_log_disown(log);
    note_failure(log, what, why);
    log_error("log is left alone", "log=%s", log_quoted(log->ct_log.description));
}

static struct log_key *make_key(const struct ct_log *ct_log)
{
    struct buffer spki;
    buffer_init(&spki, KEY_SIZE_MAX);
    struct log_key *key = NULL;
    if (base64_decode(&spki, bytes_of_string(ct_log->key_base64)))
        key = log_key_create(buffer_bytes(&spki));
    buffer_free(&spki);
    return key;
}

struct followed_log *followed_log_create(struct ingest *ingest, struct ct_log *ct_log,
                                         uint64_t now_ms)
{
    struct followed_log *log = memory_allocate_zeroed(1, sizeof *log);
    log->ingest = ingest;
    log->ct_log = *ct_log;
    *ct_log = (struct ct_log){ 0 };
    set_source(log);
    contract_log_key(&ingest->contract, log->key, log->ct_log.id_hex);
    contract_lease_key(&ingest->contract, log->lease_key, log->ct_log.id_hex);
    follower_init(&log->follower, &log->ct_log, &ingest->policies[log->ct_log.kind],
                  seed_of(log, now_ms));
    log->bytes_per_entry = log->source.is_tiled ? TILED_BYTES_PER_ENTRY : RFC6962_BYTES_PER_ENTRY;
    log->caught_up_at_ms = now_ms;
    log->log_key = make_key(&log->ct_log);
    if (!log->log_key)
        leave_alone(log, "key", "neither a P-256 nor an RSA key");
    return log;
}

static void release_held(struct followed_log *log, struct held_body *held)
{
    buffer_free(&held->body);
    log->ingest->body_bytes -= held->reserved;
    held->reserved = 0;
}

static void release_all_held(struct followed_log *log)
{
    for (unsigned i = 0; i < FOLLOWER_SLOTS; i++)
        if (log->held[i].reserved)
            release_held(log, &log->held[i]);
}

void followed_log_destroy(struct followed_log *log)
{
    release_all_held(log);
    ct_log_clear(&log->ct_log);
    log_key_destroy(log->log_key);
    free(log);
}

static void write_identity(struct followed_log *log)
{
    struct ingest *ingest = log->ingest;
    struct checkpoint_field fields[REMEMBERED_LOG_FIELDS];
    struct buffer text;
    buffer_init(&text, REMEMBERED_LOG_TEXT_MAX);
    remembered_log_write(&log->ct_log, fields, &text);
    publisher_set_fields(ingest->publisher, log->key, fields, REMEMBERED_LOG_FIELDS, 0);
    buffer_free(&text);
    (void)redis_link_send_strings(ingest->link, NULL, NULL, "SADD", ingest->contract.logs,
                                  log->ct_log.id_hex, (char *)NULL);
}

/* Another protocol, the same tree: the checkpoint is loaded again and gone on from. */
static void change_kind(struct followed_log *log, uint64_t now_ms)
{
    followed_log_disown(log);
    uint64_t generation = log->follower.generation;
    follower_init(&log->follower, &log->ct_log, &log->ingest->policies[log->ct_log.kind],
                  seed_of(log, now_ms));
    log->follower.generation = generation + 1;
    log->bytes_per_entry = log->source.is_tiled ? TILED_BYTES_PER_ENTRY : RFC6962_BYTES_PER_ENTRY;
}

void followed_log_update(struct followed_log *log, struct ct_log *ct_log, uint64_t now_ms)
{
    struct ct_log old = log->ct_log;
    log->ct_log = *ct_log;
    *ct_log = (struct ct_log){ 0 };
    set_source(log);
    if (log->ct_log.kind != old.kind)
        change_kind(log, now_ms);
    else if (strcmp(log->ct_log.url, old.url) != 0)
        follower_on_moved(&log->follower);
    follower_set_final_size(&log->follower, &log->ct_log);
    if (log->follower.has_position)
        write_identity(log);
    ct_log_clear(&old);
}

static void note_success(struct followed_log *log)
{
    if (log->is_failing)
        log_info("log answers again", "log=%s", log_quoted(log->ct_log.description));
    log->is_failing = false;
}

/* Forgets what is under way; what Redis says counts again. */
static void reload(struct followed_log *log, uint64_t at_ms)
{
    publisher_cancel(log->ingest->publisher, log);
    follower_reload(&log->follower, at_ms);
    release_all_held(log);
    log->point_begun = false;
}

void followed_log_disown(struct followed_log *log)
{
    if (log->follower.state == FOLLOWER_UNOWNED)
        return;
    publisher_cancel(log->ingest->publisher, log);
    follower_disown(&log->follower);
    release_all_held(log);
    log->point_begun = false;
    /* What was cancelled may have carried issuers. */
    ingest_reload_issuers(log->ingest);
}

struct load {
    struct followed_log *log;
    uint64_t generation;
};

enum {
    HASH_FIELDS_MAX = 256
};

static size_t collect_fields(const redisReply *reply, struct checkpoint_field *fields)
{
    size_t count = 0;
    for (size_t i = 0; i + 1 < reply->elements && count < HASH_FIELDS_MAX; i += 2) {
        const redisReply *name = reply->element[i];
        const redisReply *value = reply->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
            continue;
        fields[count++] = (struct checkpoint_field){ bytes_of(name->str, (size_t)name->len),
                                                     bytes_of(value->str, (size_t)value->len) };
    }
    return count;
}

static void take_checkpoint(struct followed_log *log, const redisReply *reply, uint64_t now_ms)
{
    struct checkpoint_field fields[HASH_FIELDS_MAX];
    size_t count = collect_fields(reply, fields);
    switch (checkpoint_read(&log->checkpoint, fields, count)) {
    case CHECKPOINT_READ:
        log_info("log resumes", "log=%s next=%" PRIu64, log_quoted(log->ct_log.description),
                 log->checkpoint.next);
        follower_on_checkpoint(&log->follower, log->checkpoint.next, log->checkpoint.page, now_ms);
        break;
    case CHECKPOINT_ABSENT:
        log_info("log is new", "log=%s", log_quoted(log->ct_log.description));
        follower_on_new_log(&log->follower, now_ms);
        break;
    case CHECKPOINT_CORRUPT: leave_alone(log, "checkpoint", "makes no sense"); return;
    }
    write_identity(log);
}

static void on_loaded(struct redis_link *link, redisReply *reply, void *context)
{
    struct load load = *(struct load *)context;
    uint64_t now_ms = clock_monotonic_ms();
    free(context);
    (void)link;
    if (!reply || load.generation != load.log->follower.generation)
        return;
    if (reply->type == REDIS_REPLY_ARRAY) {
        take_checkpoint(load.log, reply, now_ms);
        return;
    }
    note_failure(load.log, "checkpoint",
                 reply->type == REDIS_REPLY_ERROR ? reply->str : "not a hash");
    follower_reload(&load.log->follower, now_ms + RELOAD_DELAY_MS);
}

static void send_load(struct followed_log *log)
{
    struct load *load = memory_allocate(sizeof *load);
    *load = (struct load){ log, log->follower.generation };
    if (!redis_link_send_strings(log->ingest->link, on_loaded, load, "HGETALL", log->key,
                                 (char *)NULL))
        free(load);
}

static void judge_root(struct followed_log *log)
{
    struct checkpoint *checkpoint = &log->checkpoint;
    if (!checkpoint->has_frontier || checkpoint->next != log->follower.head.size)
        return;
    struct merkle_hash root;
    merkle_frontier_root(pipeline_sha256(log->ingest->pipeline), &checkpoint->frontier, &root);
    if (memcmp(root.bytes, log->follower.head.root.bytes, SHA256_SIZE) == 0) {
        checkpoint->verified_size = checkpoint->next;
        log->ingest->stats.roots_reproduced++;
        return;
    }
    log->ingest->stats.roots_different++;
    note_failure(log, "tree head", "its root is not that of the entries");
}

static struct append *begin_append(struct followed_log *log)
{
    struct append *append = append_create(&log->checkpoint);
    append->owner = log;
    append->generation = log->follower.generation;
    append->log_key = log->key;
    append->log_id_hex = log->ct_log.id_hex;
    if (log->source.is_tiled)
        issuer_fetcher_deliver(log->ingest->issuers, append);
    return append;
}

static void submit(struct followed_log *log, struct append *append)
{
    log->checkpoint = append->checkpoint;
    judge_root(log);
    append->checkpoint.verified_size = log->checkpoint.verified_size;
    publisher_submit(log->ingest->publisher, append);
}

/* A row of appends under construction: a full one is sent and the next begun. */
struct filling {
    struct followed_log *log;
    struct append *append;
    uint64_t seen_ms;
    uint64_t count;
};

static void fill(struct filling *filling, const struct entry *entry)
{
    /* A new one may be full at once, of issuers that have arrived. */
    while (append_is_full(filling->append)) {
        submit(filling->log, filling->append);
        filling->append = begin_append(filling->log);
    }
    pipeline_add_entry(filling->log->ingest->pipeline, filling->append, &filling->log->source,
                       entry, filling->seen_ms);
    filling->count++;
}

/* How many entries of a get-entries answer could be taken. */
static uint64_t fill_from_page(struct filling *filling, const struct follower_slot *slot,
                               struct bytes body)
{
    struct rfc6962_page page;
    struct entry entry;
    if (rfc6962_page_open(&page, body))
        while (filling->count < slot->count && rfc6962_page_next(&page, &entry))
            fill(filling, &entry);
    rfc6962_page_clear(&page);
    return filling->count;
}

static uint64_t fill_from_tile(struct filling *filling, const struct follower_slot *slot,
                               struct bytes body)
{
    struct reader tile = reader_of(body);
    struct entry entry;
    uint64_t skip = slot->start % TILE_WIDTH;
    while (filling->count < slot->count && tile.remaining && entry_read_tile_leaf(&entry, &tile)) {
        if (skip)
            skip--;
        else
            fill(filling, &entry);
    }
    return filling->count;
}

/* Whether the issuers of one entry are known or have been waited for; those that are not are asked for. */
static bool chain_is_there(struct followed_log *log, struct bytes chain, uint64_t now_ms)
{
    bool all = true;
    for (size_t at = 0; at < chain.size && at < (size_t)PIPELINE_CHAIN_MAX * SHA256_SIZE;
         at += SHA256_SIZE)
        all &= issuer_fetcher_want(log->ingest->issuers, log->ct_log.url, chain.data + at, now_ms);
    return all;
}

/* The same of all entries of the tile that are wanted. */
static bool issuers_are_there(struct followed_log *log, const struct follower_slot *slot,
                              struct bytes body, uint64_t now_ms)
{
    struct reader tile = reader_of(body);
    struct entry entry;
    bool all = true;
    uint64_t first = slot->start % TILE_WIDTH;
    for (uint64_t at = 0; at < first + slot->count && tile.remaining; at++) {
        if (!entry_read_tile_leaf(&entry, &tile))
            break;
        if (at >= first)
            all &= chain_is_there(log, entry.chain, now_ms);
    }
    return all;
}

static void process(struct followed_log *log, struct held_body *held,
                    const struct follower_slot *slot, uint64_t now_ms)
{
    assert(log->checkpoint.next == slot->start);
    log->checkpoint.head = log->follower.head;
    log->checkpoint.page = log->source.is_tiled ? 0 : log->follower.page;
    struct filling filling = { .log = log, .append = begin_append(log), .seen_ms = held->seen_ms };
    struct bytes body = buffer_bytes(&held->body);
    uint64_t count = log->source.is_tiled ? fill_from_tile(&filling, slot, body)
                                          : fill_from_page(&filling, slot, body);
    if (filling.append->entry_count || filling.append->issuer_count)
        submit(log, filling.append);
    else
        append_destroy(filling.append);
    if (count) {
        log->bytes_per_entry = held->body.size / count + 1;
        follower_on_submitted(&log->follower, count);
        return;
    }
    note_failure(log, "entries", "the answer holds none that can be read");
    follower_on_bad_range(&log->follower, now_ms);
}

/* Processes the answer that is next on the road. True if there was one. */
static bool process_held(struct followed_log *log, uint64_t now_ms)
{
    int slot = follower_next_held(&log->follower);
    if (slot < 0 || !publisher_has_room(log->ingest->publisher) || !log->ingest->issuers_known)
        return false;
    struct held_body *held = &log->held[slot];
    const struct follower_slot copy = log->follower.slots[slot];
    if (log->source.is_tiled && !issuers_are_there(log, &copy, buffer_bytes(&held->body), now_ms))
        return false;
    process(log, held, &copy, now_ms);
    release_held(log, held);
    return true;
}

static void start_at(struct followed_log *log, bool has_frontier, uint64_t now_ms)
{
    log->checkpoint = (struct checkpoint){
        .next = log->point.index,
        .has_frontier = has_frontier,
        .head = log->follower.head,
    };
    if (has_frontier)
        log->checkpoint.frontier = log->point.frontier;
    log_info("log starts", "log=%s next=%" PRIu64 " frontier=%s",
             log_quoted(log->ct_log.description), log->point.index,
             has_frontier ? "known" : "unknown");
    follower_on_started(&log->follower, log->point.index, now_ms);
    struct append *append = begin_append(log);
    append->creates = true;
    submit(log, append);
}

/* Makes the starting point of a new log; true if nothing has to be fetched for it. */
static bool begin_start(struct followed_log *log, uint64_t now_ms)
{
    if (!log->point_begun)
        starting_point_begin(&log->point, log->ct_log.kind, follower_start_index(&log->follower),
                             log->follower.head.size);
    log->point_begun = true;
    if (!log->point.done)
        return false;
    start_at(log, true, now_ms);
    return true;
}

static void on_start_answer(struct followed_log *log, const struct request *request,
                            struct bytes body, uint64_t now_ms)
{
    if (starting_point_on_answer(&log->point, body, pipeline_sha256(log->ingest->pipeline))) {
        follower_on_start_step(&log->follower);
        if (log->point.done)
            start_at(log, true, now_ms);
        return;
    }
    note_failure(log, "starting point", "the proof is not one");
    if (follower_on_failure(&log->follower, &request->fetch, FETCH_MALFORMED, 0, now_ms))
        start_at(log, false, now_ms);
}

static const char *fetch_name(const struct followed_log *log, enum fetch_kind kind)
{
    static const char *const names[2][3] = {
        [CT_LOG_RFC6962] = { "get-sth", "get-entry-and-proof", "get-entries" },
        [CT_LOG_TILED] = { "checkpoint", "hash tile", "data tile" },
    };
    return names[log->ct_log.kind][kind];
}

static void fail_fetch(struct followed_log *log, const struct request *request,
                       const struct http_response *response, uint64_t now_ms)
{
    enum fetch_failure failure = FETCH_UNREACHABLE;
    char why[64];
    const char *text = response->error;
    if (response->result == HTTP_ANSWERED) {
        failure =
            response->status == 404 || response->status == 410 ? FETCH_MISSING : FETCH_REFUSED;
        (void)snprintf(why, sizeof why, "HTTP status %ld", response->status);
        text = why;
    }
    bool is_start = request->fetch.kind == FETCH_START;
    if (is_start && failure == FETCH_MISSING && starting_point_on_missing(&log->point)) {
        follower_on_start_step(&log->follower);
        return;
    }
    bool is_partial = log->source.is_tiled && request->fetch.width < TILE_WIDTH;
    if (request->fetch.kind != FETCH_RANGE || failure != FETCH_MISSING || !is_partial) {
        log->ingest->stats.request_failures++;
        note_failure(log, fetch_name(log, request->fetch.kind), text);
    }
    if (follower_on_failure(&log->follower, &request->fetch, failure, response->retry_after_ms,
                            now_ms))
        start_at(log, false, now_ms);
}

static void on_head(struct followed_log *log, const struct request *request, struct bytes body,
                    uint64_t now_ms)
{
    struct signed_head head;
    bool good = log->source.is_tiled
                    ? signed_head_read_checkpoint(&head, body, log->ct_log.id,
                                                  pipeline_sha256(log->ingest->pipeline))
                    : signed_head_read_sth(&head, body);
    if (!good || !log_key_has_signed(log->log_key, &head)) {
        note_failure(log, fetch_name(log, FETCH_HEAD),
                     good ? "not signed by the log" : "not a tree head");
        (void)follower_on_failure(&log->follower, &request->fetch, FETCH_MALFORMED, 0, now_ms);
        return;
    }
    note_success(log);
    log->ingest->stats.heads++;
    follower_on_head(&log->follower, &head, now_ms);
}

static void on_range(struct followed_log *log, const struct request *request,
                     const struct http_response *response)
{
    struct held_body *held = &log->held[request->fetch.slot];
    assert(held->reserved == 0);
    http_response_take_body(response, &held->body);
    /* From now on the bytes there are count, not those expected. One at least: it marks the place as taken. */
    held->reserved = held->body.size + 1;
    log->ingest->body_bytes += held->reserved;
    held->seen_ms = clock_realtime_ms();
    follower_on_range(&log->follower, &request->fetch);
}

static void on_response(void *context, const struct http_response *response)
{
    struct request request = *(struct request *)context;
    struct followed_log *log = request.log;
    uint64_t now_ms = clock_monotonic_ms();
    free(context);
    log->ingest->body_bytes -= request.reserved;
    if (response->result == HTTP_STOPPED)
        return;
    log->ingest->stats.bytes += response->body->size;
    if (!follower_expects(&log->follower, &request.fetch))
        return;
    if (response->result != HTTP_ANSWERED || response->status != 200) {
        fail_fetch(log, &request, response, now_ms);
        return;
    }
    switch (request.fetch.kind) {
    case FETCH_HEAD: on_head(log, &request, buffer_bytes(response->body), now_ms); break;
    case FETCH_START: on_start_answer(log, &request, buffer_bytes(response->body), now_ms); break;
    case FETCH_RANGE: on_range(log, &request, response); break;
    }
}

static void write_url(const struct followed_log *log, const struct fetch *fetch, struct buffer *url)
{
    char path[TILE_PATH_SIZE];
    bool is_tiled = log->source.is_tiled;
    buffer_append_string(url, log->ct_log.url);
    switch (fetch->kind) {
    case FETCH_HEAD: buffer_append_string(url, is_tiled ? "checkpoint" : "ct/v1/get-sth"); break;
    case FETCH_START: starting_point_write_path(&log->point, url); break;
    case FETCH_RANGE:
        if (is_tiled) {
            tile_path_write(path, TILE_LEVEL_DATA, fetch->start / TILE_WIDTH, fetch->width);
            buffer_append_string(url, path);
        } else {
            buffer_append_format(url, "ct/v1/get-entries?start=%" PRIu64 "&end=%" PRIu64,
                                 fetch->start, fetch->start + fetch->count - 1);
        }
        break;
    }
    buffer_append_byte(url, '\0');
    assert(!url->failed);
}

static size_t body_max(const struct followed_log *log, enum fetch_kind kind)
{
    if (kind == FETCH_HEAD)
        return SIGNED_HEAD_BODY_MAX;
    if (kind == FETCH_START)
        return STARTING_POINT_BODY_MAX;
    return log->source.is_tiled ? STATIC_CT_BODY_MAX : RFC6962_BODY_MAX;
}

static size_t expected_size(const struct followed_log *log, const struct fetch *fetch)
{
    if (fetch->kind != FETCH_RANGE)
        return 0;
    uint64_t entries = log->source.is_tiled ? fetch->width : fetch->count;
    uint64_t size = entries * log->bytes_per_entry;
    return size < INGEST_BODIES_MAX ? (size_t)size : INGEST_BODIES_MAX;
}

static void send(struct followed_log *log, const struct fetch *fetch)
{
    struct buffer url;
    buffer_init(&url, URL_MAX);
    write_url(log, fetch, &url);
    struct request *request = memory_allocate(sizeof *request);
    *request = (struct request){ log, *fetch, expected_size(log, fetch) };
    log->ingest->body_bytes += request->reserved;
    log->ingest->stats.requests++;
    http_client_get(log->ingest->http, &(struct http_request){
                                           .url = (const char *)url.data,
                                           .body_max = body_max(log, fetch->kind),
                                           .body_expected = request->reserved,
                                           .on_response = on_response,
                                           .context = request,
                                       });
    buffer_free(&url);
}

/* Asks for what the follower wants, ahead of what is next as far as the memory for answers goes. */
static void send_wanted(struct followed_log *log, uint64_t now_ms)
{
    struct fetch fetch;
    while (follower_next_fetch(&log->follower, now_ms, log->ingest->body_bytes < INGEST_BODIES_MAX,
                               &fetch))
        if (fetch.kind != FETCH_START || !begin_start(log, now_ms))
            send(log, &fetch);
}

bool followed_log_work(struct followed_log *log, uint64_t now_ms)
{
    if (log->is_left_alone)
        return false;
    if (log->follower.state != FOLLOWER_UNOWNED && now_ms >= log->lease_until_ms)
        followed_log_disown(log);
    if (follower_next_load(&log->follower, now_ms))
        send_load(log);
    bool worked = process_held(log, now_ms);
    send_wanted(log, now_ms);
    if (follower_lag(&log->follower) == 0)
        log->caught_up_at_ms = now_ms;
    return worked && follower_next_held(&log->follower) >= 0;
}

/* What is wrong with Redis rather than with this log's append is said once for all logs. */
static void note_failed_append(struct followed_log *log, const char *error)
{
    if (redis_refusal_of(error) == REDIS_REFUSAL_NONE)
        note_failure(log, "redis", error);
    else
        (void)snprintf(log->error, sizeof log->error, "redis: %s", error);
}

void followed_log_on_append(struct followed_log *log, const struct append *append,
                            enum append_result result, const char *error, uint64_t now_ms)
{
    if (result != APPEND_DONE)
        ingest_reload_issuers(log->ingest);
    if (append->generation != log->follower.generation)
        return;
    switch (result) {
    case APPEND_DONE:
        log->reload_delay_ms = 0;
        follower_on_durable(&log->follower, append->checkpoint.next);
        return;
    case APPEND_REFUSED:
        log_warning("append refused", "log=%s expected_next=%" PRIu64,
                    log_quoted(log->ct_log.description), append->expected_next);
        break;
    case APPEND_FAILED: note_failed_append(log, error); break;
    }
    log->reload_delay_ms = log->reload_delay_ms ? log->reload_delay_ms * 2 : RELOAD_DELAY_MS;
    if (log->reload_delay_ms > RELOAD_DELAY_MAX_MS)
        log->reload_delay_ms = RELOAD_DELAY_MAX_MS;
    reload(log, now_ms + log->reload_delay_ms);
}

/* An operator has moved the log's position: what is under way is for the old one. */
static void take_epoch(struct followed_log *log, uint64_t epoch, uint64_t now_ms)
{
    bool has_checkpoint = log->follower.state != FOLLOWER_UNOWNED && log->follower.has_position;
    if (!has_checkpoint || epoch == log->checkpoint.epoch)
        return;
    log_info("log was moved by hand", "log=%s epoch=%" PRIu64, log_quoted(log->ct_log.description),
             epoch);
    reload(log, now_ms);
}

void followed_log_own(struct followed_log *log, uint64_t epoch, uint64_t until_ms, uint64_t now_ms)
{
    assert(!log->is_left_alone);
    take_epoch(log, epoch, now_ms);
    log->lease_until_ms = until_ms;
    follower_own(&log->follower);
}

enum {
    REPORT_FIELDS = 8,
    REPORT_NUMBER_SIZE = 24
};

/* Entries per second since the last report, in tenths. */
static uint64_t rate_since_report(struct followed_log *log, uint64_t now_ms)
{
    uint64_t next = log->follower.durable;
    uint64_t elapsed_ms = now_ms - log->reported_at_ms;
    bool is_known = log->reported_at_ms && elapsed_ms && next >= log->reported_next;
    uint64_t tenths = is_known ? (next - log->reported_next) * 10000 / elapsed_ms : 0;
    log->reported_next = next;
    log->reported_at_ms = now_ms;
    return tenths;
}

void followed_log_report(struct followed_log *log, uint64_t now_ms)
{
    if (!log->follower.has_position)
        return;
    char head_size[REPORT_NUMBER_SIZE], lag[REPORT_NUMBER_SIZE], lag_ms[REPORT_NUMBER_SIZE];
    char rate[REPORT_NUMBER_SIZE], updated[REPORT_NUMBER_SIZE];
    uint64_t tenths = rate_since_report(log, now_ms);
    (void)snprintf(head_size, sizeof head_size, "%" PRIu64, log->follower.head.size);
    (void)snprintf(lag, sizeof lag, "%" PRIu64, follower_lag(&log->follower));
    (void)snprintf(lag_ms, sizeof lag_ms, "%" PRIu64, now_ms - log->caught_up_at_ms);
    (void)snprintf(rate, sizeof rate, "%" PRIu64 ".%u", tenths / 10, (unsigned)(tenths % 10));
    (void)snprintf(updated, sizeof updated, "%" PRIu64, clock_realtime_ms());
    const struct checkpoint_field fields[REPORT_FIELDS] = {
        { bytes_of_string("state"), bytes_of_string(follower_state_name(log->follower.state)) },
        { bytes_of_string("owner"), bytes_of_string(log->ingest->instance) },
        { bytes_of_string("head_size"), bytes_of_string(head_size) },
        { bytes_of_string("lag_entries"), bytes_of_string(lag) },
        { bytes_of_string("lag_ms"), bytes_of_string(lag_ms) },
        { bytes_of_string("rate"), bytes_of_string(rate) },
        { bytes_of_string("last_error"), bytes_of_string(log->error) },
        { bytes_of_string("updated"), bytes_of_string(updated) },
    };
    publisher_set_fields(log->ingest->publisher, log->key, fields, REPORT_FIELDS, 0);
}
