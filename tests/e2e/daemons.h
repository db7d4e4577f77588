/*
 * This project's programs as the end-to-end tests start them: on a Redis of the test's own, on any
 * free port, following only the local CT log. All are ended and checked by the harness.
 */
#ifndef TESTS_E2E_DAEMONS_H
#define TESTS_E2E_DAEMONS_H

#include "tests/support/program.h"

struct redis_server;

enum {
    DAEMON_URL_SIZE = 128
};

/* `arguments` are more words for the command line, NULL last; or NULL. `name` is unique in the
 * harness. */
struct program *daemon_start_ct_log(struct harness *harness, const char *name,
                                    const char *const *arguments);
struct program *daemon_start_ingest(struct harness *harness, const char *name,
                                    const struct redis_server *redis, const struct program *ct_log,
                                    const char *const *arguments);
struct program *daemon_start_streamer(struct harness *harness, const char *name,
                                      const struct redis_server *redis,
                                      const char *const *arguments);
/* The same with any --redis. */
struct program *daemon_start_ingest_at(struct harness *harness, const char *name, const char *url,
                                       const struct program *ct_log, const char *const *arguments);
struct program *daemon_start_streamer_at(struct harness *harness, const char *name, const char *url,
                                         const char *const *arguments);
/* The same of another build, by its program's path. */
struct program *daemon_start_ingest_program(struct harness *harness, const char *path,
                                            const struct redis_server *redis,
                                            const struct program *ct_log,
                                            const char *const *arguments);
struct program *daemon_start_streamer_program(struct harness *harness, const char *path,
                                              const char *url, const char *const *arguments);

/* Asks the local CT log for something at /control, e.g. "size=3000" or
 * "route=any&fault=delay&ms=20". Fails the test unless it obeys. */
void daemon_control_ct_log(const struct program *ct_log, const char *query);
/* How many requests it has had but for those to /control and /stats. */
unsigned long long daemon_count_requests(const struct program *ct_log);

#endif
