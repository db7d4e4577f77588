/*
 * One entry of the Redis stream, as views into the reply it came in. Fields may come in any order,
 * and fields that are not known here are passed over: a newer ingest may add some.
 */
#ifndef STREAMER_STREAM_STREAM_ENTRY_H
#define STREAMER_STREAM_STREAM_ENTRY_H

#include "shared/redis/stream_id.h"

struct history_fields;
struct message_fingerprints;
struct redisReply;

struct stream_entry {
    struct stream_id id;
    struct bytes id_text;
    struct bytes json;    /* the lite message without its id */
    struct bytes domains; /* a JSON array */
    struct bytes der;
    struct bytes chain; /* SHA-256 of the issuers, hex, separated by spaces; may be empty */
    struct bytes log;   /* log id, 64 hex digits */
    uint64_t index;
    struct bytes tbs; /* SHA-256 that a precertificate and its certificate share, hex; or empty */
    bool is_message;  /* it has all of these: a certificate's entry, well-formed */
    bool is_control;  /* no certificate, but the record of what an administrator did to the log */
};

/* Reads one element of a reply to XREAD, XRANGE or XREVRANGE. False if it is not of the contract's
 * form; then, if its id could be read, entry->id has it, and zero otherwise; entry->is_control
 * tells what is well-formed but no certificate, and entry->log then has the log. The views live as
 * long as `reply`. */
bool stream_entry_read(struct stream_entry *entry, const struct redisReply *reply);

/* The same of an entry of packed history, whose fields are as they stood in the stream; its id is
 * the caller's. */
bool stream_entry_read_fields(struct stream_entry *entry, const struct history_fields *fields);

/* The certificate's own fingerprints, with `tbs` where the entry has it. False if there are none.
 */
bool stream_entry_fingerprints(const struct stream_entry *entry,
                               struct message_fingerprints *fingerprints);

/* Takes the next fingerprint off `chain`: writes its 32 bytes. False when there is none left. Of an
 * entry that was read well, every fingerprint is well-formed. */
bool stream_entry_take_issuer(struct bytes *chain, uint8_t *sha256);

/* The array of entries in a reply to XREAD of one stream: NULL when it is of another form. A nil
 * reply (nothing came within the BLOCK time) has none either. */
const struct redisReply *stream_entries_of_read(const struct redisReply *reply);

#endif
