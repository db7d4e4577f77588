#include "streamer/streamer_settings.h"

#include <string.h>

#include "shared/redis/contract.h"
#include "shared/redis/redis_address.h"
#include "shared/redis/redis_cluster.h"
#include "streamer/edge/access.h"
#include "streamer/edge/forwarded.h"
#include "streamer/edge/listener.h"
#include "streamer/edge/token_set.h"

static const char *check_redis(const char *value)
{
    struct redis_address address;
    return redis_address_parse(&address, value);
}

static const char *check_prefix(const char *value)
{
    struct contract contract;
    return contract_init(&contract, value) ? NULL : "not 1 to 64 letters, digits and {}:._-";
}

static const char *check_listen(const char *value)
{
    struct listener_place place;
    return listener_place_parse(&place, value);
}

static const char *check_token(const char *value)
{
    return token_set_check(bytes_of_string(value));
}

static const char *check_proxy(const char *value)
{
    return trusted_proxies_check(bytes_of_string(value)) ? NULL
                                                         : "not an address, 10.0.0.0/8 or unix:";
}

static const char *check_dialect(const char *value)
{
    return strcmp(value, "certstream") == 0 || strcmp(value, "go") == 0
               ? NULL
               : "neither certstream nor go";
}

#define FIELD(name) offsetof(struct streamer_settings, name)

static const struct setting table[] = {
    {
        .name = "redis",
        .type = SETTING_TEXT,
        .offset = FIELD(redis),
        .default_text = "redis://127.0.0.1:6379/0",
        .value_name = "URL",
        .help = "where Redis is: redis://[user:password@]host:port/db, rediss://… (TLS), "
                "unix:///path, sentinel://host,host/name[?role=replica] or "
                "cluster://host,host[?role=replica] (redis/README.md)",
        .check = check_redis,
    },
    {
        .name = "prefix",
        .type = SETTING_TEXT,
        .offset = FIELD(prefix),
        .default_text = CONTRACT_PREFIX,
        .value_name = "PREFIX",
        .help = "what the keys in Redis begin with; the same as the ingest's",
        .check = check_prefix,
    },
    {
        .name = "listen",
        .type = SETTING_LIST,
        .offset = FIELD(listen),
        .default_text = "0.0.0.0",
        .value_name = "PLACE",
        .help =
            "where to listen: ADDRESS[:PORT], [IPv6]:PORT or unix:/path; :: is every address of "
            "both kinds; http:// before it leaves TLS out",
        .check = check_listen,
    },
    {
        .name = "admin-listen",
        .type = SETTING_LIST,
        .offset = FIELD(admin_listen),
        .value_name = "PLACE",
        .help = "where administrators ask, without a token and whoever fills the other places: "
                "health, readiness, metrics, /admin/clients; 127.0.0.1:4001 or unix:/path",
        .check = check_listen,
    },
    {
        .name = "port",
        .type = SETTING_INTEGER,
        .offset = FIELD(port),
        .default_text = "4000",
        .min = 0,
        .max = 65535,
        .value_name = "PORT",
        .help = "the port where --listen names none; 0: any that is free",
        .also_variable = "PORT",
    },
    {
        .name = "share-port",
        .type = SETTING_FLAG,
        .offset = FIELD(share_port),
        .help = "share the port with other streamers that have this set; the kernel deals the "
                "clients out",
    },
    {
        .name = "tls-cert",
        .type = SETTING_TEXT,
        .offset = FIELD(tls_cert),
        .value_name = "FILE",
        .help = "speak TLS, with this certificate and its chain (PEM); SIGHUP reads it again",
    },
    {
        .name = "tls-key",
        .type = SETTING_TEXT,
        .offset = FIELD(tls_key),
        .value_name = "FILE",
        .help = "the certificate's private key (PEM)",
    },
    {
        .name = "token",
        .type = SETTING_LIST,
        .offset = FIELD(tokens),
        .value_name = "TOKEN",
        .help = "let in only who presents it: Authorization: Bearer TOKEN, or ?token=TOKEN; "
                "--token-file keeps it out of the process list",
        .check = check_token,
        .is_secret = true,
    },
    {
        .name = "token-file",
        .type = SETTING_TEXT,
        .offset = FIELD(token_file),
        .value_name = "FILE",
        .help =
            "a token per line, or name:token and limits of its own (README); # starts a comment "
            "line; SIGHUP reads it again",
    },
    {
        .name = "origin",
        .type = SETTING_LIST,
        .offset = FIELD(origins),
        .value_name = "ORIGIN",
        .help = "let in only browser pages of this origin, https://example.com, and the streamer's "
                "own; not set: of all",
        .check = access_check_origin,
    },
    {
        .name = "own-origin",
        .type = SETTING_LIST,
        .offset = FIELD(own_origins),
        .value_name = "ORIGIN",
        .help = "where the streamer's own page is, if it is asked for in the clear by a name, as "
                "behind a proxy: https://ct.example.com; for --origin",
        .check = access_check_origin,
    },
    {
        .name = "trusted-proxy",
        .type = SETTING_LIST,
        .offset = FIELD(trusted_proxies),
        .value_name = "RANGE",
        .help =
            "believe X-Forwarded-For from there: an address, 10.0.0.0/8, or unix: for who comes "
            "through a Unix socket",
        .check = check_proxy,
    },
    {
        .name = "dialect",
        .type = SETTING_TEXT,
        .offset = FIELD(dialect),
        .default_text = "certstream",
        .value_name = "certstream|go",
        .help = "the form of messages for clients that do not ask for one (?dialect=go)",
        .check = check_dialect,
    },
    {
        .name = "no-deflate",
        .type = SETTING_FLAG,
        .offset = FIELD(no_deflate),
        .help = "do not compress for WebSocket clients that offer permessage-deflate",
    },
    {
        /* At 4,000 entries a second and 4.5 KB each this is two seconds of the lite stream: a
         * client that pauses for less, as for a collection of garbage, is not overtaken. */
        .name = "ring-bytes",
        .type = SETTING_BYTES,
        .offset = FIELD(ring_bytes),
        .default_text = "32m",
        .min = 65536,
        .max = INT64_C(64) << 30,
        .value_name = "SIZE",
        .help = "memory for a stream that most listen to: how far a client may lag; all streams "
                "together take at most eight times as much",
    },
    {
        /* Each has a ring: 512 KiB of the first 128, with the default ring-bytes, and 64 KiB of the
         * others; 120 MiB in all. */
        .name = "max-filters",
        .type = SETTING_INTEGER,
        .offset = FIELD(max_filters),
        .default_text = "1024",
        .min = 1,
        .max = 30000,
        .value_name = "COUNT",
        .help = "streams with different filters at once",
    },
    {
        /* 115 bytes each, and at the start so many entries are read from Redis. Logs that share
         * certificates have them within minutes of each other. */
        .name = "unique-window",
        .type = SETTING_INTEGER,
        .offset = FIELD(unique_window),
        .default_text = "100000",
        .min = 1,
        .max = 1 << 28,
        .value_name = "COUNT",
        .help = "certificates that are remembered for unique=1 and /api/cert",
    },
    {
        /* Each is up to about a megabyte. */
        .name = "replay-pages",
        .type = SETTING_INTEGER,
        .offset = FIELD(replay_pages),
        .default_text = "32",
        .min = 1,
        .max = 100000,
        .value_name = "COUNT",
        .help = "pages of missed messages held at once, for clients that resume or are too slow",
    },
    {
        .name = "replay-rate",
        .type = SETTING_BYTES,
        .offset = FIELD(replay_rate),
        .default_text = "96m",
        .min = 65536,
        .max = INT64_C(1) << 40,
        .value_name = "SIZE",
        .help = "how much of the past is read from Redis per second, for all clients together",
    },
    {
        /* At least what the pages on their way need together. What comes again in a generation of
         * blocks is found here: a minute of 1,500 entries a second is some 64 MB of certificates.
         */
        .name = "history-cache",
        .type = SETTING_BYTES,
        .offset = FIELD(history_cache),
        .default_text = "64m",
        .min = 40 << 20,
        .max = INT64_C(1) << 40,
        .value_name = "SIZE",
        .help = "memory for parts of packed history, unpacked, for all who read the past",
    },
    {
        .name = "max-clients",
        .type = SETTING_INTEGER,
        .offset = FIELD(max_clients),
        .default_text = "10000",
        .min = 1,
        .max = 1000000,
        .value_name = "COUNT",
        .help = "connections at once; more are told 503",
    },
    /* What one customer may have: an IPv4 address, an IPv6 /64 or a named token. Loopback, Unix
     * sockets and trusted proxies that forward no address are nobody's customers. */
    {
        /* A company behind one address has so many dashboards; 100 customers fill a streamer. */
        .name = "customer-connections",
        .type = SETTING_INTEGER,
        .offset = FIELD(customer_connections),
        .default_text = "100",
        .min = 0,
        .max = 1000000,
        .value_name = "COUNT",
        .help =
            "connections at once of a customer (an IPv4 address, an IPv6 /64 or a named token), "
            "more are told 429; 0: as many as there is room for",
    },
    {
        .name = "customer-filters",
        .type = SETTING_INTEGER,
        .offset = FIELD(customer_filters),
        .default_text = "32",
        .min = 0,
        .max = 1000000,
        .value_name = "COUNT",
        .help = "different filters of streams of a customer at once; 0: no matter how many",
    },
    {
        .name = "customer-filter-cost",
        .type = SETTING_INTEGER,
        .offset = FIELD(customer_filter_cost),
        .default_text = "50000",
        .min = 0,
        .max = INT64_C(1) << 40,
        .value_name = "COST",
        .help =
            "what the filters of a customer may cost together, in steps of a nanosecond per name "
            "of a certificate (most filters cost 4 to 100); 0: no matter how much",
    },
    {
        /* A costly one takes 5 ms of the loop, whether it is refused or not; most take 0.1. */
        .name = "customer-filter-time",
        .type = SETTING_INTEGER,
        .offset = FIELD(customer_filter_time),
        .default_text = "50",
        .min = 0,
        .max = 1000,
        .value_name = "MS",
        .help = "milliseconds of processor time per second, of the last ten, that reading the "
                "filters a customer asks for may take, good or wrong; 0: no matter how many",
    },
    {
        .name = "customer-searches",
        .type = SETTING_INTEGER,
        .offset = FIELD(customer_searches),
        .default_text = "4",
        .min = 0,
        .max = 1000,
        .value_name = "COUNT",
        .help = "searches with a filter of a customer at once; 0: as many as there is room for",
    },
    {
        .name = "customer-replay-rate",
        .type = SETTING_BYTES,
        .offset = FIELD(customer_replay_rate),
        .default_text = "32m",
        .min = 0,
        .max = INT64_C(1) << 40,
        .value_name = "SIZE",
        .help = "how much of the past is read from Redis per second for a customer; 0: no matter "
                "how much",
    },
    {
        .name = "handshake-timeout",
        .type = SETTING_DURATION,
        .offset = FIELD(handshake_ms),
        .default_text = "10s",
        .min = 1000,
        .max = 600000,
        .value_name = "TIME",
        .help = "a connection that has not sent its whole request by then is closed",
    },
    {
        .name = "heartbeat",
        .type = SETTING_DURATION,
        .offset = FIELD(heartbeat_ms),
        .default_text = "10s",
        .min = 1000,
        .max = 3600000,
        .value_name = "TIME",
        .help = "a connection that was quiet for this long gets a heartbeat",
    },
    {
        .name = "ping",
        .type = SETTING_DURATION,
        .offset = FIELD(ping_ms),
        .default_text = "30s",
        .min = 1000,
        .max = 3600000,
        .value_name = "TIME",
        .help = "time between two WebSocket pings",
    },
    {
        .name = "ping-timeout",
        .type = SETTING_DURATION,
        .offset = FIELD(silence_ms),
        .default_text = "90s",
        .min = 1000,
        .max = 3600000,
        .value_name = "TIME",
        .help = "a client that answers no ping for this long is closed",
    },
    {
        .name = "slow-timeout",
        .type = SETTING_DURATION,
        .offset = FIELD(stall_ms),
        .default_text = "60s",
        .min = 1000,
        .max = 3600000,
        .value_name = "TIME",
        .help = "a client that takes nothing for this long is closed as too slow",
    },
    {
        .name = "check",
        .type = SETTING_FLAG,
        .offset = FIELD(check),
        .is_once = true,
        .help = "ask the streamer that has these settings whether it is ready, and exit: 0, or 1 "
                "and why not; for the health checks of containers",
    },
};

static const char *check_streamer_settings(const void *fields)
{
    const struct streamer_settings *settings = fields;
    return redis_cluster_refuse_prefix(settings->redis, settings->prefix);
}

const struct settings_program streamer_settings_program = {
    .name = "certstream-streamer",
    .summary = "Serves the certificates in Redis to WebSocket and HTTP clients.",
    .table = table,
    .count = sizeof table / sizeof *table,
    .check = check_streamer_settings,
};

enum certificate_dialect streamer_settings_dialect(const struct streamer_settings *settings)
{
    return strcmp(settings->dialect, "go") == 0 ? CERTIFICATE_DIALECT_GO
                                                : CERTIFICATE_DIALECT_CERTSTREAM;
}

struct customer_limits streamer_settings_customer_limits(const struct streamer_settings *settings)
{
    return (struct customer_limits){
        .held = {
            [CUSTOMER_CONNECTIONS] = (uint64_t)settings->customer_connections,
            [CUSTOMER_FILTERS] = (uint64_t)settings->customer_filters,
            [CUSTOMER_FILTER_COST] = (uint64_t)settings->customer_filter_cost,
            [CUSTOMER_SEARCHES] = (uint64_t)settings->customer_searches,
        },
        .replay_bytes_per_second = (uint64_t)settings->customer_replay_rate,
        .reading_ms_per_second = (uint64_t)settings->customer_filter_time,
    };
}
