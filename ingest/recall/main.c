/* certstream-history: prints what Redis holds, packed and plain (recall.h). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ingest/recall/recall.h"
#include "shared/base/decimal.h"
#include "shared/process/clock.h"
#include "shared/process/settings.h"
#include "shared/redis/redis_address.h"

enum {
    EXIT_WRONG_SETTING = 3,
    EXIT_AWAY = 2,
    EXIT_INCOMPLETE = 1,
};

struct history_settings {
    char *redis;
    char *prefix;
    bool domains;
    struct setting_list words;
};

static const char *check_history_redis(const char *value)
{
    struct redis_address address;
    return redis_address_parse(&address, value);
}

static const char *check_history_prefix(const char *value)
{
    struct contract contract;
    return contract_init(&contract, value)
               ? NULL
               : "a prefix is at most 64 of: letters, digits, { } : . _ -";
}

/* Milliseconds of "90s", "15m", "2h", "1d"; false if it is none. */
static bool read_span(uint64_t *ms, const char *text)
{
    static const struct {
        char letter;
        uint64_t ms;
    } units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
    size_t size = strlen(text);
    for (size_t i = 0; size && i < sizeof units / sizeof *units; i++)
        if (text[size - 1] == units[i].letter)
            return decimal_parse(ms, bytes_of(text, size - 1)) && *ms < UINT64_C(1) << 30 &&
                   (*ms *= units[i].ms, true);
    return false;
}

/* An id, a time in ms since 1970, or how long ago. `is_end`: a time ends with its millisecond. */
static bool read_place(struct stream_id *id, const char *text, bool is_end)
{
    uint64_t ms, now_ms = clock_realtime_ms();
    if (stream_id_parse(id, bytes_of_string(text)))
        return true;
    if (read_span(&ms, text))
        ms = ms < now_ms ? now_ms - ms : 0;
    else if (!decimal_parse(&ms, bytes_of_string(text)))
        return false;
    *id = (struct stream_id){ ms, is_end ? UINT64_MAX : 0 };
    return true;
}

static const char *check_word(const char *value)
{
    struct stream_id id;
    return read_place(&id, value, false)
               ? NULL
               : "neither an id, nor a time in ms since 1970, nor how long ago, as 15m";
}

static const struct setting words = {
    .name = "words",
    .type = SETTING_LIST,
    .offset = offsetof(struct history_settings, words),
    .value_name = "[FROM [TO]]",
    .help = "both included: an id, a time in ms since 1970, or how long ago, as 90s, 15m, 2h; "
            "without: from the oldest to the newest",
    .check = check_word,
};

static const struct setting table[] = {
    { .name = "redis",
      .type = SETTING_TEXT,
      .offset = offsetof(struct history_settings, redis),
      .default_text = "redis://127.0.0.1:6379/0",
      .value_name = "URL",
      .help = "the Redis that ingest and streamer share",
      .check = check_history_redis },
    { .name = "prefix",
      .type = SETTING_TEXT,
      .offset = offsetof(struct history_settings, prefix),
      .default_text = CONTRACT_PREFIX,
      .value_name = "TEXT",
      .help = "what every Redis key starts with",
      .check = check_history_prefix },
    { .name = "domains",
      .type = SETTING_FLAG,
      .offset = offsetof(struct history_settings, domains),
      .help = "only the names, as on /domains-only" },
};

static const struct settings_program program = {
    .name = "certstream-history",
    .summary = "prints the messages that Redis holds, packed and plain, as JSON lines",
    .table = table,
    .count = sizeof table / sizeof *table,
    .words = &words,
};

static int run_history(const struct history_settings *settings)
{
    struct redis_address address;
    struct contract contract;
    (void)redis_address_parse(&address, settings->redis);
    (void)contract_init(&contract, settings->prefix);
    struct recall_options options = {
        .address = &address,
        .contract = &contract,
        .from = { 0, 1 },
        .to = { UINT64_MAX, UINT64_MAX },
        .only_domains = settings->domains,
    };
    if (settings->words.count > 0)
        (void)read_place(&options.from, settings->words.items[0], false);
    if (settings->words.count > 1)
        (void)read_place(&options.to, settings->words.items[1], true);
    switch (recall_print(&options)) {
    case RECALL_DONE: return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_INCOMPLETE;
    case RECALL_INCOMPLETE: return EXIT_INCOMPLETE;
    case RECALL_AWAY: return EXIT_AWAY;
    }
    return EXIT_INCOMPLETE;
}

int main(int argc, char **argv)
{
    struct history_settings settings = { 0 };
    int code = EXIT_WRONG_SETTING;
    switch (settings_read(&program, &settings, argc, argv)) {
    case SETTINGS_READY:
        if (settings.words.count <= 2)
            code = run_history(&settings);
        else
            (void)fputs("certstream-history: more than FROM and TO\n", stderr);
        break;
    case SETTINGS_STOP: code = EXIT_SUCCESS; break;
    case SETTINGS_WRONG: break;
    }
    settings_free(&program, &settings);
    return code;
}
