#include "ingest/logs/log_start.h"

#include <inttypes.h>

#include "ingest/logs/log_restore.h"
#include "ingest/logs/log_window.h"
#include "ingest/make/pipeline.h"
#include "shared/process/say.h"

/* `frontier`: NULL if it is not known. */
static void start_at(struct followed_log *log, uint64_t index,
                     const struct merkle_frontier *frontier, uint64_t now_ms)
{
    bool is_new = !log->follower.has_start;
    struct log_position position = {
        .next = index,
        .epoch = is_new ? 0 : log->follower.book.released.epoch,
        .has_frontier = frontier != NULL,
        .head = log->follower.head,
        .verified_size = frontier ? index : 0,
    };
    if (frontier)
        position.frontier = *frontier;
    say_info("log starts", "log=%s next=%" PRIu64 " frontier=%s",
             say_quoted(log->ct_log.description), index, frontier ? "known" : "unknown");
    log->start_begun = false;
    follower_on_started(&log->follower, &position, now_ms);
    struct batch *batch = log_window_begin_batch(log);
    batch->creates = is_new;
    log_restore_write(log, batch);
    publisher_submit(log->services->publisher, batch);
}

bool log_start_begin(struct followed_log *log, uint64_t now_ms)
{
    uint64_t index = follower_start_index(&log->follower);
    const struct merkle_frontier empty = { 0 };
    if (index == 0) {
        start_at(log, 0, &empty, now_ms);
        return true;
    }
    if (log->start_begun)
        return false;
    log->start_begun = true;
    log->proof_head = log->follower.head;
    enum log_proof_state state = log_proof_begin(log->proof, index, NULL, &log->proof_head,
                                                 pipeline_sha256(log->services->pipeline));
    return state == LOG_PROOF_SHOWN && log_start_on_proof(log, state, now_ms);
}

bool log_start_on_proof(struct followed_log *log, enum log_proof_state state, uint64_t now_ms)
{
    if (state == LOG_PROOF_CONTRADICTED) {
        log->start_begun = false;
        return false;
    }
    if (state == LOG_PROOF_SHOWN) {
        const struct merkle_frontier *frontier = log_proof_frontier(log->proof);
        start_at(log, frontier->size, frontier, now_ms);
    }
    return true;
}

void log_start_bare(struct followed_log *log, uint64_t now_ms)
{
    start_at(log, follower_start_index(&log->follower), NULL, now_ms);
}
