#include "streamer/http/metrics.h"

#include <assert.h>
#include <string.h>

#include "shared/base/decimal.h"
#include "shared/base/memory.h"
#include "shared/redis/redis_link.h"
#include "streamer/edge/customers.h"
#include "streamer/edge/tls_identity.h"
#include "streamer/filter/filter_index.h"
#include "streamer/http/client_counters.h"
#include "streamer/http/http_routes.h"
#include "streamer/http/metric_writer.h"
#include "streamer/http/process_usage.h"
#include "streamer/lanes/replays.h"
#include "streamer/loop/loop.h"
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
        { "certstream_stream_repeats_total", "counter",
          "Entries that came again after that, which nobody got twice.", reader->repeats },
        { "certstream_stream_missed_total", "counter",
          "Entries that Redis trimmed before they were read, as far as they can be counted.",
          reader->missed },
        { "certstream_stream_packed_breaks_total", "counter",
          "Times that entries were packed into history before they were read.",
          reader->packed_breaks },
        { "certstream_stream_controls_total", "counter",
          "Records of what an administrator did to a log.", reader->controls },
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
    const struct filter_index_stats *filters = lanes_filter_stats(sources->lanes);
    const struct plain_metric metrics[] = {
        { "certstream_lanes_filtered", "gauge", "Different filters that somebody listens through.",
          lanes_filtered(sources->lanes) },
        { "certstream_lanes_memory_bytes", "gauge", "Memory that the lanes may fill.",
          lanes_memory(sources->lanes) },
        { "certstream_lanes_filled_bytes", "gauge", "What they have filled of it so far.",
          lanes_filled(sources->lanes) },
        { "certstream_lane_messages_total", "counter",
          "Messages put into lanes, from which all their clients are sent them.", lanes->messages },
        { "certstream_lane_bytes_total", "counter", "Bytes of the messages put into lanes.",
          lanes->bytes },
        { "certstream_lane_oversized_total", "counter", "Messages too large for a lane.",
          lanes->oversized },
        { "certstream_filters_alone", "gauge",
          "Filters that are searched for by themselves: new ones, and costly ones.",
          filters->alone },
        { "certstream_filters_alone_steps", "gauge",
          "What the filters that are searched for by themselves cost together, in steps per name.",
          filters->alone_cost },
        { "certstream_filter_set_bytes", "gauge",
          "Memory of the patterns that are searched for together.", filters->set_bytes },
        { "certstream_filter_compilations_total", "counter",
          "Times that the patterns of filters were compiled together.", filters->compilations },
        { "certstream_filters_refused_total", "counter",
          "Clients refused because there were too many different filters, or too costly ones.",
          lanes->refused },
        { "certstream_filters_unread_total", "counter",
          "Filters not read because reading those of the same customer took too long before.",
          sources->customers ? customers_unread(sources->customers) : 0 },
    };
    metric_family(out, clients, "gauge", "Clients that listen, by stream and by form of frames.");
    for (unsigned content = 0; content < MESSAGE_CONTENTS; content++)
        for (unsigned framing = 0; framing < FRAMINGS; framing++)
            write_lane(out, clients, sources->lanes, (enum message_content)content,
                       (enum framing)framing);
    write_plain(out, metrics, sizeof metrics / sizeof *metrics);
    static const char compiling[] = "certstream_filter_compiling_seconds_total";
    metric_family(out, compiling, "counter",
                  "What compiling patterns of filters took, aside from the loop.");
    metric_milliseconds(out, compiling, no_labels, filters->compiling_ms);
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
    const struct stream_queries_stats *past = stream_queries_stats(sources->queries);
    const struct replays_stats *replays = replays_stats(sources->replays);
    const struct entry_search_stats *searches = entry_search_stats(sources->search);
    const struct plain_metric metrics[] = {
        { "certstream_past_pages_total", "counter", "Pages of the past read from Redis.",
          past->pages },
        { "certstream_past_entries_total", "counter", "Entries of these pages.", past->entries },
        { "certstream_past_bytes_total", "counter", "Bytes of these pages.", past->bytes },
        { "certstream_past_failures_total", "counter",
          "Pages that Redis did not give, and questions without an answer in time.", past->failed },
        { "certstream_past_waiting", "gauge", "Questions that wait for a page.", past->waiting },
        { "certstream_replay_pages_total", "counter",
          "Pages of messages made of the past for clients that are behind.", replays->pages },
        { "certstream_replay_shared_pages_total", "counter",
          "Times that a page served one more client.", replays->shared },
        { "certstream_replay_entries_total", "counter",
          "Entries looked at for these pages, for each filter anew.", replays->looked_at },
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

static void write_history(struct buffer *out, const struct http_sources *sources)
{
    const struct past *past = stream_queries_past(sources->queries);
    const struct past_stats *stats = past_stats(past);
    const struct block_cache_stats *cache = past_cache_stats(past);
    const struct plain_metric metrics[] = {
        { "certstream_history_pages_total", "counter", "Pages of the past made of packed history.",
          stats->packed_pages },
        { "certstream_history_entries_total", "counter", "Entries of these pages.",
          stats->packed_entries },
        { "certstream_history_parts_total", "counter", "Parts of blocks read from Redis.",
          stats->fetched_parts },
        { "certstream_history_bytes_total", "counter", "Bytes of these parts.",
          stats->fetched_bytes },
        { "certstream_history_unpacked_bytes_total", "counter",
          "What these parts became when they were unpacked.", cache->unpacked },
        { "certstream_history_cache_hits_total", "counter",
          "Times that a part of a block was there already.", cache->hits },
        { "certstream_history_cache_misses_total", "counter",
          "Times that a part of a block had to be read.", cache->misses },
        { "certstream_history_cache_bytes", "gauge", "Memory of the parts that are kept.",
          cache->bytes },
        { "certstream_history_lost_entries_total", "counter",
          "Entries come by that are in blocks which are damaged, gone or of an unknown format.",
          stats->lost_entries },
    };
    write_plain(out, metrics, sizeof metrics / sizeof *metrics);
}

static uint64_t count_held_connections(const struct customer *customer)
{
    return customer->held[CUSTOMER_CONNECTIONS];
}

static uint64_t count_connected(const struct customer *customer)
{
    return customer->connected;
}

static uint64_t count_refused(const struct customer *customer)
{
    uint64_t refused = customer->unread;
    for (size_t share = 0; share < CUSTOMER_SHARES; share++)
        refused += customer->refused[share];
    return refused;
}

static uint64_t count_sent_bytes(const struct customer *customer)
{
    return customer->sent_bytes;
}

static uint64_t count_replayed_bytes(const struct customer *customer)
{
    return customer->replayed_bytes;
}

/* What is told of each named token. */
static const struct {
    const char *name, *type, *help;
    uint64_t (*value)(const struct customer *customer);
} token_metrics[] = {
    { "certstream_token_connections", "gauge", "Connections of who has the named token.",
      count_held_connections },
    { "certstream_token_connections_total", "counter", "The same, since the start.",
      count_connected },
    { "certstream_token_refused_total", "counter",
      "Times that a share of the named token was used up.", count_refused },
    { "certstream_token_sent_bytes_total", "counter", "Bytes of messages for the named token.",
      count_sent_bytes },
    { "certstream_token_replayed_bytes_total", "counter",
      "Bytes of the past that were read for the named token.", count_replayed_bytes },
};

static void write_tokens(struct buffer *out, const struct customers *customers)
{
    const struct customer *customer;
    for (size_t i = 0; i < sizeof token_metrics / sizeof *token_metrics; i++) {
        bool has_family = false;
        for (size_t at = 0; (customer = customers_next(customers, &at)) != NULL;) {
            if (!customer->is_kept)
                continue;
            struct metric_label label = { "token",
                                          bytes_of_string(customer->name + strlen("token ")) };
            if (!has_family)
                metric_family(out, token_metrics[i].name, token_metrics[i].type,
                              token_metrics[i].help);
            has_family = true;
            metric_unsigned(out, token_metrics[i].name, (struct metric_labels){ &label, 1 },
                            token_metrics[i].value(customer));
        }
    }
}

static void write_identity(struct buffer *out, const struct tls_identity *identity)
{
    static const char expiry[] = "certstream_tls_certificate_expiry_timestamp_seconds";
    if (!identity)
        return;
    metric_family(out, expiry, "gauge",
                  "When the certificate shown to clients expires, or the first of its chain.");
    metric_milliseconds(out, expiry, no_labels, tls_identity_expires_ms(identity));
}

static void write_loop(struct buffer *out, const struct http_sources *sources)
{
    static const char longest[] = "certstream_loop_longest_turn_seconds";
    const struct loop_stats *stats = loop_stats(sources->loop);
    const struct plain_metric metrics[] = {
        { "certstream_loop_turns_total", "counter", "Turns of the loop that serves all clients.",
          stats->turns },
        { "certstream_loop_long_turns_total", "counter",
          "Turns that took more than 20 ms of processor time.", stats->long_turns },
    };
    write_plain(out, metrics, sizeof metrics / sizeof *metrics);
    metric_family(out, longest, "gauge", "Processor time of the longest turn there was.");
    metric_milliseconds(out, longest, no_labels, stats->longest_us / 1000);
}

static void write_process(struct buffer *out)
{
    static const char build[] = "certstream_build_info";
    static const char start[] = "process_start_time_seconds";
    static const char cpu[] = "process_cpu_seconds_total";
    struct metric_label version = { "version", bytes_of_string(CERTSTREAM_VERSION) };
    struct process_usage usage;
    process_usage_read(&usage);
    const struct plain_metric metrics[] = {
        { "process_resident_memory_bytes", "gauge", "Memory in use.", usage.resident_bytes },
        { "certstream_memory_used_bytes", "gauge",
          "Of it, what is allocated; up to 64 MiB of what is freed are kept besides.",
          memory_used() },
        { "process_virtual_memory_bytes", "gauge", "Address space in use.", usage.virtual_bytes },
        { "process_open_fds", "gauge", "Descriptors that are open.", usage.descriptors },
        { "process_max_fds", "gauge", "Descriptors that may be open.", usage.descriptors_max },
    };
    metric_family(out, build, "gauge", "1; its labels say what runs.");
    metric_unsigned(out, build, (struct metric_labels){ &version, 1 }, 1);
    metric_family(out, start, "gauge", "When the process began, in seconds since 1970.");
    metric_milliseconds(out, start, no_labels, usage.start_ms);
    metric_family(out, cpu, "counter", "User and system CPU time.");
    metric_milliseconds(out, cpu, no_labels, usage.cpu_ms);
    write_plain(out, metrics, sizeof metrics / sizeof *metrics);
}

/* One sample of a field, if its text is what it should be. */
static void write_sample(struct buffer *out, const struct report_field *field,
                         struct metric_labels labels, const char *text)
{
    uint64_t number;
    struct bytes value = bytes_of_string(text);
    if (field->kind == REPORT_FRACTION)
        metric_decimal(out, field->metric, labels, value);
    else if (!decimal_parse(&number, value))
        return;
    else if (field->kind == REPORT_MILLISECONDS)
        metric_milliseconds(out, field->metric, labels, number);
    else
        metric_unsigned(out, field->metric, labels, number);
}

static bool has_sample(const struct report_field *field)
{
    return field->metric && field->kind != REPORT_TEXT;
}

enum {
    LOG_LABELS_MAX = 12
};

/* Adds the texts that are labels: of every metric, so that it can be read without a join, or of
 * what the log is. */
static void add_texts(struct metric_label *labels, size_t *count, const struct log_report *report,
                      bool of_every_metric)
{
    for (size_t i = 0; i < LOG_FIELDS_TOLD; i++) {
        const struct report_field *field = &log_fields[i];
        const char *text = report->values[i] ? report->values[i] : "";
        if (field->kind != REPORT_TEXT || !field->label || !field->metric != of_every_metric)
            continue;
        assert(*count < LOG_LABELS_MAX);
        labels[(*count)++] = (struct metric_label){ field->label, bytes_of_string(text) };
    }
}

static struct metric_labels label_log(struct metric_label *labels, const struct log_report *report)
{
    size_t count = 1;
    labels[0] = (struct metric_label){ "log_id", bytes_of_string(report->id) };
    add_texts(labels, &count, report, true);
    return (struct metric_labels){ labels, count };
}

static void write_log_info(struct buffer *out, const struct log_report *logs, size_t count)
{
    struct metric_label labels[LOG_LABELS_MAX];
    const struct report_field *info = &log_fields[LOG_FIELD_STATE];
    metric_family(out, info->metric, info->type, info->help);
    for (size_t i = 0; i < count; i++) {
        struct metric_labels all = label_log(labels, &logs[i]);
        add_texts(labels, &all.count, &logs[i], false);
        metric_unsigned(out, info->metric, all, 1);
    }
}

static void write_log_sample(struct buffer *out, enum log_field field, const struct log_report *log)
{
    struct metric_label labels[LOG_LABELS_MAX];
    if (log_fields[field].kind == REPORT_REASON)
        metric_unsigned(out, log_fields[field].metric, label_log(labels, log),
                        log_report_quarantine(log) != NULL);
    else if (log->values[field])
        write_sample(out, &log_fields[field], label_log(labels, log), log->values[field]);
}

void metrics_write_logs(struct buffer *out, const struct log_reports *reports)
{
    size_t count;
    const struct log_report *logs = log_reports_logs(reports, &count);
    write_log_info(out, logs, count);
    for (unsigned i = 0; i < LOG_FIELDS_TOLD; i++) {
        const struct report_field *field = &log_fields[i];
        if (!has_sample(field))
            continue;
        metric_family(out, field->metric, field->type, field->help);
        for (size_t j = 0; j < count; j++)
            write_log_sample(out, (enum log_field)i, &logs[j]);
    }
}

static const char *find_value(const struct ingest_report *ingest, const char *name)
{
    for (size_t i = 0; i < ingest->count; i++)
        if (strcmp(ingest->values[i].name, name) == 0)
            return ingest->values[i].value;
    return NULL;
}

static void write_ingest_metrics(struct buffer *out, const struct report_field *field,
                                 const struct ingest_report *ingest)
{
    const char *value = find_value(ingest, field->name);
    struct metric_label labels[2] = { { "instance", bytes_of_string(ingest->instance) } };
    if (field->label)
        labels[1] = (struct metric_label){ field->label, bytes_of_string(field->label_value) };
    if (value)
        write_sample(out, field, (struct metric_labels){ labels, field->label ? 2 : 1 }, value);
}

void metrics_write_ingests(struct buffer *out, const struct log_reports *reports)
{
    size_t count;
    const char *name = "";
    const struct ingest_report *ingests = log_reports_ingests(reports, &count);
    for (size_t i = 0; i < INGEST_FIELDS; i++) {
        const struct report_field *field = &ingest_fields[i];
        if (strcmp(field->metric, name) != 0)
            metric_family(out, field->metric, field->type, field->help);
        name = field->metric;
        for (size_t j = 0; j < count; j++)
            write_ingest_metrics(out, field, &ingests[j]);
    }
}

void metrics_write(struct buffer *out, const struct http_sources *sources)
{
    write_lanes(out, sources);
    if (sources->connections) {
        write_clients(out, sources);
        write_replays(out, sources);
        write_history(out, sources);
    }
    write_reader(out, sources);
    write_redis(out, sources);
    if (sources->customers)
        write_tokens(out, sources->customers);
    write_identity(out, sources->identity);
    write_loop(out, sources);
    write_process(out);
    metrics_write_logs(out, sources->reports);
    metrics_write_ingests(out, sources->reports);
}
