#include "tests/e2e/daemons.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    WORDS_MAX = 64
};

static struct program *start(struct harness *harness, const struct program_options *options,
                             const char *const *more)
{
    const char *words[WORDS_MAX + 1] = { NULL };
    size_t count = 0;
    for (const char *const *word = options->arguments; *word; word++)
        words[count++] = *word;
    for (; more && *more; more++) {
        assert_true(count < WORDS_MAX);
        words[count++] = *more;
    }
    struct program_options complete = *options;
    complete.arguments = words;
    return program_start(harness, &complete);
}

struct program *daemon_start_ct_log(struct harness *harness, const char *name,
                                    const char *const *arguments)
{
    /* A wrapper is for the daemons: it would only make the log slow. */
    const char *const first[] = { LOCAL_CT_LOG, "--port", "0", NULL };
    return start(harness,
                 &(struct program_options){ name, .arguments = first, .ready = "listening on " },
                 arguments);
}

struct program *daemon_start_ingest(struct harness *harness, const char *name,
                                    const struct redis_server *redis, const struct program *ct_log,
                                    const char *const *arguments)
{
    return daemon_start_ingest_at(harness, name, redis_server_url(redis), ct_log, arguments);
}

static struct program *start_ingest(struct harness *harness, const char *name, const char *path,
                                    const char *url, const struct program *ct_log,
                                    const char *const *arguments)
{
    char list[DAEMON_URL_SIZE];
    (void)snprintf(list, sizeof list, "%s/log_list.json", program_ready_text(ct_log));
    /* The same name after a restart: it takes its logs over at once. */
    const char *const first[] = { path,     "--redis", url,          "--log-list", list,
                                  "--poll", "1",       "--instance", name,         NULL };
    /* Nearly all tests look at the stream; those about history ask for it. */
    static const char *const environment[] = { "CERTSTREAM_HISTORY=off", NULL };
    return start(harness,
                 &(struct program_options){ name, .arguments = first,
                                            .ready = "certstream-ingest ready",
                                            .environment = environment, .is_daemon = true },
                 arguments);
}

struct program *daemon_start_ingest_at(struct harness *harness, const char *name, const char *url,
                                       const struct program *ct_log, const char *const *arguments)
{
    return start_ingest(harness, name, CERTSTREAM_INGEST, url, ct_log, arguments);
}

struct program *daemon_start_ingest_program(struct harness *harness, const char *path,
                                            const struct redis_server *redis,
                                            const struct program *ct_log,
                                            const char *const *arguments)
{
    return start_ingest(harness, "ingest", path, redis_server_url(redis), ct_log, arguments);
}

static struct program *start_streamer(struct harness *harness, const char *name, const char *path,
                                      const char *url, const char *const *arguments)
{
    const char *const first[] = {
        path, "--redis", url, "--listen", "127.0.0.1", "--port", "0", NULL
    };
    return start(harness,
                 &(struct program_options){ name, .arguments = first, .ready = "listening on ",
                                            .is_daemon = true },
                 arguments);
}

struct program *daemon_start_streamer(struct harness *harness, const char *name,
                                      const struct redis_server *redis,
                                      const char *const *arguments)
{
    return daemon_start_streamer_at(harness, name, redis_server_url(redis), arguments);
}

struct program *daemon_start_streamer_at(struct harness *harness, const char *name, const char *url,
                                         const char *const *arguments)
{
    return start_streamer(harness, name, CERTSTREAM_STREAMER, url, arguments);
}

struct program *daemon_start_streamer_program(struct harness *harness, const char *path,
                                              const char *url, const char *const *arguments)
{
    return start_streamer(harness, "streamer", path, url, arguments);
}

void daemon_control_ct_log(const struct program *ct_log, const char *query)
{
    char path[DAEMON_URL_SIZE];
    (void)snprintf(path, sizeof path, "/control?%s", query);
    struct http_answer answer = http_get_local(program_port(ct_log), path);
    if (answer.status != 200)
        fail_msg("%s was answered with %ld: %s", path, answer.status, http_answer_text(&answer));
    http_answer_free(&answer);
}

static double sum_of(const cJSON *object)
{
    double sum = 0;
    const cJSON *number;
    cJSON_ArrayForEach(number, object) sum += number->valuedouble;
    return sum;
}

unsigned long long daemon_count_requests(const struct program *ct_log)
{
    struct http_answer answer = http_get_local(program_port(ct_log), "/stats");
    cJSON *stats = cJSON_Parse(http_answer_text(&answer));
    double count = 0;
    const cJSON *route;
    cJSON_ArrayForEach(route, cJSON_GetObjectItemCaseSensitive(
                                  stats, "requests")) if (strcmp(route->string, "control") != 0 &&
                                                          strcmp(route->string, "stats") != 0)
        count += sum_of(route);
    if (count == 0)
        fail_msg("no requests at /stats: %s", http_answer_text(&answer));
    cJSON_Delete(stats);
    http_answer_free(&answer);
    return (unsigned long long)count;
}
