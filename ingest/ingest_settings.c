#include "ingest/ingest_settings.h"

#include <assert.h>

#include "ingest/admin_order.h"
#include "ingest/ct/log_protocol.h"
#include "ingest/ct/rfc6962.h"
#include "ingest/lists/list_source.h"
#include "ingest/logs/log_settings.h"
#include "ingest/store/deployment.h"
#include "shared/base/base64.h"
#include "shared/base/decimal.h"
#include "shared/base/hex.h"
#include "shared/message/tile_path.h"
#include "shared/redis/redis_cluster.h"

enum {
    /* Tiled logs bear a head every 5 s, RFC 6962 logs one somewhat less often; idle logs are left
     * alone for longer (ingest/README.md, "Budgets"). */
    POLL_IDLE_MS = 60 * 1000,
};

static const char *check_redis(const char *value)
{
    struct redis_address address;
    const char *wrong = redis_address_parse(&address, value);
    return !wrong && address.wants_replica ? "ingest writes, which no replica takes" : wrong;
}

static const char *check_prefix(const char *value)
{
    struct contract contract;
    return contract_init(&contract, value)
               ? NULL
               : "a prefix is at most 64 of: letters, digits, { } : . _ -";
}

static const char *check_ingest_settings(const void *fields)
{
    const struct ingest_settings *settings = fields;
    char prefixes[SHARDS_MAX][CONTRACT_PREFIX_MAX + 1];
    if (!deployment_name(prefixes, settings->prefix, (unsigned)settings->shards))
        return "with shards the prefix needs a hash tag, as {certstream}, and room for 6 "
               "characters "
               "more";
    return redis_cluster_refuse_prefix(settings->redis, settings->prefix);
}

static const char *check_start(const char *value)
{
    struct follower_policy policy;
    return follower_policy_set_start(&policy, value) ? NULL : "neither head, nor an index, nor -N";
}

static const char *check_reason(const char *value)
{
    if (strlen(value) > ADMIN_ORDER_REASON_MAX)
        return "longer than 500 characters";
    for (; *value; value++)
        if (*value < 0x20 || *value > 0x7e)
            return "a reason is printable ASCII";
    return NULL;
}

static const char *check_verify(const char *value)
{
    bool good = strcmp(value, "strict") == 0 || strcmp(value, "off") == 0;
    return good ? NULL : "neither strict nor off";
}

static const char *check_history(const char *value)
{
    bool good = strcmp(value, "on") == 0 || strcmp(value, "off") == 0;
    return good ? NULL : "neither on nor off";
}

static const char *check_contact(const char *value)
{
    if (strstr(value, "example.com"))
        return "a contact at example.com reaches nobody";
    /* Logs take nothing else for a contact. */
    if (*value && !strchr(value, '@') && !strstr(value, "https://"))
        return "a contact is an e-mail address or an https:// address";
    for (; *value; value++)
        if (*value < 0x20 || *value > 0x7e)
            return "a contact is printable ASCII";
    return NULL;
}

static const char *check_instance(const char *value)
{
    if (strlen(value) > CONTRACT_INSTANCE_MAX)
        return "longer than 64 characters";
    for (; *value; value++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", *value))
            return "a name is made of letters, digits, . - and _";
    return NULL;
}

static const char *check_log_list(const char *value)
{
    size_t size = strlen(value);
    return size && size < LIST_ADDRESS_SIZE - 32 ? NULL : "no address, or a very long one";
}

static const char *check_key_file(const char *value)
{
    return strstr(value, "://") ? "a file is meant: what is fetched has to have the pinned hash"
                                : NULL;
}

static const char *check_key_hash(const char *value)
{
    uint8_t hash[SHA256_SIZE];
    return hex_decode(hash, sizeof hash, bytes_of_string(value)) ? NULL
                                                                 : "not a SHA-256: 64 hex digits";
}

static const char *check_log_id(const char *value)
{
    uint8_t id[SHA256_SIZE];
    return ct_log_read_id(value, id) ? NULL : "not a log id, in hex or base64";
}

static const struct setting table[] = {
    { .name = "redis",
      .type = SETTING_TEXT,
      .offset = offsetof(struct ingest_settings, redis),
      .default_text = "redis://127.0.0.1:6379/0",
      .value_name = "URL",
      .help = "redis://[user:password@]host:port/db, rediss://… (TLS), unix:///path, "
              "sentinel://host,host/name or cluster://host,host (redis/README.md)",
      .check = check_redis },
    { .name = "prefix",
      .type = SETTING_TEXT,
      .offset = offsetof(struct ingest_settings, prefix),
      .default_text = CONTRACT_PREFIX,
      .value_name = "TEXT",
      .help = "what every Redis key starts with",
      .check = check_prefix },
    { .name = "shards",
      .type = SETTING_INTEGER,
      .offset = offsetof(struct ingest_settings, shards),
      .default_text = "1",
      .min = 1,
      .max = SHARDS_MAX,
      .value_name = "N",
      .help =
          "streams over which the logs are spread, in a Redis Cluster over its nodes; it cannot "
          "be changed later (redis/README.md, \"Shards\")" },
    { .name = "log-list",
      .type = SETTING_LIST,
      .offset = offsetof(struct ingest_settings, log_lists),
      .value_name = "LIST",
      .help = "chrome, chrome-all, apple, or a file or URL (v3 JSON), signed:FILE|URL if it has a "
              "signature like Chrome's; repeatable; without any: chrome and apple",
      .check = check_log_list },
    { .name = "log-list-key",
      .type = SETTING_TEXT,
      .offset = offsetof(struct ingest_settings, log_list_key),
      .value_name = "FILE",
      .help = "the public key (PEM) that signs lists, trusted as it is; without: "
              "log_list_pubkey.pem from beside the list, if it has the hash below",
      .check = check_key_file },
    { .name = "log-list-key-hash",
      .type = SETTING_TEXT,
      .offset = offsetof(struct ingest_settings, log_list_key_hash),
      .default_text = "f1d8b68e50210d8e73d9a3e97f571773c52d7f28c0b1a71beee81d8562e6fd85",
      .value_name = "HEX",
      .help = "SHA-256 of the key that signs lists (of its SubjectPublicKeyInfo)",
      .check = check_key_hash },
    { .name = "list-refresh",
      .type = SETTING_DURATION,
      .offset = offsetof(struct ingest_settings, list_refresh_ms),
      .default_text = "1h",
      .min = 1000,
      .max = INT64_C(7) * 86400 * 1000,
      .value_name = "DURATION",
      .help = "how often log lists are read, give or take a fifth" },
    { .name = "list-brake",
      .type = SETTING_INTEGER,
      .offset = offsetof(struct ingest_settings, list_brake),
      .default_text = "30",
      .min = 0,
      .max = 100,
      .value_name = "PERCENT",
      .help =
          "a list that would stop more of the followed logs at once is not taken; 100: any is" },
    { .name = "follow-pending",
      .type = SETTING_FLAG,
      .offset = offsetof(struct ingest_settings, follow_pending),
      .help = "follow logs that lists call pending, too" },
    { .name = "ignore-log",
      .type = SETTING_LIST,
      .offset = offsetof(struct ingest_settings, ignored_logs),
      .value_name = "ID",
      .help = "a log that is not followed whatever lists say, by its id in hex or base64; "
              "repeatable",
      .check = check_log_id },
    { .name = "start",
      .type = SETTING_TEXT,
      .offset = offsetof(struct ingest_settings, start),
      .default_text = "head",
      .value_name = "head|N|-N",
      .help =
          "where a log that is new to Redis starts: at its head, at an index, or N before the head",
      .check = check_start },
    { .name = "poll",
      .type = SETTING_DURATION,
      .offset = offsetof(struct ingest_settings, poll_ms),
      .default_text = "0",
      .min = 0,
      .max = INT64_C(3600) * 1000,
      .value_name = "SECONDS",
      .help = "how often a log is asked for its head; 0: every 5 s (tiled) or 10 s (RFC 6962), "
              "idle logs less often" },
    { .name = "partial-age",
      .type = SETTING_DURATION,
      .offset = offsetof(struct ingest_settings, partial_age_ms),
      .default_text = "0",
      .min = 0,
      .max = INT64_C(3600) * 1000,
      .value_name = "DURATION",
      .help = "how long a tile that is not full yet is left to fill before it is fetched: more is "
              "easier on tiled logs, "
              "less is earlier" },
    { .name = "verify",
      .type = SETTING_TEXT,
      .offset = offsetof(struct ingest_settings, verify),
      .default_text = "strict",
      .value_name = "strict|off",
      .help = "whether entries are proven to be in the log's signed tree before they are published",
      .check = check_verify },
    { .name = "quarantine-recheck",
      .type = SETTING_DURATION,
      .offset = offsetof(struct ingest_settings, quarantine_ms),
      .default_text = "300",
      .min = 100,
      .max = INT64_C(6 * 3600) * 1000,
      .value_name = "DURATION",
      .help = "when a log that serves what it did not sign is looked at again; then twice as long "
              "each time, up to 6 h" },
    { .name = "log-settings",
      .type = SETTING_TEXT,
      .offset = offsetof(struct ingest_settings, log_settings),
      .value_name = "FILE",
      .help = "what counts for single operators and logs (ingest/README.md, \"Budgets\"): requests "
              "per second and at once, keep-alive, page, start, CA, source address, proxy",
      .check = log_settings_check },
    { .name = "stuck-age",
      .type = SETTING_DURATION,
      .offset = offsetof(struct ingest_settings, stuck_age_ms),
      .default_text = "1h",
      .min = 1000,
      .max = INT64_C(366) * 86400 * 1000,
      .value_name = "DURATION",
      .help = "after how long a log that fails to give what it is asked for is an alarm" },
    { .name = "on-quarantine",
      .type = SETTING_TEXT,
      .offset = offsetof(struct ingest_settings, on_quarantine),
      .value_name = "PROGRAM",
      .help = "a program that is started when a log comes into quarantine, with its id, the class "
              "and its name" },
    { .name = "retain-entries",
      .type = SETTING_INTEGER,
      .offset = offsetof(struct ingest_settings, retain_entries),
      .default_text = "0",
      .min = 0,
      .max = INT64_C(1000000000000),
      .value_name = "N",
      .help = "entries that are kept, about; 0: as many as fit" },
    { .name = "retain-age",
      .type = SETTING_DURATION,
      .offset = offsetof(struct ingest_settings, retain_age_ms),
      .default_text = "0",
      .min = 0,
      .max = INT64_C(10) * 366 * 86400 * 1000,
      .value_name = "DURATION",
      .help = "how long an entry is kept, about, e.g. 12h; 0: no limit" },
    { .name = "retain-bytes",
      .type = SETTING_BYTES,
      .offset = offsetof(struct ingest_settings, retain_bytes),
      .default_text = "0",
      .min = 0,
      .max = INT64_C(1) << 50,
      .value_name = "BYTES",
      .help =
          "what stream, history and issuers may take in Redis, about, e.g. 4g; 0: what fits its "
          "maxmemory, less a fifth; 1g where nothing is limited" },
    { .name = "history",
      .type = SETTING_TEXT,
      .offset = offsetof(struct ingest_settings, history),
      .default_text = "on",
      .value_name = "on|off",
      .help =
          "whether older entries are packed into blocks, which take a tenth of the memory; off: "
          "what is packed stays until it is trimmed",
      .check = check_history },
    { .name = "plain-age",
      .type = SETTING_DURATION,
      .offset = offsetof(struct ingest_settings, plain_age_ms),
      .default_text = "60",
      .min = 1000,
      .max = INT64_C(86400) * 1000,
      .value_name = "DURATION",
      .help = "how long an entry stays plain in the stream before it is packed" },
    { .name = "plain-bytes",
      .type = SETTING_BYTES,
      .offset = offsetof(struct ingest_settings, plain_bytes),
      .default_text = "256m",
      .min = INT64_C(1) << 20,
      .max = INT64_C(1) << 50,
      .value_name = "BYTES",
      .help =
          "what plain entries take at most before the oldest are packed; no more than an eighth "
          "of Redis' maxmemory" },
    { .name = "group-hold",
      .type = SETTING_DURATION,
      .offset = offsetof(struct ingest_settings, group_hold_ms),
      .default_text = "10m",
      .min = 0,
      .max = INT64_C(366) * 86400 * 1000,
      .value_name = "DURATION",
      .help = "how long an entry that a consumer group has not acknowledged stays plain" },
    { .name = "group-hold-bytes",
      .type = SETTING_BYTES,
      .offset = offsetof(struct ingest_settings, group_hold_bytes),
      .default_text = "1g",
      .min = 0,
      .max = INT64_C(1) << 50,
      .value_name = "BYTES",
      .help = "and as long as plain entries take no more than this, or a quarter of Redis' "
              "maxmemory" },
    { .name = "contact",
      .type = SETTING_TEXT,
      .offset = offsetof(struct ingest_settings, contact),
      .value_name = "TEXT",
      .help = "an e-mail address or https:// URL of yours for the User-Agent: logs throttle "
              "anonymous clients",
      .check = check_contact },
    { .name = "instance",
      .type = SETTING_TEXT,
      .offset = offsetof(struct ingest_settings, instance),
      .value_name = "NAME",
      .help = "this process among others on the same Redis; a restart under the same name takes "
              "its logs over at once; "
              "without: host name and process id",
      .check = check_instance },
    { .name = "list-logs",
      .type = SETTING_FLAG,
      .is_once = true,
      .offset = offsetof(struct ingest_settings, list_logs),
      .help = "print the logs that would be followed, and exit" },
    { .name = "release",
      .type = SETTING_TEXT,
      .is_once = true,
      .offset = offsetof(struct ingest_settings, release),
      .value_name = "LOG",
      .help =
          "have a quarantined log (its id in hex) looked at now, say so in the stream, and exit",
      .check = admin_order_check_release },
    { .name = "rebase",
      .type = SETTING_TEXT,
      .is_once = true,
      .offset = offsetof(struct ingest_settings, rebase),
      .value_name = "LOG=INDEX",
      .help = "have a log go on from this index, skipped or published again what lies between, say "
              "so in the stream, and exit",
      .check = admin_order_check_rebase },
    { .name = "reason",
      .type = SETTING_TEXT,
      .is_once = true,
      .offset = offsetof(struct ingest_settings, reason),
      .value_name = "TEXT",
      .help = "why, for the record in the stream",
      .check = check_reason },
};

const struct settings_program ingest_settings_program = {
    .name = "certstream-ingest",
    .summary = "follows Certificate Transparency logs and appends their certificates to Redis",
    .table = table,
    .count = sizeof table / sizeof *table,
    .check = check_ingest_settings,
};

void ingest_settings_address(const struct ingest_settings *settings, struct redis_address *address)
{
    const char *wrong = redis_address_parse(address, settings->redis);
    assert(!wrong);
}

void ingest_settings_policy(const struct ingest_settings *settings, enum ct_log_kind kind,
                            struct follower_policy *policy)
{
    const struct log_protocol *protocol = log_protocol_of(kind);
    *policy = (struct follower_policy){
        .poll_ms = protocol->poll_ms,
        .poll_max_ms = POLL_IDLE_MS,
        .page_max = protocol->page_max,
        .has_tiles = protocol->has_partial_tiles,
        .verifies = strcmp(settings->verify, "off") != 0,
        .partial_ms = (uint64_t)settings->partial_age_ms,
        .quarantine_ms = (uint64_t)settings->quarantine_ms,
    };
    if (settings->poll_ms)
        policy->poll_ms = policy->poll_max_ms = (uint64_t)settings->poll_ms;
    bool good = follower_policy_set_start(policy, settings->start);
    assert(good);
}
