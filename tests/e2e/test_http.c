/* The HTTP routes end to end: types and headers, methods, /metrics as Prometheus reads it, the
 * logs, certificates by fingerprint. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <curl/curl.h>
#include <hiredis/hiredis.h>

#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/redis/contract.h"
#include "shared/x509/certificate.h"
#include "shared/x509/certificate_fields.h"
#include "streamer/filter/text_pattern.h"
#include "tests/e2e/built_feed.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"
#include "tests/support/websocket_client.h"

enum {
    WAIT_MS = 60000,
    HEADERS_MAX = 8192,
    FAMILIES_MAX = 512,
};

#define LOG_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LABELS_A \
    "{log_id=\"" LOG_A "\",log=\"A \\\"quoted\\\\ log\\nof two lines\",operator=\"Op\"}"
#define LABELS_B "{log_id=\"" LOG_B "\",log=\"B\",operator=\"\"}"
#define LOG_B    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* A request of any method, and the answer's header lines. */
struct exchange {
    const char *method, *path;
    const char *header; /* one more of the request, or NULL */
    long status;
    char headers[HEADERS_MAX];
    size_t headers_size, body_size;
};

static size_t on_header(char *data, size_t unit, size_t count, void *context)
{
    struct exchange *exchange = context;
    size_t size = unit * count;
    if (exchange->headers_size + size >= HEADERS_MAX)
        return 0;
    text_pattern_lower((uint8_t *)exchange->headers + exchange->headers_size, bytes_of(data, size));
    exchange->headers_size += size;
    return size;
}

static size_t on_body(char *data, size_t unit, size_t count, void *context)
{
    struct exchange *exchange = context;
    (void)data;
    exchange->body_size += unit * count;
    return unit * count;
}

static void set_options(CURL *curl, struct exchange *exchange)
{
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)WAIT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_NOBODY, (long)(strcmp(exchange->method, "HEAD") == 0));
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange->method);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
}

static long run(CURL *curl)
{
    long status = 0;
    if (curl_easy_perform(curl) != CURLE_OK)
        fail_msg("no answer");
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static void set_request(CURL *curl, const char *url, struct curl_slist *headers)
{
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
}

static void perform(const struct streamer_stage *stage, struct exchange *exchange)
{
    char url[256];
    CURL *curl = curl_easy_init();
    struct curl_slist *headers =
        exchange->header ? curl_slist_append(NULL, exchange->header) : NULL;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", program_port(stage->streamer),
                   exchange->path);
    set_options(curl, exchange);
    set_request(curl, url, headers);
    exchange->status = run(curl);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
}

static void expect_header(const struct exchange *exchange, const char *line)
{
    if (!strstr(exchange->headers, line))
        fail_msg("%s %s: no %s in %s", exchange->method, exchange->path, line, exchange->headers);
}

static void each_route_has_its_type_and_its_headers(void **state)
{
    struct streamer_stage *stage = *state;
    static const char json[] = "\r\ncontent-type: application/json; charset=utf-8\r\n";
    static const struct {
        const char *path;
        long status;
        const char *type;
    } routes[] = {
        { "/latest.json", 200, json },
        { "/latest.json/", 200, json },
        { "/example.json", 200, json },
        { "/full-stream/example.json", 200, json },
        { "/domains-only/example.json//", 200, json },
        { "/stats", 200, json },
        { "/api/logs", 200, json },
        { "/api/cert/00", 400, json },
        { "/api/cert/0000000000000000000000000000000000000000", 404, json },
        { "/healthz", 200, json },
        { "/readyz", 200, json },
        { "/nothing", 404, json },
        { "/full-stream", 426, json },
        { "/metrics", 200, "\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n" },
    };
    static const char *const methods[] = { "GET", "HEAD" };
    const struct entry_parts entry = { 0 };
    built_feed_make(stage->redis, &entry, NULL);
    for (size_t i = 0; i < 2 * sizeof routes / sizeof *routes; i++) {
        struct exchange exchange = { .method = methods[i % 2], .path = routes[i / 2].path };
        perform(stage, &exchange);
        assert_int_equal(exchange.status, routes[i / 2].status);
        expect_header(&exchange, routes[i / 2].type);
        expect_header(&exchange, "\r\naccess-control-allow-origin: *\r\n");
        expect_header(&exchange, "\r\ncache-control: no-store\r\n");
        expect_header(&exchange, "\r\nx-content-type-options: nosniff\r\n");
        assert_int_equal(exchange.body_size > 0, i % 2 == 0);
    }
}

static void other_methods_are_not_allowed(void **state)
{
    struct streamer_stage *stage = *state;
    static const char *const methods[] = { "POST", "PUT", "DELETE" };
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct exchange exchange = { .method = methods[i], .path = "/stats" };
        perform(stage, &exchange);
        assert_int_equal(exchange.status, 405);
        expect_header(&exchange, "\r\nallow: get, head, options\r\n");
    }
}

static void the_page_is_sent_once(void **state)
{
    struct streamer_stage *stage = *state;
    struct exchange first = { .method = "GET", .path = "/" };
    perform(stage, &first);
    assert_int_equal(first.status, 200);
    expect_header(&first, "\r\ncontent-type: text/html; charset=utf-8\r\n");
    expect_header(&first, "\r\ncontent-security-policy: default-src 'none';");
    const char *tag = strstr(first.headers, "\r\netag: \"");
    assert_non_null(tag);
    char header[128];
    (void)snprintf(header, sizeof header, "If-None-Match: %.18s", tag + strlen("\r\netag: "));
    struct exchange second = { .method = "GET", .path = "/", .header = header };
    perform(stage, &second);
    assert_int_equal(second.status, 304);
    assert_int_equal(second.body_size, 0);
}

/* Names [a-zA-Z_:][a-zA-Z0-9_:]*; answers the size of the one at `text`. */
static size_t name_size(const char *text)
{
    size_t size = 0;
    while (isalpha((unsigned char)text[size]) || text[size] == '_' || text[size] == ':' ||
           (size && isdigit((unsigned char)text[size])))
        size++;
    return size;
}

/* A label's value up to its closing quote; NULL if it is not well-formed. */
static const char *skip_label_value(const char *text)
{
    for (; *text && *text != '"' && *text != '\n'; text++)
        if (*text == '\\' && !strchr("\\\"n", *++text))
            return NULL;
    return *text == '"' ? text + 1 : NULL;
}

static const char *skip_labels(const char *text)
{
    if (*text != '{')
        return text;
    do {
        size_t size = name_size(++text);
        if (!size || text[size] != '=' || text[size + 1] != '"')
            return NULL;
        text = skip_label_value(text + size + 2);
        if (!text)
            return NULL;
    } while (*text == ',');
    return *text == '}' ? text + 1 : NULL;
}

struct families {
    char names[FAMILIES_MAX][96];
    char samples[FAMILIES_MAX * 4][400]; /* names with labels, each once */
    size_t count, sample_count;
};

/* "# HELP name text\n# TYPE name type\n": both, in this order, once per name; answers what comes
 * behind. */
static const char *take_family(struct families *families, const char *text)
{
    size_t size = name_size(text + strlen("# HELP "));
    char expected[256];
    assert_true(size > 0 && size < sizeof families->names[0]);
    char *name = families->names[families->count];
    memcpy(name, text + strlen("# HELP "), size);
    for (size_t i = 0; i < families->count; i++)
        assert_string_not_equal(families->names[i], name);
    families->count++;
    text = strchr(text, '\n') + 1;
    (void)snprintf(expected, sizeof expected, "# TYPE %s ", name);
    assert_memory_equal(text, expected, strlen(expected));
    bool counter = strncmp(text + strlen(expected), "counter\n", 8) == 0;
    assert_true(counter || strncmp(text + strlen(expected), "gauge\n", 6) == 0);
    /* What Prometheus' own linter asks for: counters end in _total, and only they do. */
    bool total = size > 6 && strcmp(name + size - 6, "_total") == 0;
    assert_int_equal(counter, total);
    return strchr(text, '\n') + 1;
}

static const char *take_sample(struct families *families, const char *text)
{
    const char *name = families->names[families->count - 1];
    size_t size = name_size(text);
    if (size != strlen(name) || memcmp(name, text, size) != 0)
        fail_msg("a sample of another name: %.200s", text);
    const char *value = skip_labels(text + size);
    if (!value || *value != ' ')
        fail_msg("labels are wrong: %.200s", text);
    char *sample = families->samples[families->sample_count];
    assert_true((size_t)(value - text) < sizeof families->samples[0]);
    memcpy(sample, text, (size_t)(value - text));
    for (size_t i = 0; i < families->sample_count; i++)
        assert_string_not_equal(families->samples[i], sample);
    families->sample_count++;
    char *end;
    (void)strtod(value + 1, &end);
    assert_true(end > value + 1 && *end == '\n');
    return end + 1;
}

/* The exposition format, read strictly. */
static void check_metrics(const char *text)
{
    struct families *families = memory_allocate_zeroed(1, sizeof *families);
    while (*text) {
        if (strncmp(text, "# HELP ", 7) == 0)
            text = take_family(families, text);
        else
            text = take_sample(families, text);
        assert_true(families->count < FAMILIES_MAX && families->sample_count < 4L * FAMILIES_MAX);
    }
    assert_true(families->count > 50);
    free(families);
}

/* By Prometheus itself, where it is at hand. */
static void check_with_promtool(const char *text)
{
    if (system("command -v promtool >/dev/null") != 0) { /* NOLINT: a constant */
        print_message("SKIPPED: no promtool (Debian's prometheus) to check /metrics with\n");
        return;
    }
    FILE *promtool = popen("promtool check metrics", "w"); /* NOLINT: a constant */
    assert_non_null(promtool);
    (void)fputs(text, promtool);
    int status = pclose(promtool);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void set_fields(struct redis_server *redis, const char *key, const char *const *fields)
{
    for (; *fields; fields += 2)
        freeReplyObject(redis_server_command(redis, "HSET %s %s %s", key, fields[0], fields[1]));
}

/* Two logs, one of them at odds with itself, and the process that follows them. Names try to break
 * out. */
static void set_logs(struct redis_server *redis)
{
    freeReplyObject(
        redis_server_command(redis, "SADD %s %s %s", CONTRACT_PREFIX ":logs", LOG_A, LOG_B));
    set_fields(redis, CONTRACT_PREFIX ":log:" LOG_A,
               (const char *const[]){ "description",
                                      "A \"quoted\\ log\nof two lines",
                                      "operator",
                                      "Op",
                                      "url",
                                      "https://a.example/",
                                      "type",
                                      "rfc6962",
                                      "list_state",
                                      "usable",
                                      "state",
                                      "waiting",
                                      "next",
                                      "100",
                                      "head_size",
                                      "120",
                                      "verified_size",
                                      "90",
                                      "sth_timestamp",
                                      "1700000000123",
                                      "lag_entries",
                                      "20",
                                      "lag_ms",
                                      "1500",
                                      "rate",
                                      "12.5",
                                      "last_error",
                                      "HTTP 503 <b>",
                                      "owner",
                                      "box-1",
                                      "updated",
                                      "1700000001000",
                                      "frontier",
                                      "00",
                                      NULL });
    set_fields(redis, CONTRACT_PREFIX ":log:" LOG_B,
               (const char *const[]){ "description", "B", "url", "https://b.example/", "next", "7",
                                      "quarantine", "two roots of size 7", "rate", "no number",
                                      "lag_ms", "-1", "owner", "box-1", NULL });
    set_fields(redis, CONTRACT_PREFIX ":ingest:box-1",
               (const char *const[]){ "started_ms", "1700000000000", "entries", "12345", "requests",
                                      "x", "odd\"name", "1", NULL });
}

/* Until the streamer has asked again. */
static void wait_for_logs(const struct streamer_stage *stage)
{
    struct deadline deadline = deadline_after(WAIT_MS, "the streamer to know the logs");
    for (bool known = false; !known;) {
        struct http_answer answer = streamer_stage_get(stage, "/api/logs");
        known = strstr(http_answer_text(&answer), "two roots of size 7") != NULL &&
                strstr(http_answer_text(&answer), "12345") != NULL;
        http_answer_free(&answer);
        if (!known)
            deadline_wait(&deadline);
    }
}

static void metrics_are_what_prometheus_reads(void **state)
{
    struct streamer_stage *stage = *state;
    static const char *const lines[] = {
        "certstream_clients{stream=\"domains\",framing=\"websocket\"} 1\n",
        "certstream_stream_entries_total 1\n",
        "certstream_redis_up{connection=\"reader\"} 1\n",
        "certstream_unique_window_certificates 1\n",
        ("certstream_log_quarantined" LABELS_B " 1\n"),
        ("certstream_log_next_index" LABELS_A " 100\n"),
        "operator=\"Op\"} 1.500\n",
        "operator=\"Op\"} 12.5\n",
        "certstream_ingest_entries_total{instance=\"box-1\"} 12345\n",
        "certstream_ingest_start_time_seconds{instance=\"box-1\"} 1700000000.000\n",
        "\nprocess_open_fds ",
    };
    set_logs(stage->redis);
    wait_for_logs(stage);
    struct websocket_client *client =
        websocket_client_connect(program_port(stage->streamer), "/domains-only");
    (void)websocket_client_expect(client, "heartbeat", WAIT_MS);
    const struct entry_parts entry = { 0 };
    built_feed_make(stage->redis, &entry, NULL);
    (void)websocket_client_expect(client, "dns_entries", WAIT_MS);
    struct http_answer answer = streamer_stage_get(stage, "/metrics");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(http_answer_text(&answer), lines[i]))
            fail_msg("no %s in\n%s", lines[i], http_answer_text(&answer));
    assert_null(strstr(http_answer_text(&answer), "no number"));
    check_metrics(http_answer_text(&answer));
    check_with_promtool(http_answer_text(&answer));
    http_answer_free(&answer);
    websocket_client_destroy(client);
}

static const cJSON *member(const cJSON *object, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!value)
        fail_msg("no %s", name);
    return value;
}

static void the_logs_are_told_with_what_is_wrong_of_them(void **state)
{
    struct streamer_stage *stage = *state;
    set_logs(stage->redis);
    wait_for_logs(stage);
    struct http_answer answer = streamer_stage_get(stage, "/api/logs");
    cJSON *all = cJSON_Parse(http_answer_text(&answer));
    assert_non_null(all);
    assert_int_equal(cJSON_GetArraySize(member(all, "logs")), 2);
    const cJSON *a = cJSON_GetArrayItem(member(all, "logs"), 0);
    const cJSON *b = cJSON_GetArrayItem(member(all, "logs"), 1);
    assert_string_equal(member(a, "name")->valuestring, "A \"quoted\\ log\nof two lines");
    assert_string_equal(member(a, "log_id")->valuestring,
                        "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=");
    assert_string_equal(member(a, "last_error")->valuestring, "HTTP 503 <b>");
    assert_int_equal(member(a, "position")->valueint, 100);
    assert_int_equal(member(a, "tree_size")->valueint, 120);
    assert_int_equal(member(a, "verified_size")->valueint, 90);
    assert_int_equal(member(a, "lag_entries")->valueint, 20);
    assert_true(member(a, "lag_seconds")->valuedouble == 1.5);
    assert_true(member(a, "entries_per_second")->valuedouble == 12.5);
    assert_true(cJSON_IsNull(member(a, "quarantine")));
    assert_string_equal(member(b, "quarantine")->valuestring, "two roots of size 7");
    assert_true(cJSON_IsNull(member(b, "entries_per_second")));
    assert_true(cJSON_IsNull(member(b, "lag_seconds")));
    assert_true(cJSON_IsNull(member(b, "operator")));
    const cJSON *ingest = cJSON_GetArrayItem(member(all, "ingests"), 0);
    assert_string_equal(member(ingest, "instance")->valuestring, "box-1");
    assert_int_equal(member(ingest, "entries")->valueint, 12345);
    assert_int_equal(member(ingest, "odd\"name")->valueint, 1);
    cJSON_Delete(all);
    http_answer_free(&answer);
    answer = streamer_stage_get(stage, "/stats");
    assert_non_null(strstr(http_answer_text(&answer), "\"workers\":{\"https://a.example/\":100,"
                                                      "\"https://b.example/\":7}"));
    http_answer_free(&answer);
}

static void expect_certificate(const struct streamer_stage *stage, const char *hash,
                               const char *query, long status, const char *part)
{
    char path[256];
    (void)snprintf(path, sizeof path, "/api/cert/%s%s", hash, query);
    struct http_answer answer = streamer_stage_get(stage, path);
    assert_int_equal(answer.status, status);
    if (!strstr(http_answer_text(&answer), part))
        fail_msg("%s: no %s in %.500s", path, part, http_answer_text(&answer));
    http_answer_free(&answer);
}

/* "AB:CD:…" */
static void write_colons(char *out, struct bytes bytes)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes.size; i++) {
        *out++ = digits[bytes.data[i] >> 4];
        *out++ = digits[bytes.data[i] & 15];
        *out++ = i + 1 < bytes.size ? ':' : '\0';
    }
}

static void a_certificate_is_found_by_its_fingerprints(void **state)
{
    struct streamer_stage *stage = *state;
    const struct entry_parts entry = { .number = 9, .names = { bytes_of_string("found.example") } };
    struct built_entry built;
    char first[BUILT_ID_SIZE], last[BUILT_ID_SIZE], text[256];
    char sha256[2 * SHA256_SIZE + 1], sha1[2 * SHA1_SIZE + 1], colons[3 * SHA256_SIZE];
    build_entry(&built, &entry);
    struct certificate *certificate = certificate_create();
    assert_true(certificate_parse(certificate, built.entry.der));
    hex_encode(sha256, bytes_of(certificate->sha256, SHA256_SIZE));
    hex_encode(sha1, bytes_of(certificate->sha1, SHA1_SIZE));
    write_colons(colons, bytes_of(certificate->sha256, SHA256_SIZE));
    expect_certificate(stage, sha256, "", 404, "{\"error\":");
    struct websocket_client *client = websocket_client_connect(program_port(stage->streamer), "/");
    (void)websocket_client_expect(client, "heartbeat", WAIT_MS);
    built_feed_add(stage->redis, &built, first);
    built_feed_add(stage->redis, &built, last);
    (void)websocket_client_expect(client, last, WAIT_MS);
    (void)snprintf(text, sizeof text, "\"id\":\"%s\",", last);
    expect_certificate(stage, sha256, "", 200, text);
    expect_certificate(stage, sha256, "/", 200, "\"chain\":[]}}");
    expect_certificate(stage, sha1, "", 200, "found.example");
    expect_certificate(stage, colons, "?dialect=go", 200, "{\"data\":{");
    expect_certificate(stage, sha1, "?match=x", 400, "no filters here");
    sha256[0] = sha256[0] == '0' ? '1' : '0';
    expect_certificate(stage, sha256, "", 404, "no such certificate");
    freeReplyObject(
        redis_server_command(stage->redis, "XTRIM %s MAXLEN 0", CONTRACT_PREFIX ":stream"));
    expect_certificate(stage, sha1, "", 404, "no such certificate");
    certificate_destroy(certificate);
    websocket_client_destroy(client);
    built_entry_free(&built);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STREAMER_STAGE(each_route_has_its_type_and_its_headers),
        ON_STREAMER_STAGE(other_methods_are_not_allowed),
        ON_STREAMER_STAGE(the_page_is_sent_once),
        ON_STREAMER_STAGE(metrics_are_what_prometheus_reads),
        ON_STREAMER_STAGE(the_logs_are_told_with_what_is_wrong_of_them),
        ON_STREAMER_STAGE(a_certificate_is_found_by_its_fingerprints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
