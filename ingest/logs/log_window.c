#include "ingest/logs/log_window.h"

#include <assert.h>
#include <inttypes.h>

#include "ingest/ct/rfc6962.h"
#include "ingest/follow/log_trial.h"
#include "ingest/logs/issuer_download.h"
#include "ingest/logs/log_hybrid.h"
#include "ingest/make/pipeline.h"
#include "shared/base/reader.h"
#include "shared/message/tile_path.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"

enum {
    /* A leaf of a tile that could not be read so often in a row is the log's doing. */
    UNREADABLE_TRIES = 5,
    /* Between two looks at a tile that waits for issuers, if none has come. */
    LOOK_MS = 500,
};

static struct digest *sha256_of(const struct followed_log *log)
{
    return pipeline_sha256(log->services->pipeline);
}

struct batch *log_window_begin_batch(struct followed_log *log)
{
    struct batch *batch = batch_create(&log->follower.book.taken, log->batch_bytes);
    batch->owner = log;
    batch->generation = log->follower.life;
    batch->log_key = log->key;
    batch->log_id_hex = log->ct_log.id_hex;
    batch->stream = log->services->contract->stream;
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
    memory_share_add(&log->memory, MEMORY_WINDOW, batch->arena.size);
    log_book_take(&log->follower.book, &batch->position);
    log->batch_bytes = batch->arena.size < BATCH_BYTES_FULL ? batch->arena.size : BATCH_BYTES_FULL;
}

static struct batch *take_held(struct followed_log *log)
{
    struct window *window = &log->window;
    struct batch *batch = window->first;
    window->first = batch->next;
    batch->next = NULL;
    window->bytes -= batch->arena.size;
    memory_share_remove(&log->memory, MEMORY_WINDOW, batch->arena.size);
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
        issuer_set_forget_stamps(pipeline_issuers(log->services->pipeline));
}

/* Everything in the window is in the tree of `head`, or nobody asks. */
static void release(struct followed_log *log, const struct signed_head *head, uint64_t proven_size,
                    uint64_t now_ms)
{
    log->services->stats->window_verify_ms += now_ms - log->window.begun_at_ms;
    log->services->stats->windows++;
    while (log->window.first) {
        struct batch *batch = take_held(log);
        batch->position.head = *head;
        batch->position.verified_size = proven_size;
        publisher_submit(log->services->publisher, batch);
    }
    if (log->follower.mismatches && !log->follower.is_quarantined) {
        log->services->stats->mismatches_transient++;
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
    pipeline_add_entry(filling->log->services->pipeline, filling->batch, &filling->log->source,
                       entry, filling->seen_ms);
    filling->count++;
}

/* How many entries of a get-entries answer could be taken. */
static void fill_from_page(struct filling *filling, const struct follower_slot *slot,
                           const struct rfc6962_text *text)
{
    struct rfc6962_page page;
    struct entry entry;
    if (rfc6962_page_open(&page, text))
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

/* An entry that says another index than its place is still that of its place, if the root says so:
 * published, and marked. */
static void mark_misplaced(struct filling *filling, struct entry *entry, uint64_t index)
{
    if (!filling->log->follower.policy->verifies || entry_is_at(entry, index))
        return;
    filling->log->services->stats->misplaced++;
    if (!entry->malformed)
        entry->malformed = "its leaf says another index";
}

enum tile_end {
    TILE_READ,
    TILE_UNREADABLE, /* a leaf is no leaf, and where the next one begins is not known */
    TILE_CHANGED,    /* it does not begin with what is released */
};

static enum tile_end fill_from_tile(struct filling *filling, const struct follower_slot *slot,
                                    struct buffer *body)
{
    struct followed_log *log = filling->log;
    struct reader tile = reader_of(buffer_bytes(body));
    struct entry entry;
    struct merkle_frontier begin = { 0 };
    uint64_t skip = slot->start % TILE_WIDTH;
    uint64_t base = slot->start - skip;
    bool verifies = log->follower.policy->verifies;
    for (uint64_t at = 0; filling->count < slot->count && tile.remaining; at++) {
        if (!entry_read_tile_leaf(&entry, &tile))
            return at ? TILE_UNREADABLE : TILE_READ;
        if (log->hybrid.reading == HYBRID_WITHOUT_EXTENSIONS)
            entry_empty_extensions(&entry, body);
        if (at >= skip) {
            mark_misplaced(filling, &entry, base + at);
            fill(filling, &entry);
            continue;
        }
        struct merkle_hash leaf;
        merkle_hash_leaf(sha256_of(log), &leaf, entry.leaf_pieces, 2);
        merkle_frontier_add(sha256_of(log), &begin, 0, &leaf);
        if (verifies && at + 1 == skip && !begins_with(&log->follower.book.taken.frontier, &begin))
            return TILE_CHANGED;
    }
    return TILE_READ;
}

/* Whether the issuers of one entry are known or have been waited for; those that are not are asked
 * for. */
static bool chain_is_there(struct followed_log *log, struct bytes chain, uint64_t now_ms)
{
    bool all = true;
    for (size_t at = 0; at < chain.size && at < (size_t)PIPELINE_CHAIN_MAX * SHA256_SIZE;
         at += SHA256_SIZE)
        all &= issuer_download_want(log->services->issuers, log, &log->ct_log, chain.data + at,
                                    now_ms);
    return all;
}

/* The same of all entries of the tile that are wanted. */
static bool issuers_are_there(struct followed_log *log, struct held_body *held,
                              const struct follower_slot *slot, uint64_t now_ms)
{
    size_t known = issuer_set_count(pipeline_issuers(log->services->pipeline));
    if (now_ms < held->look_at_ms && known == held->known_issuers)
        return false;
    held->look_at_ms = now_ms + LOOK_MS;
    held->known_issuers = known;
    struct reader tile = reader_of(buffer_bytes(&held->body));
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
    log->services->stats->mismatches[class]++;
    /* Each pair of heads that contradict each other counts; the rest would be said again at each
     * look. */
    bool is_known = log->quarantine == class && class != MISMATCH_EQUIVOCATION;
    if (!is_known && !evidence_send(&evidence, log->services->contract, log->services->link))
        say_error("evidence could not be kept", "log=%s class=%s",
                  say_quoted(log->ct_log.description), mismatch_class_name(class));
    followed_log_enter_quarantine(log, class);
    follower_on_quarantine(&log->follower, now_ms);
}

/* What the entries of a persistent mismatch say of the log, as far as is known. */
static void judge_window(struct followed_log *log, const struct signed_head *head,
                         enum log_proof_state proof, uint64_t now_ms)
{
    const struct trial trial =
        log_trial_of_window(log->follower.mismatches, &log->follower.book.released, head, proof);
    if (trial.verdict == TRIAL_GUILTY)
        quarantine(log, trial.class, head, NULL, now_ms);
}

static void on_mismatch(struct followed_log *log, const struct signed_head *head, uint64_t now_ms)
{
    const struct log_position *taken = &log->follower.book.taken;
    const struct log_position *released = &log->follower.book.released;
    log->stats.mismatches++;
    log->mismatch = (struct merkle_tree){ .size = taken->next };
    merkle_frontier_root(sha256_of(log), &taken->frontier, &log->mismatch.root);
    followed_log_note_failure(log, "verification", "the entries are not those of the signed tree");
    log_window_clear(log);
    log_hybrid_on_mismatch(log, now_ms);
    if (follower_on_mismatch(&log->follower, now_ms) != MISMATCH_TO_CLASSIFY)
        return;
    log->proof_head = *head;
    bool may_extend = released->next > 0 && released->next < head->size;
    enum log_proof_state proof =
        may_extend
            ? log_proof_begin(log->proof, released->next, &released->frontier, head, sha256_of(log))
            : LOG_PROOF_SHOWN;
    judge_window(log, head, proof, now_ms);
}

static void settle_by_root(struct followed_log *log, uint64_t now_ms)
{
    const struct signed_head head = log->follower.head;
    if (log_trial_has_root(&log->follower.book.taken.frontier, &head.root, sha256_of(log))) {
        log->services->stats->roots_reproduced++;
        release(log, &head, head.size, now_ms);
    } else {
        log->services->stats->roots_different++;
        on_mismatch(log, &head, now_ms);
    }
}

static void settle_by_proof(struct followed_log *log, enum log_proof_state state, uint64_t now_ms)
{
    switch (state) {
    case LOG_PROOF_ASKS: return;
    case LOG_PROOF_SHOWN:
        log->services->stats->proofs++;
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
        bool is_right = log_trial_has_root(&position->frontier, &head.root, sha256_of(log));
        log->services->stats->roots_reproduced += is_right;
        log->services->stats->roots_different += !is_right;
        if (is_right)
            proven_size = head.size;
        else
            followed_log_note_failure(log, "tree head", "its root is not that of the entries");
    }
    release(log, &head, proven_size, now_ms);
}

void log_window_settle(struct followed_log *log, uint64_t now_ms)
{
    bool must_close = memory_share_must_close(&log->memory) || followed_log_is_on_trial(log);
    switch (follower_next_verdict(&log->follower, must_close)) {
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

/* A tile that was cut on its way is whole the next time, past every cache. One that never is was
 * not what the log signed. */
static bool stays_unreadable(const struct followed_log *log)
{
    return log->follower.policy->verifies &&
           log->follower.trouble[FOLLOWER_LANE_RANGE].failures >= UNREADABLE_TRIES;
}

static void take_entries(struct followed_log *log, struct held_body *held,
                         const struct follower_slot *slot, uint64_t now_ms)
{
    assert(log->follower.book.taken.next == slot->start);
    log->follower.book.taken.page = log->follower.page.is_fixed ? 0 : log->follower.page.learnt;
    struct filling filling = { .log = log, .seen_ms = held->seen_ms, .now_ms = now_ms };
    enum tile_end end = TILE_READ;
    filling.batch = log_window_begin_batch(log);
    if (log->protocol->is_tile(slot->start, slot->count))
        end = fill_from_tile(&filling, slot, &held->body);
    else
        fill_from_page(&filling, slot, &held->text);
    if (filling.batch->entry_count || filling.batch->issuer_count)
        hold(log, filling.batch, now_ms);
    else
        batch_destroy(filling.batch);
    bool is_unreadable = end == TILE_UNREADABLE && filling.count == 0;
    if (end == TILE_CHANGED || (is_unreadable && stays_unreadable(log))) {
        on_mismatch(log, &log->follower.head, now_ms);
    } else if (filling.count) {
        log->bytes_per_entry = held->size / filling.count + 1;
        follower_on_taken(&log->follower, filling.count);
    } else {
        followed_log_note_failure(log, "entries", "the answer holds none that can be read");
        follower_on_bad_range(&log->follower, now_ms);
    }
}

bool log_window_take(struct followed_log *log, uint64_t now_ms)
{
    int slot = follower_next_held(&log->follower);
    if (slot < 0 || !publisher_has_room(log->services->publisher))
        return false;
    struct held_body *held = &log->held[slot];
    const struct follower_slot copy = log->follower.slots[slot];
    if (log->protocol->is_tile(copy.start, copy.count) &&
        !issuers_are_there(log, held, &copy, now_ms))
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
    judge_window(log, &log->proof_head, state, now_ms);
}

void log_window_on_no_class(struct followed_log *log, uint64_t now_ms)
{
    quarantine(log, MISMATCH_UNEXPLAINED, &log->proof_head, NULL, now_ms);
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
    const struct log_position *released = &log->follower.book.released;
    bool knows =
        log->follower.has_position && released->has_frontier && log->follower.policy->verifies;
    struct signed_head other = released->head;
    bool contradicts = head_history_add(&log->history, head, &other);
    const struct trial trial =
        knows ? log_trial_of_head(released, head, contradicts ? &other : NULL, sha256_of(log))
              : (struct trial){ TRIAL_IN_ORDER, MISMATCH_NONE };
    bool is_news = !log->follower.has_head || head->size > log->follower.head.size;
    if (is_news || contradicts || trial.verdict == TRIAL_GUILTY)
        keep_head_text(log, text);
    if (trial.verdict == TRIAL_RIGHT) {
        follower_on_right_head(&log->follower);
        followed_log_leave_quarantine(log);
    }
    if (trial.verdict != TRIAL_GUILTY)
        return true;
    log->mismatch = (struct merkle_tree){ 0 };
    quarantine(log, trial.class, head, trial.class == MISMATCH_EQUIVOCATION ? &other : NULL,
               now_ms);
    return false;
}

void log_window_check_end(struct followed_log *log, uint64_t now_ms)
{
    const struct ct_log *ct_log = &log->ct_log;
    const struct log_position *released = &log->follower.book.released;
    if (log->follower.state != FOLLOWER_FINISHED || !log->follower.policy->verifies ||
        log_trial_of_end(released, ct_log, sha256_of(log)).verdict != TRIAL_GUILTY)
        return;
    const struct signed_head final = { .size = ct_log->final_size, .root = ct_log->final_root };
    log->mismatch = (struct merkle_tree){ 0 };
    quarantine(log, MISMATCH_FINAL_HEAD, &final, &released->head, now_ms);
}
