/* certstream-status: what runs and how each log does, as it stands in Redis (status.h). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ingest/status/status_text.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/process/settings.h"
#include "shared/redis/redis_address.h"
#include "shared/redis/redis_cluster.h"

enum {
    EXIT_WRONG_SETTING = 3, /* 0 to 2 are verdicts */
    WATCH_S = 2,
};

struct status_settings {
    char *redis;
    char *prefix;
    char *ingest;
    bool json;
    bool logs;
    bool watch;
};

static const char *check_status_redis(const char *value)
{
    struct redis_address address;
    return redis_address_parse(&address, value);
}

static const char *check_status_prefix(const char *value)
{
    struct contract contract;
    return contract_init(&contract, value)
               ? NULL
               : "a prefix is at most 64 of: letters, digits, { } : . _ -";
}

static const struct setting table[] = {
    { .name = "redis",
      .type = SETTING_TEXT,
      .offset = offsetof(struct status_settings, redis),
      .default_text = "redis://127.0.0.1:6379/0",
      .value_name = "URL",
      .help = "the Redis that ingest and streamer share",
      .check = check_status_redis },
    { .name = "prefix",
      .type = SETTING_TEXT,
      .offset = offsetof(struct status_settings, prefix),
      .default_text = CONTRACT_PREFIX,
      .value_name = "TEXT",
      .help = "what every Redis key starts with",
      .check = check_status_prefix },
    { .name = "ingest",
      .type = SETTING_TEXT,
      .offset = offsetof(struct status_settings, ingest),
      .value_name = "NAME",
      .help = "only whether the ingest process of this name (its --instance) is alive: exit code 0 "
              "or 2; for the health checks of containers" },
    { .name = "json",
      .type = SETTING_FLAG,
      .offset = offsetof(struct status_settings, json),
      .help = "for programs: one JSON object" },
    { .name = "logs",
      .type = SETTING_FLAG,
      .offset = offsetof(struct status_settings, logs),
      .help = "only the logs" },
    { .name = "watch",
      .type = SETTING_FLAG,
      .offset = offsetof(struct status_settings, watch),
      .help = "again every 2 s, until Ctrl-C" },
};

static const char *check_status_settings(const void *fields)
{
    const struct status_settings *settings = fields;
    return redis_cluster_refuse_prefix(settings->redis, settings->prefix);
}

static const struct settings_program program = {
    .name = "certstream-status",
    .summary = "prints what runs and how each log does; exit code 0: well, 1: behind, 2: down",
    .table = table,
    .count = sizeof table / sizeof *table,
    .check = check_status_settings,
};

static enum status_verdict print_status(const struct status_settings *settings)
{
    struct redis_address address;
    struct contract contract;
    struct status status;
    struct buffer text;
    struct terminal terminal = terminal_of(stdout);
    unsigned long long now_ms = clock_realtime_ms();
    (void)redis_address_parse(&address, settings->redis);
    (void)contract_init(&contract, settings->prefix);
    buffer_init(&text, SIZE_MAX);
    status_read(&status, &address, &contract);
    enum status_verdict verdict = status_judge(&status, now_ms);
    if (settings->json)
        status_text_write_json(&text, &status, now_ms);
    else if (!*status.reason)
        status_text_write(&text, &terminal, &status, settings->logs, now_ms);
    if (settings->watch && terminal.is_one)
        (void)fputs("\x1b[H\x1b[J", stdout);
    (void)fwrite(text.data, 1, text.size, stdout);
    (void)fflush(stdout);
    if (*status.reason)
        (void)fprintf(stderr, "certstream: not running: no Redis answers: %s\n",
                      say_quoted(status.reason));
    else if (!settings->json && verdict == STATUS_DOWN)
        (void)fputs("certstream: nothing runs: no ingest process is alive\n", stderr);
    status_clear(&status);
    buffer_free(&text);
    return verdict;
}

/* What it printed would be everybody's; of one, the exit code says it all. */
static enum status_verdict find_ingest(const struct status_settings *settings)
{
    struct redis_address address;
    struct contract contract;
    struct status status;
    (void)redis_address_parse(&address, settings->redis);
    (void)contract_init(&contract, settings->prefix);
    status_read(&status, &address, &contract);
    enum status_verdict verdict = STATUS_DOWN;
    for (size_t i = 0; i < status.ingest_count; i++)
        if (strcmp(status.ingests[i].name, settings->ingest) == 0)
            verdict = STATUS_WELL;
    status_clear(&status);
    if (verdict == STATUS_DOWN)
        (void)fprintf(stderr, "certstream: no ingest process %s\n", say_quoted(settings->ingest));
    return verdict;
}

static int run_status(const struct status_settings *settings)
{
    enum status_verdict verdict;
    say_only_warnings();
    if (*settings->ingest)
        return (int)find_ingest(settings);
    do {
        verdict = print_status(settings);
        const struct timespec pause = { .tv_sec = WATCH_S };
        if (settings->watch && (nanosleep(&pause, NULL) != 0 || ferror(stdout)))
            break;
    } while (settings->watch);
    return (int)verdict;
}

int main(int argc, char **argv)
{
    struct status_settings settings = { 0 };
    int code = EXIT_WRONG_SETTING;
    switch (settings_read(&program, &settings, argc, argv)) {
    case SETTINGS_READY: code = run_status(&settings); break;
    case SETTINGS_STOP: code = EXIT_SUCCESS; break;
    case SETTINGS_WRONG: break;
    }
    settings_free(&program, &settings);
    return code;
}
