/* The HTTP client of ingest against the local CT log with its faults, and against TLS that it must
 * not trust. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "ingest/http/http_client.h"
#include "shared/base/memory.h"
#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"

enum {
    PATIENCE_MS = 30000,
    BODY_MAX = 64 * 1024 * 1024,
    MIB = 1024 * 1024,
    AT_ONCE = 8,
};

struct parts {
    struct harness *harness;
    struct program *ct_log;
    struct http_client *client;
};

/* An answer that outlives its call. */
struct answer {
    unsigned count;
    enum http_result result;
    long status;
    uint64_t retry_after_ms;
    char error[128];
    char head[1024];
    char peer[64];
    struct buffer body;
};

static int setup(void **state)
{
    struct parts *parts = memory_allocate_zeroed(1, sizeof *parts);
    *state = parts;
    parts->harness = harness_create();
    const char *const ct_log[] = { "--size", "600", "--seed", "http", NULL };
    parts->ct_log = daemon_start_ct_log(parts->harness, "ct_log", ct_log);
    parts->client = http_client_create(&(struct http_client_options){ "test/1", 16, 0 });
    return 0;
}

static int teardown(void **state)
{
    struct parts *parts = *state;
    http_client_destroy(parts->client);
    int result = harness_destroy(parts->harness);
    free(parts);
    return result;
}

static void on_response(void *context, const struct http_response *response)
{
    struct answer *answer = context;
    answer->count++;
    answer->result = response->result;
    answer->status = response->status;
    answer->retry_after_ms = response->retry_after_ms;
    (void)snprintf(answer->error, sizeof answer->error, "%s",
                   response->error ? response->error : "");
    (void)snprintf(answer->head, sizeof answer->head, "%.*s", (int)response->head.size,
                   response->head.size ? (const char *)response->head.data : "");
    (void)snprintf(answer->peer, sizeof answer->peer, "%s", response->peer);
    http_response_take_body(response, &answer->body);
}

static void wait_for_all(struct parts *parts)
{
    struct deadline deadline = deadline_after(PATIENCE_MS, "answers");
    while (http_client_in_flight(parts->client)) {
        http_client_wait(parts->client, NULL, 0, 100);
        http_client_perform(parts->client);
        if (deadline_has_passed(&deadline))
            deadline_wait(&deadline);
    }
}

/* Its body is freed by the caller. */
static struct answer fetch(struct parts *parts, struct http_get request)
{
    struct answer answer = { 0 };
    request.on_response = on_response;
    request.context = &answer;
    http_client_get(parts->client, &request);
    wait_for_all(parts);
    assert_int_equal(answer.count, 1);
    return answer;
}

static const char *url_of(const struct parts *parts, const char *path)
{
    static char url[256];
    (void)snprintf(url, sizeof url, "%s%s", program_ready_text(parts->ct_log), path);
    return url;
}

static struct answer get(struct parts *parts, const char *path)
{
    return fetch(parts, (struct http_get){ .url = url_of(parts, path), .body_max = BODY_MAX });
}

static void set_fault(struct parts *parts, const char *query)
{
    char text[256];
    (void)snprintf(text, sizeof text, "clear=1&%s", query);
    daemon_control_ct_log(parts->ct_log, text);
}

/* Connections to the log beside those of http_get, one per call. */
static unsigned count_connections(struct parts *parts)
{
    static const char path[] = "/stats";
    struct http_answer answer = http_get_local(program_port(parts->ct_log), path);
    cJSON *stats = cJSON_Parse(http_answer_text(&answer));
    unsigned count = (unsigned)cJSON_GetObjectItemCaseSensitive(stats, "connections")->valuedouble;
    cJSON_Delete(stats);
    http_answer_free(&answer);
    return count;
}

static void a_connection_is_kept_and_a_fresh_one_made_on_request(void **state)
{
    struct parts *parts = *state;
    unsigned before = count_connections(parts);
    for (unsigned i = 0; i < 20; i++) {
        struct answer answer = get(parts, "/rfc6962/ct/v1/get-sth");
        assert_int_equal(answer.status, 200);
        buffer_free(&answer.body);
    }
    assert_int_equal(count_connections(parts) - before, 2);
    for (unsigned i = 0; i < 3; i++) {
        struct answer answer =
            fetch(parts, (struct http_get){ .url = url_of(parts, "/rfc6962/ct/v1/get-sth"),
                                            .body_max = BODY_MAX,
                                            .is_fresh = true });
        assert_int_equal(answer.status, 200);
        buffer_free(&answer.body);
    }
    assert_int_equal(count_connections(parts) - before, 2 + 3 + 1);
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    struct parts *parts = *state;
    char date[64], query[160];
    time_t later = time(NULL) + 100;
    struct tm parts_of_time;
    assert_non_null(gmtime_r(&later, &parts_of_time));
    assert_true(strftime(date, sizeof date, "%a,%%20%d%%20%b%%20%Y%%20%H:%M:%S%%20GMT",
                         &parts_of_time) > 0);
    const struct {
        const char *text;
        uint64_t least_ms, most_ms;
    } rows[] = {
        { "7", 7000, 7000 },
        { "0", 0, 0 },
        { "99999999999", 21600000, 21600000 },
        { "99999999999999999999999", 0, 21600000 },
        { "-5", 0, 0 },
        { "soon", 0, 0 },
        { "Sat,%2001%20Jan%202000%2000:00:00%20GMT", 0, 0 },
        { date, 60000, 101000 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        (void)snprintf(query, sizeof query, "fault=status&code=429&retry-after=%s", rows[i].text);
        set_fault(parts, query);
        struct answer answer = get(parts, "/rfc6962/ct/v1/get-sth");
        print_message("Retry-After: %s is %llu ms\n", rows[i].text,
                      (unsigned long long)answer.retry_after_ms);
        assert_int_equal(answer.status, 429);
        assert_in_range(answer.retry_after_ms, rows[i].least_ms, rows[i].most_ms);
        buffer_free(&answer.body);
    }
}

static void redirects_are_answers(void **state)
{
    struct parts *parts = *state;
    set_fault(parts, "route=get-sth&fault=status&code=301&location=/log_list.json");
    struct answer answer = get(parts, "/rfc6962/ct/v1/get-sth");
    assert_int_equal(answer.result, HTTP_ANSWERED);
    assert_int_equal(answer.status, 301);
    buffer_free(&answer.body);
}

static void other_protocols_are_refused(void **state)
{
    static const char *const urls[] = { "file:///etc/hostname", "ftp://127.0.0.1/x",
                                        "gopher://127.0.0.1/x", "http://127.0.0.1:1/" };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct answer answer =
            fetch(*state, (struct http_get){ .url = urls[i], .body_max = BODY_MAX });
        print_message("%s: %s\n", urls[i], answer.error);
        assert_int_equal(answer.result, HTTP_UNREACHABLE);
        buffer_free(&answer.body);
    }
}

static void bodies_have_a_ceiling_after_decompression(void **state)
{
    struct parts *parts = *state;
    static const char path[] = "/tiled/tile/data/000";
    struct answer whole = get(parts, path);
    size_t size = whole.body.size;
    assert_int_equal(whole.result, HTTP_ANSWERED);
    buffer_free(&whole.body);
    const struct {
        size_t body_max;
        enum http_result result;
    } rows[] = { { size, HTTP_ANSWERED }, { size - 1, HTTP_TOO_LARGE }, { 10, HTTP_TOO_LARGE } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct answer answer = fetch(
            parts, (struct http_get){ .url = url_of(parts, path), .body_max = rows[i].body_max });
        assert_int_equal(answer.result, rows[i].result);
        buffer_free(&answer.body);
    }
}

/* 60 MiB of zeros in 60 KB, below the ceiling of a data tile. */
static void a_bomb_goes_off_early(void **state)
{
    static const char bomb[] = "route=data&fault=bomb&n=60";
    struct parts *parts = *state;
    set_fault(parts, bomb);
    struct answer answer = get(parts, "/tiled/tile/data/000");
    assert_int_equal(answer.result, HTTP_TOO_LARGE);
    assert_string_equal(answer.error, "body inflates too much");
    print_message("a bomb of 60 MiB ends after %zu bytes\n", answer.body.size);
    assert_true(answer.body.size < (size_t)20 * MIB);
    buffer_free(&answer.body);
    /* The same without a header. */
    set_fault(parts, bomb);
    daemon_control_ct_log(parts->ct_log, "route=data&fault=raw-gzip");
    answer = get(parts, "/tiled/tile/data/000");
    assert_int_equal(answer.result, HTTP_TOO_LARGE);
    buffer_free(&answer.body);
}

static void expect_the_same_compressed(struct parts *parts, const char *query, const char *path,
                                       struct bytes plain)
{
    set_fault(parts, query);
    struct answer answer = get(parts, path);
    assert_int_equal(answer.status, 200);
    assert_true(bytes_equal(buffer_bytes(&answer.body), plain));
    buffer_free(&answer.body);
}

static void compressed_bodies_come_inflated_whatever_the_header_says(void **state)
{
    struct parts *parts = *state;
    static const char *const paths[] = { "/rfc6962/ct/v1/get-entries?start=0&end=99",
                                         "/tiled/tile/data/000", "/tiled/tile/0/000" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        set_fault(parts, "size=600");
        struct answer plain = get(parts, paths[i]);
        expect_the_same_compressed(parts, "fault=gzip", paths[i], buffer_bytes(&plain.body));
        expect_the_same_compressed(parts, "fault=raw-gzip", paths[i], buffer_bytes(&plain.body));
        buffer_free(&plain.body);
    }
}

static void the_head_is_kept_on_request(void **state)
{
    struct parts *parts = *state;
    struct answer answer =
        fetch(parts, (struct http_get){ .url = url_of(parts, "/tiled/checkpoint"),
                                        .body_max = BODY_MAX,
                                        .keeps_head = true });
    assert_ptr_equal(strstr(answer.head, "HTTP/1.1 200"), answer.head);
    assert_non_null(strstr(answer.head, "\r\nCache-Control: no-store\r\n"));
    assert_string_equal(answer.peer, "127.0.0.1");
    buffer_free(&answer.body);
    answer = get(parts, "/tiled/checkpoint");
    assert_string_equal(answer.head, "");
    buffer_free(&answer.body);
}

static void what_is_cut_short_is_no_answer(void **state)
{
    struct parts *parts = *state;
    static const char *const queries[] = { "fault=truncate", "fault=close" };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        set_fault(parts, queries[i]);
        struct answer answer = get(parts, "/rfc6962/ct/v1/get-sth");
        assert_int_equal(answer.result, HTTP_UNREACHABLE);
        buffer_free(&answer.body);
    }
}

static void those_at_once_are_all_answered(void **state)
{
    struct parts *parts = *state;
    struct answer answers[AT_ONCE] = { 0 };
    set_fault(parts, "fault=delay&ms=100");
    for (unsigned i = 0; i < AT_ONCE; i++)
        http_client_get(parts->client,
                        &(struct http_get){ .url = url_of(parts, "/tiled/tile/data/001"),
                                            .body_max = BODY_MAX,
                                            .on_response = on_response,
                                            .context = &answers[i] });
    wait_for_all(parts);
    for (unsigned i = 0; i < AT_ONCE; i++) {
        assert_int_equal(answers[i].count, 1);
        assert_int_equal(answers[i].status, 200);
        assert_int_equal(answers[i].body.size, answers[0].body.size);
    }
    for (unsigned i = 0; i < AT_ONCE; i++)
        buffer_free(&answers[i].body);
}

static void what_is_out_at_the_end_is_told(void **state)
{
    struct parts *parts = *state;
    struct answer answer = { 0 };
    set_fault(parts, "fault=delay&ms=60000");
    http_client_get(parts->client, &(struct http_get){ .url = url_of(parts, "/tiled/checkpoint"),
                                                       .body_max = BODY_MAX,
                                                       .on_response = on_response,
                                                       .context = &answer });
    http_client_perform(parts->client);
    http_client_destroy(parts->client);
    parts->client = NULL;
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.result, HTTP_STOPPED);
    buffer_free(&answer.body);
}

static void run_openssl(struct harness *harness, const char *const *arguments)
{
    struct program *program = program_start(
        harness, &(struct program_options){ .name = "openssl", .arguments = arguments });
    assert_int_equal(program_wait(program, PATIENCE_MS), 0);
}

/* A certificate for 127.0.0.1 that nobody vouches for. */
static void a_server_that_nobody_vouches_for_is_not_talked_to(void **state)
{
    struct parts *parts = *state;
    char key[HARNESS_PATH_SIZE], certificate[HARNESS_PATH_SIZE], url[128];
    harness_path(parts->harness, key, "key.pem");
    harness_path(parts->harness, certificate, "certificate.pem");
    const char *const make[] = { "openssl",
                                 "req",
                                 "-x509",
                                 "-newkey",
                                 "ec",
                                 "-pkeyopt",
                                 "ec_paramgen_curve:P-256",
                                 "-nodes",
                                 "-subj",
                                 "/CN=127.0.0.1",
                                 "-addext",
                                 "subjectAltName=IP:127.0.0.1",
                                 "-keyout",
                                 key,
                                 "-out",
                                 certificate,
                                 NULL };
    run_openssl(parts->harness, make);
    const char *const serve[] = { "openssl", "s_server", "-accept", "127.0.0.1:0",
                                  "-www",    "-no_dhe",  "-cert",   certificate,
                                  "-key",    key,        NULL };
    struct program *server = program_start(
        parts->harness,
        &(struct program_options){ .name = "tls", .arguments = serve, .ready = "ACCEPT " });
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/", program_port(server));
    struct answer answer = fetch(parts, (struct http_get){ .url = url, .body_max = BODY_MAX });
    print_message("%s\n", answer.error);
    assert_int_equal(answer.result, HTTP_UNREACHABLE);
    assert_non_null(strstr(answer.error, "certificate"));
    buffer_free(&answer.body);
    program_kill(server);
}

int main(void)
{
#define WITH_PARTS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_PARTS(a_connection_is_kept_and_a_fresh_one_made_on_request),
        WITH_PARTS(retry_after_is_seconds_or_a_date),
        WITH_PARTS(redirects_are_answers),
        WITH_PARTS(other_protocols_are_refused),
        WITH_PARTS(bodies_have_a_ceiling_after_decompression),
        WITH_PARTS(a_bomb_goes_off_early),
        WITH_PARTS(compressed_bodies_come_inflated_whatever_the_header_says),
        WITH_PARTS(the_head_is_kept_on_request),
        WITH_PARTS(what_is_cut_short_is_no_answer),
        WITH_PARTS(those_at_once_are_all_answered),
        WITH_PARTS(what_is_out_at_the_end_is_told),
        WITH_PARTS(a_server_that_nobody_vouches_for_is_not_talked_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
