#include "streamer/http_routes.h"

#include <assert.h>

#include "shared/json_writer.h"
#include "shared/redis_link.h"
#include "streamer/log_positions.h"
#include "streamer/renderer.h"
#include "streamer/stream_entry.h"
#include "streamer/stream_reader.h"
#include "streamer/web_page.h"

enum {
    /* 25 lite messages are about 120 KB; a thousand names make one of 100 KB. */
    ANSWER_MAX = 64 * 1024 * 1024,
};

#define JSON_TYPE "application/json; charset=utf-8"
#define HTML_TYPE "text/html; charset=utf-8"

struct http_route {
    const char *path; /* without its trailing slash */
    /* True when the answer is complete, false when the request waits. */
    bool (*start)(struct http_request *request);
    enum lane_content content; /* of the routes with messages */
    bool has_stream;           /* for an upgrade */
};

static bool start_page(struct http_request *request);
static bool start_latest(struct http_request *request);
static bool start_example(struct http_request *request);
static bool start_stats(struct http_request *request);
static bool start_sse(struct http_request *request);
static bool start_health(struct http_request *request);
static bool start_readiness(struct http_request *request);
static bool start_stream(struct http_request *request);

static const struct http_route routes[] = {
    { "", start_page, LANE_LITE, true },
    { "/full-stream", start_stream, LANE_FULL, true },
    { "/domains-only", start_stream, LANE_DOMAINS, true },
    { "/latest.json", start_latest, LANE_LITE, false },
    { "/example.json", start_example, LANE_LITE, false },
    { "/full-stream/example.json", start_example, LANE_FULL, false },
    { "/domains-only/example.json", start_example, LANE_DOMAINS, false },
    { "/sse", start_sse, LANE_LITE, false },
    { "/stats", start_stats, LANE_LITE, false },
    { "/healthz", start_health, LANE_LITE, false },
    { "/readyz", start_readiness, LANE_LITE, false },
};

static const struct http_route *find_route(struct bytes path)
{
    while (path.size > 0 && path.data[path.size - 1] == '/')
        path.size--;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (bytes_equal_string(path, routes[i].path))
            return &routes[i];
    return NULL;
}

#define WRONG_DIALECT "dialect is certstream or go"

static bool find_dialect(const struct http_sources *sources, struct bytes name,
                         enum certificate_dialect *dialect)
{
    *dialect = sources->dialect;
    if (!name.data)
        return true;
    *dialect =
        bytes_equal_string(name, "go") ? CERTIFICATE_DIALECT_GO : CERTIFICATE_DIALECT_CERTSTREAM;
    return *dialect == CERTIFICATE_DIALECT_GO || bytes_equal_string(name, "certstream");
}

static bool refuse(int code, const char *reason, int *status, const char **text)
{
    *status = code;
    *text = reason;
    return false;
}

bool http_routes_websocket(const struct http_sources *sources, struct http_target target,
                           struct render_form *form, int *status, const char **text)
{
    const struct http_route *route = find_route(target.path);
    if (!route || !route->has_stream)
        return refuse(404, "no such stream", status, text);
    form->content = route->content;
    return find_dialect(sources, target.dialect, &form->dialect) ||
           refuse(400, WRONG_DIALECT, status, text);
}

static bool find_content(struct bytes name, enum lane_content *content)
{
    *content = LANE_LITE;
    if (!name.data)
        return true;
    for (unsigned i = 0; i < LANE_CONTENTS; i++) {
        *content = (enum lane_content)i;
        if (bytes_equal_string(name, lanes_content_name(*content)))
            return true;
    }
    return false;
}

bool http_routes_sse(const struct http_sources *sources, struct http_target target,
                     struct render_form *form, int *status, const char **text)
{
    if (!find_content(target.stream, &form->content))
        return refuse(400, "stream is lite, full or domains", status, text);
    return find_dialect(sources, target.dialect, &form->dialect) ||
           refuse(400, WRONG_DIALECT, status, text);
}

bool http_routes_is_sse(struct bytes path)
{
    const struct http_route *route = find_route(path);
    return route && route->start == start_sse;
}

static void begin_json(struct http_answer *answer, int status)
{
    buffer_clear(&answer->body);
    answer->status = status;
    answer->content_type = JSON_TYPE;
    answer->is_live = true;
}

void http_answer_error(struct http_answer *answer, int status, const char *text)
{
    begin_json(answer, status);
    struct json_writer writer = json_writer_of(&answer->body);
    json_begin_object(&writer);
    json_key(&writer, "error");
    json_string(&writer, text);
    json_end_object(&writer);
}

bool http_request_start(struct http_request *request, const struct http_sources *sources,
                        struct http_target target, http_request_on_answer on_answer, void *context)
{
    *request = (struct http_request){
        .sources = sources,
        .route = find_route(target.path),
        .stream = target.stream,
        .on_answer = on_answer,
        .context = context,
    };
    buffer_init(&request->answer.body, ANSWER_MAX);
    if (!request->route)
        http_answer_error(&request->answer, 404, "not found");
    else if (!find_dialect(sources, target.dialect, &request->dialect))
        http_answer_error(&request->answer, 400, WRONG_DIALECT);
    else
        return request->route->start(request);
    return true;
}

void http_request_clear(struct http_request *request)
{
    newest_leave(&request->waiter);
    buffer_free(&request->answer.body);
}

static bool start_page(struct http_request *request)
{
    request->answer.status = 200;
    request->answer.content_type = HTML_TYPE;
    buffer_append(&request->answer.body, web_page, web_page_size);
    return true;
}

static bool start_stream(struct http_request *request)
{
    http_answer_error(&request->answer, 426, "connect with a WebSocket client");
    return true;
}

/* What is left when it does not become a stream: HEAD, and what is wrong with the request. */
static bool start_sse(struct http_request *request)
{
    struct http_target target = { .stream = request->stream };
    struct render_form form;
    int status;
    const char *text;
    if (!http_routes_sse(request->sources, target, &form, &status, &text)) {
        http_answer_error(&request->answer, status, text);
        return true;
    }
    request->answer.status = 200;
    request->answer.content_type = HTTP_ROUTES_SSE_TYPE;
    request->answer.is_live = true;
    return true;
}

static bool start_health(struct http_request *request)
{
    begin_json(&request->answer, 200);
    buffer_append_string(&request->answer.body, "{\"alive\":true}");
    return true;
}

/* NULL when everything needed is there. */
static const char *find_obstacle(const struct http_sources *sources, const char **detail)
{
    const struct redis_link *away = !redis_link_is_up(sources->reader_link)  ? sources->reader_link
                                    : !redis_link_is_up(sources->query_link) ? sources->query_link
                                                                             : NULL;
    *detail = away ? redis_link_reason(away) : NULL;
    if (away)
        return "Redis is away";
    return stream_reader_is_reading(sources->reader) ? NULL : "the stream is not being read";
}

static bool start_readiness(struct http_request *request)
{
    const char *detail = NULL;
    const char *obstacle = find_obstacle(request->sources, &detail);
    begin_json(&request->answer, obstacle ? 503 : 200);
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
    for (size_t content = 0; content < LANE_CONTENTS; content++) {
        json_key(writer, lanes_content_name((enum lane_content)content));
        json_unsigned(writer, lanes_listeners(lanes, (enum lane_content)content));
    }
    json_end_object(writer);
}

/* The keys are addresses of logs: the one object whose keys come from outside. */
static void write_workers(struct json_writer *writer, const struct log_positions *positions)
{
    size_t count;
    const struct log_position *items = log_positions_get(positions, &count);
    struct buffer *out = writer->out;
    json_key(writer, "workers");
    buffer_append_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        buffer_append_string(out, i ? ",\"" : "\"");
        json_escape(out, bytes_of_string(items[i].url));
        buffer_append_string(out, "\":");
        buffer_append_unsigned(out, items[i].next);
    }
    buffer_append_byte(out, '}');
}

static bool start_stats(struct http_request *request)
{
    const struct http_sources *sources = request->sources;
    begin_json(&request->answer, 200);
    struct json_writer writer = json_writer_of(&request->answer.body);
    json_begin_object(&writer);
    json_key(&writer, "processed_certificates");
    json_unsigned(&writer, stream_reader_stats(sources->reader)->entries);
    write_users(&writer, sources->lanes);
    write_workers(&writer, sources->positions);
    json_end_object(&writer);
    return true;
}

static void finish(struct http_request *request)
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
        .needs_issuers = request->route->content == LANE_FULL,
    };
    if (newest_wait(request->sources->newest, &request->waiter))
        return false;
    http_answer_error(&request->answer, 503, "Redis is away");
    return true;
}

static void render(struct http_request *request, const struct stream_entry *entry, uint64_t now_ms)
{
    struct buffer *body = &request->answer.body;
    struct render_form form = { request->route->content, request->dialect };
    bool rendered = renderer_write(request->sources->renderer, body, form, entry, now_ms);
    /* The newline after a message of the go dialect belongs between frames. */
    if (rendered && body->data[body->size - 1] == '\n')
        body->size--;
}

static void on_latest(const struct stream_entry *entries, size_t count, uint64_t now_ms,
                      void *context)
{
    struct http_request *request = context;
    struct buffer *body = &request->answer.body;
    begin_json(&request->answer, 200);
    buffer_append_string(body, "{\"messages\":[");
    for (size_t i = 0; i < count; i++) {
        size_t before = body->size;
        if (body->data[before - 1] != '[')
            buffer_append_byte(body, ',');
        size_t start = body->size;
        render(request, &entries[i], now_ms);
        if (body->size == start)
            body->size = before;
    }
    buffer_append_string(body, "]}");
    if (!entries)
        http_answer_error(&request->answer, 503, "Redis is away");
    finish(request);
}

static bool start_latest(struct http_request *request)
{
    return wait_for_newest(request, on_latest);
}

static void on_example(const struct stream_entry *entries, size_t count, uint64_t now_ms,
                       void *context)
{
    struct http_request *request = context;
    begin_json(&request->answer, 200);
    for (size_t i = 0; i < count && request->answer.body.size == 0; i++)
        render(request, &entries[i], now_ms);
    if (!entries)
        http_answer_error(&request->answer, 503, "Redis is away");
    else if (request->answer.body.size == 0)
        http_answer_error(&request->answer, 503, "there is no certificate yet");
    finish(request);
}

static bool start_example(struct http_request *request)
{
    return wait_for_newest(request, on_example);
}
