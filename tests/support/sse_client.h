/* A client of Server-Sent Events over a bare socket: its answer's header lines, and each event or
 * comment as it came. */
#ifndef TESTS_SUPPORT_SSE_CLIENT_H
#define TESTS_SUPPORT_SSE_CLIENT_H

#include <stdbool.h>

struct sse_client;

/* NUL-terminated, "" where the event has none; until the next call with this client. */
struct sse_event {
    const char *id;
    const char *event;
    const char *data; /* lines joined by newlines */
    const char *comment;
};

enum sse_result {
    SSE_NOTHING, /* no whole event (yet) */
    SSE_EVENT,
    SSE_ENDED, /* the server closed the connection, after a whole event */
    SSE_TORN,  /* in the middle of one */
};

/* Connects to 127.0.0.1 and asks. `headers` are more header lines, each with "\r\n"; or NULL. Never
 * NULL: a refusal shows in sse_client_status. */
struct sse_client *sse_client_open(int port, const char *path, const char *headers);
/* NULL is fine. */
void sse_client_destroy(struct sse_client *client);

int sse_client_status(const struct sse_client *client);
const char *sse_client_headers(const struct sse_client *client);
int sse_client_descriptor(const struct sse_client *client);

/* Waits up to `timeout_ms` (0: not at all) for the next event. */
enum sse_result sse_client_read(struct sse_client *client, struct sse_event *event, int timeout_ms);
/* Waits for the next event whose data contains `part`; fails the test when it does not come. */
struct sse_event sse_client_expect(struct sse_client *client, const char *part, int timeout_ms);

#endif
