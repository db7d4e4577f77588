#include "tests/support/ct_log/http_message.h"

#include <assert.h>
#include <stdio.h>
#include <strings.h>

static bool next_line(struct bytes *rest, struct bytes *line)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->size);
    if (!end)
        return false;
    size_t size = (size_t)(end - rest->data);
    *line = bytes_of(rest->data, size && end[-1] == '\r' ? size - 1 : size);
    *rest = bytes_of(end + 1, rest->size - size - 1);
    return true;
}

/* Cuts `text` at the first `separator`, which is dropped; false if there is none. */
static bool cut(struct bytes text, char separator, struct bytes *before, struct bytes *after)
{
    const uint8_t *at = text.size ? memchr(text.data, separator, text.size) : NULL;
    *before = at ? bytes_of(text.data, (size_t)(at - text.data)) : text;
    *after =
        at ? bytes_of(at + 1, text.size - before->size - 1) : bytes_of(text.data + text.size, 0);
    return at != NULL;
}

static bool parse_request_line(struct http_request *request, struct bytes line)
{
    struct bytes rest, target, version;
    if (!cut(line, ' ', &request->method, &rest) || !cut(rest, ' ', &target, &version))
        return false;
    (void)cut(target, '?', &request->path, &request->query);
    request->keeps_alive = bytes_equal_string(version, "HTTP/1.1");
    return request->keeps_alive || bytes_equal_string(version, "HTTP/1.0");
}

static bool equals_ignoring_case(struct bytes text, const char *expected)
{
    return text.size == strlen(expected) &&
           strncasecmp((const char *)text.data, expected, text.size) == 0;
}

static bool parse_number(struct bytes text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        if (*out > (UINT64_MAX - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    return text.size > 0;
}

static bool parse_header(struct http_request *request, struct bytes line)
{
    struct bytes name, value;
    if (!cut(line, ':', &name, &value))
        return false;
    while (value.size && value.data[0] == ' ')
        value = bytes_of(value.data + 1, value.size - 1);
    if (equals_ignoring_case(name, "content-length"))
        return parse_number(value, &request->body_size);
    if (equals_ignoring_case(name, "if-none-match"))
        request->if_none_match = value;
    if (equals_ignoring_case(name, "cache-control"))
        request->is_fresh = bytes_equal_string(value, "no-cache");
    if (equals_ignoring_case(name, "connection"))
        request->keeps_alive = !equals_ignoring_case(value, "close");
    return true;
}

enum http_parse_result http_request_parse(struct http_request *request, struct bytes input,
                                          size_t *consumed)
{
    struct bytes rest = input, line;
    *request = (struct http_request){ 0 };
    if (!next_line(&rest, &line))
        return input.size < HTTP_REQUEST_MAX ? HTTP_PARSE_INCOMPLETE : HTTP_PARSE_WRONG;
    if (!parse_request_line(request, line))
        return HTTP_PARSE_WRONG;
    while (next_line(&rest, &line)) {
        *consumed = input.size - rest.size;
        if (line.size == 0)
            return HTTP_PARSE_DONE;
        if (!parse_header(request, line))
            return HTTP_PARSE_WRONG;
    }
    return input.size < HTTP_REQUEST_MAX ? HTTP_PARSE_INCOMPLETE : HTTP_PARSE_WRONG;
}

static bool query_find(struct bytes query, const char *name, struct bytes *value)
{
    while (query.size) {
        struct bytes pair, key;
        (void)cut(query, '&', &pair, &query);
        (void)cut(pair, '=', &key, value);
        if (bytes_equal_string(key, name))
            return true;
    }
    return false;
}

static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* One character of a percent-encoded text, at *at; -1 if it is wrongly encoded. */
static int decode_next(struct bytes text, size_t *at)
{
    uint8_t character = text.data[(*at)++];
    if (character == '+')
        return ' ';
    if (character != '%')
        return character;
    if (text.size - *at < 2)
        return -1;
    int high = hex_value(text.data[*at]), low = hex_value(text.data[*at + 1]);
    *at += 2;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool http_query_text(struct bytes query, const char *name, char *out, size_t size)
{
    struct bytes value;
    assert(size > 0);
    if (!query_find(query, name, &value))
        return false;
    size_t written = 0;
    for (size_t at = 0; at < value.size;) {
        int character = decode_next(value, &at);
        if (character <= 0 || written + 1 >= size)
            return false;
        out[written++] = (char)character;
    }
    out[written] = '\0';
    return true;
}

bool http_query_number(struct bytes query, const char *name, uint64_t *out)
{
    struct bytes value;
    return query_find(query, name, &value) && parse_number(value, out);
}

bool http_query_has(struct bytes query, const char *name)
{
    struct bytes value;
    return query_find(query, name, &value);
}

void http_reply_text(struct http_reply *reply, unsigned status, const char *text)
{
    reply->status = status;
    reply->content_type = "text/plain; charset=utf-8";
    reply->headers[0] = '\0';
    buffer_clear(&reply->body);
    buffer_append_string(&reply->body, text);
    buffer_append_byte(&reply->body, '\n');
}

void http_reply_add_header(struct http_reply *reply, const char *line)
{
    size_t used = strlen(reply->headers);
    int size = snprintf(reply->headers + used, sizeof reply->headers - used, "%s\r\n", line);
    assert(size > 0 && (size_t)size < sizeof reply->headers - used);
    (void)size;
}

const char *http_status_text(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } rows[] = {
        { 200, "OK" },
        { 301, "Moved Permanently" },
        { 302, "Found" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 410, "Gone" },
        { 429, "Too Many Requests" },
        { 500, "Internal Server Error" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status)
            return rows[i].text;
    return "Unusual";
}
