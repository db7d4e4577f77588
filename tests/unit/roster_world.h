/*
 * A made-up world for the roster's tests: lists, what is followed, and how both change. Logs have
 * short names; a list is written as rows, and what the roster says of all logs is one text, in the
 * order of their names:
 *
 *     "ash=yes birch=drained:left the lists elm=no:rejected"
 */
#ifndef TESTS_UNIT_ROSTER_WORLD_H
#define TESTS_UNIT_ROSTER_WORLD_H

#include "ingest/lists/roster.h"

enum {
    WORLD_LISTS = 2,
    WORLD_TEXT_SIZE = 64 * 1024,
};

/* A log in a made-up list: with its name for a key, and for its place below https://logs.test/ if
 * no other is given. */
struct world_log {
    const char *name;
    const char *state; /* "usable", or JSON: {…}; NULL: no state */
    const char *url;   /* NULL: made from the name */
    bool is_tiled;
    const char *more; /* further members, each with a comma in front; or NULL */
};

struct world {
    struct log_list lists[WORLD_LISTS];
    size_t list_count;
    bool is_away[WORLD_LISTS]; /* the list has not been read */
    bool is_own[WORLD_LISTS];
    struct roster_policy policy;
    uint64_t now_ms;
    struct log_list followed; /* and drained */
    /* What the last step said. */
    bool was_held;
    size_t known, stopped;
    char said[WORLD_TEXT_SIZE]; /* of all logs */
    /* What changed: "+name", "-name:reason", "~name" for a log that has moved. */
    char news[WORLD_TEXT_SIZE];
};

void world_init(struct world *world, size_t list_count);
void world_clear(struct world *world);

/* Offers a new version of a list. It is taken, and the roster applied, as ingest does it: unless
 * that would be too much for the brake. NULL as text of the result, or why it is no list. */
const char *world_offer_text(struct world *world, size_t list, struct bytes text);
/* The same for rows, ended by one without a name. */
void world_offer(struct world *world, size_t list, const struct world_log *logs);
/* The lists stay; something else may have changed. */
void world_step(struct world *world);

#endif
