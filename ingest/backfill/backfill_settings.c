#include "ingest/backfill/backfill_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/ingest_settings.h"
#include "ingest/logs/log_settings.h"
#include "shared/base/decimal.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_cluster.h"

#define FIELD(name) offsetof(struct backfill_settings, name)

static const char *check_backfill_redis(const char *value)
{
    struct redis_address address;
    const char *wrong = redis_address_parse(&address, value);
    return !wrong && address.wants_replica ? "a backfill writes, which no replica takes" : wrong;
}

/* The live stream has each index once, so nothing is to be added to it. */
static const char *check_into(const char *value)
{
    struct contract contract;
    const char *live = getenv("CERTSTREAM_PREFIX");
    if (!*value)
        return NULL;
    if (strcmp(value, CONTRACT_PREFIX) == 0 || (live && strcmp(value, live) == 0))
        return "that is the prefix of the live stream";
    return contract_init(&contract, value)
               ? NULL
               : "a prefix is at most 64 of: letters, digits, { } : . _ -";
}

static const struct setting words = {
    .name = "words",
    .type = SETTING_LIST,
    .offset = FIELD(words),
    .value_name = "LOG FROM TO",
    .help = "a log of the log lists (id, address, or a part of its name) and two indexes, both "
            "included; TO may be head",
};

static const struct setting table[] = {
    { .name = "into",
      .type = SETTING_TEXT,
      .offset = FIELD(into),
      .value_name = "PREFIX",
      .help = "write to Redis under this prefix, as ingest does, instead of to standard output; a "
              "second run goes on where the first ended",
      .check = check_into },
    { .name = "redis",
      .type = SETTING_TEXT,
      .offset = FIELD(redis),
      .default_text = "redis://127.0.0.1:6379/0",
      .value_name = "URL",
      .help = "the Redis for --into",
      .check = check_backfill_redis },
    { .name = "full",
      .type = SETTING_FLAG,
      .offset = FIELD(full),
      .help = "on standard output: with DER and chain, as on /full-stream" },
    { .name = "log-list",
      .type = SETTING_LIST,
      .offset = FIELD(log_lists),
      .value_name = "LIST",
      .help = "chrome, chrome-all, apple, a file or a URL, as of certstream-ingest; without any: "
              "chrome and apple" },
    { .name = "log-list-key",
      .type = SETTING_TEXT,
      .offset = FIELD(log_list_key),
      .value_name = "FILE",
      .help = "the public key (PEM) that signs lists, as of certstream-ingest" },
    { .name = "log-list-key-hash",
      .type = SETTING_TEXT,
      .offset = FIELD(log_list_key_hash),
      .default_text = "f1d8b68e50210d8e73d9a3e97f571773c52d7f28c0b1a71beee81d8562e6fd85",
      .value_name = "HEX",
      .help = "SHA-256 of the key that signs lists (of its SubjectPublicKeyInfo)" },
    { .name = "log-settings",
      .type = SETTING_TEXT,
      .offset = FIELD(log_settings),
      .value_name = "FILE",
      .help = "what is to be heeded with single operators and logs (JSON), as of certstream-ingest",
      .check = log_settings_check },
    { .name = "contact",
      .type = SETTING_TEXT,
      .offset = FIELD(contact),
      .value_name = "TEXT",
      .help = "an e-mail address or https:// URL of yours for the User-Agent: logs throttle "
              "anonymous clients" },
};

static const char *check_backfill_settings(const void *fields)
{
    const struct backfill_settings *settings = fields;
    return *settings->into ? redis_cluster_refuse_prefix(settings->redis, settings->into) : NULL;
}

const struct settings_program backfill_settings_program = {
    .name = "certstream-backfill",
    .summary = "reads entries of one log, proves them, and prints them as JSON lines",
    .table = table,
    .count = sizeof table / sizeof *table,
    .words = &words,
    .check = check_backfill_settings,
};

static bool say_wrong(const char *what)
{
    (void)fprintf(stderr, "certstream-backfill: %s (see --help)\n", what);
    return false;
}

bool backfill_settings_range(const struct backfill_settings *settings, struct backfill_range *range)
{
    uint64_t last;
    if (settings->words.count != 3)
        return say_wrong("a log and two indexes are needed: LOG FROM TO");
    const char *to = settings->words.items[2];
    range->log = settings->words.items[0];
    if (!decimal_parse(&range->from, bytes_of_string(settings->words.items[1])))
        return say_wrong("FROM is an index, a whole number from 0");
    range->end = UINT64_MAX;
    if (strcmp(to, "head") == 0)
        return true;
    if (!decimal_parse(&last, bytes_of_string(to)) || last < range->from || last > INT64_MAX)
        return say_wrong("TO is head, or an index that is not below FROM");
    range->end = last + 1;
    return true;
}
