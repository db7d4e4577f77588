#include "ingest/logs/followed_log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "ingest/logs/log_fetch.h"
#include "ingest/logs/log_hybrid.h"
#include "ingest/logs/log_restore.h"
#include "ingest/logs/log_window.h"
#include "ingest/make/pipeline.h"
#include "ingest/store/remembered_log.h"
#include "shared/base/base64.h"
#include "shared/base/memory.h"
#include "shared/message/tile_path.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/redis/redis_link.h"
#include "shared/redis/redis_refusal.h"
#include "shared/redis/report_fields.h"

enum {
    KEY_SIZE_MAX = 2048,
    /* After an append that failed, Redis is given this long before the position is read again;
     * twice as long after each further one, because all that was under way is fetched again. */
    RELOAD_DELAY_MS = 500,
    RELOAD_DELAY_MAX_MS = 60 * 1000,
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
void followed_log_note_failure(struct followed_log *log, const char *what, const char *why)
{
    (void)snprintf(log->error, sizeof log->error, "%s: %s", what, why);
    if (!log->is_failing)
        say_warning("log fails", "log=%s error=%s", say_quoted(log->ct_log.description),
                    say_quoted(log->error));
    log->is_failing = true;
}

/* What cannot be mended by asking again: until the process is restarted. */
static void leave_alone(struct followed_log *log, const char *what, const char *why)
{
    log->is_left_alone = true;
    followed_log_disown(log);
    followed_log_note_failure(log, what, why);
    say_error("log is left alone", "log=%s", say_quoted(log->ct_log.description));
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

/* The policies, with what is said of this log. */
static void make_policies(struct followed_log *log)
{
    memcpy(log->policies, log->services->policies, sizeof log->policies);
    for (int kind = 0; kind < CT_LOG_KINDS; kind++) {
        struct follower_policy *policy = &log->policies[kind];
        bool is_settled = log_protocol_of((enum ct_log_kind)kind)->page_max == TILE_WIDTH;
        if (log->settings.page && !is_settled)
            policy->page_max = log->settings.page;
        if (log->settings.start) {
            bool good = follower_policy_set_start(policy, log->settings.start);
            assert(good);
        }
    }
}

/* A log with limits of its own has a budget of its own. */
static void join_operator(struct followed_log *log)
{
    const struct ct_log *ct_log = &log->ct_log;
    const struct log_settings *settings = &log->settings;
    log->share = operator_budgets_join(
        log->services->operators, settings->has_own_budget ? ct_log->id_hex : ct_log->operator_name,
        ct_log->url);
    if (settings->per_second > 0 || settings->at_once)
        operator_budget_set_limits(&log->share, settings->per_second, settings->at_once);
}

static void init_kind(struct followed_log *log, uint64_t now_ms)
{
    follower_init(&log->follower, &log->ct_log, &log->policies[log->ct_log.kind],
                  seed_of(log, now_ms));
    log->protocol = log_protocol_of(log->ct_log.kind);
    log->hybrid = (struct hybrid){ HYBRID_NONE, 0 };
    log->proof = log_proof_create(log->protocol->proves_by_tiles);
    log->bytes_per_entry = log->protocol->bytes_per_entry;
}

struct followed_log *followed_log_create(const struct log_services *services, struct ct_log *ct_log,
                                         uint64_t now_ms)
{
    struct followed_log *log = memory_allocate_zeroed(1, sizeof *log);
    log->services = services;
    memory_share_join(&log->memory, services->memory);
    log->ct_log = *ct_log;
    *ct_log = (struct ct_log){ 0 };
    set_source(log);
    contract_log_key(services->contract, log->key, log->ct_log.id_hex);
    contract_lease_key(services->contract, log->lease_key, log->ct_log.id_hex);
    log->settings = log_settings_of(services->settings, &log->ct_log);
    make_policies(log);
    init_kind(log, now_ms);
    log->caught_up_at_ms = now_ms;
    join_operator(log);
    buffer_init(&log->head_text, FOLLOWED_LOG_HEAD_TEXT_MAX);
    log->log_key = make_key(&log->ct_log);
    if (!log->log_key)
        leave_alone(log, "key", "neither a P-256 nor an RSA key");
    return log;
}

void followed_log_release_held(struct followed_log *log, struct held_body *held)
{
    buffer_free(&held->body);
    rfc6962_text_free(&held->text);
    memory_share_remove(&log->memory, MEMORY_ANSWER, held->size);
    memory_share_end_large(&log->memory);
    *held = (struct held_body){ 0 };
}

static void release_all_held(struct followed_log *log)
{
    for (unsigned i = 0; i < FOLLOWER_SLOTS; i++)
        if (log->held[i].is_there)
            followed_log_release_held(log, &log->held[i]);
}

/* Answers that the follower has forgotten. */
static void release_stale_held(struct followed_log *log)
{
    if (log->held_generation == log->follower.generation)
        return;
    log->held_generation = log->follower.generation;
    release_all_held(log);
}

void followed_log_destroy(struct followed_log *log)
{
    release_all_held(log);
    while (log->window.first) {
        struct batch *batch = log->window.first;
        log->window.first = batch->next;
        memory_share_remove(&log->memory, MEMORY_WINDOW, batch->arena.size);
        batch_destroy(batch);
    }
    memory_share_leave(&log->memory);
    log_proof_destroy(log->proof);
    buffer_free(&log->head_text);
    ct_log_clear(&log->ct_log);
    log_key_destroy(log->log_key);
    free(log);
}

static void write_identity(struct followed_log *log)
{
    const struct log_services *services = log->services;
    struct hash_field fields[REMEMBERED_LOG_FIELDS];
    struct buffer text;
    buffer_init(&text, REMEMBERED_LOG_TEXT_MAX);
    remembered_log_write(&log->ct_log, fields, &text);
    publisher_set_fields(services->publisher, log->key, fields, REMEMBERED_LOG_FIELDS, 0);
    buffer_free(&text);
    (void)redis_link_send_strings(services->link, NULL, NULL, "SADD", services->contract->logs,
                                  log->ct_log.id_hex, (char *)NULL);
}

/* Another protocol, the same tree: the position is loaded again and gone on from. */
static void change_kind(struct followed_log *log, uint64_t now_ms)
{
    followed_log_disown(log);
    uint64_t life = log->follower.life, generation = log->follower.generation;
    log_proof_destroy(log->proof);
    init_kind(log, now_ms);
    log->follower.life += life;
    log->follower.generation += generation;
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
        follower_recheck(&log->follower);
    follower_on_description(&log->follower, &log->ct_log);
    if (log->follower.has_position)
        write_identity(log);
    ct_log_clear(&old);
}

void followed_log_note_success(struct followed_log *log)
{
    /* Heads say nothing of entries that were wrong. */
    if (!log->is_failing || log->follower.mismatches || log->follower.is_quarantined ||
        follower_is_failing(&log->follower))
        return;
    say_info("log answers again", "log=%s", say_quoted(log->ct_log.description));
    log->is_failing = false;
}

void followed_log_enter_quarantine(struct followed_log *log, enum mismatch_class class)
{
    (void)snprintf(log->error, sizeof log->error, "quarantine: %s", mismatch_class_name(class));
    log->is_failing = true;
    if (log->quarantine == class)
        return;
    say_error("log is quarantined", "log=%s id=%s class=%s released=%" PRIu64,
              say_quoted(log->ct_log.description), log->ct_log.id_hex,
              say_quoted(mismatch_class_name(class)), log->follower.book.released.next);
    if (log->quarantine == MISMATCH_NONE)
        log->quarantined_ms = clock_realtime_ms();
    log->quarantine = class;
    log->services->on_quarantine(log->services->context, &log->ct_log, mismatch_class_name(class));
}

void followed_log_leave_quarantine(struct followed_log *log)
{
    if (log->quarantine == MISMATCH_NONE)
        return;
    say_info("log leaves quarantine", "log=%s", say_quoted(log->ct_log.description));
    log->quarantine = MISMATCH_NONE;
    log->quarantined_ms = 0;
    log->is_failing = false;
}

/* What is under way is of no use. */
static void abandon(struct followed_log *log)
{
    publisher_cancel(log->services->publisher, log);
    log_window_clear(log);
    release_stale_held(log);
    log->start_begun = false;
}

/* Forgets what is under way; what Redis says counts again. */
static void reload(struct followed_log *log, uint64_t at_ms)
{
    follower_reload(&log->follower, at_ms);
    abandon(log);
}

void followed_log_disown(struct followed_log *log)
{
    if (log->follower.state == FOLLOWER_UNOWNED)
        return;
    follower_disown(&log->follower);
    abandon(log);
    /* What was cancelled may have carried issuers. */
    issuer_set_forget_stamps(pipeline_issuers(log->services->pipeline));
}

struct load {
    struct followed_log *log;
    uint64_t life;
};

enum {
    HASH_FIELDS_MAX = 256
};

static size_t collect_fields(const redisReply *reply, struct hash_field *fields)
{
    size_t count = 0;
    for (size_t i = 0; i + 1 < reply->elements && count < HASH_FIELDS_MAX; i += 2) {
        const redisReply *name = reply->element[i];
        const redisReply *value = reply->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
            continue;
        fields[count++] = (struct hash_field){ bytes_of(name->str, (size_t)name->len),
                                               bytes_of(value->str, (size_t)value->len) };
    }
    return count;
}

/* A position at the size of the head that it names has that head's root; another one has been
 * tampered with. */
static bool is_sound(const struct followed_log *log, const struct log_position *position)
{
    bool can_tell = position->has_frontier && position->verified_size == position->next &&
                    position->head.size == position->next && position->head.signature_size;
    if (!can_tell)
        return true;
    struct merkle_hash root;
    merkle_frontier_root(pipeline_sha256(log->services->pipeline), &position->frontier, &root);
    return memcmp(&root, &position->head.root, sizeof root) == 0;
}

void followed_log_resume(struct followed_log *log, const struct log_position *position,
                         uint64_t now_ms)
{
    /* Not after each append that failed. */
    if (!log->reload_delay_ms)
        say_info("log resumes", "log=%s next=%" PRIu64, say_quoted(log->ct_log.description),
                 position->next);
    if (position->has_frontier || !log->follower.policy->verifies)
        follower_on_position(&log->follower, position, now_ms);
    else
        follower_on_bare_position(&log->follower, position, now_ms);
}

/* What the hash says of tiles beside get-entries. */
static struct bytes find_tiles(const struct hash_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal_string(fields[i].name, log_fields[LOG_FIELD_TILES].name))
            return fields[i].value;
    return (struct bytes){ 0 };
}

static void take_position(struct followed_log *log, const redisReply *reply, uint64_t now_ms)
{
    struct hash_field fields[HASH_FIELDS_MAX];
    size_t count = collect_fields(reply, fields);
    struct log_position position;
    enum log_position_result result = log_position_read(&position, fields, count);
    if (result == LOG_POSITION_CORRUPT ||
        (result == LOG_POSITION_READ && !is_sound(log, &position))) {
        leave_alone(log, "checkpoint", "makes no sense");
        return;
    }
    log_hybrid_remember(log, find_tiles(fields, count));
    log->is_lost = false;
    if (result == LOG_POSITION_READ) {
        /* It counts because Redis has it, however old it is. */
        last_position_keep(&log->last, &position);
        followed_log_resume(log, &position, now_ms);
    } else if (log->last.is_known) {
        log_restore_begin(log, now_ms);
    } else {
        say_info("log is new", "log=%s", say_quoted(log->ct_log.description));
        follower_on_new_log(&log->follower, now_ms);
    }
    write_identity(log);
}

static void on_loaded(struct redis_link *link, redisReply *reply, void *context)
{
    struct load load = *(struct load *)context;
    uint64_t now_ms = clock_monotonic_ms();
    free(context);
    (void)link;
    if (!reply || load.life != load.log->follower.life)
        return;
    if (reply->type == REDIS_REPLY_ARRAY) {
        take_position(load.log, reply, now_ms);
        return;
    }
    followed_log_note_failure(load.log, "checkpoint",
                              reply->type == REDIS_REPLY_ERROR ? reply->str : "not a hash");
    follower_reload(&load.log->follower, now_ms + RELOAD_DELAY_MS);
}

void followed_log_load(struct followed_log *log, uint64_t now_ms)
{
    if (!log->services->link) {
        follower_on_new_log(&log->follower, now_ms);
        return;
    }
    struct load *load = memory_allocate(sizeof *load);
    *load = (struct load){ log, log->follower.life };
    if (redis_link_send_strings(log->services->link, on_loaded, load, "HGETALL", log->key,
                                (char *)NULL))
        return;
    free(load);
    follower_reload(&log->follower, now_ms + RELOAD_DELAY_MS);
}

uint64_t followed_log_work(struct followed_log *log, uint64_t now_ms)
{
    if (log->is_left_alone)
        return UINT64_MAX;
    if (log->follower.state != FOLLOWER_UNOWNED && now_ms >= log->lease_until_ms)
        followed_log_disown(log);
    bool worked = log_window_take(log, now_ms);
    log_window_settle(log, now_ms);
    log_window_check_end(log, now_ms);
    release_stale_held(log);
    uint64_t hybrid_ms = log_hybrid_work(log, now_ms);
    uint64_t at_ms = log_fetch_work(log, now_ms);
    at_ms = hybrid_ms < at_ms ? hybrid_ms : at_ms;
    if (follower_lag(&log->follower) == 0)
        log->caught_up_at_ms = now_ms;
    if (worked && follower_next_held(&log->follower) >= 0)
        return now_ms;
    bool is_owned = log->follower.state != FOLLOWER_UNOWNED;
    return is_owned && log->lease_until_ms < at_ms ? log->lease_until_ms : at_ms;
}

bool followed_log_is_on_trial(const struct followed_log *log)
{
    return log->reload_delay_ms > 0;
}

/* What is wrong with Redis rather than with this log's append is said once for all logs. */
static void note_failed_batch(struct followed_log *log, const char *error)
{
    if (redis_refusal_of(error) == REDIS_REFUSAL_NONE && redis_link_is_up(log->services->link))
        followed_log_note_failure(log, "redis", error);
    else
        (void)snprintf(log->error, sizeof log->error, "redis: %s", error);
}

void followed_log_on_batch(struct followed_log *log, const struct batch *batch,
                           enum batch_result result, const char *error, uint64_t now_ms)
{
    if (result != BATCH_DONE)
        issuer_set_forget_stamps(pipeline_issuers(log->services->pipeline));
    else
        last_position_keep(&log->last, &batch->position);
    if (result == BATCH_DONE && batch->creates && batch->control.size)
        last_position_on_said(&log->last);
    if (batch->generation != log->follower.life)
        return;
    switch (result) {
    case BATCH_DONE:
        log->reload_delay_ms = 0;
        log->is_lost = false;
        follower_on_durable(&log->follower, batch->position.next);
        return;
    case BATCH_REFUSED:
        say_warning("append refused", "log=%s expected_next=%" PRIu64,
                    say_quoted(log->ct_log.description), batch->expected_next);
        break;
    case BATCH_FAILED: note_failed_batch(log, error); break;
    }
    log->reload_delay_ms = log->reload_delay_ms ? log->reload_delay_ms * 2 : RELOAD_DELAY_MS;
    if (log->reload_delay_ms > RELOAD_DELAY_MAX_MS)
        log->reload_delay_ms = RELOAD_DELAY_MAX_MS;
    reload(log, now_ms + log->reload_delay_ms);
}

/* An operator has moved the log's position, or lifts its quarantine: what is under way is for the
 * old one. */
static void take_epoch(struct followed_log *log, const struct lease *lease, uint64_t now_ms)
{
    uint64_t epoch = lease->epoch;
    if (log->follower.state == FOLLOWER_UNOWNED || !log->follower.has_position)
        return;
    /* One that Redis had, and has no longer. */
    if (!lease->has_position && log->last.is_known)
        reload(log, now_ms);
    if (!lease->has_position || epoch == log->follower.book.taken.epoch)
        return;
    say_info("an operator has a log looked at anew", "log=%s epoch=%" PRIu64,
             say_quoted(log->ct_log.description), epoch);
    /* What it signed before is on record. */
    log->history = (struct head_history){ 0 };
    follower_on_right_head(&log->follower);
    followed_log_leave_quarantine(log);
    reload(log, now_ms);
}

void followed_log_own(struct followed_log *log, const struct lease *lease, uint64_t until_ms,
                      uint64_t now_ms)
{
    assert(!log->is_left_alone);
    take_epoch(log, lease, now_ms);
    log->lease_until_ms = until_ms;
    follower_own(&log->follower);
}
