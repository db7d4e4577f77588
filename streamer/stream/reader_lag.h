/*
 * How far the reader is behind the stream: the id of the newest entry in Redis, asked for every few seconds, against that of
 * the entry read last.
 */
#ifndef STREAMER_STREAM_READER_LAG_H
#define STREAMER_STREAM_READER_LAG_H

#include "streamer/stream/stream_id.h"

struct contract;
struct redis_link;
struct stream_end;
struct stream_reader;

/* Everything is borrowed as long as it exists. */
struct stream_end *stream_end_create(const struct contract *contract, struct redis_link *link,
                                     const struct stream_reader *reader);
/* After its link. NULL is fine. */
void stream_end_destroy(struct stream_end *end);

/* Asks Redis, unless that is under way, the last answer is fresh, or the link is not up. */
void stream_end_refresh(struct stream_end *end, uint64_t now_ms);

/* Milliseconds from the entry read last to the newest, at the last answer: 0 when all are read. */
uint64_t stream_end_lag_ms(const struct stream_end *end);

#endif
