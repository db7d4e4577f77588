/*
 * A Certificate Transparency log as a log list describes it (v3 schema). Identity is the log id,
 * the SHA-256 of the log's key; name and URL may change.
 */
#ifndef INGEST_CT_CT_LOG_H
#define INGEST_CT_CT_LOG_H

#include "ingest/tree/merkle.h"
#include "shared/redis/contract.h"

enum ct_log_kind {
    CT_LOG_RFC6962,
    CT_LOG_TILED, /* c2sp.org/static-ct-api */
    /* RFC 6962 with data tiles beside: no list says so, it is found out. */
    CT_LOG_HYBRID,
    CT_LOG_KINDS
};

enum ct_log_state {
    CT_LOG_STATE_NONE, /* test, monitoring-only and special logs have none */
    CT_LOG_PENDING,
    CT_LOG_QUALIFIED,
    CT_LOG_USABLE,
    CT_LOG_READONLY,
    CT_LOG_RETIRED,
    CT_LOG_REJECTED,
};

struct ct_log {
    enum ct_log_kind kind;
    enum ct_log_state state;
    uint8_t id[SHA256_SIZE];
    char id_hex[CONTRACT_LOG_ID_HEX + 1];
    /* Owned, never NULL. */
    char *id_base64;
    char *key_base64; /* SubjectPublicKeyInfo */
    char *description;
    char *operator_name;
    char *url;   /* what is read from: the log's or its monitoring URL, with a trailing slash */
    char *lists; /* names of the lists that name it, one per line; "": not joined yet */
    /* One line for each of these lists: its version, and log_list_timestamp in ms since 1970 or
     * 0. */
    char *list_versions;
    /* CT_LOG_READONLY with a final_tree_head. The size comes without a root if that cannot be
     * read. */
    bool has_final_size;
    bool has_final_root;
    uint64_t final_size;
    struct merkle_hash final_root;
    /* Certificates that expire in [start, end) are taken; ms since 1970. */
    bool has_interval;
    uint64_t interval_start_ms;
    uint64_t interval_end_ms;
    uint64_t mmd_s; /* the maximum merge delay; 0: not told */
    bool is_test;   /* its log_type is test or monitoring_only */
    /* The lists no longer want it: it is read until it grows no more, and its position is kept. */
    bool is_draining;
};

const char *ct_log_kind_name(enum ct_log_kind kind);    /* "rfc6962", "tiled", "hybrid" */
const char *ct_log_state_name(enum ct_log_state state); /* as in the list; "none" */

/* That one of two descriptions of a log is preferred by which it lives longer (usable and
 * qualified, read-only, pending, retired, rejected, no state), and of equal ones the tiled one.
 * True if that is `other`. */
bool ct_log_is_preferred(const struct ct_log *other, const struct ct_log *to);

/* A log id in hex or base64, of SHA256_SIZE bytes. */
bool ct_log_read_id(const char *text, uint8_t *id);

/* Whether nothing differs that was said of one log. */
bool ct_log_is_same(const struct ct_log *ct_log, const struct ct_log *other);

/* A copy that owns its texts. */
struct ct_log ct_log_copy(const struct ct_log *ct_log);

/* Frees what the struct owns, not the struct. */
void ct_log_clear(struct ct_log *ct_log);

#endif
