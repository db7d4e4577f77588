#include "shared/redis/redis_address.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/bytes.h"
#include "shared/base/hex.h"

enum {
    REDIS_PORT = 6379,
    SENTINEL_PORT = 26379,
    DATABASE_MAX = 1023
};

#ifdef CERTSTREAM_REDIS_TLS
#define TLS_MISSING NULL
#else
#define TLS_MISSING \
    "this build's hiredis has no TLS (hiredis 1.0 and later with hiredis_ssl has it: Debian 13)"
#endif

/* Percent-decodes `size` characters into `out` of `out_size` bytes, NUL-terminated. */
static bool decode_percent(char *out, size_t out_size, const char *text, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];
        if (byte == '%') {
            if (size - i < 3 || !hex_decode(&byte, 1, bytes_of(text + i + 1, 2)) || byte == 0)
                return false;
            i += 2;
        }
        if (at + 1 >= out_size)
            return false;
        out[at++] = (char)byte;
    }
    out[at] = '\0';
    return true;
}

static bool parse_number(int *out, const char *text, size_t size, int min, int max)
{
    long value = 0;
    if (size == 0 || size > 5)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    *out = (int)value;
    return value >= min && value <= max;
}

static const char *parse_socket(struct redis_address *address, const char *text)
{
    size_t size = strcspn(text, "?");
    if (text[0] != '/' || !decode_percent(address->path, sizeof address->path, text, size))
        return "the path of a unix:// address is absolute and shorter than 108 characters";
    if (text[size] == '\0')
        return NULL;
    const char *query = text + size + 1;
    if (strncmp(query, "db=", 3) != 0 ||
        !parse_number(&address->database, query + 3, strlen(query + 3), 0, DATABASE_MAX))
        return "after the path of a unix:// address only ?db=N may follow";
    return NULL;
}

static const char *parse_credentials(struct redis_address *address, const char *text, size_t size)
{
    const char *colon = memchr(text, ':', size);
    size_t user_size = colon ? (size_t)(colon - text) : size;
    if (!decode_percent(address->user, sizeof address->user, text, user_size))
        return "the user name is too long or wrongly percent-encoded";
    if (colon && !decode_percent(address->password, sizeof address->password, colon + 1,
                                 size - user_size - 1))
        return "the password is too long or wrongly percent-encoded";
    return NULL;
}

static const char *parse_host(struct redis_host *host, const char *text, size_t size)
{
    const char *name = text;
    size_t name_size = strcspn(text, ":");
    const char *rest;
    if (size && text[0] == '[') {
        const char *end = memchr(text, ']', size);
        if (!end)
            return "an IPv6 address stands between [ and ]";
        name = text + 1;
        name_size = (size_t)(end - name);
        rest = end + 1;
    } else {
        name_size = name_size < size ? name_size : size;
        rest = text + name_size;
    }
    if (memchr(name, ',', name_size))
        return "only a sentinel:// or cluster:// address has several hosts";
    if (name_size == 0 || !decode_percent(host->name, sizeof host->name, name, name_size))
        return "the host is missing or too long";
    size_t rest_size = size - (size_t)(rest - text);
    if (rest_size &&
        (rest[0] != ':' || !parse_number(&host->port, rest + 1, rest_size - 1, 1, 65535)))
        return "the port is a number from 1 to 65535";
    return NULL;
}

static const char *parse_guides(struct redis_address *address, const char *text, size_t size)
{
    const char *end = text + size;
    for (const char *at = text; at <= end;) {
        if (address->guide_count == REDIS_GUIDES_MAX)
            return "more than nine hosts";
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *host_end = comma ? comma : end;
        struct redis_host *guide = &address->guides[address->guide_count++];
        guide->port = address->place == REDIS_PLACE_OF_SENTINELS ? SENTINEL_PORT : REDIS_PORT;
        const char *wrong = parse_host(guide, at, (size_t)(host_end - at));
        if (wrong)
            return wrong;
        at = host_end + 1;
    }
    return NULL;
}

static const char *parse_database(struct redis_address *address, const char *text, size_t size)
{
    if (size && !parse_number(&address->database, text, size, 0, DATABASE_MAX))
        return "the database is a number from 0 to 1023";
    return NULL;
}

/* A cluster has only this one. */
static const char *parse_no_database(const char *text, size_t size)
{
    return size == 0 || (size == 1 && *text == '0') ? NULL
                                                    : "a Redis Cluster has no databases but 0";
}

/* /name[/db] */
static const char *parse_master(struct redis_address *address, const char *text, size_t size)
{
    const char *slash = memchr(text, '/', size);
    size_t name_size = slash ? (size_t)(slash - text) : size;
    if (name_size == 0 ||
        !decode_percent(address->master_name, sizeof address->master_name, text, name_size))
        return "a sentinel:// address names the master: sentinel://host/name";
    return slash ? parse_database(address, slash + 1, size - name_size - 1) : NULL;
}

static const char *set_role(struct redis_address *address, const char *value)
{
    address->wants_replica = strcmp(value, "replica") == 0;
    return address->wants_replica || strcmp(value, "master") == 0 ? NULL
                                                                  : "role is master or replica";
}

static const char *set_tls(struct redis_address *address, const char *value)
{
    address->has_tls = strcmp(value, "yes") == 0;
    return address->has_tls || strcmp(value, "no") == 0 ? NULL : "tls is yes or no";
}

enum {
    FIXED = 1 << REDIS_PLACE_FIXED,
    SENTINELS = 1 << REDIS_PLACE_OF_SENTINELS,
    CLUSTER = 1 << REDIS_PLACE_OF_CLUSTER,
};

/* What may stand in the query of which addresses. A row fills a text or calls. */
static const struct query_key {
    const char *name;
    unsigned places;
    size_t offset;
    size_t size;
    const char *(*set)(struct redis_address *address, const char *value);
} query_keys[] = {
#define TEXT(field) offsetof(struct redis_address, field), sizeof((struct redis_address *)0)->field
    { "role", SENTINELS | CLUSTER, 0, 0, set_role },
    { "tls", SENTINELS | CLUSTER, 0, 0, set_tls },
    { "sentinel_user", SENTINELS, TEXT(sentinel_user), NULL },
    { "sentinel_password", SENTINELS, TEXT(sentinel_password), NULL },
    { "ca", FIXED | SENTINELS | CLUSTER, TEXT(tls.ca), NULL },
    { "cert", FIXED | SENTINELS | CLUSTER, TEXT(tls.certificate), NULL },
    { "key", FIXED | SENTINELS | CLUSTER, TEXT(tls.key), NULL },
#undef TEXT
};

static const char *const query_complaints[] = {
    [REDIS_PLACE_FIXED] =
        "the ?query of a rediss:// address has ca, cert and key; a redis:// address has none",
    [REDIS_PLACE_OF_SENTINELS] = "the ?query of a sentinel:// address has role, sentinel_user, "
                                 "sentinel_password, tls, ca, cert and key",
    [REDIS_PLACE_OF_CLUSTER] = "the ?query of a cluster:// address has role, tls, ca, cert and key",
};

static const char *parse_pair(struct redis_address *address, const char *text, size_t size)
{
    const char *equals = memchr(text, '=', size);
    size_t name_size = equals ? (size_t)(equals - text) : size;
    for (size_t i = 0; equals && i < sizeof query_keys / sizeof *query_keys; i++) {
        const struct query_key *key = &query_keys[i];
        if (strlen(key->name) != name_size || memcmp(key->name, text, name_size) != 0 ||
            !(key->places & 1U << address->place))
            continue;
        char value[REDIS_PATH_SIZE];
        size_t value_size = key->set ? sizeof value : key->size;
        char *out = key->set ? value : (char *)address + key->offset;
        if (!decode_percent(out, value_size, equals + 1, size - name_size - 1))
            return "a value of the ?query is too long or wrongly percent-encoded";
        return key->set ? key->set(address, value) : NULL;
    }
    return query_complaints[address->place];
}

static const char *parse_query(struct redis_address *address, const char *text)
{
    const char *wrong = NULL;
    while (!wrong && *text) {
        size_t size = strcspn(text, "&");
        wrong = parse_pair(address, text, size);
        text += size + (text[size] == '&');
    }
    bool has_files = *address->tls.ca || *address->tls.certificate || *address->tls.key;
    if (!wrong && has_files && !address->has_tls)
        return "ca, cert and key are for addresses with TLS";
    if (!wrong && !*address->tls.certificate != !*address->tls.key)
        return "cert and key come together";
    return wrong;
}

static const char *parse_path(struct redis_address *address, const char *text, size_t size)
{
    switch (address->place) {
    case REDIS_PLACE_FIXED: return parse_database(address, text, size);
    case REDIS_PLACE_OF_SENTINELS: return parse_master(address, text, size);
    case REDIS_PLACE_OF_CLUSTER: return parse_no_database(text, size);
    }
    return NULL;
}

static const char *parse_network(struct redis_address *address, const char *text)
{
    size_t authority_size = strcspn(text, "/?");
    const char *at = memrchr(text, '@', authority_size);
    const char *wrong = NULL;
    if (at)
        wrong = parse_credentials(address, text, (size_t)(at - text));
    const char *host = at ? at + 1 : text;
    size_t host_size = authority_size - (size_t)(host - text);
    if (!wrong)
        wrong = address->place == REDIS_PLACE_FIXED ? parse_host(&address->host, host, host_size)
                                                    : parse_guides(address, host, host_size);
    const char *path = text + authority_size + (text[authority_size] == '/');
    size_t path_size = strcspn(path, "?");
    if (!wrong)
        wrong = parse_path(address, path, path_size);
    return wrong || !path[path_size] ? wrong : parse_query(address, path + path_size + 1);
}

static const struct scheme {
    const char *text;
    enum redis_place place;
    bool has_tls;
} schemes[] = {
    { "redis://", REDIS_PLACE_FIXED, false },
    { "rediss://", REDIS_PLACE_FIXED, true },
    { "sentinel://", REDIS_PLACE_OF_SENTINELS, false },
    { "cluster://", REDIS_PLACE_OF_CLUSTER, false },
};

static const char *parse(struct redis_address *address, const char *text)
{
    if (strncmp(text, "unix://", 7) == 0)
        return parse_socket(address, text + 7);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        const struct scheme *scheme = &schemes[i];
        if (strncmp(text, scheme->text, strlen(scheme->text)) != 0)
            continue;
        address->place = scheme->place;
        address->has_tls = scheme->has_tls;
        return parse_network(address, text + strlen(scheme->text));
    }
    return "an address starts with redis://, rediss://, unix://, sentinel:// or cluster://";
}

const char *redis_address_parse(struct redis_address *address, const char *text)
{
    *address = (struct redis_address){ .host.port = REDIS_PORT };
    const char *wrong = parse(address, text);
    return !wrong && address->has_tls ? TLS_MISSING : wrong;
}
