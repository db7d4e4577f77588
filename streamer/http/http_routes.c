#include "streamer/http/http_routes.h"

#include <assert.h>
#include <stdio.h>

#include "shared/base/hex.h"
#include "shared/json/json_writer.h"
#include "shared/process/clock.h"
#include "shared/redis/redis_link.h"
#include "streamer/edge/customers.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/http/log_answer.h"
#include "streamer/http/metrics.h"
#include "streamer/http/share_answer.h"
#include "streamer/http/web_page.h"
#include "streamer/lanes/renderer.h"
#include "streamer/past/certificate_index.h"
#include "streamer/past/history_watch.h"
#include "streamer/past/recent_certificates_keeper.h"
#include "streamer/stream/log_reports.h"
#include "streamer/stream/reader_lag.h"
#include "streamer/stream/recent_certificates.h"
#include "streamer/stream/stream_entry.h"
#include "streamer/stream/stream_reader.h"

enum {
    /* 25 lite messages are about 120 KB; a thousand names make one of 100 KB. */
    ANSWER_MAX = 64 * 1024 * 1024,
    /* More than a hiccup: clients of this streamer hear late, others may do better. */
    LAG_MAX_MS = 30000,
    /* A Redis that hangs is no better than none. */
    SILENT_MS = 3000,
};

#define JSON_TYPE    "application/json; charset=utf-8"
#define HTML_TYPE    "text/html; charset=utf-8"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What a query may say. */
enum route_query {
    QUERY_IGNORED,
    QUERY_FORM,      /* the form of a message */
    QUERY_MESSAGES,  /* and a filter */
    QUERY_WEBSOCKET, /* and where a stream begins; read when it is an upgrade */
    QUERY_EVENTS,    /* and which stream */
};

struct http_route {
    const char *path; /* without its trailing slash */
    /* True when the answer is complete, false when the request waits. */
    bool (*start)(struct http_request *request);
    enum message_content content; /* of the routes with messages */
    enum route_query query;
    bool is_prefix; /* more comes behind the path and a slash */
};

static bool start_page(struct http_request *request);
static bool start_latest(struct http_request *request);
static bool start_example(struct http_request *request);
static bool start_stats(struct http_request *request);
static bool start_logs(struct http_request *request);
static bool start_shares(struct http_request *request);
static bool start_certificate(struct http_request *request);
static bool start_metrics(struct http_request *request);
static bool start_health(struct http_request *request);
static bool start_readiness(struct http_request *request);
static bool start_events(struct http_request *request);
static bool start_stream(struct http_request *request);

static const struct http_route routes[] = {
    { "", start_page, MESSAGE_LITE, QUERY_WEBSOCKET, false },
    { "/full-stream", start_stream, MESSAGE_FULL, QUERY_WEBSOCKET, false },
    { "/domains-only", start_stream, MESSAGE_DOMAINS, QUERY_WEBSOCKET, false },
    { "/latest.json", start_latest, MESSAGE_LITE, QUERY_MESSAGES, false },
    { "/example.json", start_example, MESSAGE_LITE, QUERY_MESSAGES, false },
    { "/full-stream/example.json", start_example, MESSAGE_FULL, QUERY_MESSAGES, false },
    { "/domains-only/example.json", start_example, MESSAGE_DOMAINS, QUERY_MESSAGES, false },
    { "/sse", start_events, MESSAGE_LITE, QUERY_EVENTS, false },
    { "/stats", start_stats, MESSAGE_LITE, QUERY_IGNORED, false },
    { "/api/logs", start_logs, MESSAGE_LITE, QUERY_IGNORED, false },
    { "/api/shares", start_shares, MESSAGE_LITE, QUERY_IGNORED, false },
    { "/api/cert", start_certificate, MESSAGE_FULL, QUERY_FORM, true },
    { "/metrics", start_metrics, MESSAGE_LITE, QUERY_IGNORED, false },
    { "/healthz", start_health, MESSAGE_LITE, QUERY_IGNORED, false },
    { "/readyz", start_readiness, MESSAGE_LITE, QUERY_IGNORED, false },
};

static bool is_below(struct bytes path, const char *prefix)
{
    size_t size = strlen(prefix);
    return path.size > size + 1 && memcmp(path.data, prefix, size) == 0 && path.data[size] == '/';
}

static const struct http_route *find_route(struct bytes path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        const struct http_route *route = &routes[i];
        if (route->is_prefix ? is_below(path, route->path) : bytes_equal_string(path, route->path))
            return route;
    }
    return NULL;
}

static bool fail_request(struct http_refusal *refusal, int status, const char *text)
{
    refusal->status = status;
    (void)snprintf(refusal->text, sizeof refusal->text, "%s", text);
    return false;
}

/* What to read a filter takes is charged to who asks, also if it is none: a costly one that is
 * refused could be asked for without end. */
static bool read_query(struct stream_request *wanted, const struct stream_route *route,
                       const struct http_sources *sources, const struct http_target *target,
                       struct http_refusal *refusal)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (target->query->count == 0 || target->customer == CUSTOMER_NOBODY)
        return stream_request_read(wanted, route, target->query, refusal->text);
    if (!customers_may_read(sources->customers, target->customer, now_ms))
        return fail_request(refusal, 429, "reading your filters took too long, come again later");
    uint64_t start_us = clock_processor_us();
    bool good = stream_request_read(wanted, route, target->query, refusal->text);
    customers_charge_reading(sources->customers, target->customer, clock_processor_us() - start_us,
                             now_ms);
    return good;
}

/* False, and why, if the query is wrong. */
static bool read_wanted(struct stream_request *wanted, const struct http_sources *sources,
                        const struct http_route *route, const struct http_target *target,
                        struct http_refusal *refusal)
{
    struct stream_route stream_route = {
        .form = { route->content, sources->dialect },
        .takes_stream = route->query == QUERY_EVENTS,
        .takes_since = route->query >= QUERY_WEBSOCKET,
        .takes_any_since = route->query == QUERY_EVENTS,
    };
    refusal->status = 400;
    if (!target->query)
        return fail_request(refusal, 400, "the query is too long");
    if (!read_query(wanted, &stream_route, sources, target, refusal))
        return false;
    wanted->customer = target->customer;
    if (route->query != QUERY_FORM || !wanted->filter)
        return true;
    stream_request_clear(wanted);
    return fail_request(refusal, 400, "there are no filters here");
}

static bool read_stream(const struct http_sources *sources, struct http_target target,
                        enum route_query query, struct stream_request *wanted,
                        struct http_refusal *refusal)
{
    const struct http_route *route = find_route(target.path);
    if (route && route->query == query)
        return read_wanted(wanted, sources, route, &target, refusal);
    *refusal = (struct http_refusal){ 0 };
    return false;
}

bool http_routes_websocket(const struct http_sources *sources, struct http_target target,
                           struct stream_request *wanted, struct http_refusal *refusal)
{
    return read_stream(sources, target, QUERY_WEBSOCKET, wanted, refusal) ||
           (!refusal->status && fail_request(refusal, 404, "no such stream"));
}

bool http_routes_sse(const struct http_sources *sources, struct http_target target,
                     struct stream_request *wanted, struct http_refusal *refusal)
{
    return read_stream(sources, target, QUERY_EVENTS, wanted, refusal);
}

void http_answer_begin_json(struct http_answer *answer, int status)
{
    buffer_clear(&answer->body);
    answer->status = status;
    answer->content_type = JSON_TYPE;
    answer->is_live = true;
}

void http_answer_error(struct http_answer *answer, int status, const char *text)
{
    http_answer_begin_json(answer, status);
    struct json_writer writer = json_writer_of(&answer->body);
    json_begin_object(&writer);
    json_key(&writer, "error");
    json_string(&writer, text);
    json_end_object(&writer);
}

/* A page that a browser opens is the same with any query. */
static bool has_wrong_query(struct http_request *request)
{
    struct http_refusal refusal;
    if (request->route->query == QUERY_IGNORED || request->route->query == QUERY_WEBSOCKET ||
        read_wanted(&request->wanted, request->sources, request->route, &request->target, &refusal))
        return false;
    http_answer_error(&request->answer, refusal.status, refusal.text);
    return true;
}

void http_request_init(struct http_request *request, const struct http_sources *sources)
{
    *request = (struct http_request){ .sources = sources };
    buffer_init(&request->answer.body, ANSWER_MAX);
}

bool http_request_start(struct http_request *request, const struct http_sources *sources,
                        struct http_target target, http_request_on_answer on_answer, void *context)
{
    *request = (struct http_request){
        .sources = sources,
        .target = target,
        .route = find_route(target.path),
        .on_answer = on_answer,
        .context = context,
    };
    buffer_init(&request->answer.body, ANSWER_MAX);
    if (!request->route)
        http_answer_error(&request->answer, 404, "not found");
    else if (!has_wrong_query(request))
        return request->route->start(request);
    return true;
}

void http_request_leave(struct http_request *request)
{
    newest_leave(&request->waiter);
    entry_search_leave(request->sources->search, &request->search);
}

void http_request_clear(struct http_request *request)
{
    http_request_leave(request);
    stream_request_clear(&request->wanted);
    buffer_free(&request->answer.body);
}

/* If-None-Match is a list of tags, weak or not, or an asterisk (RFC 9110 section 13.1.2). */
static bool has_page(struct bytes if_none_match)
{
    return bytes_equal_string(if_none_match, "*") ||
           (if_none_match.size > 0 &&
            memmem(if_none_match.data, if_none_match.size, web_page_tag, strlen(web_page_tag)));
}

static bool start_page(struct http_request *request)
{
    bool known = has_page(request->target.if_none_match);
    request->answer.status = known ? 304 : 200;
    request->answer.content_type = HTML_TYPE;
    request->answer.entity_tag = web_page_tag;
    if (!known)
        buffer_append(&request->answer.body, web_page, web_page_size);
    return true;
}

static bool start_stream(struct http_request *request)
{
    http_answer_error(&request->answer, 426, "connect with a WebSocket client");
    return true;
}

/* What is left when it does not become a stream: HEAD. */
static bool start_events(struct http_request *request)
{
    request->answer.status = 200;
    request->answer.content_type = HTTP_ROUTES_SSE_TYPE;
    request->answer.is_live = true;
    return true;
}

static bool start_health(struct http_request *request)
{
    http_answer_begin_json(&request->answer, 200);
    buffer_append_string(&request->answer.body, "{\"alive\":true}");
    return true;
}

/* It is asked for something every two seconds. */
static bool is_silent(const struct http_sources *sources)
{
    uint64_t now_ms = clock_monotonic_ms();
    return redis_link_silent_ms(sources->query_link, now_ms) >= SILENT_MS ||
           redis_link_silent_ms(sources->replay_link, now_ms) >= SILENT_MS;
}

/* NULL when everything needed is there; `detail` may say more. */
static const char *find_obstacle(const struct http_sources *sources, const char **detail)
{
    const struct redis_link *away = !redis_link_is_up(sources->reader_link)  ? sources->reader_link
                                    : !redis_link_is_up(sources->query_link) ? sources->query_link
                                                                             : NULL;
    *detail = away ? redis_link_reason(away) : NULL;
    if (away)
        return "Redis is away";
    if (is_silent(sources))
        return "Redis does not answer";
    if (!stream_reader_is_reading(sources->reader))
        return "the stream is not being read";
    if (!recent_certificates_keeper_is_done(sources->keeper))
        return "the certificates of the stream are still being read";
    if (!history_watch_is_readable(sources->history))
        return "history has blocks of a format that this version does not know";
    return reader_lag_ms(sources->reader_lag) > LAG_MAX_MS ? "the stream is read too slowly" : NULL;
}

static bool start_readiness(struct http_request *request)
{
    const char *detail = NULL;
    const char *obstacle = find_obstacle(request->sources, &detail);
    http_answer_begin_json(&request->answer, obstacle ? 503 : 200);
    struct json_writer writer = json_writer_of(&request->answer.body);
    json_begin_object(&writer);
    json_key(&writer, "ready");
    json_bool(&writer, !obstacle);
    if (obstacle) {
        json_key(&writer, "reason");
        json_string(&writer, obstacle);
    }
    if (obstacle && detail) {
        json_key(&writer, "detail");
        json_string(&writer, detail);
    }
    json_end_object(&writer);
    return true;
}

static void write_users(struct json_writer *writer, const struct lanes *lanes)
{
    json_key(writer, "current_users");
    json_begin_object(writer);
    for (size_t content = 0; content < MESSAGE_CONTENTS; content++) {
        json_key(writer, stream_request_content_name((enum message_content)content));
        json_unsigned(writer, lanes_subscribers(lanes, (enum message_content)content));
    }
    json_end_object(writer);
}

/* The keys are addresses of logs: the one object whose keys come from outside. */
static void write_workers(struct json_writer *writer, const struct log_reports *reports)
{
    size_t count;
    uint64_t next;
    const struct log_report *logs = log_reports_logs(reports, &count);
    struct buffer *out = writer->out;
    const char *separator = "\"";
    json_key(writer, "workers");
    buffer_append_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        const char *url = logs[i].values[LOG_FIELD_URL];
        if (!url || !log_report_number(&logs[i], LOG_FIELD_NEXT, &next))
            continue;
        buffer_append_string(out, separator);
        json_escape(out, bytes_of_string(url));
        buffer_append_string(out, "\":");
        buffer_append_unsigned(out, next);
        separator = ",\"";
    }
    buffer_append_byte(out, '}');
}

static bool start_stats(struct http_request *request)
{
    const struct http_sources *sources = request->sources;
    http_answer_begin_json(&request->answer, 200);
    struct json_writer writer = json_writer_of(&request->answer.body);
    json_begin_object(&writer);
    json_key(&writer, "processed_certificates");
    json_unsigned(&writer, stream_reader_stats(sources->reader)->entries);
    write_users(&writer, sources->lanes);
    write_workers(&writer, sources->reports);
    json_end_object(&writer);
    return true;
}

static bool start_logs(struct http_request *request)
{
    http_answer_begin_json(&request->answer, 200);
    log_answer_write(&request->answer.body, request->sources->reports, clock_realtime_ms());
    return true;
}

static bool start_shares(struct http_request *request)
{
    http_answer_begin_json(&request->answer, 200);
    buffer_append_bytes(&request->answer.body,
                        share_answer_get(request->sources->shares, clock_realtime_ms()));
    return true;
}

static bool start_metrics(struct http_request *request)
{
    request->answer.status = 200;
    request->answer.content_type = METRICS_TYPE;
    request->answer.is_live = true;
    metrics_write(&request->answer.body, request->sources);
    return true;
}

static void finish_answer(struct http_request *request)
{
    if (request->answer.body.failed)
        http_answer_error(&request->answer, 503, "the answer would be too large");
    request->on_answer(request, request->context);
}

/* `on_entries` may be told that Redis is away: then the answer is an error. */
static bool wait_for_newest(struct http_request *request, newest_on_entries on_entries)
{
    request->waiter = (struct newest_waiter){
        .on_entries = on_entries,
        .context = request,
        .needs_issuers = request->route->content == MESSAGE_FULL,
    };
    if (newest_wait(request->sources->newest, &request->waiter))
        return false;
    http_answer_error(&request->answer, 503, "Redis is away");
    return true;
}

static bool render(struct http_request *request, const struct stream_entry *entry, uint64_t now_ms)
{
    struct buffer *body = &request->answer.body;
    struct buffer matched;
    buffer_init(&matched, FILTER_MATCHED_MAX);
    if (renderer_shows_matched(request->wanted.form)) {
        filter_subject_set(request->sources->subject, entry);
        filter_write_matched(request->wanted.filter, request->sources->subject, &matched);
    }
    bool rendered = renderer_write(request->sources->renderer, body, request->wanted.form, entry,
                                   buffer_bytes(&matched), now_ms);
    buffer_free(&matched);
    /* The newline after a message of the go dialect belongs between frames. */
    if (rendered && body->data[body->size - 1] == '\n')
        body->size--;
    return rendered;
}

/* One more of an array. */
static void render_next(struct http_request *request, const struct stream_entry *entry,
                        uint64_t now_ms)
{
    struct buffer *body = &request->answer.body;
    size_t before = body->size;
    if (request->found > 0)
        buffer_append_byte(body, ',');
    if (render(request, entry, now_ms))
        request->found++;
    else
        body->size = before;
}

static void begin_latest(struct http_request *request)
{
    http_answer_begin_json(&request->answer, 200);
    buffer_append_string(&request->answer.body, "{\"messages\":[");
}

static void end_latest(struct http_request *request, bool away)
{
    buffer_append_string(&request->answer.body, "]}");
    if (away)
        http_answer_error(&request->answer, 503, "Redis is away");
    finish_answer(request);
}

static void on_latest(const struct stream_entry *entries, size_t count, uint64_t now_ms,
                      void *context)
{
    struct http_request *request = context;
    begin_latest(request);
    for (size_t i = 0; i < count; i++)
        render_next(request, &entries[i], now_ms);
    end_latest(request, !entries);
}

static bool on_latest_found(const struct stream_entry *entry, uint64_t now_ms, void *context)
{
    struct http_request *request = context;
    render_next(request, entry, now_ms);
    return request->found < NEWEST_COUNT;
}

static void on_latest_searched(bool away, void *context)
{
    end_latest(context, away);
}

/* The callbacks of `search` may come later. */
static bool start_search(struct http_request *request, struct search_request search)
{
    const struct http_sources *sources = request->sources;
    request->search = search;
    request->search.context = request;
    request->search.customer = request->target.customer;
    request->search.needs_issuers = request->route->content == MESSAGE_FULL;
    switch (entry_search_start(sources->search, &request->search)) {
    case SEARCH_STARTED: return false;
    case SEARCH_REDIS_AWAY: http_answer_error(&request->answer, 503, "Redis is away"); break;
    case SEARCH_TOO_MANY:
        http_answer_error(&request->answer, 503, "too many searches at once");
        break;
    case SEARCH_TOO_MANY_OF_CUSTOMER:
        http_answer_error(&request->answer, 429, customers_refusal(CUSTOMER_SEARCHES));
        break;
    }
    return true;
}

static bool start_latest(struct http_request *request)
{
    if (!request->wanted.filter)
        return wait_for_newest(request, on_latest);
    begin_latest(request);
    struct search_request search = { .on_entry = on_latest_found,
                                     .on_end = on_latest_searched,
                                     .filter = request->wanted.filter };
    return start_search(request, search);
}

static void on_example(const struct stream_entry *entries, size_t count, uint64_t now_ms,
                       void *context)
{
    struct http_request *request = context;
    http_answer_begin_json(&request->answer, 200);
    for (size_t i = 0; i < count && request->found == 0; i++)
        request->found = render(request, &entries[i], now_ms);
    if (!entries)
        http_answer_error(&request->answer, 503, "Redis is away");
    else if (request->found == 0)
        http_answer_error(&request->answer, 503, "there is no certificate yet");
    finish_answer(request);
}

static bool on_example_found(const struct stream_entry *entry, uint64_t now_ms, void *context)
{
    struct http_request *request = context;
    request->found = render(request, entry, now_ms);
    return request->found == 0;
}

/* What a search for one message has found. */
static void end_search(struct http_request *request, bool away, const char *absent)
{
    if (away)
        http_answer_error(&request->answer, 503, "Redis is away");
    else if (request->found == 0)
        http_answer_error(&request->answer, 404, absent);
    finish_answer(request);
}

static void on_example_searched(bool away, void *context)
{
    end_search(context, away, "no certificate of late passes the filter");
}

static bool start_example(struct http_request *request)
{
    if (!request->wanted.filter)
        return wait_for_newest(request, on_example);
    http_answer_begin_json(&request->answer, 200);
    struct search_request search = { .on_entry = on_example_found,
                                     .on_end = on_example_searched,
                                     .filter = request->wanted.filter };
    return start_search(request, search);
}

/* What comes behind the last slash: hex, with colons or without. False if it is no fingerprint. */
static bool read_fingerprint(struct http_request *request, struct bytes path)
{
    char text[2 * SHA256_SIZE];
    size_t size = 0;
    size_t start = path.size;
    while (start > 0 && path.data[start - 1] != '/')
        start--;
    for (size_t i = start; i < path.size; i++) {
        if (path.data[i] == ':')
            continue;
        if (size == sizeof text)
            return false;
        text[size++] = (char)path.data[i];
    }
    request->has_sha256 = size == sizeof text;
    return request->has_sha256
               ? hex_decode(request->fingerprint.sha256, SHA256_SIZE, bytes_of(text, size))
               : hex_decode(request->fingerprint.sha1, SHA1_SIZE, bytes_of(text, size));
}

static bool is_asked_for(const struct http_request *request, const struct stream_entry *entry)
{
    struct message_fingerprints own;
    const struct message_fingerprints *asked = &request->fingerprint;
    if (!message_view_fingerprints(entry->json, &own))
        return false;
    return request->has_sha256 ? memcmp(own.sha256, asked->sha256, SHA256_SIZE) == 0
                               : memcmp(own.sha1, asked->sha1, SHA1_SIZE) == 0;
}

static bool on_certificate_found(const struct stream_entry *entry, uint64_t now_ms, void *context)
{
    struct http_request *request = context;
    if (is_asked_for(request, entry))
        request->found = render(request, entry, now_ms);
    return false;
}

#define NO_CERTIFICATE "no such certificate in the stream"

static void on_certificate_searched(bool away, void *context);

/* The entry before `before` that may have it, or an answer that there is none: true then. */
static bool look_for_certificate(struct http_request *request, struct stream_id before)
{
    struct search_request search = { .on_entry = on_certificate_found,
                                     .on_end = on_certificate_searched,
                                     .has_id = true };
    const uint8_t *sha256 = request->has_sha256 ? request->fingerprint.sha256 : NULL;
    if (certificate_index_find(request->sources->index, sha256, request->fingerprint.sha1, before,
                               &search.id))
        return start_search(request, search);
    http_answer_error(&request->answer, 404, NO_CERTIFICATE);
    return true;
}

/* Four bytes of a fingerprint may be another's. */
static void on_certificate_searched(bool away, void *context)
{
    struct http_request *request = context;
    bool is_over = away || request->found > 0;
    if (is_over)
        end_search(request, away, NO_CERTIFICATE);
    else if (look_for_certificate(request, request->search.id))
        finish_answer(request);
}

static bool start_certificate(struct http_request *request)
{
    if (!read_fingerprint(request, request->target.path)) {
        http_answer_error(&request->answer, 400, "a fingerprint is SHA-256 or SHA-1 in hex");
        return true;
    }
    http_answer_begin_json(&request->answer, 200);
    return look_for_certificate(request, (struct stream_id){ UINT64_MAX, UINT64_MAX });
}
