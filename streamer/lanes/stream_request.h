/*
 * What a client asks for in the query of a stream, or of an answer with messages: their form, and
 * the filter they have to pass. Pure: the parameters come decoded.
 */
#ifndef STREAMER_LANES_STREAM_REQUEST_H
#define STREAMER_LANES_STREAM_REQUEST_H

#include "streamer/filter/filter.h"
#include "streamer/lanes/renderer.h"
#include "streamer/past/since.h"

enum {
    STREAM_REQUEST_REASON_SIZE = FILTER_REASON_SIZE
};

/* What the route says, before the query does. */
struct stream_route {
    struct render_form form; /* for those who ask for no other */
    bool takes_stream;       /* stream=lite|full|domains chooses the messages */
    bool takes_since;        /* since= and gap= are known */
    bool takes_any_since; /* also one that is no position of ours: an event source never comes back
                                after a refusal, and may have asked another server before */
};

struct stream_request {
    struct render_form form;
    struct filter *filter; /* one reference; NULL: everything */
    struct since since;
    bool knows_gaps;   /* it asked for something of ours, so a gap may be a message of its own */
    uint64_t customer; /* who asks (customers.h) */
};

/* False, with nothing to clear, if a parameter is wrong or not known: then `reason`, of
 * STREAM_REQUEST_REASON_SIZE bytes, says which and why, in printable ASCII without quotes and
 * backslashes. */
bool stream_request_read(struct stream_request *request, const struct stream_route *route,
                         const struct query *query, char *reason);
/* What a browser that comes back says is newer than the query that it asks with again and again. */
void stream_request_take_last_event_id(struct stream_request *request, struct bytes text);
void stream_request_clear(struct stream_request *request);

/* "lite", "full" or "domains". */
const char *stream_request_content_name(enum message_content content);

#endif
