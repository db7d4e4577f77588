/*
 * The filters of all lanes, looked up together for each entry: one look-up per label of its names
 * in a table of all domains, one search per name for all matches and regexes. What several filters
 * look for is looked up once (name_term.h).
 *
 * A filter that asks for things of several kinds, such as a domain and a log, is only come to by
 * one of them, its way, and then asked for the others. When that is often in vain, because the
 * domain is everybody's, it tries another way. So a thousand filters cost little more than one.
 *
 *     filter_index_add ─► alone: asked by itself, as filter_matches does
 *                           │  filter_index_tick: its patterns go to the compiler …
 *                           │  filter_index_take: … and come back in a set
 *                           ▼
 *                         together
 *
 * Patterns that take Vectorscan too long stay alone; what all that are alone may cost is bounded.
 * Filters without matches and regexes need no compiling and are never alone.
 */
#ifndef STREAMER_FILTER_FILTER_INDEX_H
#define STREAMER_FILTER_FILTER_INDEX_H

#include "shared/base/bytes.h"

struct filter;
struct filter_index;
struct filter_member;
struct filter_subject;

struct filter_index_stats {
    size_t filters;
    size_t alone;        /* those that are asked by themselves */
    uint64_t alone_cost; /* filter_cost of them */
    uint64_t compilations;
    uint64_t compiling_ms; /* of the compiler's own time */
    size_t set_bytes;
    uint64_t asked; /* times that one, not alone, was asked about an entry */
};

struct filter_index *filter_index_create(void);
/* Nobody may be in it. Waits until the compiler has ended what it does just now. NULL is fine. */
void filter_index_destroy(struct filter_index *index);

/* True if what it costs alone is still bearable. */
bool filter_index_has_room(const struct filter_index *index, const struct filter *filter);
/* The filter, which is not NULL, is borrowed until it is removed; so is `owner`. */
struct filter_member *filter_index_add(struct filter_index *index, const struct filter *filter,
                                       void *owner);
/* Whether anybody listens through it. What nobody waits for is not compiled. At first somebody
 * does. */
void filter_index_set_awaited(struct filter_index *index, struct filter_member *member,
                              bool is_awaited);
void filter_index_remove(struct filter_index *index, struct filter_member *member);

/* The owners of the filters that the subject's entry passes: how many; *owners lives until the
 * next call. */
size_t filter_index_find(struct filter_index *index, struct filter_subject *subject,
                         void *const **owners);

/* Readable when filter_index_take has something to do. */
int filter_index_descriptor(const struct filter_index *index);
void filter_index_take(struct filter_index *index, uint64_t now_ms);
/* Has compiled what is not yet; to be called every now and then. */
void filter_index_tick(struct filter_index *index, uint64_t now_ms);

const struct filter_index_stats *filter_index_stats(const struct filter_index *index);

#endif
