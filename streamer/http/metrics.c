#include "streamer/http/metrics.h"

#include <string.h>

#include "shared/base/decimal.h"
#include "shared/redis/redis_link.h"
#include "streamer/http/client_counters.h"
#include "streamer/http/http_routes.h"
#include "streamer/http/metric_writer.h"
#include "streamer/http/process_usage.h"
#include "streamer/lanes/replays.h"
#include "streamer/stream/log_reports.h"
#include "streamer/stream/reader_lag.h"
#include "streamer/stream/recent_certificates.h"
#include "streamer/stream/stream_reader.h"

/* A metric without labels, and its value now. */
struct plain_metric {
    const char *name, *type, *help;
    uint64_t value;
};

static const struct metric_labels no_labels = { 0 };

static void write_plain(struct buffer *out, const struct plain_metric *metrics, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        metric_family(out, metrics[i].name, metrics[i].type, metrics[i].help);
        metric_unsigned(out, metrics[i].name, no_labels, metrics[i].value);
    }
}

static void write_reader(struct buffer *out, const struct http_sources *sources)
{
    const struct stream_reader_stats *reader = stream_reader_stats(sources->reader);
    const struct plain_metric metrics[] = {
        { "certstream_stream_entries_total", "counter", "Entries read from the Redis stream.",
          reader->entries },
        { "certstream_stream_malformed_total", "counter",
          "Entries of the Redis stream that are not of the contract's form.", reader->malformed },
        { "certstream_stream_replies_total", "counter", "Replies of Redis that held entries.",
          reader->replies },
        { "certstream_stream_issuer_rounds_total", "counter",
          "Replies that were read again because of unknown issuers.", reader->issuer_rounds },
        { "certstream_stream_rollbacks_total", "counter",
          "Times that Redis came back with less than had been read.", reader->rollbacks },
        { "certstream_unique_window_certificates", "gauge",
          "Certificates that are remembered for unique=1 and /api/cert.",
          recent_certificates_count(sources->recent_certificates) },
    };
    write_plain(out, metrics, sizeof metrics / sizeof *metrics);
    static const char lag[] = "certstream_stream_lag_seconds";
    metric_family(out, lag, "gauge",
                  "Time between the entry read last and the newest one of the Redis stream.");
    metric_milliseconds(out, lag, no_labels, reader_lag_ms(sources->reader_lag));
}

static void write_redis(struct buffer *out, const struct http_sources *sources)
{
    static const char name[] = "certstream_redis_up";
    const struct {
        const char *connection;
        const struct redis_link *link;
    } links[] = { { "reader", sources->reader_link },
                  { "queries", sources->query_link },
                  { "replays", sources->replay_link } };
    metric_family(out, name, "gauge", "1 while the connection to Redis can be used.");
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        struct metric_label label = { "connection", bytes_of_string(links[i].connection) };
        metric_unsigned(out, name, (struct metric_labels){ &label, 1 },
                        redis_link_is_up(links[i].link));
    }
}

static void write_lane(struct buffer *out, const char *name, const struct lanes *lanes,
                       enum message_content content, enum framing framing)
{
    const struct metric_label labels[] = {
        { "stream", bytes_of_string(stream_request_content_name(content)) },
        { "framing", bytes_of_string(framing_name(framing)) },
    };
    uint64_t count = 0;
    for (const struct lane_slot *slot = lanes_next(lanes, NULL); slot;
         slot = lanes_next(lanes, slot))
        if (lanes_key(slot)->form.content == content && lanes_key(slot)->framing == framing)
            count += lanes_slot_subscribers(slot);
    metric_unsigned(out, name, (struct metric_labels){ labels, 2 }, count);
}

static void write_lanes(struct buffer *out, const struct http_sources *sources)
{
    static const char clients[] = "certstream_clients";
    const struct lanes_stats *lanes = lanes_stats(sources->lanes);
    const struct plain_metric metrics[] = {
        { "certstream_lanes_filtered", "gauge", "Different filters that somebody listens through.",
          lanes_filtered(sources->lanes) },
        { "certstream_lane_messages_total", "counter",
          "Messages put into lanes, from which all their clients are sent them.", lanes->messages },
        { "certstream_lane_bytes_total", "counter", "Bytes of the messages put into lanes.",
          lanes->bytes },
        { "certstream_lane_oversized_total", "counter", "Messages too large for a lane.",
          lanes->oversized },
        { "certstream_filters_refused_total", "counter",
          "Clients refused because there were too many different filters.", lanes->refused },
    };
    metric_family(out, clients, "gauge", "Clients that listen, by stream and by form of frames.");
    for (unsigned content = 0; content < MESSAGE_CONTENTS; content++)
        for (unsigned framing = 0; framing < FRAMINGS; framing++)
            write_lane(out, clients, sources->lanes, (enum message_content)content,
                       (enum framing)framing);
    write_plain(out, metrics, sizeof metrics / sizeof *metrics);
}

static void write_clients(struct buffer *out, const struct http_sources *sources)
{
    const struct subscriber_counters *clients = sources->subscribers;
    const struct connection_counters *connections = sources->connections;
    const struct plain_metric metrics[] = {
        { "certstream_connections", "gauge", "Connections that are open, of all kinds.",
          connections->open },
        { "certstream_connections_accepted_total", "counter", "Connections accepted.",
          connections->accepted },
        { "certstream_connections_refused_total", "counter", "Connections that were refused.",
          connections->refused },
        { "certstream_client_slices_total", "counter",
          "Runs of messages handed to the sockets of clients.", clients->slices },
        { "certstream_client_messages_total", "counter",
          "Messages handed to the sockets of clients.", clients->messages },
        { "certstream_client_bytes_total", "counter",
          "Bytes of messages handed to the sockets of clients.", clients->slice_bytes },
        { "certstream_clients_behind", "gauge",
          "Clients that are fed from Redis until they reach the stream's end.", clients->behind },
        { "certstream_clients_resumed_total", "counter", "Clients that came for what was before.",
          clients->resumed },
        { "certstream_clients_overtaken_total", "counter",
          "Times that a client fell behind its lane.", clients->overtaken },
        { "certstream_clients_caught_up_total", "counter",
          "Times that a client that was behind got back to its lane.", clients->caught_up },
        { "certstream_client_gaps_total", "counter", "Times that a client was told of a gap.",
          clients->gaps },
        { "certstream_client_missed_messages_total", "counter",
          "Messages that clients were told they missed.", clients->missed },
        { "certstream_clients_closed_busy_total", "counter",
          "Clients that were closed because their turn to be fed did not come.",
          clients->closed_busy },
        { "certstream_clients_closed_slow_total", "counter",
          "Clients that were closed because they took nothing.", clients->closed_slow },
        { "certstream_clients_closed_silent_total", "counter",
          "Clients that were closed because nothing came from them.", clients->closed_silent },
    };
    write_plain(out, metrics, sizeof metrics / sizeof *metrics);
}

static void write_replays(struct buffer *out, const struct http_sources *sources)
{
    const struct replays_stats *replays = replays_stats(sources->replays);
    const struct entry_search_stats *searches = entry_search_stats(sources->search);
    const struct plain_metric metrics[] = {
        { "certstream_replay_pages_total", "counter", "Pages of the past read from Redis.",
          replays->pages },
        { "certstream_replay_shared_pages_total", "counter",
          "Times that a page served one more client.", replays->shared },
        { "certstream_replay_entries_total", "counter", "Entries of these pages.",
          replays->entries },
        { "certstream_replay_bytes_total", "counter", "Bytes of these entries.", replays->bytes },
        { "certstream_replay_failures_total", "counter", "Pages that Redis did not give.",
          replays->failed },
        { "certstream_replay_waiting", "gauge", "Clients that wait for a page.", replays->waiting },
        { "certstream_replay_held_pages", "gauge", "Pages in memory.", replays->held },
        { "certstream_searches_total", "counter",
          "Searches for entries, of /latest.json, example.json and /api/cert.",
          searches->searches },
        { "certstream_search_entries_total", "counter", "Entries that were searched.",
          searches->entries },
        { "certstream_searches_refused_total", "counter",
          "Searches refused because too many waited.", searches->refused },
    };
    write_plain(out, metrics, sizeof metrics / sizeof *metrics);
}

static void write_process(struct buffer *out)
{
    static const char cpu[] = "process_cpu_seconds_total";
    struct process_usage usage;
    process_usage_read(&usage);
    const struct plain_metric metrics[] = {
        { "process_resident_memory_bytes", "gauge", "Memory in use.", usage.resident_bytes },
        { "process_virtual_memory_bytes", "gauge", "Address space in use.", usage.virtual_bytes },
        { "process_open_fds", "gauge", "Descriptors that are open.", usage.descriptors },
        { "process_max_fds", "gauge", "Descriptors that may be open.", usage.descriptors_max },
    };
    metric_family(out, cpu, "counter", "User and system CPU time.");
    metric_milliseconds(out, cpu, no_labels, usage.cpu_ms);
    write_plain(out, metrics, sizeof metrics / sizeof *metrics);
}

/* How a field of Redis becomes the value of a metric. */
enum conversion {
    CONVERT_NUMBER,
    CONVERT_MILLISECONDS, /* to seconds */
    CONVERT_DECIMAL,
};

static void write_value(struct buffer *out, const char *name, enum conversion conversion,
                        struct metric_labels labels, const char *text)
{
    uint64_t number;
    struct bytes value = bytes_of_string(text);
    if (conversion == CONVERT_DECIMAL)
        metric_decimal(out, name, labels, value);
    else if (!decimal_parse(&number, value))
        return;
    else if (conversion == CONVERT_MILLISECONDS)
        metric_milliseconds(out, name, labels, number);
    else
        metric_unsigned(out, name, labels, number);
}

static struct bytes value_of(const struct log_report *report, enum log_field field)
{
    return bytes_of_string(report->values[field] ? report->values[field] : "");
}

/* Every metric of a log has these, so that it can be read without a join. */
enum {
    LOG_LABELS = 3
};

static struct metric_labels label_log(struct metric_label *labels, const struct log_report *report)
{
    labels[0] = (struct metric_label){ "log_id", bytes_of_string(report->id) };
    labels[1] = (struct metric_label){ "log", value_of(report, LOG_FIELD_DESCRIPTION) };
    labels[2] = (struct metric_label){ "operator", value_of(report, LOG_FIELD_OPERATOR) };
    return (struct metric_labels){ labels, LOG_LABELS };
}

static void write_log_states(struct buffer *out, const struct log_report *logs, size_t count)
{
    static const char info[] = "certstream_log_info";
    static const char quarantined[] = "certstream_log_quarantined";
    struct metric_label labels[LOG_LABELS + 5];
    metric_family(out, info, "gauge", "What the log is and what it does; always 1.");
    for (size_t i = 0; i < count; i++) {
        (void)label_log(labels, &logs[i]);
        labels[LOG_LABELS] = (struct metric_label){ "url", value_of(&logs[i], LOG_FIELD_URL) };
        labels[LOG_LABELS + 1] =
            (struct metric_label){ "type", value_of(&logs[i], LOG_FIELD_TYPE) };
        labels[LOG_LABELS + 2] =
            (struct metric_label){ "list_state", value_of(&logs[i], LOG_FIELD_LIST_STATE) };
        labels[LOG_LABELS + 3] =
            (struct metric_label){ "state", value_of(&logs[i], LOG_FIELD_STATE) };
        labels[LOG_LABELS + 4] =
            (struct metric_label){ "owner", value_of(&logs[i], LOG_FIELD_OWNER) };
        metric_unsigned(out, info, (struct metric_labels){ labels, LOG_LABELS + 5 }, 1);
    }
    metric_family(out, quarantined, "gauge",
                  "1 if the log contradicted itself, and nothing of it is published.");
    for (size_t i = 0; i < count; i++)
        metric_unsigned(out, quarantined, label_log(labels, &logs[i]),
                        log_report_quarantine(&logs[i]) != NULL);
}

void metrics_write_logs(struct buffer *out, const struct log_reports *reports)
{
    static const struct {
        enum log_field field;
        enum conversion conversion;
        const char *name, *type, *help;
    } metrics[] = {
        { LOG_FIELD_NEXT, CONVERT_NUMBER, "certstream_log_next_index", "gauge",
          "Index of the first entry that is not in the Redis stream." },
        { LOG_FIELD_HEAD_SIZE, CONVERT_NUMBER, "certstream_log_tree_size", "gauge",
          "Largest tree head seen, in entries." },
        { LOG_FIELD_VERIFIED_SIZE, CONVERT_NUMBER, "certstream_log_verified_size", "gauge",
          "Largest tree size whose signed root the entries reproduced." },
        { LOG_FIELD_STH_TIMESTAMP, CONVERT_MILLISECONDS, "certstream_log_head_timestamp_seconds",
          "gauge", "Time of the signed tree head that the entries were taken under." },
        { LOG_FIELD_STH_AGE_S, CONVERT_NUMBER, "certstream_log_head_age_seconds", "gauge",
          "How old the largest head seen is by the log's own timestamp." },
        { LOG_FIELD_LAG_ENTRIES, CONVERT_NUMBER, "certstream_log_lag_entries", "gauge",
          "Entries of the tree head that are not in the Redis stream." },
        { LOG_FIELD_LAG_MS, CONVERT_MILLISECONDS, "certstream_log_lag_seconds", "gauge",
          "How long entries have been missing." },
        { LOG_FIELD_RATE, CONVERT_DECIMAL, "certstream_log_entries_per_second", "gauge",
          "Entries published per second since the report before." },
        { LOG_FIELD_HOLD_BYTES, CONVERT_NUMBER, "certstream_log_held_bytes", "gauge",
          "Entries that are read and not proven yet." },
        { LOG_FIELD_STALE_STH_TOTAL, CONVERT_NUMBER, "certstream_log_stale_heads_total", "counter",
          "Heads older than one seen before." },
        { LOG_FIELD_MISMATCH_TOTAL, CONVERT_NUMBER, "certstream_log_mismatches_total", "counter",
          "Runs of entries that did not lead to the signed root." },
        { LOG_FIELD_UPDATED, CONVERT_MILLISECONDS, "certstream_log_report_timestamp_seconds",
          "gauge", "Time of the ingest's last report." },
    };
    size_t count;
    const struct log_report *logs = log_reports_logs(reports, &count);
    struct metric_label labels[LOG_LABELS];
    write_log_states(out, logs, count);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        metric_family(out, metrics[i].name, metrics[i].type, metrics[i].help);
        for (size_t j = 0; j < count; j++)
            if (logs[j].values[metrics[i].field])
                write_value(out, metrics[i].name, metrics[i].conversion,
                            label_log(labels, &logs[j]), logs[j].values[metrics[i].field]);
    }
}

struct ingest_metric {
    const char *field;
    enum conversion conversion;
    const char *name, *type, *help;
    const char *label, *value; /* one more label, or NULL; rows of one name stand together */
};

/* Counters of an ingest process (redis/README.md). */
static const struct ingest_metric ingest_metrics[] = {
    { "started_ms", CONVERT_MILLISECONDS, "certstream_ingest_start_time_seconds", "gauge",
      "When the process started.", NULL, NULL },
    { "updated_ms", CONVERT_MILLISECONDS, "certstream_ingest_report_timestamp_seconds", "gauge",
      "When the process last reported.", NULL, NULL },
    { "logs", CONVERT_NUMBER, "certstream_ingest_logs", "gauge", "Logs known.", NULL, NULL },
    { "logs_owned", CONVERT_NUMBER, "certstream_ingest_logs_owned", "gauge",
      "Logs that the process follows.", NULL, NULL },
    { "logs_quarantined", CONVERT_NUMBER, "certstream_ingest_logs_quarantined", "gauge",
      "Logs of these that are in quarantine.", NULL, NULL },
    { "logs_followed", CONVERT_NUMBER, "certstream_ingest_logs_followed", "gauge",
      "Logs that the lists want followed.", NULL, NULL },
    { "logs_drained", CONVERT_NUMBER, "certstream_ingest_logs_drained", "gauge",
      "Logs that are read to their end because no list wants them any more.", NULL, NULL },
    { "list_reads", CONVERT_NUMBER, "certstream_ingest_list_reads_total", "counter",
      "Log lists read.", NULL, NULL },
    { "list_unchanged", CONVERT_NUMBER, "certstream_ingest_list_unchanged_total", "counter",
      "Log lists that had not changed.", NULL, NULL },
    { "list_failures", CONVERT_NUMBER, "certstream_ingest_list_failures_total", "counter",
      "Log lists that could not be read.", NULL, NULL },
    { "list_bad_signatures", CONVERT_NUMBER, "certstream_ingest_list_bad_signatures_total",
      "counter", "Log lists whose signature was not that of the list's key.", NULL, NULL },
    { "list_held", CONVERT_NUMBER, "certstream_ingest_list_held_total", "counter",
      "Log lists not believed because so many logs would stop.", NULL, NULL },
    { "list_read_age_s", CONVERT_NUMBER, "certstream_ingest_list_read_age_seconds", "gauge",
      "Time since the list that was read longest ago was read.", NULL, NULL },
    { "list_timestamp_age_s", CONVERT_NUMBER, "certstream_ingest_list_timestamp_age_seconds",
      "gauge", "Age of the oldest log list by its own time.", NULL, NULL },
    { "requests", CONVERT_NUMBER, "certstream_ingest_requests_total", "counter", "HTTP requests.",
      NULL, NULL },
    { "request_failures", CONVERT_NUMBER, "certstream_ingest_request_failures_total", "counter",
      "HTTP requests without a good answer.", NULL, NULL },
    { "http_status_total_2xx", CONVERT_NUMBER, "certstream_ingest_responses_total", "counter",
      "HTTP answers by status; 429 is apart.", "status", "2xx" },
    { "http_status_total_3xx", CONVERT_NUMBER, "certstream_ingest_responses_total", "counter",
      "HTTP answers by status; 429 is apart.", "status", "3xx" },
    { "http_status_total_4xx", CONVERT_NUMBER, "certstream_ingest_responses_total", "counter",
      "HTTP answers by status; 429 is apart.", "status", "4xx" },
    { "http_status_total_429", CONVERT_NUMBER, "certstream_ingest_responses_total", "counter",
      "HTTP answers by status; 429 is apart.", "status", "429" },
    { "http_status_total_5xx", CONVERT_NUMBER, "certstream_ingest_responses_total", "counter",
      "HTTP answers by status; 429 is apart.", "status", "5xx" },
    { "http_unreachable_total", CONVERT_NUMBER, "certstream_ingest_unreachable_total", "counter",
      "HTTP requests without any answer.", NULL, NULL },
    { "oversize_total", CONVERT_NUMBER, "certstream_ingest_oversize_total", "counter",
      "HTTP answers larger than any honest one.", NULL, NULL },
    { "bytes_total", CONVERT_NUMBER, "certstream_ingest_received_bytes_total", "counter",
      "Bytes of HTTP bodies after decompression.", NULL, NULL },
    { "hold_bytes", CONVERT_NUMBER, "certstream_ingest_held_bytes", "gauge",
      "Bytes of answers, and of entries not proven yet.", NULL, NULL },
    { "heads", CONVERT_NUMBER, "certstream_ingest_heads_total", "counter",
      "Signed tree heads read.", NULL, NULL },
    { "stale_sth_total", CONVERT_NUMBER, "certstream_ingest_stale_heads_total", "counter",
      "Tree heads older than one seen before.", NULL, NULL },
    { "future_sth_total", CONVERT_NUMBER, "certstream_ingest_future_heads_total", "counter",
      "Tree heads more than five minutes ahead of the clock.", NULL, NULL },
    { "windows", CONVERT_NUMBER, "certstream_ingest_windows_total", "counter",
      "Runs of entries released.", NULL, NULL },
    { "roots_reproduced", CONVERT_NUMBER, "certstream_ingest_roots_reproduced_total", "counter",
      "Runs of entries that gave the signed root.", NULL, NULL },
    { "proofs", CONVERT_NUMBER, "certstream_ingest_proofs_total", "counter",
      "Runs of entries that a proof led to the signed root.", NULL, NULL },
    { "roots_different", CONVERT_NUMBER, "certstream_ingest_roots_different_total", "counter",
      "Runs of entries that did not lead to the signed root.", NULL, NULL },
    { "window_verify_ms_total", CONVERT_MILLISECONDS,
      "certstream_ingest_window_verify_seconds_total", "counter",
      "Time from the first entry of a run to its release.", NULL, NULL },
    { "mismatch_total_transient", CONVERT_NUMBER, "certstream_ingest_mismatches_total", "counter",
      "Logs that contradicted what they signed, by class; transient ones were right when asked "
      "again.",
      "class", "transient" },
    { "mismatch_total_entries", CONVERT_NUMBER, "certstream_ingest_mismatches_total", "counter",
      "Logs that contradicted what they signed, by class; transient ones were right when asked "
      "again.",
      "class", "entries" },
    { "mismatch_total_fork", CONVERT_NUMBER, "certstream_ingest_mismatches_total", "counter",
      "Logs that contradicted what they signed, by class; transient ones were right when asked "
      "again.",
      "class", "fork" },
    { "mismatch_total_equivocation", CONVERT_NUMBER, "certstream_ingest_mismatches_total",
      "counter",
      "Logs that contradicted what they signed, by class; transient ones were right when asked "
      "again.",
      "class", "equivocation" },
    { "mismatch_total_final_head", CONVERT_NUMBER, "certstream_ingest_mismatches_total", "counter",
      "Logs that contradicted what they signed, by class; transient ones were right when asked "
      "again.",
      "class", "final_head" },
    { "mismatch_total_unexplained", CONVERT_NUMBER, "certstream_ingest_mismatches_total", "counter",
      "Logs that contradicted what they signed, by class; transient ones were right when asked "
      "again.",
      "class", "unexplained" },
    { "entries", CONVERT_NUMBER, "certstream_ingest_entries_total", "counter",
      "Entries made into messages.", NULL, NULL },
    { "precertificates", CONVERT_NUMBER, "certstream_ingest_precertificates_total", "counter",
      "Of the entries, precertificates.", NULL, NULL },
    { "malformed_entries", CONVERT_NUMBER, "certstream_ingest_malformed_entries_total", "counter",
      "Entries whose leaf could not be read.", NULL, NULL },
    { "parse_fail_total", CONVERT_NUMBER, "certstream_ingest_parse_errors_total", "counter",
      "Certificates that could not be read fully.", NULL, NULL },
    { "chain_unbound_total", CONVERT_NUMBER, "certstream_ingest_unbound_total", "counter",
      "Entries whose precertificate or chain is not that of what the log proves.", NULL, NULL },
    { "chain_unchecked_total", CONVERT_NUMBER, "certstream_ingest_unchecked_total", "counter",
      "Precertificates whose issuer's key was not there to compare.", NULL, NULL },
    { "issuers", CONVERT_NUMBER, "certstream_ingest_issuers_total", "counter", "Issuers sent.",
      NULL, NULL },
    { "appends", CONVERT_NUMBER, "certstream_ingest_appends_total", "counter",
      "Transactions with entries.", NULL, NULL },
    { "appended_entries", CONVERT_NUMBER, "certstream_ingest_appended_entries_total", "counter",
      "Entries put into the Redis stream.", NULL, NULL },
    { "appends_refused", CONVERT_NUMBER, "certstream_ingest_appends_refused_total", "counter",
      "Transactions that the fence refused.", NULL, NULL },
    { "appends_failed", CONVERT_NUMBER, "certstream_ingest_appends_failed_total", "counter",
      "Transactions that failed.", NULL, NULL },
    { "redis_drops", CONVERT_NUMBER, "certstream_ingest_redis_drops_total", "counter",
      "Connections to Redis lost.", NULL, NULL },
};

static const char *find_value(const struct ingest_report *ingest, const char *field)
{
    for (size_t i = 0; i < ingest->count; i++)
        if (strcmp(ingest->values[i].name, field) == 0)
            return ingest->values[i].value;
    return NULL;
}

static void write_ingest(struct buffer *out, const struct ingest_metric *metric,
                         const struct ingest_report *ingest)
{
    const char *value = find_value(ingest, metric->field);
    struct metric_label labels[2] = { { "instance", bytes_of_string(ingest->instance) } };
    if (metric->label)
        labels[1] = (struct metric_label){ metric->label, bytes_of_string(metric->value) };
    if (value)
        write_value(out, metric->name, metric->conversion,
                    (struct metric_labels){ labels, metric->label ? 2 : 1 }, value);
}

void metrics_write_ingests(struct buffer *out, const struct log_reports *reports)
{
    size_t count;
    const char *name = "";
    const struct ingest_report *ingests = log_reports_ingests(reports, &count);
    for (size_t i = 0; i < sizeof ingest_metrics / sizeof *ingest_metrics; i++) {
        const struct ingest_metric *metric = &ingest_metrics[i];
        if (strcmp(metric->name, name) != 0)
            metric_family(out, metric->name, metric->type, metric->help);
        name = metric->name;
        for (size_t j = 0; j < count; j++)
            write_ingest(out, metric, &ingests[j]);
    }
}

void metrics_write(struct buffer *out, const struct http_sources *sources)
{
    write_lanes(out, sources);
    if (sources->connections) {
        write_clients(out, sources);
        write_replays(out, sources);
    }
    write_reader(out, sources);
    write_redis(out, sources);
    write_process(out);
    metrics_write_logs(out, sources->reports);
    metrics_write_ingests(out, sources->reports);
}
