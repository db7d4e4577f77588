/*
 * The stage of the tests about the streamer: a Redis of the test's own and a streamer on it.
 *
 * A test that keeps more than that has a struct which begins with the stage, made in a setup of its
 * own by streamer_stage_create; the teardown is the same.
 */
#ifndef TESTS_E2E_STREAMER_STAGE_H
#define TESTS_E2E_STREAMER_STAGE_H

#include <stddef.h>

#include "tests/support/http_get.h"
#include "tests/support/program.h"

struct harness;
struct redis_server;

struct streamer_stage {
    struct harness *harness;
    struct redis_server *redis;
    struct program *streamer; /* NULL before streamer_stage_start */
};

/* For cmocka: *state is the stage. The first one's streamer is ready; the second one has none, for
 * tests that start it with arguments of their own, or on what is in Redis already. */
int streamer_stage_setup(void **state);
int streamer_stage_setup_redis(void **state);
int streamer_stage_teardown(void **state);

#define ON_STREAMER_STAGE(test) \
    cmocka_unit_test_setup_teardown(test, streamer_stage_setup, streamer_stage_teardown)
#define ON_STREAMER_STAGE_REDIS(test) \
    cmocka_unit_test_setup_teardown(test, streamer_stage_setup_redis, streamer_stage_teardown)

/* `size` zeroed bytes that begin with a stage, which has its Redis and no streamer. For
 * streamer_stage_teardown. */
void *streamer_stage_create(size_t size);

/* Starts the streamer and waits until it is ready. `arguments` as for daemon_start_streamer. */
void streamer_stage_start(struct streamer_stage *stage, const char *const *arguments);
/* The same, but over TLS at streamer_stage_port, with a certificate made for it. Answers the port
 * at which it listens in the clear as well. */
int streamer_stage_start_tls(struct streamer_stage *stage, const char *const *arguments);
/* One more on the same Redis, ready. */
struct program *streamer_stage_start_another(const struct streamer_stage *stage, const char *name,
                                             const char *const *arguments);
/* Has openssl(1) make a certificate for 127.0.0.1 and its key: "ed25519", "rsa:2048". `name` is the
 * program's in the harness. */
void streamer_stage_make_certificate(const struct streamer_stage *stage, const char *name,
                                     const char *algorithm, const char *certificate,
                                     const char *key);
/* Until /readyz says so: it is connected to Redis and knows where the stream ends. */
void streamer_stage_wait_until_ready(const struct program *streamer);

int streamer_stage_port(const struct streamer_stage *stage);
/* http_get_local from the streamer. */
struct http_answer streamer_stage_get(const struct streamer_stage *stage, const char *path);

#endif
