#include "shared/redis/report_fields.h"

#include <stddef.h>

/* A field that the streamer does not tell of. */
#define KEPT(name, kind)                               \
    {                                                  \
        name, kind, NULL, NULL, NULL, NULL, NULL, NULL \
    }

#define TEXT(name, member)                                      \
    {                                                           \
        name, REPORT_TEXT, member, NULL, NULL, NULL, NULL, NULL \
    }
/* A text that is a label of every metric of a log. */
#define TEXT_OF_EACH(name, member, label)                        \
    {                                                            \
        name, REPORT_TEXT, member, NULL, NULL, NULL, label, NULL \
    }
#define TEXT_OF_INFO(name)                                            \
    {                                                                 \
        name, REPORT_TEXT, name, "certstream_log_info", "gauge",      \
            "What the log is and what it does; always 1.", name, NULL \
    }

#define LOG_METRIC(name, kind, member, metric, type, help) \
    {                                                      \
        name, kind, member, metric, type, help, NULL, NULL \
    }

const struct report_field log_fields[LOG_FIELDS] = {
    [LOG_FIELD_DESCRIPTION] = TEXT_OF_EACH("description", "name", "log"),
    [LOG_FIELD_OPERATOR] = TEXT_OF_EACH("operator", "operator", "operator"),
    [LOG_FIELD_URL] = TEXT_OF_INFO("url"),
    [LOG_FIELD_TYPE] = TEXT_OF_INFO("type"),
    [LOG_FIELD_LIST_STATE] = TEXT_OF_INFO("list_state"),
    [LOG_FIELD_FOLLOWING] = TEXT("following", "following"),
    [LOG_FIELD_STATE] = TEXT_OF_INFO("state"),
    [LOG_FIELD_NEXT] =
        LOG_METRIC("next", REPORT_NUMBER, "position", "certstream_log_next_index", "gauge",
                   "Index of the first entry that is not in the Redis stream."),
    [LOG_FIELD_HEAD_SIZE] =
        LOG_METRIC("head_size", REPORT_NUMBER, "tree_size", "certstream_log_tree_size", "gauge",
                   "Largest tree head seen, in entries."),
    [LOG_FIELD_VERIFIED_SIZE] =
        LOG_METRIC("verified_size", REPORT_NUMBER, "verified_size", "certstream_log_verified_size",
                   "gauge", "Largest tree size whose signed root the entries reproduced."),
    [LOG_FIELD_STH_TIMESTAMP] =
        LOG_METRIC("sth_timestamp", REPORT_MILLISECONDS, "head_timestamp",
                   "certstream_log_head_timestamp_seconds", "gauge",
                   "Time of the signed tree head that the entries were taken under."),
    [LOG_FIELD_STH_AGE_S] = LOG_METRIC(
        "sth_age_s", REPORT_NUMBER, "head_age_seconds", "certstream_log_head_age_seconds", "gauge",
        "How old the largest head seen is by the log's own timestamp."),
    [LOG_FIELD_LAG_ENTRIES] =
        LOG_METRIC("lag_entries", REPORT_NUMBER, "lag_entries", "certstream_log_lag_entries",
                   "gauge", "Entries of the tree head that are not in the Redis stream."),
    [LOG_FIELD_LAG_MS] =
        LOG_METRIC("lag_ms", REPORT_MILLISECONDS, "lag_seconds", "certstream_log_lag_seconds",
                   "gauge", "How long entries have been missing."),
    [LOG_FIELD_RATE] = LOG_METRIC("rate", REPORT_FRACTION, "entries_per_second",
                                  "certstream_log_entries_per_second", "gauge",
                                  "Entries published per second since the report before."),
    [LOG_FIELD_HOLD_BYTES] =
        LOG_METRIC("hold_bytes", REPORT_NUMBER, NULL, "certstream_log_held_bytes", "gauge",
                   "Entries that are read and not proven yet."),
    [LOG_FIELD_STALE_STH_TOTAL] =
        LOG_METRIC("stale_sth_total", REPORT_NUMBER, NULL, "certstream_log_stale_heads_total",
                   "counter", "Heads older than one seen before."),
    [LOG_FIELD_MISMATCH_TOTAL] =
        LOG_METRIC("mismatch_total", REPORT_NUMBER, NULL, "certstream_log_mismatches_total",
                   "counter", "Runs of entries that did not lead to the signed root."),
    [LOG_FIELD_LAST_ERROR] = TEXT("last_error", "last_error"),
    [LOG_FIELD_OWNER] = TEXT_OF_INFO("owner"),
    [LOG_FIELD_UPDATED] = LOG_METRIC("updated", REPORT_MILLISECONDS, "updated",
                                     "certstream_log_report_timestamp_seconds", "gauge",
                                     "Time of the ingest's last report."),
    [LOG_FIELD_QUARANTINE] =
        LOG_METRIC("quarantine", REPORT_REASON, "quarantine", "certstream_log_quarantined", "gauge",
                   "1 if the log contradicted itself, and nothing of it is published."),
    [LOG_FIELD_QUARANTINE_SINCE] = { "quarantine_since", REPORT_MILLISECONDS, "quarantine_since",
                                     NULL, NULL, NULL, NULL, NULL },
    [LOG_FIELD_WAITS_FOR] = TEXT("waits_for", "waits_for"),
    [LOG_FIELD_WAITS_SINCE] = { "waits_since", REPORT_MILLISECONDS, "waits_since", NULL, NULL, NULL,
                                NULL, NULL },
    [LOG_FIELD_STUCK] = LOG_METRIC("stuck", REPORT_NUMBER, "stuck", "certstream_log_stuck", "gauge",
                                   "1 if the log has failed to give what it is asked for longer "
                                   "than --stuck-age."),
    [LOG_FIELD_HEAD_OLD] =
        LOG_METRIC("head_old", REPORT_NUMBER, "head_old", "certstream_log_head_old", "gauge",
                   "1 if the newest head is older than the log's maximum merge delay."),
    [LOG_FIELD_KEY] = KEPT("key", REPORT_TEXT),
    [LOG_FIELD_LISTS] = KEPT("lists", REPORT_TEXT),
    [LOG_FIELD_LIST_VERSIONS] = KEPT("list_versions", REPORT_TEXT),
    [LOG_FIELD_FINAL_SIZE] = KEPT("final_size", REPORT_NUMBER),
    [LOG_FIELD_FINAL_ROOT] = KEPT("final_root", REPORT_TEXT),
    [LOG_FIELD_INTERVAL_START] = KEPT("interval_start", REPORT_MILLISECONDS),
    [LOG_FIELD_INTERVAL_END] = KEPT("interval_end", REPORT_MILLISECONDS),
    [LOG_FIELD_LOG_TYPE] = KEPT("log_type", REPORT_TEXT),
    [LOG_FIELD_EPOCH] = KEPT("epoch", REPORT_NUMBER),
    [LOG_FIELD_TILES] = KEPT("tiles", REPORT_TEXT),
    [LOG_FIELD_PAGE] = KEPT("page", REPORT_NUMBER),
    [LOG_FIELD_FRONTIER] = KEPT("frontier", REPORT_TEXT),
    [LOG_FIELD_STH_SIZE] = KEPT("sth_size", REPORT_NUMBER),
    [LOG_FIELD_STH_ROOT] = KEPT("sth_root", REPORT_TEXT),
    [LOG_FIELD_STH_SIGNATURE] = KEPT("sth_signature", REPORT_TEXT),
};

/* In /api/logs they have the names that they have in Redis. */
#define COUNTER(name, metric, help)                                    \
    {                                                                  \
        name, REPORT_NUMBER, name, metric, "counter", help, NULL, NULL \
    }
#define COUNTER_MS(name, metric, help)                                       \
    {                                                                        \
        name, REPORT_MILLISECONDS, name, metric, "counter", help, NULL, NULL \
    }
#define GAUGE(name, metric, help)                                    \
    {                                                                \
        name, REPORT_NUMBER, name, metric, "gauge", help, NULL, NULL \
    }
#define GAUGE_MS(name, metric, help)                                       \
    {                                                                      \
        name, REPORT_MILLISECONDS, name, metric, "gauge", help, NULL, NULL \
    }
#define RESPONSES(name, status)                                                    \
    {                                                                              \
        name, REPORT_NUMBER, name, "certstream_ingest_responses_total", "counter", \
            "HTTP answers by status; 429 is apart.", "status", status              \
    }
#define MISMATCHES(name, class)                                                                  \
    {                                                                                            \
        name, REPORT_NUMBER, name, "certstream_ingest_mismatches_total", "counter",              \
            "Logs that contradicted what they signed, by class; transient ones were right when " \
            "asked again.",                                                                      \
            "class", class                                                                       \
    }

const struct report_field ingest_fields[INGEST_FIELDS] = {
    [INGEST_FIELD_STARTED_MS] =
        GAUGE_MS("started_ms", "certstream_ingest_start_time_seconds", "When the process started."),
    [INGEST_FIELD_UPDATED_MS] = GAUGE_MS("updated_ms", "certstream_ingest_report_timestamp_seconds",
                                         "When the process last reported."),
    [INGEST_FIELD_LOGS] = GAUGE("logs", "certstream_ingest_logs", "Logs known."),
    [INGEST_FIELD_LOGS_OWNED] =
        GAUGE("logs_owned", "certstream_ingest_logs_owned", "Logs that the process follows."),
    [INGEST_FIELD_LOGS_QUARANTINED] =
        GAUGE("logs_quarantined", "certstream_ingest_logs_quarantined",
              "Logs of these that are in quarantine."),
    [INGEST_FIELD_LOGS_FOLLOWED] = GAUGE("logs_followed", "certstream_ingest_logs_followed",
                                         "Logs that the lists want followed."),
    [INGEST_FIELD_LOGS_DRAINED] =
        GAUGE("logs_drained", "certstream_ingest_logs_drained",
              "Logs that are read to their end because no list wants them any more."),
    [INGEST_FIELD_LIST_READS] =
        COUNTER("list_reads", "certstream_ingest_list_reads_total", "Log lists read."),
    [INGEST_FIELD_LIST_UNCHANGED] =
        COUNTER("list_unchanged", "certstream_ingest_list_unchanged_total",
                "Log lists that had not changed."),
    [INGEST_FIELD_LIST_FAILURES] = COUNTER("list_failures", "certstream_ingest_list_failures_total",
                                           "Log lists that could not be read."),
    [INGEST_FIELD_LIST_BAD_SIGNATURES] =
        COUNTER("list_bad_signatures", "certstream_ingest_list_bad_signatures_total",
                "Log lists whose signature was not that of the list's key."),
    [INGEST_FIELD_LIST_HELD] = COUNTER("list_held", "certstream_ingest_list_held_total",
                                       "Log lists not believed because so many logs would stop."),
    [INGEST_FIELD_LIST_READ_AGE_S] =
        GAUGE("list_read_age_s", "certstream_ingest_list_read_age_seconds",
              "Time since the list that was read longest ago was read."),
    [INGEST_FIELD_LIST_TIMESTAMP_AGE_S] =
        GAUGE("list_timestamp_age_s", "certstream_ingest_list_timestamp_age_seconds",
              "Age of the oldest log list by its own time."),
    [INGEST_FIELD_REQUESTS] =
        COUNTER("requests", "certstream_ingest_requests_total", "HTTP requests."),
    [INGEST_FIELD_REQUEST_FAILURES] =
        COUNTER("request_failures", "certstream_ingest_request_failures_total",
                "HTTP requests without a good answer."),
    [INGEST_FIELD_HTTP_STATUS_TOTAL_2XX] = RESPONSES("http_status_total_2xx", "2xx"),
    [INGEST_FIELD_HTTP_STATUS_TOTAL_3XX] = RESPONSES("http_status_total_3xx", "3xx"),
    [INGEST_FIELD_HTTP_STATUS_TOTAL_4XX] = RESPONSES("http_status_total_4xx", "4xx"),
    [INGEST_FIELD_HTTP_STATUS_TOTAL_429] = RESPONSES("http_status_total_429", "429"),
    [INGEST_FIELD_HTTP_STATUS_TOTAL_5XX] = RESPONSES("http_status_total_5xx", "5xx"),
    [INGEST_FIELD_HTTP_UNREACHABLE_TOTAL] =
        COUNTER("http_unreachable_total", "certstream_ingest_unreachable_total",
                "HTTP requests without any answer."),
    [INGEST_FIELD_OVERSIZE_TOTAL] = COUNTER("oversize_total", "certstream_ingest_oversize_total",
                                            "HTTP answers larger than any honest one."),
    [INGEST_FIELD_BYTES_TOTAL] = COUNTER("bytes_total", "certstream_ingest_received_bytes_total",
                                         "Bytes of HTTP bodies after decompression."),
    [INGEST_FIELD_HOLD_BYTES] = GAUGE("hold_bytes", "certstream_ingest_held_bytes",
                                      "Bytes of answers, and of entries not proven yet."),
    [INGEST_FIELD_HEADS] =
        COUNTER("heads", "certstream_ingest_heads_total", "Signed tree heads read."),
    [INGEST_FIELD_STALE_STH_TOTAL] =
        COUNTER("stale_sth_total", "certstream_ingest_stale_heads_total",
                "Tree heads older than one seen before."),
    [INGEST_FIELD_FUTURE_STH_TOTAL] =
        COUNTER("future_sth_total", "certstream_ingest_future_heads_total",
                "Tree heads more than five minutes ahead of the clock."),
    [INGEST_FIELD_WINDOWS] =
        COUNTER("windows", "certstream_ingest_windows_total", "Runs of entries released."),
    [INGEST_FIELD_ROOTS_REPRODUCED] =
        COUNTER("roots_reproduced", "certstream_ingest_roots_reproduced_total",
                "Runs of entries that gave the signed root."),
    [INGEST_FIELD_PROOFS] = COUNTER("proofs", "certstream_ingest_proofs_total",
                                    "Runs of entries that a proof led to the signed root."),
    [INGEST_FIELD_ROOTS_DIFFERENT] =
        COUNTER("roots_different", "certstream_ingest_roots_different_total",
                "Runs of entries that did not lead to the signed root."),
    [INGEST_FIELD_WINDOW_VERIFY_MS_TOTAL] =
        COUNTER_MS("window_verify_ms_total", "certstream_ingest_window_verify_seconds_total",
                   "Time from the first entry of a run to its release."),
    [INGEST_FIELD_MISMATCH_TOTAL_TRANSIENT] = MISMATCHES("mismatch_total_transient", "transient"),
    [INGEST_FIELD_MISMATCH_TOTAL_ENTRIES] = MISMATCHES("mismatch_total_entries", "entries"),
    [INGEST_FIELD_MISMATCH_TOTAL_FORK] = MISMATCHES("mismatch_total_fork", "fork"),
    [INGEST_FIELD_MISMATCH_TOTAL_EQUIVOCATION] =
        MISMATCHES("mismatch_total_equivocation", "equivocation"),
    [INGEST_FIELD_MISMATCH_TOTAL_FINAL_HEAD] =
        MISMATCHES("mismatch_total_final_head", "final_head"),
    [INGEST_FIELD_MISMATCH_TOTAL_UNEXPLAINED] =
        MISMATCHES("mismatch_total_unexplained", "unexplained"),
    [INGEST_FIELD_ENTRIES] =
        COUNTER("entries", "certstream_ingest_entries_total", "Entries made into messages."),
    [INGEST_FIELD_PRECERTIFICATES] =
        COUNTER("precertificates", "certstream_ingest_precertificates_total",
                "Of the entries, precertificates."),
    [INGEST_FIELD_MALFORMED_ENTRIES] =
        COUNTER("malformed_entries", "certstream_ingest_malformed_entries_total",
                "Entries whose leaf could not be read."),
    [INGEST_FIELD_PARSE_FAIL_TOTAL] =
        COUNTER("parse_fail_total", "certstream_ingest_parse_errors_total",
                "Certificates that could not be read fully."),
    [INGEST_FIELD_CHAIN_UNBOUND_TOTAL] =
        COUNTER("chain_unbound_total", "certstream_ingest_unbound_total",
                "Entries whose precertificate or chain is not that of what the log proves."),
    [INGEST_FIELD_CHAIN_UNCHECKED_TOTAL] =
        COUNTER("chain_unchecked_total", "certstream_ingest_unchecked_total",
                "Precertificates whose issuer's key was not there to compare."),
    [INGEST_FIELD_ISSUERS] = COUNTER("issuers", "certstream_ingest_issuers_total", "Issuers sent."),
    [INGEST_FIELD_APPENDS] =
        COUNTER("appends", "certstream_ingest_appends_total", "Transactions with entries."),
    [INGEST_FIELD_APPENDED_ENTRIES] =
        COUNTER("appended_entries", "certstream_ingest_appended_entries_total",
                "Entries put into the Redis stream."),
    [INGEST_FIELD_APPENDS_REFUSED] =
        COUNTER("appends_refused", "certstream_ingest_appends_refused_total",
                "Transactions that the fence refused."),
    [INGEST_FIELD_APPENDS_FAILED] = COUNTER(
        "appends_failed", "certstream_ingest_appends_failed_total", "Transactions that failed."),
    [INGEST_FIELD_LOGS_STUCK] =
        GAUGE("logs_stuck", "certstream_ingest_logs_stuck",
              "Logs that have failed to give what they are asked for longer than --stuck-age."),
    [INGEST_FIELD_STUCK_TOTAL] = COUNTER("stuck_total", "certstream_ingest_logs_stuck_total",
                                         "How often a log became one of these."),
    [INGEST_FIELD_LOGS_HEAD_OLD] =
        GAUGE("logs_head_old", "certstream_ingest_logs_head_old",
              "Logs whose newest head is older than their maximum merge delay."),
    [INGEST_FIELD_LISTS_STALE] =
        GAUGE("lists_stale", "certstream_ingest_lists_stale",
              "Log lists that are old by their own timestamp, or that could not be read for long."),
    [INGEST_FIELD_MISPLACED_ENTRIES] =
        COUNTER("misplaced_entries", "certstream_ingest_misplaced_entries_total",
                "Entries of tiles that say another index than the one they have."),
    [INGEST_FIELD_REDIS_DROPS] =
        COUNTER("redis_drops", "certstream_ingest_redis_drops_total", "Connections to Redis lost."),
    [INGEST_FIELD_REDIS_USED_BYTES] =
        GAUGE("redis_used_bytes", "certstream_ingest_redis_used_bytes",
              "Memory of Redis that counts towards its maxmemory, as last measured."),
    [INGEST_FIELD_REDIS_MAX_BYTES] =
        GAUGE("redis_max_bytes", "certstream_ingest_redis_max_bytes", "Its maxmemory; 0: none."),
    [INGEST_FIELD_STREAM_BYTES] = GAUGE("stream_bytes", "certstream_ingest_stream_bytes",
                                        "Memory that the stream takes in Redis."),
    [INGEST_FIELD_STREAM_ENTRIES] =
        GAUGE("stream_entries", "certstream_ingest_stream_entries", "Entries in the stream."),
    [INGEST_FIELD_HISTORY_LEADER] = GAUGE("history_leader", "certstream_ingest_history_leader",
                                          "1 if this process packs history."),
    [INGEST_FIELD_HISTORY_BYTES] = GAUGE("history_bytes", "certstream_ingest_history_bytes",
                                         "Bytes of all blocks, of the process that packs."),
    [INGEST_FIELD_HISTORY_ENTRIES] = GAUGE("history_entries", "certstream_ingest_history_entries",
                                           "Entries in blocks, of the process that packs."),
    [INGEST_FIELD_HISTORY_OLDEST_MS] =
        GAUGE_MS("history_oldest_ms", "certstream_ingest_history_oldest_timestamp_seconds",
                 "When the oldest entry in a block was added; 0: there is none."),
    [INGEST_FIELD_HISTORY_LAG_MS] =
        GAUGE_MS("history_lag_ms", "certstream_ingest_history_lag_seconds",
                 "How much longer than it should the oldest plain entry has been so."),
    [INGEST_FIELD_PACKED_BLOCKS] =
        COUNTER("packed_blocks", "certstream_ingest_packed_blocks_total", "Blocks stored."),
    [INGEST_FIELD_PACKED_ENTRIES] =
        COUNTER("packed_entries", "certstream_ingest_packed_entries_total", "Entries packed."),
    [INGEST_FIELD_PACKED_RECORDS] =
        COUNTER("packed_records", "certstream_ingest_packed_records_total",
                "Certificates packed, each once in a generation."),
    [INGEST_FIELD_PACKED_VERBATIM] =
        COUNTER("packed_verbatim", "certstream_ingest_packed_verbatim_total",
                "Entries packed as they were, because they could not be made again."),
    [INGEST_FIELD_PACKED_BYTES] =
        COUNTER("packed_bytes", "certstream_ingest_packed_bytes_total", "Bytes of blocks stored."),
    [INGEST_FIELD_PACKED_ABANDONED] =
        COUNTER("packed_abandoned", "certstream_ingest_packed_abandoned_total",
                "Blocks made that Redis did not take, or another process was faster with."),
    [INGEST_FIELD_PACKED_LEFT_OUT] =
        COUNTER("packed_left_out", "certstream_ingest_packed_left_out_total",
                "Entries too large for any block, which history does not have."),
    [INGEST_FIELD_GROUP_HOLDS_ENDED] =
        COUNTER("group_holds_ended", "certstream_ingest_group_holds_ended_total",
                "How often packing went on without a consumer group that was too far behind."),
};
