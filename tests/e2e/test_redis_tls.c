/*
 * TLS to Redis where hiredis has it: only to a server whose certificate an authority of ours has
 * signed for the host that was meant. Where hiredis has none: a word about that at the start, and
 * no connection in the clear.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/e2e/daemons.h"
#include "tests/e2e/ingest_stage.h"
#include "tests/e2e/stream_check.h"
#include "tests/e2e/streamer_stage.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    LOGS = 2,
    SIZE = 200,
    SAY_MS = 60000,
    URL_SIZE = 3 * HARNESS_PATH_SIZE + 128,
};

struct parts {
    struct ingest_stage stage;
    int port;
};

#ifdef CERTSTREAM_REDIS_TLS

enum {
    END_MS = 60000
};

/* An authority with a certificate for `localhost`, another authority, and a client's certificate of
 * the first. */
static const char make_certificates[] =
    "set -e; cd \"$1\"; make_ca() { openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$1"
    " -keyout $1.key -out $1.pem; }; make_ca ca; make_ca other; for name in server client; do"
    " openssl req -newkey rsa:2048 -nodes -subj /CN=$name -keyout $name.key -out $name.csr;"
    " echo subjectAltName=DNS:localhost > $name.ext; openssl x509 -req -in $name.csr -CA ca.pem"
    " -CAkey ca.key -CAcreateserial -days 2 -extfile $name.ext -out $name.pem; done";

static int setup(void **state)
{
    struct parts *parts = ingest_stage_create_without_redis(sizeof *parts);
    *state = parts;
    const char *const words[] = { "sh", "-c", make_certificates, "sh", parts->stage.harness->folder,
                                  NULL };
    struct program *openssl = program_start(
        parts->stage.harness, &(struct program_options){ .name = "openssl", .arguments = words });
    assert_int_equal(program_wait(openssl, END_MS), 0);

    char port[16], certificate[HARNESS_PATH_SIZE], key[HARNESS_PATH_SIZE], ca[HARNESS_PATH_SIZE];
    parts->port = redis_server_find_port();
    (void)snprintf(port, sizeof port, "%d", parts->port);
    harness_path(parts->stage.harness, certificate, "server.pem");
    harness_path(parts->stage.harness, key, "server.key");
    harness_path(parts->stage.harness, ca, "ca.pem");
    const char *const overrides[] = { "--bind",
                                      "127.0.0.1",
                                      "--tls-port",
                                      port,
                                      "--tls-cert-file",
                                      certificate,
                                      "--tls-key-file",
                                      key,
                                      "--tls-ca-cert-file",
                                      ca,
                                      NULL };
    parts->stage.redis = redis_server_start(parts->stage.harness, "redis", overrides);
    const char *const ct_log[] = { "--size", "200", "--seed", "tls", NULL };
    ingest_stage_start_ct_log(&parts->stage, ct_log);
    return 0;
}

static void write_url(const struct parts *parts, char *url, const char *host, const char *ca,
                      bool has_certificate)
{
    const char *folder = parts->stage.harness->folder;
    int size = snprintf(url, URL_SIZE, "rediss://%s:%d?ca=%s/%s", host, parts->port, folder, ca);
    if (has_certificate)
        (void)snprintf(url + size, URL_SIZE - (size_t)size, "&cert=%s/client.pem&key=%s/client.key",
                       folder, folder);
}

static struct program *start_ingest(const struct parts *parts, const char *name, const char *host,
                                    const char *ca, bool has_certificate)
{
    char url[URL_SIZE];
    write_url(parts, url, host, ca, has_certificate);
    const char *const arguments[] = { "--start", "0", "--retain-entries", "0", NULL };
    return daemon_start_ingest_at(parts->stage.harness, name, url, parts->stage.ct_log, arguments);
}

static void works_and_checks_whom_it_speaks_to(void **state)
{
    struct parts *parts = *state;
    program_wait_for_errors(start_ingest(parts, "other-authority", "localhost", "other.pem", true),
                            "the server's certificate: ");
    program_wait_for_errors(start_ingest(parts, "other-host", "127.0.0.1", "ca.pem", true),
                            "the server's certificate: IP address mismatch");
    program_wait_for_errors(start_ingest(parts, "no-file", "localhost", "none.pem", true),
                            "cannot read");
    /* Redis asks its clients for a certificate. It says so only after the handshake. */
    program_wait_for_errors(start_ingest(parts, "no-certificate", "localhost", "ca.pem", false),
                            "Redis cannot be used");
    assert_int_equal(redis_server_integer(parts->stage.redis, "DBSIZE"), 0);
    (void)start_ingest(parts, "ingest", "localhost", "ca.pem", true);
    struct stream_check check = { 0 };
    stream_check_expect(&check, parts->stage.redis, LOGS, 0, SIZE);
}

/* A bigger backlog than a record of TLS holds, and a server that goes away. */
static void goes_on_after_a_restart(void **state)
{
    struct parts *parts = *state;
    char url[URL_SIZE];
    write_url(parts, url, "localhost", "ca.pem", true);
    struct program *streamer =
        daemon_start_streamer_at(parts->stage.harness, "streamer", url, NULL);
    streamer_stage_wait_until_ready(streamer);
    (void)start_ingest(parts, "ingest", "localhost", "ca.pem", true);
    struct stream_check check = { 0 };
    stream_check_expect(&check, parts->stage.redis, LOGS, 0, SIZE);
    redis_server_kill(parts->stage.redis);
    daemon_control_ct_log(parts->stage.ct_log, "size=20000");
    redis_server_restart(parts->stage.redis);
    stream_check_expect(&check, parts->stage.redis, LOGS, 0, 20000);
    streamer_stage_wait_until_ready(streamer);
}

#else

enum {
    EXIT_WRONG_SETTING = 2
};

static int setup(void **state)
{
    struct parts *parts = ingest_stage_create_without_redis(sizeof *parts);
    *state = parts;
    return 0;
}

static void says_at_once_that_there_is_none(void **state)
{
    struct parts *parts = *state;
    static const char *const daemons[] = { CERTSTREAM_INGEST, CERTSTREAM_STREAMER };
    for (size_t i = 0; i < 2; i++) {
        const char *const words[] = { daemons[i], "--redis", "rediss://localhost", NULL };
        struct program *program = program_start(
            parts->stage.harness,
            &(struct program_options){ .name = i ? "streamer" : "ingest", .arguments = words });
        assert_int_equal(program_wait(program, SAY_MS), EXIT_WRONG_SETTING);
        char *errors = program_errors(program);
        assert_non_null(strstr(errors, "hiredis has no TLS"));
        free(errors);
    }
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef CERTSTREAM_REDIS_TLS
        ON_INGEST_STAGE(works_and_checks_whom_it_speaks_to, setup),
        ON_INGEST_STAGE(goes_on_after_a_restart, setup),
#else
        ON_INGEST_STAGE(says_at_once_that_there_is_none, setup),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
