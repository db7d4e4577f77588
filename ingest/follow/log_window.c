#include "ingest/follow/log_window.h"

#include <assert.h>
#include <inttypes.h>

#include "ingest/ct/rfc6962.h"
#include "ingest/follow/issuer_download.h"
#include "ingest/make/pipeline.h"
#include "shared/base/clock.h"
#include "shared/base/reader.h"
#include "shared/base/say.h"
#include "shared/message/tile_path.h"

enum {
    /* A window of an RFC 6962 log's backlog costs a proof, so it is worth some pages; a log alone
     * may hold no more. */
    WINDOW_BYTES_MAX = 16 * 1024 * 1024,
};

static struct digest *sha256_of(const struct followed_log *log)
{
    return pipeline_sha256(log->ingest->pipeline);
}

struct batch *log_window_begin_batch(struct followed_log *log)
{
    struct batch *batch = batch_create(&log->follower.book.taken);
    batch->owner = log;
    batch->generation = log->follower.life;
    batch->log_key = log->key;
    batch->log_id_hex = log->ct_log.id_hex;
    if (log->source.is_tiled)
        issuer_download_deliver(log->ingest->issuers, batch);
    return batch;
}

static void hold(struct followed_log *log, struct batch *batch, uint64_t now_ms)
{
    struct window *window = &log->window;
    if (!window->first)
        *window = (struct window){ .last = &window->first, .begun_at_ms = now_ms };
    *window->last = batch;
    window->last = &batch->next;
    window->bytes += batch->arena.size;
    log->ingest->held_bytes += batch->arena.size;
    log_book_take(&log->follower.book, &batch->position);
}

static struct batch *take_held(struct followed_log *log)
{
    struct window *window = &log->window;
    struct batch *batch = window->first;
    window->first = batch->next;
    batch->next = NULL;
    window->bytes -= batch->arena.size;
    log->ingest->held_bytes -= batch->arena.size;
    return batch;
}

void log_window_clear(struct followed_log *log)
{
    bool had_issuers = false;
    while (log->window.first) {
        struct batch *batch = take_held(log);
        had_issuers |= batch->issuer_count > 0;
        batch_destroy(batch);
    }
    if (had_issuers)
        ingest_reload_issuers(log->ingest);
}

/* Everything in the window is in the tree of `head`, or nobody asks. */
static void release(struct followed_log *log, const struct signed_head *head, uint64_t proven_size,
                    uint64_t now_ms)
{
    log->ingest->stats.window_verify_ms += now_ms - log->window.begun_at_ms;
    log->ingest->stats.windows++;
    while (log->window.first) {
        struct batch *batch = take_held(log);
        batch->position.head = *head;
        batch->position.verified_size = proven_size;
        publisher_submit(log->ingest->publisher, batch);
    }
    if (log->follower.mismatches && !log->follower.is_quarantined) {
        log->ingest->stats.mismatches_transient++;
        say_info("log's entries are right again", "log=%s", say_quoted(log->ct_log.description));
    }
    follower_on_proven(&log->follower, head, proven_size);
    followed_log_leave_quarantine(log);
}

/* A row of appends under construction: a full one is held and the next begun. */
struct filling {
    struct followed_log *log;
    struct batch *batch;
    uint64_t seen_ms;
    uint64_t now_ms;
    uint64_t count;
};

static void fill(struct filling *filling, const struct entry *entry)
{
    /* A new one may be full at once, of issuers that have arrived. */
    while (batch_is_full(filling->batch)) {
        hold(filling->log, filling->batch, filling->now_ms);
        filling->batch = log_window_begin_batch(filling->log);
    }
    pipeline_add_entry(filling->log->ingest->pipeline, filling->batch, &filling->log->source, entry,
                       filling->seen_ms);
    filling->count++;
}

/* How many entries of a get-entries answer could be taken. */
static void fill_from_page(struct filling *filling, const struct follower_slot *slot,
                           struct bytes body)
{
    struct rfc6962_page page;
    struct entry entry;
    if (rfc6962_page_open(&page, body))
        while (filling->count < slot->count && rfc6962_page_next(&page, &entry))
            fill(filling, &entry);
    rfc6962_page_clear(&page);
}

/* The first entries of a tile that was partial before are released already: the tile must still
 * begin with them. */
static bool begins_with(const struct merkle_frontier *released, const struct merkle_frontier *begin)
{
    for (unsigned level = 0; level < MERKLE_LEVELS; level++)
        if (begin->size >> level & 1 &&
            memcmp(&begin->nodes[level], &released->nodes[level], sizeof *begin->nodes) != 0)
            return false;
    return true;
}

static bool fill_from_tile(struct filling *filling, const struct follower_slot *slot,
                           struct bytes body)
{
    struct followed_log *log = filling->log;
    struct reader tile = reader_of(body);
    struct entry entry;
    struct merkle_frontier begin = { 0 };
    uint64_t skip = slot->start % TILE_WIDTH;
    uint64_t base = slot->start - skip;
    bool verifies = log->follower.policy->verifies;
    for (uint64_t at = 0; filling->count < slot->count && tile.remaining; at++) {
        if (!entry_read_tile_leaf(&entry, &tile))
            break;
        if (verifies && !entry_is_at(&entry, base + at))
            return false;
        if (at >= skip) {
            fill(filling, &entry);
            continue;
        }
        struct merkle_hash leaf;
        merkle_hash_leaf(sha256_of(log), &leaf, entry.leaf_pieces, 2);
        merkle_frontier_add(sha256_of(log), &begin, 0, &leaf);
        if (verifies && at + 1 == skip && !begins_with(&log->follower.book.taken.frontier, &begin))
            return false;
    }
    return true;
}

/* Whether the issuers of one entry are known or have been waited for; those that are not are asked
 * for. */
static bool chain_is_there(struct followed_log *log, struct bytes chain, uint64_t now_ms)
{
    bool all = true;
    for (size_t at = 0; at < chain.size && at < (size_t)PIPELINE_CHAIN_MAX * SHA256_SIZE;
         at += SHA256_SIZE)
        all &= issuer_download_want(log->ingest->issuers, &log->ct_log, chain.data + at, now_ms);
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

/* The log goes on serving what it did not sign: it rests, and what it did is kept. */
static void quarantine(struct followed_log *log, enum mismatch_class class,
                       const struct signed_head *head, const struct signed_head *other,
                       uint64_t now_ms)
{
    const struct evidence evidence = {
        .class = class,
        .ct_log = &log->ct_log,
        .released = &log->follower.book.released,
        .head = head,
        .head_text = buffer_bytes(&log->head_text),
        .other = other,
        .computed = log->mismatch,
    };
    log->ingest->stats.mismatches[class]++;
    /* Each pair of heads that contradict each other counts; the rest would be said again at each
     * look. */
    bool is_known = log->quarantine == class && class != MISMATCH_EQUIVOCATION;
    if (!is_known && !evidence_send(&evidence, &log->ingest->contract, log->ingest->link))
        say_error("evidence could not be kept", "log=%s class=%s",
                  say_quoted(log->ct_log.description), mismatch_class_name(class));
    followed_log_enter_quarantine(log, class);
    follower_on_quarantine(&log->follower, now_ms);
}

static void on_mismatch(struct followed_log *log, const struct signed_head *head, uint64_t now_ms)
{
    log->stats.mismatches++;
    log->mismatch = (struct merkle_tree){ .size = log->follower.book.taken.next };
    merkle_frontier_root(sha256_of(log), &log->follower.book.taken.frontier, &log->mismatch.root);
    followed_log_note_failure(log, "verification", "the entries are not those of the signed tree");
    log_window_clear(log);
    if (follower_on_mismatch(&log->follower, now_ms) != MISMATCH_TO_CLASSIFY)
        return;
    log->proof_head = *head;
    bool extends =
        log->follower.book.released.next > 0 && log->follower.book.released.next < head->size;
    enum log_proof_state state =
        extends ? log_proof_begin(log->proof, log->follower.book.released.next,
                                  &log->follower.book.released.frontier, head, sha256_of(log))
                : LOG_PROOF_SHOWN;
    /* Any tree extends the empty one; then it is the entries that are wrong. */
    if (state != LOG_PROOF_ASKS)
        quarantine(log, state == LOG_PROOF_SHOWN ? MISMATCH_ENTRIES : MISMATCH_FORK, head, NULL,
                   now_ms);
}

static void settle_by_root(struct followed_log *log, uint64_t now_ms)
{
    const struct signed_head head = log->follower.head;
    struct merkle_hash root;
    merkle_frontier_root(sha256_of(log), &log->follower.book.taken.frontier, &root);
    if (memcmp(&root, &head.root, sizeof root) == 0) {
        log->ingest->stats.roots_reproduced++;
        release(log, &head, head.size, now_ms);
    } else {
        log->ingest->stats.roots_different++;
        on_mismatch(log, &head, now_ms);
    }
}

static void settle_by_proof(struct followed_log *log, enum log_proof_state state, uint64_t now_ms)
{
    switch (state) {
    case LOG_PROOF_ASKS: return;
    case LOG_PROOF_SHOWN:
        log->ingest->stats.proofs++;
        release(log, &log->proof_head, log->follower.book.taken.next, now_ms);
        return;
    case LOG_PROOF_CONTRADICTED: on_mismatch(log, &log->proof_head, now_ms); return;
    }
}

/* Nothing is verified; whether the entries lead to the head's root is only told. */
static void settle_unverified(struct followed_log *log, uint64_t now_ms)
{
    const struct signed_head head = log->follower.head;
    const struct log_position *position = &log->follower.book.taken;
    uint64_t proven_size = log->follower.book.released.verified_size;
    if (position->has_frontier && position->next == head.size) {
        struct merkle_hash root;
        merkle_frontier_root(sha256_of(log), &position->frontier, &root);
        bool is_right = memcmp(&root, &head.root, sizeof root) == 0;
        log->ingest->stats.roots_reproduced += is_right;
        log->ingest->stats.roots_different += !is_right;
        if (is_right)
            proven_size = head.size;
        else
            followed_log_note_failure(log, "tree head", "its root is not that of the entries");
    }
    release(log, &head, proven_size, now_ms);
}

static bool must_close(const struct followed_log *log)
{
    return log->window.bytes >= WINDOW_BYTES_MAX || log->ingest->held_bytes >= INGEST_HELD_MAX;
}

void log_window_settle(struct followed_log *log, uint64_t now_ms)
{
    switch (follower_next_verdict(&log->follower, must_close(log))) {
    case FOLLOWER_VERDICT_NONE: return;
    case FOLLOWER_VERDICT_RELEASE: settle_unverified(log, now_ms); return;
    case FOLLOWER_VERDICT_BY_ROOT: settle_by_root(log, now_ms); return;
    case FOLLOWER_VERDICT_BY_PROOF:
        log->proof_head = log->follower.head;
        settle_by_proof(log,
                        log_proof_begin(log->proof, log->follower.book.taken.next,
                                        &log->follower.book.taken.frontier, &log->proof_head,
                                        sha256_of(log)),
                        now_ms);
        return;
    }
}

static void take_entries(struct followed_log *log, const struct held_body *held,
                         const struct follower_slot *slot, uint64_t now_ms)
{
    assert(log->follower.book.taken.next == slot->start);
    log->follower.book.taken.page = log->source.is_tiled ? 0 : log->follower.page.learnt;
    struct filling filling = { .log = log, .seen_ms = held->seen_ms, .now_ms = now_ms };
    struct bytes body = buffer_bytes(&held->body);
    bool is_right = true;
    filling.batch = log_window_begin_batch(log);
    if (log->source.is_tiled)
        is_right = fill_from_tile(&filling, slot, body);
    else
        fill_from_page(&filling, slot, body);
    if (filling.batch->entry_count || filling.batch->issuer_count)
        hold(log, filling.batch, now_ms);
    else
        batch_destroy(filling.batch);
    if (!is_right) {
        on_mismatch(log, &log->follower.head, now_ms);
    } else if (filling.count) {
        log->bytes_per_entry = held->body.size / filling.count + 1;
        follower_on_taken(&log->follower, filling.count);
    } else {
        followed_log_note_failure(log, "entries", "the answer holds none that can be read");
        follower_on_bad_range(&log->follower, now_ms);
    }
}

bool log_window_take(struct followed_log *log, uint64_t now_ms)
{
    int slot = follower_next_held(&log->follower);
    if (slot < 0 || !publisher_has_room(log->ingest->publisher) || !log->ingest->issuers_known)
        return false;
    struct held_body *held = &log->held[slot];
    const struct follower_slot copy = log->follower.slots[slot];
    if (log->source.is_tiled && !issuers_are_there(log, &copy, buffer_bytes(&held->body), now_ms))
        return false;
    take_entries(log, held, &copy, now_ms);
    followed_log_release_held(log, held);
    return true;
}

void log_window_on_proof(struct followed_log *log, enum fetch_kind kind, enum log_proof_state state,
                         uint64_t now_ms)
{
    if (kind == FETCH_PROOF) {
        settle_by_proof(log, state, now_ms);
        return;
    }
    if (state != LOG_PROOF_ASKS)
        quarantine(log, state == LOG_PROOF_SHOWN ? MISMATCH_ENTRIES : MISMATCH_FORK,
                   &log->proof_head, NULL, now_ms);
}

void log_window_on_no_class(struct followed_log *log, uint64_t now_ms)
{
    quarantine(log, MISMATCH_UNEXPLAINED, &log->proof_head, NULL, now_ms);
}

/* A head of just what is released: it must be signed over just that. */
static bool is_over_released(const struct followed_log *log, const struct signed_head *head)
{
    struct merkle_hash root;
    merkle_frontier_root(sha256_of(log), &log->follower.book.released.frontier, &root);
    return memcmp(&root, &head->root, sizeof root) == 0;
}

static void keep_head_text(struct followed_log *log, struct bytes text)
{
    size_t size =
        text.size < FOLLOWED_LOG_HEAD_TEXT_MAX ? text.size : (size_t)FOLLOWED_LOG_HEAD_TEXT_MAX;
    buffer_clear(&log->head_text);
    buffer_append(&log->head_text, text.data, size);
}

bool log_window_accepts_head(struct followed_log *log, const struct signed_head *head,
                             struct bytes text, uint64_t now_ms)
{
    bool knows = log->follower.has_position && log->follower.book.released.has_frontier &&
                 log->follower.policy->verifies;
    bool is_at_end = knows && head->size == log->follower.book.released.next;
    bool is_right = is_at_end && is_over_released(log, head);
    struct signed_head other = log->follower.book.released.head;
    bool contradicts = head_history_add(&log->history, head, &other);
    bool is_news = !log->follower.has_head || head->size > log->follower.head.size;
    if (is_news || contradicts || (is_at_end && !is_right))
        keep_head_text(log, text);
    if (is_right) {
        follower_on_right_head(&log->follower);
        followed_log_leave_quarantine(log);
    }
    if (!knows || (!contradicts && (!is_at_end || is_right)))
        return true;
    bool is_equivocation = contradicts || other.size == head->size;
    log->mismatch = (struct merkle_tree){ 0 };
    quarantine(log, is_equivocation ? MISMATCH_EQUIVOCATION : MISMATCH_FORK, head,
               is_equivocation ? &other : NULL, now_ms);
    return false;
}

void log_window_check_end(struct followed_log *log, uint64_t now_ms)
{
    const struct ct_log *ct_log = &log->ct_log;
    if (log->follower.state != FOLLOWER_FINISHED || !log->follower.policy->verifies ||
        !ct_log->has_final_root || log->follower.book.released.next != ct_log->final_size)
        return;
    struct signed_head final = { .size = ct_log->final_size, .root = ct_log->final_root };
    if (is_over_released(log, &final))
        return;
    log->mismatch = (struct merkle_tree){ 0 };
    quarantine(log, MISMATCH_FINAL_HEAD, &final, &log->follower.book.released.head, now_ms);
}
