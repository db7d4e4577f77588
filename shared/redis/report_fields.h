/*
 * What ingest reports to Redis (redis/README.md): one row per field of a log's hash and of an
 * ingest process's hash. Ingest writes by these tables; the streamer reads, prints (/metrics) and
 * answers (/api/logs) by them. Nothing else in the project spells such a name.
 */
#ifndef SHARED_REDIS_REPORT_FIELDS_H
#define SHARED_REDIS_REPORT_FIELDS_H

/* What a field's text is. */
enum report_kind {
    REPORT_TEXT,
    REPORT_NUMBER,
    REPORT_MILLISECONDS, /* told as seconds */
    REPORT_FRACTION,     /* decimal, told as it is */
    REPORT_REASON,       /* why something is so, or "" or "0" if it is not; as a metric 1 or 0 */
};

struct report_field {
    const char *name; /* in Redis */
    enum report_kind kind;
    const char *member; /* of /api/logs; NULL: it is not told there */
    /* These are what Prometheus' exposition format 0.0.4 wants; rows of one metric stand together.
     * NULL: there is none. */
    const char *metric, *type, *help;
    /* One more label of that metric, or NULL. A text is itself the value of its label: of its
     * metric or, if it has none, of every metric of the log. */
    const char *label;
    const char *label_value; /* of what is no text */
};

/* They stand in P:log:<log id>. The first ones are told by the streamer, in this order. */
enum log_field {
    LOG_FIELD_DESCRIPTION,
    LOG_FIELD_OPERATOR,
    LOG_FIELD_URL,
    LOG_FIELD_TYPE,
    LOG_FIELD_LIST_STATE,
    LOG_FIELD_FOLLOWING,
    LOG_FIELD_STATE,
    LOG_FIELD_NEXT,
    LOG_FIELD_HEAD_SIZE,
    LOG_FIELD_VERIFIED_SIZE,
    LOG_FIELD_STH_TIMESTAMP,
    LOG_FIELD_STH_AGE_S,
    LOG_FIELD_LAG_ENTRIES,
    LOG_FIELD_LAG_MS,
    LOG_FIELD_RATE,
    LOG_FIELD_HOLD_BYTES,
    LOG_FIELD_STALE_STH_TOTAL,
    LOG_FIELD_MISMATCH_TOTAL,
    LOG_FIELD_LAST_ERROR,
    LOG_FIELD_OWNER,
    LOG_FIELD_UPDATED,
    LOG_FIELD_QUARANTINE,
    LOG_FIELD_QUARANTINE_SINCE,
    LOG_FIELD_WAITS_FOR,
    LOG_FIELD_WAITS_SINCE,
    LOG_FIELD_STUCK,
    LOG_FIELD_HEAD_OLD,
    LOG_FIELDS_TOLD,
    /* The others are for ingest itself, and for those who read Redis. */
    LOG_FIELD_KEY = LOG_FIELDS_TOLD,
    LOG_FIELD_LISTS,
    LOG_FIELD_LIST_VERSIONS,
    LOG_FIELD_FINAL_SIZE,
    LOG_FIELD_FINAL_ROOT,
    LOG_FIELD_INTERVAL_START,
    LOG_FIELD_INTERVAL_END,
    LOG_FIELD_LOG_TYPE,
    LOG_FIELD_EPOCH,
    LOG_FIELD_PAGE,
    LOG_FIELD_TILES,
    LOG_FIELD_FRONTIER,
    LOG_FIELD_STH_SIZE,
    LOG_FIELD_STH_ROOT,
    LOG_FIELD_STH_SIGNATURE,
    LOG_FIELDS,
};

/* They stand in P:ingest:<instance>; all are numbers. */
enum ingest_field {
    INGEST_FIELD_STARTED_MS,
    INGEST_FIELD_UPDATED_MS,
    INGEST_FIELD_LOGS,
    INGEST_FIELD_LOGS_OWNED,
    INGEST_FIELD_LOGS_QUARANTINED,
    INGEST_FIELD_LOGS_FOLLOWED,
    INGEST_FIELD_LOGS_DRAINED,
    INGEST_FIELD_LIST_READS,
    INGEST_FIELD_LIST_UNCHANGED,
    INGEST_FIELD_LIST_FAILURES,
    INGEST_FIELD_LIST_BAD_SIGNATURES,
    INGEST_FIELD_LIST_HELD,
    INGEST_FIELD_LIST_READ_AGE_S,
    INGEST_FIELD_LIST_TIMESTAMP_AGE_S,
    INGEST_FIELD_REQUESTS,
    INGEST_FIELD_REQUEST_FAILURES,
    INGEST_FIELD_HTTP_STATUS_TOTAL_2XX,
    INGEST_FIELD_HTTP_STATUS_TOTAL_3XX,
    INGEST_FIELD_HTTP_STATUS_TOTAL_4XX,
    INGEST_FIELD_HTTP_STATUS_TOTAL_429,
    INGEST_FIELD_HTTP_STATUS_TOTAL_5XX,
    INGEST_FIELD_HTTP_UNREACHABLE_TOTAL,
    INGEST_FIELD_OVERSIZE_TOTAL,
    INGEST_FIELD_BYTES_TOTAL,
    INGEST_FIELD_HOLD_BYTES,
    INGEST_FIELD_HEADS,
    INGEST_FIELD_STALE_STH_TOTAL,
    INGEST_FIELD_FUTURE_STH_TOTAL,
    INGEST_FIELD_WINDOWS,
    INGEST_FIELD_ROOTS_REPRODUCED,
    INGEST_FIELD_PROOFS,
    INGEST_FIELD_ROOTS_DIFFERENT,
    INGEST_FIELD_WINDOW_VERIFY_MS_TOTAL,
    INGEST_FIELD_MISMATCH_TOTAL_TRANSIENT,
    INGEST_FIELD_MISMATCH_TOTAL_ENTRIES,
    INGEST_FIELD_MISMATCH_TOTAL_FORK,
    INGEST_FIELD_MISMATCH_TOTAL_EQUIVOCATION,
    INGEST_FIELD_MISMATCH_TOTAL_FINAL_HEAD,
    INGEST_FIELD_MISMATCH_TOTAL_UNEXPLAINED,
    INGEST_FIELD_ENTRIES,
    INGEST_FIELD_PRECERTIFICATES,
    INGEST_FIELD_MALFORMED_ENTRIES,
    INGEST_FIELD_PARSE_FAIL_TOTAL,
    INGEST_FIELD_CHAIN_UNBOUND_TOTAL,
    INGEST_FIELD_CHAIN_UNCHECKED_TOTAL,
    INGEST_FIELD_ISSUERS,
    INGEST_FIELD_APPENDS,
    INGEST_FIELD_APPENDED_ENTRIES,
    INGEST_FIELD_APPENDS_REFUSED,
    INGEST_FIELD_APPENDS_FAILED,
    INGEST_FIELD_LOGS_STUCK,
    INGEST_FIELD_STUCK_TOTAL,
    INGEST_FIELD_LOGS_HEAD_OLD,
    INGEST_FIELD_LISTS_STALE,
    INGEST_FIELD_MISPLACED_ENTRIES,
    INGEST_FIELD_REDIS_DROPS,
    INGEST_FIELD_REDIS_USED_BYTES,
    INGEST_FIELD_REDIS_MAX_BYTES,
    INGEST_FIELD_STREAM_BYTES,
    INGEST_FIELD_STREAM_ENTRIES,
    INGEST_FIELDS,
};

extern const struct report_field log_fields[LOG_FIELDS];
extern const struct report_field ingest_fields[INGEST_FIELDS];

#endif
