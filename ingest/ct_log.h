/*
 * A Certificate Transparency log as a log list describes it (v3 schema). Identity is the log id, the SHA-256 of the
 * log's key; name and URL may change.
 */
#ifndef INGEST_CT_LOG_H
#define INGEST_CT_LOG_H

#include "ingest/merkle.h"
#include "shared/contract.h"

enum ct_log_kind {
    CT_LOG_RFC6962,
    CT_LOG_TILED, /* c2sp.org/static-ct-api */
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
    char *url; /* what is read from: the log's or its monitoring URL, with a trailing slash */
    bool has_final_size; /* CT_LOG_READONLY with a final_tree_head */
    uint64_t final_size;
};

const char *ct_log_kind_name(enum ct_log_kind kind);    /* "rfc6962", "tiled" */
const char *ct_log_state_name(enum ct_log_state state); /* as in the list; "none" */

/* Whether a log in this state is followed (CT policies: usable, qualified, and read-only until drained). */
bool ct_log_is_followed(const struct ct_log *ct_log);

/* Frees what the struct owns, not the struct. */
void ct_log_clear(struct ct_log *ct_log);

#endif
