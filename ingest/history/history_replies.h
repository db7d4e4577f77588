/* What Redis answers to those who pack: read out of its replies. All views live as long as the
 * reply. Pure. */
#ifndef INGEST_HISTORY_HISTORY_REPLIES_H
#define INGEST_HISTORY_HISTORY_REPLIES_H

#include "ingest/history/history_index.h"
#include "shared/history/entry_renderer.h"

struct redisReply;

struct bytes history_reply_text(const struct redisReply *reply);
/* 0 if it is none, or below. NULL is fine. */
uint64_t history_reply_number(const struct redisReply *reply);
/* Milliseconds since 1970 of an answer to TIME; 0 if it is none. */
uint64_t history_reply_time(const struct redisReply *reply);

/* An entry of P:history. False if it is not of the contract's form. */
bool history_reply_block(struct history_block *block, const struct redisReply *reply);

/* An entry of the stream. Of the fields the array is the caller's, to be freed. False if it is no
 * entry. */
bool history_reply_entry(struct stream_id *id, struct history_fields *fields,
                         const struct redisReply *reply);

/* XINFO STREAM. */
struct stream_numbers {
    uint64_t length;
    uint64_t added; /* 0: not known */
    struct stream_id first;
};

bool history_reply_stream(struct stream_numbers *numbers, const struct redisReply *reply);

/* One of XINFO GROUPS. */
struct group_numbers {
    struct bytes name;
    struct stream_id delivered;
    uint64_t pending;
};

bool history_reply_group(struct group_numbers *group, const struct redisReply *reply);
/* XPENDING: the oldest entry that was delivered and not acknowledged. False if there is none. */
bool history_reply_pending(struct stream_id *oldest, const struct redisReply *reply);

#endif
