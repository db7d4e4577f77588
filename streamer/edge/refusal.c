#include "streamer/edge/refusal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int status;
    const char *phrase;
    const char *headers; /* that go with the status */
} statuses[] = {
    { 400, "Bad Request", "" },
    { 401, "Unauthorized", "www-authenticate: Bearer\r\n" },
    { 403, "Forbidden", "" },
    { 404, "Not Found", "" },
    { 405, "Method Not Allowed", "allow: GET, HEAD\r\n" },
    { 426, "Upgrade Required", "upgrade: websocket\r\nsec-websocket-version: 13\r\n" },
    { 429, "Too Many Requests", "retry-after: 60\r\n" },
    { 503, "Service Unavailable", "retry-after: 60\r\n" },
};

size_t refusal_write(char *answer, struct refusal refusal, bool is_head)
{
    static const char format[] = "HTTP/1.1 %d %s\r\n"
                                 "content-type: application/json; charset=utf-8\r\n"
                                 "content-length: %zu\r\n"
                                 "access-control-allow-origin: *\r\n"
                                 "cache-control: no-store\r\n"
                                 "%s"
                                 "connection: %s\r\n\r\n"
                                 "%s%s%s";
    const char *phrase = "Error";
    const char *headers = "";
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == refusal.status) {
            phrase = statuses[i].phrase;
            headers = statuses[i].headers;
        }
    /* RFC 9110 section 7.8: who sends Upgrade names it in Connection. */
    const char *connection = refusal.status == 426 ? "close, upgrade" : "close";
    size_t body = strlen("{\"error\":\"\"}") + strlen(refusal.text);
    int size =
        snprintf(answer, REFUSAL_SIZE, format, refusal.status, phrase, body, headers, connection,
                 is_head ? "" : "{\"error\":\"", is_head ? "" : refusal.text, is_head ? "" : "\"}");
    assert(size > 0 && size < REFUSAL_SIZE);
    return (size_t)size;
}
