#include "streamer/request/answer_head.h"

#include <stdio.h>
#include <time.h>

enum {
    MS_PER_S = 1000
};

#define ALLOWED "GET, HEAD, OPTIONS"

/* RFC 9110 section 7.8: who sends Upgrade names it in Connection. */
static const struct status {
    int status;
    const char *phrase;
    const char *fields;     /* that go with it */
    const char *connection; /* and with its connection */
} statuses[] = {
    { 101, "Switching Protocols", "", "" },
    { 200, "OK", "", "" },
    { 204, "No Content", "", "" },
    { 304, "Not Modified", "", "" },
    { 400, "Bad Request", "", "" },
    { 401, "Unauthorized", "www-authenticate: Bearer\r\n", "" },
    { 403, "Forbidden", "", "" },
    { 404, "Not Found", "", "" },
    { 405, "Method Not Allowed", "allow: " ALLOWED "\r\n", "" },
    { 408, "Request Timeout", "", "" },
    { 413, "Content Too Large", "", "" },
    { 414, "URI Too Long", "", "" },
    { 426, "Upgrade Required", "upgrade: websocket\r\nsec-websocket-version: 13\r\n", ", upgrade" },
    { 429, "Too Many Requests", "retry-after: 60\r\n", "" },
    { 431, "Request Header Fields Too Large", "", "" },
    { 501, "Not Implemented", "allow: " ALLOWED "\r\n", "" },
    { 503, "Service Unavailable", "retry-after: 60\r\n", "" },
    { 505, "HTTP Version Not Supported", "", "" },
};

const char *http_date_format(char *text, uint64_t realtime_ms)
{
    static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t seconds = (time_t)(realtime_ms / MS_PER_S);
    struct tm parts;
    /* Only a year beyond what an int holds has none. */
    if (!gmtime_r(&seconds, &parts))
        parts = (struct tm){ .tm_mday = 1, .tm_year = 70, .tm_wday = 4 };
    /* The compiler is to see that it fits. */
    (void)snprintf(text, HTTP_DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
                   days[(unsigned)parts.tm_wday % 7], (unsigned)parts.tm_mday % 100,
                   months[(unsigned)parts.tm_mon % 12], (unsigned)(parts.tm_year + 1900) % 10000,
                   (unsigned)parts.tm_hour % 100, (unsigned)parts.tm_min % 100,
                   (unsigned)parts.tm_sec % 100);
    return text;
}

static const struct status *find_status(int status)
{
    static const struct status other = { 0, "Unknown", "", "" };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status)
            return &statuses[i];
    return &other;
}

static void add_header_field(struct buffer *out, const char *name, const char *value)
{
    if (!value)
        return;
    buffer_append_string(out, name);
    buffer_append_string(out, ": ");
    buffer_append_string(out, value);
    buffer_append_string(out, "\r\n");
}

void answer_head_write(struct buffer *out, const struct answer_head *head, uint64_t realtime_ms)
{
    const struct status *status = find_status(head->status);
    char date[HTTP_DATE_SIZE];
    buffer_append_format(out, "HTTP/1.1 %d %s\r\n", head->status, status->phrase);
    add_header_field(out, "date", http_date_format(date, realtime_ms));
    add_header_field(out, "content-type", head->content_type);
    if (head->body == BODY_OF_SIZE)
        buffer_append_format(out, "content-length: %zu\r\n", head->body_size);
    add_header_field(out, "content-encoding", head->is_gzip ? "gzip" : NULL);
    add_header_field(out, "cache-control", head->cache_control);
    add_header_field(out, "vary", head->varies ? "accept-encoding" : NULL);
    if (head->entity_tag)
        buffer_append_format(out, "etag: %s%s\r\n", head->is_gzip ? "W/" : "", head->entity_tag);
    buffer_append_string(out, status->fields);
    if (head->more)
        buffer_append_string(out, head->more);
    if (head->status != 101)
        buffer_append_format(out, "connection: %s%s\r\n",
                             head->keeps_alive ? "keep-alive" : "close", status->connection);
    buffer_append_string(out, "\r\n");
}
