/*
 * The local CT log itself: entries, their Merkle tree, its growth, and the keys that sign it. It
 * knows neither HTTP nor the time of day: it is told both. Both views of it, RFC 6962 and
 * static-ct-api, are views of one tree.
 *
 * What a fault bends is asked for explicitly: a head of another size, the forked tree, an entry's
 * wrong timestamp.
 */
#ifndef CT_LOG_CT_LOG_H
#define CT_LOG_CT_LOG_H

#include "shared/base/buffer.h"
#include "tests/support/ct_log/tree_head.h"

struct entries;
struct entry_position;
struct options;
struct signing_key;

enum ct_log_view {
    CT_LOG_RFC6962,
    CT_LOG_TILED,
    CT_LOG_VIEWS,
};

struct ct_log;

/* NULL if the entries or the state cannot be read; it has been said on standard error. `options` is
 * borrowed. */
struct ct_log *ct_log_create(const struct options *options, uint64_t now_ms);
void ct_log_destroy(struct ct_log *log);

/* Publishes what is due at `now_ms`: a head that may cover more entries. */
void ct_log_publish(struct ct_log *log, uint64_t now_ms);
/* When the next head is due, or UINT64_MAX if the log stands still: then heads are made when asked
 * for. */
uint64_t ct_log_next_publish_ms(const struct ct_log *log, uint64_t now_ms);

uint64_t ct_log_size(const struct ct_log *log);
bool ct_log_has_view(const struct ct_log *log, enum ct_log_view view);
const struct signing_key *ct_log_key(const struct ct_log *log, enum ct_log_view view);
const struct entries *ct_log_entries(const struct ct_log *log);
uint64_t ct_log_start_ms(const struct ct_log *log);
/* Whose log it is by the list. */
const char *ct_log_operator(const struct ct_log *log);

/* What an operator does by hand. False if it cannot be done (too many changes, or the state cannot
 * be written). */
bool ct_log_set_size(struct ct_log *log, uint64_t now_ms, uint64_t size);
bool ct_log_set_rate(struct ct_log *log, uint64_t now_ms, double rate);

/* Makes the forked tree: the same up to entry `first`, other entries from there on. It grows with
 * the log. */
void ct_log_fork(struct ct_log *log, uint64_t first);
/* The tree, or the forked one if `forked` and there is one. */
struct merkle_tree *ct_log_tree(struct ct_log *log, bool forked);

/* Entry `index` as the tree has it. */
struct entry_position ct_log_position(const struct ct_log *log, uint64_t index, bool forked);
/* Its timestamp. */
uint64_t ct_log_timestamp(const struct ct_log *log, uint64_t index, bool forked);

/* The head published last, at or before `now_ms`. */
struct tree_head ct_log_head(struct ct_log *log, uint64_t now_ms, bool forked);
/* A head of another size, at most the log's. */
struct tree_head ct_log_head_of(struct ct_log *log, uint64_t size, uint64_t timestamp_ms,
                                bool forked);
/* The size that was published at `moment_ms`, and when exactly. */
uint64_t ct_log_size_at(const struct ct_log *log, uint64_t moment_ms, uint64_t *published_ms);

/* Notes that a checkpoint of this size was handed out: from now on its partial tiles exist. */
void ct_log_note_checkpoint(struct ct_log *log, uint64_t size);
/* Whether tile `number` of `level` exists with this width, 1 to 256 (static-ct-api): full ones as
 * soon as the log is large enough, partial ones if a checkpoint implies them. Data tiles are as
 * those of level 0. */
bool ct_log_has_tile(const struct ct_log *log, unsigned level, uint64_t number, unsigned width);

#endif
