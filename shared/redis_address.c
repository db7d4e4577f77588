#include "shared/redis_address.h"

#include <stdlib.h>
#include <string.h>

#include "shared/bytes.h"
#include "shared/hex.h"

enum {
    REDIS_PORT = 6379,
    DATABASE_MAX = 1023
};

/* Percent-decodes `size` characters into `out` of `out_size` bytes, NUL-terminated. */
static bool decode(char *out, size_t out_size, const char *text, size_t size)
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
    if (text[0] != '/' || !decode(address->path, sizeof address->path, text, size))
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
    if (!decode(address->user, sizeof address->user, text, user_size))
        return "the user name is too long or wrongly percent-encoded";
    if (colon &&
        !decode(address->password, sizeof address->password, colon + 1, size - user_size - 1))
        return "the password is too long or wrongly percent-encoded";
    return NULL;
}

static const char *parse_host(struct redis_address *address, const char *text, size_t size)
{
    const char *host = text;
    size_t host_size = size;
    const char *rest;
    if (size && text[0] == '[') {
        const char *end = memchr(text, ']', size);
        if (!end)
            return "an IPv6 address stands between [ and ]";
        host = text + 1;
        host_size = (size_t)(end - host);
        rest = end + 1;
    } else {
        const char *colon = memchr(text, ':', size);
        host_size = colon ? (size_t)(colon - text) : size;
        rest = text + host_size;
    }
    if (host_size == 0 || !decode(address->host, sizeof address->host, host, host_size))
        return "the host is missing or too long";
    size_t rest_size = size - (size_t)(rest - text);
    if (rest_size &&
        (rest[0] != ':' || !parse_number(&address->port, rest + 1, rest_size - 1, 1, 65535)))
        return "the port is a number from 1 to 65535";
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
    if (!wrong)
        wrong = parse_host(address, host, authority_size - (size_t)(host - text));
    if (wrong)
        return wrong;
    const char *database = text + authority_size;
    if (*database == '/' && database[1] != '\0' &&
        !parse_number(&address->database, database + 1, strlen(database + 1), 0, DATABASE_MAX))
        return "the database is a number from 0 to 1023";
    return *database == '?' ? "a redis:// address has no ?query" : NULL;
}

const char *redis_address_parse(struct redis_address *address, const char *text)
{
    *address = (struct redis_address){ .port = REDIS_PORT };
    if (strncmp(text, "unix://", 7) == 0)
        return parse_socket(address, text + 7);
    if (strncmp(text, "redis://", 8) == 0)
        return parse_network(address, text + 8);
    if (strncmp(text, "rediss://", 9) == 0 || strncmp(text, "sentinel://", 11) == 0)
        return "rediss:// and sentinel:// addresses are not supported by this version";
    return "an address starts with redis:// or unix://";
}
