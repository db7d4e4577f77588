/*
 * What Redis holds of packed history, asked for every few seconds: where it begins and ends, and
 * whether this program can read it.
 */
#ifndef STREAMER_PAST_HISTORY_WATCH_H
#define STREAMER_PAST_HISTORY_WATCH_H

#include "streamer/stream/history_block.h"

struct contract;
struct history_watch;
struct past;
struct redis_link;

/* Everything is borrowed as long as it exists; the past is told of the newest block. */
struct history_watch *history_watch_create(const struct contract *contract, struct redis_link *link,
                                           struct past *past);
/* Has to be called after its link is gone. NULL is fine. */
void history_watch_destroy(struct history_watch *watch);

/* Asks Redis, unless that is under way, the last answer is fresh, or the link is not up. */
void history_watch_refresh(struct history_watch *watch, uint64_t now_ms);

/* The oldest block and the newest, at the last answer; none if there is no history. */
const struct history_block *history_watch_oldest(const struct history_watch *watch);
const struct history_block *history_watch_newest(const struct history_watch *watch);
/* False if a block that is there is of a format that this program does not know: the newest, or one
 * that somebody wanted to read. */
bool history_watch_is_readable(const struct history_watch *watch);

#endif
