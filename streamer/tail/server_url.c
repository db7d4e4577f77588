#include "streamer/tail/server_url.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/base/decimal.h"

enum {
    PORT_PLAIN = 80,
    PORT_TLS = 443,
};

static const struct {
    const char *text;
    bool is_tls;
} schemes[] = {
    { "ws://", false }, { "wss://", true }, { "http://", false }, { "https://", true }
};

/* The rest behind the scheme; NULL if it is an unknown one. */
static const char *read_scheme(struct server_url *url, const char *text)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t size = strlen(schemes[i].text);
        if (strncasecmp(text, schemes[i].text, size) != 0)
            continue;
        url->is_tls = schemes[i].is_tls;
        return text + size;
    }
    return strstr(text, "://") ? NULL : text;
}

static bool copy_part(char *out, size_t size, const char *text, size_t text_size)
{
    if (text_size >= size)
        return false;
    memcpy(out, text, text_size);
    out[text_size] = '\0';
    return true;
}

static bool read_port(struct server_url *url, struct bytes text)
{
    uint64_t port;
    if (!decimal_parse(&port, text) || port < 1 || port > 65535)
        return false;
    url->port = (int)port;
    return true;
}

/* host, host:port, [address] or [address]:port */
static const char *read_place(struct server_url *url, const char *text, size_t size)
{
    const char *host = text, *end = memchr(text, ']', size), *rest;
    if (memchr(text, '@', size))
        return "a token goes into --token, and nobody's name into an address";
    if (*text == '[' && end) {
        host = text + 1;
        rest = end + 1;
    } else {
        end = memchr(text, ':', size);
        end = end ? end : text + size;
        rest = end;
    }
    if (end == host || !copy_part(url->host, sizeof url->host, host, (size_t)(end - host)))
        return "no host, or a very long one";
    struct bytes port = bytes_of(rest, (size_t)(text + size - rest));
    if (port.size && (*rest != ':' || !read_port(url, bytes_of(rest + 1, port.size - 1))))
        return "a port is 1 to 65535";
    return NULL;
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (!isgraph((unsigned char)*text))
            return false;
    return true;
}

const char *server_url_read(struct server_url *url, const char *text)
{
    *url = (struct server_url){ .path = "/" };
    const char *place = read_scheme(url, text);
    if (!place || !is_printable(text))
        return "an address begins with ws://, wss://, http:// or https://";
    url->port = url->is_tls ? PORT_TLS : PORT_PLAIN;
    size_t size = strcspn(place, "/?#");
    const char *wrong = read_place(url, place, size);
    if (wrong)
        return wrong;
    const char *path = place + size;
    size_t path_size = strcspn(path, "?#");
    if (*path == '/' && !copy_part(url->path, sizeof url->path, path, path_size))
        return "a very long path";
    if (path[path_size] == '?' && !copy_part(url->query, sizeof url->query, path + path_size + 1,
                                             strcspn(path + path_size + 1, "#")))
        return "a very long query";
    return NULL;
}

static bool ends_with(const char *path, const char *page)
{
    size_t size = strlen(path), page_size = strlen(page);
    while (size && path[size - 1] == '/')
        size--;
    return size > page_size && path[size - page_size - 1] == '/' &&
           memcmp(path + size - page_size, page, page_size) == 0;
}

void server_url_write_host(const struct server_url *url, char host[SERVER_HOST_HEADER_SIZE])
{
    char port[16] = "";
    bool is_v6 = strchr(url->host, ':');
    if (url->port != (url->is_tls ? PORT_TLS : PORT_PLAIN))
        (void)snprintf(port, sizeof port, ":%d", url->port);
    (void)snprintf(host, SERVER_HOST_HEADER_SIZE, "%s%s%s%s", is_v6 ? "[" : "", url->host,
                   is_v6 ? "]" : "", port);
}

void server_url_begin_target(struct buffer *target, const struct server_url *url, const char *page)
{
    buffer_append_string(target, url->path);
    if (*page && !ends_with(url->path, page)) {
        if (url->path[strlen(url->path) - 1] != '/')
            buffer_append_byte(target, '/');
        buffer_append_string(target, page);
    }
    if (*url->query) {
        buffer_append_byte(target, '?');
        buffer_append_string(target, url->query);
    }
}

static void append_encoded(struct buffer *target, struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if ((byte < 0x80 && isalnum(byte)) || (byte && strchr("-._~", byte)))
            buffer_append_byte(target, byte);
        else
            buffer_append_format(target, "%%%02X", (unsigned)byte);
    }
}

void server_url_add_parameter(struct buffer *target, struct bytes name, struct bytes value)
{
    bool is_first = !target->size || !memchr(target->data, '?', target->size);
    buffer_append_byte(target, is_first ? '?' : '&');
    append_encoded(target, name);
    buffer_append_byte(target, '=');
    append_encoded(target, value);
}
