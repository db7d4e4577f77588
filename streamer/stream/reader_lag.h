/*
 * How far the reader is behind the stream: the id of the newest entry in Redis, asked for every few
 * seconds, against that of the entry read last.
 */
#ifndef STREAMER_STREAM_READER_LAG_H
#define STREAMER_STREAM_READER_LAG_H

#include "shared/redis/stream_id.h"

struct contract;
struct redis_link;
struct reader_lag;
struct stream_reader;

/* Everything is borrowed as long as it exists. */
struct reader_lag *reader_lag_create(const struct contract *contract, struct redis_link *link,
                                     const struct stream_reader *reader);
/* Has to be called after its link is gone. NULL is fine. */
void reader_lag_destroy(struct reader_lag *lag);

/* Asks Redis, unless that is under way, the last answer is fresh, or the link is not up. */
void reader_lag_refresh(struct reader_lag *lag, uint64_t now_ms);

/* Milliseconds from the entry read last to the newest, at the last answer: 0 when all are read. */
uint64_t reader_lag_ms(const struct reader_lag *lag);

#endif
