/*
 * The messages that clients get (shared/README.md, "Messages"). Ingest writes the lite message of
 * an entry into the stream; the streamer makes the three WebSocket messages from the stream's
 * fields by copying: no JSON is parsed and no certificate rendered again.
 *
 * What makes the copying possible, and therefore part of the contract: the stored message begins
 * with MESSAGE_UPDATE_PREFIX, and its last member is leaf_cert, so it ends with "}}}": the
 * certificate, data, the message.
 */
#ifndef SHARED_MESSAGE_MESSAGE_H
#define SHARED_MESSAGE_MESSAGE_H

#include "shared/base/buffer.h"

struct certificate;

#define MESSAGE_UPDATE_PREFIX "{\"message_type\":\"certificate_update\","

/* The log an entry comes from; strings borrowed. */
struct message_source {
    const char *name; /* the log list's description */
    const char
        *url; /* as in the log list, with its trailing slash; of a tiled log the monitoring URL */
    const char *operator_name;
    const char *log_id_base64;
    bool is_tiled;
};

/* Whether the chain (and of a precertificate entry the precertificate as submitted), which the log
 * does not prove, belongs to what it does: "chain_bound" of the source. */
enum message_chain {
    MESSAGE_CHAIN_UNCHECKED, /* null: not there to be checked, or not to its end */
    MESSAGE_CHAIN_BOUND,     /* true */
    MESSAGE_CHAIN_UNBOUND,   /* false */
};

struct message_entry {
    const struct message_source *source;
    uint64_t index;        /* in its log */
    uint64_t timestamp_ms; /* the log's: its SCT time */
    uint64_t seen_ms;      /* ours */
    bool is_precertificate;
    enum message_chain chain;
    const char *parse_error; /* a constant, or NULL: overrides the certificate's own */
};

/* Appends the lite message without an id, as stored in the stream's `json`. */
void message_write(struct buffer *out, const struct message_entry *entry,
                   const struct certificate *certificate);

/* The same in two parts: up to the source, of the entry alone, and the rest, of the certificate
 * alone. `parse_error` overrides the certificate's own; NULL: none does. */
void message_write_start(struct buffer *out, const struct message_entry *entry);
void message_write_rest(struct buffer *out, const char *parse_error,
                        const struct certificate *certificate);

/* What the streamer adds to a stored message. */
struct message_envelope {
    struct bytes id;      /* the stream's; no data: it has none */
    struct bytes matched; /* a JSON array: what let the message through; no data if nothing asked */
};

/* Appends the lite message with its envelope, from the stored one. False, with nothing appended,
 * if `json` is not of the contract's form. */
bool message_splice_lite(struct buffer *out, struct bytes json,
                         const struct message_envelope *envelope);

/* Appends the full message: the lite one plus as_der (base64 of `der`) and chain. `issuers` are
 * certificate objects, in order, issuer first. */
bool message_splice_full(struct buffer *out, struct bytes json,
                         const struct message_envelope *envelope, struct bytes der,
                         const struct bytes *issuers, size_t issuer_count);

/* Appends the dns_entries message; `domains` is the stream's field: a JSON array. */
void message_splice_domains(struct buffer *out, struct bytes domains, struct bytes id);

void message_write_heartbeat(struct buffer *out, uint64_t now_ms);

#endif
