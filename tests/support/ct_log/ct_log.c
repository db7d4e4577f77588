#include "tests/support/ct_log/ct_log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "tests/support/ct_log/entries.h"
#include "tests/support/ct_log/growth.h"
#include "tests/support/ct_log/growth_file.h"
#include "tests/support/ct_log/options.h"
#include "tests/support/ct_log/signing_key.h"
#include "tests/support/ct_log/tile_widths.h"

enum {
    LEAF_MAX = 64 * 1024 * 1024,
    /* What makes a forked entry another one. */
    FORK_BIT = 2,
};

struct ct_log {
    const struct options *options;
    struct growth growth;
    struct entries *entries;
    struct signing_key *keys[CT_LOG_VIEWS];
    struct merkle_tree *tree;
    struct merkle_tree *fork; /* NULL: there is none */
    uint64_t fork_first;
    uint64_t head_ms;             /* when the newest head was published */
    struct tile_widths published; /* partial tiles of checkpoints handed out */
    bool is_restarted;
    uint64_t unknown_size; /* every partial tile up to here exists: see start */
    struct buffer leaf;    /* the leaf being hashed */
};

static bool save_state(const struct ct_log *log, uint64_t reached)
{
    const struct options *options = log->options;
    if (!options->state || growth_file_write(&log->growth, reached, options->state, options->seed))
        return true;
    (void)fprintf(stderr, "--state: cannot write %s\n", options->state);
    return false;
}

/* Goes on where the file says that the log was, if there is one. */
static bool resume(struct ct_log *log, uint64_t now_ms)
{
    const struct options *options = log->options;
    uint64_t reached = 0;
    switch (growth_file_read(&log->growth, &reached, options->state, options->seed)) {
    case GROWTH_FILE_READ: log->is_restarted = true; break;
    case GROWTH_FILE_ABSENT: return true;
    case GROWTH_FILE_WRONG:
        (void)fprintf(stderr, "--state: %s is not the state of a log with this seed\n",
                      options->state);
        return false;
    }
    if (growth_resume(&log->growth, now_ms, reached, options->rate))
        return true;
    (void)fprintf(stderr, "--state: %s is full\n", options->state);
    return false;
}

static bool start_growth(struct ct_log *log, uint64_t now_ms)
{
    const struct options *options = log->options;
    uint64_t given = options->entries ? entries_count(log->entries) : options->max_size;
    uint64_t max_size = given < options->max_size ? given : options->max_size;
    uint64_t size = options->entries && !options->has_size ? max_size : options->size;
    growth_init(&log->growth, now_ms, size < max_size ? size : max_size, options->rate);
    log->growth.max_size = max_size;
    log->growth.publish_interval_ms = options->publish_interval_ms;
    return !options->state || resume(log, now_ms);
}

static void append_leaf(struct ct_log *log, struct merkle_tree *tree, bool forked)
{
    uint64_t index = merkle_tree_size(tree);
    const struct entry_position position = ct_log_position(log, index, forked);
    buffer_clear(&log->leaf);
    entries_write_leaf(log->entries, &position, &log->leaf);
    assert(!log->leaf.failed);
    merkle_tree_append(tree, buffer_bytes(&log->leaf));
}

/* The state is written first: what was published once must still be there after a crash. */
static bool publish(struct ct_log *log, uint64_t now_ms)
{
    uint64_t head_ms = growth_published_ms(&log->growth, now_ms);
    uint64_t size = growth_size(&log->growth, head_ms);
    if (size > merkle_tree_size(log->tree) && !save_state(log, size))
        return false;
    log->head_ms = head_ms;
    while (merkle_tree_size(log->tree) < size)
        append_leaf(log, log->tree, false);
    while (log->fork && merkle_tree_size(log->fork) < size)
        append_leaf(log, log->fork, true);
    return true;
}

/* Made-up entries need the start time, which the state may know; given ones limit the growth. */
static bool start(struct ct_log *log, uint64_t now_ms)
{
    if (log->options->entries) {
        log->entries = entries_read(log->options->entries);
        if (!log->entries)
            return false;
    }
    if (!start_growth(log, now_ms))
        return false;
    if (!log->entries)
        log->entries = entries_make(log->options->seed, log->growth.start_ms);
    if (!publish(log, now_ms))
        return false;
    /* Which checkpoints were handed out before a restart is not known. */
    log->unknown_size = log->is_restarted ? ct_log_size(log) : 0;
    return true;
}

struct ct_log *ct_log_create(const struct options *options, uint64_t now_ms)
{
    struct ct_log *log = memory_allocate_zeroed(1, sizeof *log);
    log->options = options;
    log->tree = merkle_tree_create();
    log->keys[CT_LOG_RFC6962] = signing_key_create(options->seed, "key of the RFC 6962 view");
    log->keys[CT_LOG_TILED] = signing_key_create(
        options->seed, options->has_one_key ? "key of the RFC 6962 view" : "key of the tiled view");
    buffer_init(&log->leaf, LEAF_MAX);
    if (start(log, now_ms))
        return log;
    ct_log_destroy(log);
    return NULL;
}

void ct_log_destroy(struct ct_log *log)
{
    if (!log)
        return;
    for (size_t i = 0; i < CT_LOG_VIEWS; i++)
        signing_key_destroy(log->keys[i]);
    merkle_tree_destroy(log->tree);
    merkle_tree_destroy(log->fork);
    entries_destroy(log->entries);
    growth_clear(&log->growth);
    tile_widths_clear(&log->published);
    buffer_free(&log->leaf);
    free(log);
}

void ct_log_publish(struct ct_log *log, uint64_t now_ms)
{
    (void)publish(log, now_ms); /* if the state cannot be kept, the log stands still until it can */
}

uint64_t ct_log_next_publish_ms(const struct ct_log *log, uint64_t now_ms)
{
    if (growth_rate(&log->growth) <= 0 || ct_log_size(log) >= log->growth.max_size)
        return UINT64_MAX;
    return growth_next_publish_ms(&log->growth, now_ms);
}

uint64_t ct_log_size(const struct ct_log *log)
{
    return merkle_tree_size(log->tree);
}

bool ct_log_has_view(const struct ct_log *log, enum ct_log_view view)
{
    return view == CT_LOG_RFC6962 ? log->options->serves_rfc6962
                                  : log->options->serves_tiled && entries_are_tiled(log->entries);
}

const struct signing_key *ct_log_key(const struct ct_log *log, enum ct_log_view view)
{
    return log->keys[view];
}

const struct entries *ct_log_entries(const struct ct_log *log)
{
    return log->entries;
}

const char *ct_log_operator(const struct ct_log *log)
{
    return log->options->operator_name;
}

uint64_t ct_log_start_ms(const struct ct_log *log)
{
    return log->growth.start_ms;
}

bool ct_log_set_size(struct ct_log *log, uint64_t now_ms, uint64_t size)
{
    return size <= log->growth.max_size && growth_set_size(&log->growth, now_ms, size) &&
           publish(log, now_ms);
}

bool ct_log_set_rate(struct ct_log *log, uint64_t now_ms, double rate)
{
    return growth_set_rate(&log->growth, now_ms, rate) && publish(log, now_ms) &&
           save_state(log, ct_log_size(log));
}

void ct_log_fork(struct ct_log *log, uint64_t first)
{
    uint64_t size = ct_log_size(log);
    merkle_tree_destroy(log->fork);
    log->fork_first = first;
    log->fork = merkle_tree_copy(log->tree, first < size ? first : size);
    while (merkle_tree_size(log->fork) < size)
        append_leaf(log, log->fork, true);
}

struct merkle_tree *ct_log_tree(struct ct_log *log, bool forked)
{
    return forked && log->fork ? log->fork : log->tree;
}

uint64_t ct_log_timestamp(const struct ct_log *log, uint64_t index, bool forked)
{
    uint64_t timestamp_ms =
        entries_timestamp(log->entries, index, growth_timestamp(&log->growth, index));
    return forked && log->fork_first <= index ? timestamp_ms ^ FORK_BIT : timestamp_ms;
}

struct entry_position ct_log_position(const struct ct_log *log, uint64_t index, bool forked)
{
    bool is_wrong = log->options->has_wrong_index && log->options->wrong_index == index;
    return (struct entry_position){
        .index = index,
        .timestamp_ms = ct_log_timestamp(log, index, forked),
        .index_error = is_wrong ? 1 : 0,
    };
}

struct tree_head ct_log_head_of(struct ct_log *log, uint64_t size, uint64_t timestamp_ms,
                                bool forked)
{
    struct tree_head head = { .size = size, .timestamp_ms = timestamp_ms };
    merkle_tree_root(ct_log_tree(log, forked), size, head.root);
    return head;
}

struct tree_head ct_log_head(struct ct_log *log, uint64_t now_ms, bool forked)
{
    ct_log_publish(log, now_ms);
    return ct_log_head_of(log, ct_log_size(log), log->head_ms, forked);
}

uint64_t ct_log_size_at(const struct ct_log *log, uint64_t moment_ms, uint64_t *published_ms)
{
    uint64_t start_ms = log->growth.start_ms;
    uint64_t interval_ms = log->growth.publish_interval_ms;
    uint64_t since = moment_ms > start_ms ? moment_ms - start_ms : 0;
    *published_ms = start_ms + since / interval_ms * interval_ms;
    return growth_size(&log->growth, *published_ms);
}

void ct_log_note_checkpoint(struct ct_log *log, uint64_t size)
{
    tile_widths_note(&log->published, size);
}

bool ct_log_has_tile(const struct ct_log *log, unsigned level, uint64_t number, unsigned width)
{
    if (level >= TILE_WIDTHS_LEVELS || number >> 40 || width == 0 || width > TILE_WIDTHS_TILE)
        return false;
    uint64_t available = ct_log_size(log) >> (8 * level);
    uint64_t begin = number * TILE_WIDTHS_TILE;
    if (begin + width > available)
        return false;
    if (width == TILE_WIDTHS_TILE)
        return true;
    if (log->options->drops_partials && begin + TILE_WIDTHS_TILE <= available)
        return false;
    return begin + width <= log->unknown_size >> (8 * level) ||
           tile_widths_has(&log->published, level, number, width);
}
