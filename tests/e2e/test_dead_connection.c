/*
 * A connection that a NAT has forgotten: nothing comes through it and nobody says so. HTTP/2 would
 * go on using it for every request to its host. HAProxy speaks HTTP/2 and TLS before the local CT
 * log, and a proxy before that lets connections go deaf.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/http/http_client.h"
#include "shared/base/memory.h"
#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"

enum {
    PATIENCE_MS = 30000,
    STALL_S = 2,
    AT_ONCE = 4,
    BODY_MAX = 1024 * 1024,
    TEXT_SIZE = 2 * HARNESS_PATH_SIZE,
};

static const char haproxy[] = "/usr/sbin/haproxy";

struct front {
    struct harness *harness;
    struct program *ct_log;
    struct program *proxy;
    struct http_client *client;
    char certificate[HARNESS_PATH_SIZE]; /* with its key */
    char url[TEXT_SIZE];
};

struct answer {
    unsigned count;
    enum http_result result;
    long status;
    bool is_http2;
};

static void on_response(void *context, const struct http_response *response)
{
    struct answer *answer = context;
    answer->count++;
    answer->result = response->result;
    answer->status = response->status;
    answer->is_http2 = response->head.size > 6 && memcmp(response->head.data, "HTTP/2", 6) == 0;
}

static void make_certificate(struct front *front)
{
    harness_path(front->harness, front->certificate, "tls.pem");
    const char *const words[] = { "openssl",
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
                                  front->certificate,
                                  "-out",
                                  "/dev/stdout",
                                  NULL };
    struct program *openssl = program_start(
        front->harness, &(struct program_options){ .name = "openssl", .arguments = words });
    assert_int_equal(program_wait(openssl, PATIENCE_MS), 0);
    char *certificate = program_output(openssl);
    FILE *file = fopen(front->certificate, "a");
    assert_non_null(file);
    (void)fputs(certificate, file);
    assert_int_equal(fclose(file), 0);
    free(certificate);
}

static void start_haproxy(struct front *front, const char *socket)
{
    char path[HARNESS_PATH_SIZE];
    harness_path(front->harness, path, "haproxy.cfg");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file,
                  "defaults\n mode http\n timeout connect 5s\n timeout client 60s\n"
                  " timeout server 60s\nfrontend front\n bind %s ssl crt %s alpn h2,http/1.1\n"
                  " default_backend logs\nbackend logs\n server log 127.0.0.1:%d\n",
                  socket, front->certificate, program_port(front->ct_log));
    assert_int_equal(fclose(file), 0);
    const char *const words[] = { haproxy, "-db", "-f", path, NULL };
    (void)program_start(front->harness,
                        &(struct program_options){ .name = "haproxy", .arguments = words });
    struct deadline deadline = deadline_after(PATIENCE_MS, "HAProxy to listen");
    while (access(socket, F_OK) != 0)
        deadline_wait(&deadline);
}

static int setup(void **state)
{
    struct front *front = memory_allocate_zeroed(1, sizeof *front);
    char socket[HARNESS_PATH_SIZE];
    *state = front;
    front->harness = harness_create();
    if (access(haproxy, X_OK) != 0)
        return 0;
    const char *const ct_log[] = { "--size", "600", "--seed", "dead", NULL };
    front->ct_log = daemon_start_ct_log(front->harness, "ct_log", ct_log);
    make_certificate(front);
    harness_path(front->harness, socket, "tls.sock");
    start_haproxy(front, socket);
    const char *const proxy[] = { DEAF_PROXY, socket, NULL };
    front->proxy = program_start(
        front->harness,
        &(struct program_options){ .name = "proxy", .arguments = proxy, .ready = "listening" });
    front->client = http_client_create(&(struct http_client_options){
        .user_agent = "test/1", .connections_max = 16, .stall_s = STALL_S });
    (void)snprintf(front->url, sizeof front->url, "https://127.0.0.1:%d/rfc6962/ct/v1/get-sth",
                   program_port(front->proxy));
    return 0;
}

static int teardown(void **state)
{
    struct front *front = *state;
    http_client_destroy(front->client);
    int result = harness_destroy(front->harness);
    free(front);
    return result;
}

static void ask(struct front *front, struct answer *answer)
{
    *answer = (struct answer){ 0 };
    http_client_get(front->client, &(struct http_get){ .url = front->url,
                                                       .way = { .ca_file = front->certificate },
                                                       .body_max = BODY_MAX,
                                                       .keeps_head = true,
                                                       .on_response = on_response,
                                                       .context = answer });
}

static void wait_for_answers(struct front *front)
{
    struct deadline deadline = deadline_after(PATIENCE_MS, "answers");
    while (http_client_in_flight(front->client)) {
        http_client_wait(front->client, NULL, 0, 100);
        http_client_perform(front->client);
        if (deadline_has_passed(&deadline))
            deadline_wait(&deadline);
    }
}

static void expect_good(const struct answer *answer)
{
    assert_int_equal(answer->count, 1);
    assert_int_equal(answer->result, HTTP_ANSWERED);
    assert_int_equal(answer->status, 200);
    assert_true(answer->is_http2);
}

static void expect_good_answers(struct front *front)
{
    struct answer answers[AT_ONCE];
    for (size_t i = 0; i < AT_ONCE; i++)
        ask(front, &answers[i]);
    wait_for_answers(front);
    for (size_t i = 0; i < AT_ONCE; i++)
        expect_good(&answers[i]);
}

/* Those that are out over it fail, once; nothing else is lost to it. */
static void is_not_used_again(void **state)
{
    struct front *front = *state;
    struct answer answers[AT_ONCE];
    if (!front->client) {
        print_message("SKIPPED: there is no HAProxy here, which would speak HTTP/2\n");
        skip();
    }
    expect_good_answers(front);
    for (unsigned round = 0; round < 2; round++) {
        /* For a second after a stall every connection is a new one. */
        harness_pause(1100);
        program_signal(front->proxy, SIGUSR1);
        harness_pause(100);
        for (size_t i = 0; i < AT_ONCE; i++)
            ask(front, &answers[i]);
        wait_for_answers(front);
        for (size_t i = 0; i < AT_ONCE; i++)
            assert_int_equal(answers[i].result, HTTP_UNREACHABLE);
        expect_good_answers(front);
        expect_good_answers(front);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_not_used_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
