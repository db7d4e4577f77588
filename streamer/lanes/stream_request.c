#include "streamer/lanes/stream_request.h"

#include <assert.h>
#include <stdio.h>

enum {
    PARAMETERS_MAX = 6
};

const char *stream_request_content_name(enum message_content content)
{
    static const char *const names[MESSAGE_CONTENTS] = {
        [MESSAGE_LITE] = "lite",
        [MESSAGE_FULL] = "full",
        [MESSAGE_DOMAINS] = "domains",
    };
    assert(content < MESSAGE_CONTENTS);
    return names[content];
}

static bool fail_parameter(char *reason, const char *text)
{
    (void)snprintf(reason, STREAM_REQUEST_REASON_SIZE, "%s", text);
    return false;
}

static bool read_dialect(struct stream_request *request, const struct query *query, char *reason)
{
    struct bytes name = query_find(query, "dialect");
    if (!name.data)
        return true;
    bool go = bytes_equal_string(name, "go");
    request->form.dialect = go ? CERTIFICATE_DIALECT_GO : CERTIFICATE_DIALECT_CERTSTREAM;
    return go || bytes_equal_string(name, "certstream") ||
           fail_parameter(reason, "dialect is certstream or go");
}

static bool read_content(struct stream_request *request, const struct query *query, char *reason)
{
    struct bytes name = query_find(query, "stream");
    if (!name.data)
        return true;
    for (unsigned content = 0; content < MESSAGE_CONTENTS; content++) {
        request->form.content = (enum message_content)content;
        if (bytes_equal_string(name, stream_request_content_name(request->form.content)))
            return true;
    }
    return fail_parameter(reason, "stream is lite, full or domains");
}

static bool read_since(struct stream_request *request, const struct stream_route *route,
                       const struct query *query, char *reason)
{
    request->since = since_read(query_find(query, "since"));
    request->knows_gaps = request->since.kind != SINCE_NOW;
    return request->since.kind != SINCE_UNKNOWN || route->takes_any_since ||
           fail_parameter(reason, SINCE_REASON);
}

static bool read_gap(struct stream_request *request, const struct query *query, char *reason)
{
    struct bytes value = query_find(query, "gap");
    if (!value.data || bytes_equal_string(value, "0"))
        return true;
    request->knows_gaps = bytes_equal_string(value, "1");
    return request->knows_gaps || fail_parameter(reason, "gap is 1 or 0");
}

void stream_request_take_last_event_id(struct stream_request *request, struct bytes text)
{
    if (text.size == 0)
        return;
    request->since = since_read(text);
    request->knows_gaps = true;
}

/* A token is not ours to judge: who has come so far may come in. */
static void list_parameters(const char **names, const struct stream_route *route)
{
    *names++ = "dialect";
    if (route->takes_stream)
        *names++ = "stream";
    if (route->takes_since) {
        *names++ = "since";
        *names++ = "gap";
    }
    *names++ = "token";
    *names = NULL;
}

bool stream_request_read(struct stream_request *request, const struct stream_route *route,
                         const struct query *query, char *reason)
{
    const char *others[PARAMETERS_MAX];
    list_parameters(others, route);
    *request = (struct stream_request){ .form = route->form };
    return read_dialect(request, query, reason) &&
           (!route->takes_stream || read_content(request, query, reason)) &&
           (!route->takes_since ||
            (read_since(request, route, query, reason) && read_gap(request, query, reason))) &&
           filter_create(&request->filter, query, others, reason);
}

void stream_request_clear(struct stream_request *request)
{
    filter_release(request->filter);
    *request = (struct stream_request){ 0 };
}
