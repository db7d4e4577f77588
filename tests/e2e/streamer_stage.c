#include "tests/e2e/streamer_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/redis_server.h"

enum {
    READY_MS = 60000,
    WORDS_MAX = 32,
};

void *streamer_stage_create(size_t size)
{
    assert_true(size >= sizeof(struct streamer_stage));
    struct streamer_stage *stage = memory_allocate_zeroed(1, size);
    stage->harness = harness_create();
    stage->redis = redis_server_start(stage->harness, "redis", NULL);
    return stage;
}

int streamer_stage_setup_redis(void **state)
{
    *state = streamer_stage_create(sizeof(struct streamer_stage));
    return 0;
}

int streamer_stage_setup(void **state)
{
    struct streamer_stage *stage = streamer_stage_create(sizeof *stage);
    *state = stage;
    streamer_stage_start(stage, NULL);
    return 0;
}

int streamer_stage_teardown(void **state)
{
    struct streamer_stage *stage = *state;
    int result = harness_destroy(stage->harness);
    redis_server_destroy(stage->redis);
    free(stage);
    return result;
}

static void wait_until_ready(int port)
{
    struct deadline deadline = deadline_after(READY_MS, "the streamer to be ready");
    for (;;) {
        struct http_answer answer = http_get_local(port, "/readyz");
        long status = answer.status;
        http_answer_free(&answer);
        if (status == 200)
            return;
        deadline_wait(&deadline);
    }
}

void streamer_stage_start(struct streamer_stage *stage, const char *const *arguments)
{
    stage->streamer = streamer_stage_start_another(stage, "streamer", arguments);
}

void streamer_stage_make_certificate(const struct streamer_stage *stage, const char *name,
                                     const char *algorithm, const char *certificate,
                                     const char *key)
{
    struct program *openssl = program_start(
        stage->harness,
        &(struct program_options){
            .name = name,
            .arguments = (const char *const[]){ "openssl", "req", "-x509", "-newkey", algorithm,
                                                "-nodes", "-days", "2", "-subj", "/CN=localhost",
                                                "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                                                key, "-out", certificate, NULL } });
    assert_int_equal(program_wait(openssl, READY_MS), 0);
}

/* The port of the second place that it says it listens at. */
static int second_port(const struct program *streamer)
{
    static const char start[] = "listening on http://127.0.0.1:";
    char *output = program_output(streamer);
    const char *place = strstr(output, start);
    assert_non_null(place);
    int port = (int)strtol(place + strlen(start), NULL, 10);
    free(output);
    return port;
}

int streamer_stage_start_tls(struct streamer_stage *stage, const char *const *arguments)
{
    char certificate[HARNESS_PATH_SIZE];
    char key[HARNESS_PATH_SIZE];
    harness_path(stage->harness, certificate, "certificate.pem");
    harness_path(stage->harness, key, "key.pem");
    streamer_stage_make_certificate(stage, "openssl", "ed25519", certificate, key);
    const char *words[WORDS_MAX] = { "--tls-cert", certificate, "--tls-key",
                                     key,          "--listen",  "http://127.0.0.1:0" };
    for (size_t count = 6; arguments && *arguments; arguments++) {
        assert_true(count + 1 < WORDS_MAX);
        words[count++] = *arguments;
    }
    stage->streamer = daemon_start_streamer(stage->harness, "streamer", stage->redis, words);
    int port = second_port(stage->streamer);
    wait_until_ready(port);
    return port;
}

struct program *streamer_stage_start_another(const struct streamer_stage *stage, const char *name,
                                             const char *const *arguments)
{
    struct program *streamer = daemon_start_streamer(stage->harness, name, stage->redis, arguments);
    streamer_stage_wait_until_ready(streamer);
    return streamer;
}

void streamer_stage_wait_until_ready(const struct program *streamer)
{
    wait_until_ready(program_port(streamer));
}

int streamer_stage_port(const struct streamer_stage *stage)
{
    return program_port(stage->streamer);
}

struct http_answer streamer_stage_get(const struct streamer_stage *stage, const char *path)
{
    return http_get_local(streamer_stage_port(stage), path);
}
