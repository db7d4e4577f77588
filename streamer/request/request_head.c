#include "streamer/request/request_head.h"

#include "shared/base/decimal.h"
#include "streamer/request/header_value.h"
#include "streamer/request/request_path.h"

enum {
    /* A list that is whole takes no more than the head; lists whose lines alternate are copied
     * again and again, which nobody does who means well. */
    JOINED_MAX = 4 * REQUEST_HEAD_MAX,
};

/* What a field may be. */
enum field_kind {
    FIELD_ONCE, /* twice is wrong: which of them counts would be anybody's guess */
    FIELD_LIST, /* several lines are one list, joined by commas (RFC 9110 section 5.3) */
};

static const struct {
    const char *name;
    enum field_kind kind;
} known[REQUEST_FIELDS] = {
    [FIELD_HOST] = { "host", FIELD_ONCE },
    [FIELD_CONNECTION] = { "connection", FIELD_LIST },
    [FIELD_CONTENT_LENGTH] = { "content-length", FIELD_ONCE },
    [FIELD_TRANSFER_ENCODING] = { "transfer-encoding", FIELD_LIST },
    [FIELD_AUTHORIZATION] = { "authorization", FIELD_ONCE },
    [FIELD_ORIGIN] = { "origin", FIELD_ONCE },
    [FIELD_UPGRADE] = { "upgrade", FIELD_LIST },
    [FIELD_WEBSOCKET_VERSION] = { "sec-websocket-version", FIELD_ONCE },
    [FIELD_WEBSOCKET_KEY] = { "sec-websocket-key", FIELD_ONCE },
    [FIELD_WEBSOCKET_PROTOCOL] = { "sec-websocket-protocol", FIELD_LIST },
    [FIELD_WEBSOCKET_EXTENSIONS] = { "sec-websocket-extensions", FIELD_LIST },
    [FIELD_FORWARDED_FOR] = { "x-forwarded-for", FIELD_LIST },
    [FIELD_IF_NONE_MATCH] = { "if-none-match", FIELD_LIST },
    [FIELD_LAST_EVENT_ID] = { "last-event-id", FIELD_ONCE },
    [FIELD_ACCEPT_ENCODING] = { "accept-encoding", FIELD_LIST },
};

static struct refusal bad_request(const char *text)
{
    return (struct refusal){ 400, text };
}

/* Empty lines before a request are passed over (RFC 9112 section 2.2). */
static size_t skip_empty_lines(struct bytes input)
{
    size_t at = 0;
    while (at < input.size && (input.data[at] == '\r' || input.data[at] == '\n'))
        at++;
    return at;
}

size_t request_head_size(struct bytes input, size_t seen)
{
    size_t start = skip_empty_lines(input);
    /* The end of a line may have been the last that was seen. */
    size_t at = seen > start + 3 ? seen - 3 : start;
    while (at < input.size) {
        const uint8_t *end = memchr(input.data + at, '\n', input.size - at);
        if (!end)
            return 0;
        at = (size_t)(end - input.data) + 1;
        if (at < input.size && input.data[at] == '\n')
            return at + 1;
        if (at + 1 < input.size && input.data[at] == '\r' && input.data[at + 1] == '\n')
            return at + 2;
    }
    return 0;
}

struct refusal request_head_too_large(struct bytes input)
{
    size_t start = skip_empty_lines(input);
    bool has_line = start < input.size && memchr(input.data + start, '\n', input.size - start);
    return has_line ? (struct refusal){ 431, "the header fields are more than 8 KiB" }
                    : (struct refusal){ 414, "the request line is more than 8 KiB" };
}

/* Takes a line off the text, without its end, which may be a line feed alone. */
static struct bytes take_line(struct bytes *text)
{
    const uint8_t *end = memchr(text->data, '\n', text->size);
    size_t size = end ? (size_t)(end - text->data) : text->size;
    size_t used = end ? size + 1 : size;
    struct bytes line = bytes_of(text->data, size);
    *text = bytes_of(text->data + used, text->size - used);
    line.size -= line.size && line.data[line.size - 1] == '\r';
    return line;
}

static struct bytes take_word(struct bytes *line)
{
    const uint8_t *end = line->size ? memchr(line->data, ' ', line->size) : NULL;
    size_t size = end ? (size_t)(end - line->data) : line->size;
    size_t used = end ? size + 1 : size;
    struct bytes word = bytes_of(line->data, size);
    *line = bytes_of(line->data + used, line->size - used);
    return word;
}

static struct refusal read_method(struct request_head *head, struct bytes name)
{
    static const char *const ours[] = {
        [REQUEST_GET] = "GET",
        [REQUEST_HEAD] = "HEAD",
        [REQUEST_OPTIONS] = "OPTIONS",
        [REQUEST_DELETE] = "DELETE",
    };
    static const char *const others[] = { "POST", "PUT", "PATCH", "CONNECT", "TRACE" };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (bytes_equal_string(name, ours[i])) {
            head->method = (enum request_method)i;
            return (struct refusal){ 0 };
        }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (bytes_equal_string(name, others[i]))
            return (struct refusal){ 405, "only GET, HEAD and OPTIONS" };
    return header_value_is_token(name) ? (struct refusal){ 501, "no such method here" }
                                       : bad_request("that is no HTTP request");
}

static bool starts_with(struct bytes text, const char *start)
{
    size_t size = strlen(start);
    return text.size >= size &&
           header_value_equal(bytes_of(text.data, size), bytes_of_string(start));
}

/* Of an absolute target the authority counts, whatever Host says (RFC 9112 section 3.2.2). */
static struct bytes take_authority(struct request_head *head, struct bytes target)
{
    size_t scheme = starts_with(target, "http://")    ? strlen("http://")
                    : starts_with(target, "https://") ? strlen("https://")
                                                      : 0;
    if (!scheme)
        return target;
    size_t end = scheme;
    while (end < target.size && target.data[end] != '/' && target.data[end] != '?')
        end++;
    head->fields[FIELD_HOST] = bytes_of(target.data + scheme, end - scheme);
    return bytes_of(target.data + end, target.size - end);
}

static struct refusal read_target(struct request_head *head, struct bytes target)
{
    for (size_t i = 0; i < target.size; i++)
        if (target.data[i] <= ' ' || target.data[i] == 0x7f)
            return bad_request("that is no HTTP request");
    bool is_server = head->method == REQUEST_OPTIONS && bytes_equal_string(target, "*");
    bool is_absolute = target.size && target.data[0] != '/' && !is_server;
    target = is_absolute ? take_authority(head, target) : target;
    const uint8_t *mark = target.size ? memchr(target.data, '?', target.size) : NULL;
    struct bytes path = bytes_of(target.data, mark ? (size_t)(mark - target.data) : target.size);
    if (mark)
        head->query = bytes_of(mark + 1, target.size - path.size - 1);
    if (is_absolute && head->fields[FIELD_HOST].size == 0)
        return bad_request("the target of the request is wrong");
    if (is_server || (is_absolute && path.size == 0))
        path = bytes_of_string("/");
    if (path.size > REQUEST_PATH_MAX)
        return (struct refusal){ 414, "no path here is so long" };
    return request_path_read(head->path_text, path, &head->path)
               ? (struct refusal){ 0 }
               : bad_request("the path of the request is wrong");
}

static struct refusal read_version(struct request_head *head, struct bytes version)
{
    bool is_http = version.size == 8 && memcmp(version.data, "HTTP/", 5) == 0 &&
                   version.data[5] >= '0' && version.data[5] <= '9' && version.data[6] == '.' &&
                   version.data[7] >= '0' && version.data[7] <= '9';
    if (!is_http)
        return bad_request("that is no HTTP request");
    if (version.data[5] != '1')
        return (struct refusal){ 505, "HTTP/1.1 is spoken here" };
    head->keeps_alive = version.data[7] != '0';
    return (struct refusal){ 0 };
}

/* The version before the method and the target: who speaks another one may mean other things. */
static struct refusal read_request_line(struct request_head *head, struct bytes line)
{
    struct bytes method = take_word(&line);
    struct bytes target = take_word(&line);
    struct refusal refusal = read_version(head, line);
    if (!refusal.status)
        refusal = read_method(head, method);
    return refusal.status ? refusal : read_target(head, target);
}

static bool is_field_text(struct bytes value)
{
    for (size_t i = 0; i < value.size; i++)
        if ((value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7f)
            return false;
    return true;
}

/* Several lines of a field become one. */
static void join(struct request_head *head, struct bytes *field, struct bytes value)
{
    struct buffer *joined = &head->joined;
    /* All at once: the views stay where they are. */
    if (!joined->data)
        (void)buffer_reserve(joined, joined->limit);
    const uint8_t *end = joined->data + joined->size;
    bool is_last = field->data + field->size == end && field->size;
    const uint8_t *start = is_last ? field->data : end;
    if (!is_last)
        buffer_append_bytes(joined, *field);
    buffer_append_string(joined, ", ");
    buffer_append_bytes(joined, value);
    *field = bytes_of(start, (size_t)(joined->data + joined->size - start));
}

static struct refusal add_field(struct request_head *head, bool *has, struct bytes name,
                                struct bytes value)
{
    for (size_t i = 0; i < REQUEST_FIELDS; i++) {
        if (!header_value_equal(name, bytes_of_string(known[i].name)))
            continue;
        if (has[i] && known[i].kind == FIELD_ONCE)
            return bad_request("a header field that may be there once is there twice");
        /* The authority of the target has been there before. */
        if (!has[i] && !head->fields[i].data)
            head->fields[i] = value;
        else if (has[i])
            join(head, &head->fields[i], value);
        has[i] = true;
        break;
    }
    return (struct refusal){ 0 };
}

static struct refusal read_field(struct request_head *head, bool *has, struct bytes line)
{
    const uint8_t *colon = memchr(line.data, ':', line.size);
    size_t size = colon ? (size_t)(colon - line.data) : 0;
    struct bytes name = bytes_of(line.data, size);
    /* A line that begins with a blank, or has one before the colon, is none (RFC 9112 section 5).
     * */
    if (!colon || !header_value_is_token(name))
        return bad_request("a header field is wrong");
    struct bytes value = header_value_trim(bytes_of(colon + 1, line.size - size - 1));
    return is_field_text(value) ? add_field(head, has, name, value)
                                : bad_request("a header field is wrong");
}

static struct refusal read_fields(struct request_head *head, bool *has, struct bytes text)
{
    for (size_t count = 0; text.size; count++) {
        struct bytes line = take_line(&text);
        if (line.size == 0)
            break;
        if (count == REQUEST_FIELDS_MAX)
            return (struct refusal){ 431, "more than 128 header fields" };
        struct refusal refusal = read_field(head, has, line);
        if (refusal.status)
            return refusal;
    }
    return head->joined.failed ? (struct refusal){ 431, "header fields that alternate" }
                               : (struct refusal){ 0 };
}

static struct refusal check_body(const struct request_head *head)
{
    uint64_t size = 0;
    if (head->fields[FIELD_TRANSFER_ENCODING].data)
        return bad_request("a request has no body here");
    struct bytes length = head->fields[FIELD_CONTENT_LENGTH];
    if (length.data && !decimal_parse(&size, length))
        return bad_request("Content-Length is no number");
    return size ? (struct refusal){ 413, "a request has no body here" } : (struct refusal){ 0 };
}

/* A host and a port: nothing that could end up in front of a path (RFC 9110 section 7.2). */
static bool is_host(struct bytes host)
{
    for (size_t i = 0; i < host.size; i++)
        if (host.data[i] <= ' ' || host.data[i] >= 0x7f || strchr("/?#@\\,\"<>", host.data[i]))
            return false;
    return true;
}

static struct refusal check_host(const struct request_head *head, bool is_needed)
{
    struct bytes host = head->fields[FIELD_HOST];
    if (is_needed && !host.data)
        return bad_request("no Host");
    return is_host(host) ? (struct refusal){ 0 } : bad_request("Host is wrong");
}

static void decide_keep_alive(struct request_head *head)
{
    if (request_head_lists(head, FIELD_CONNECTION, "close"))
        head->keeps_alive = false;
    else if (request_head_lists(head, FIELD_CONNECTION, "keep-alive"))
        head->keeps_alive = true;
}

struct refusal request_head_read(struct request_head *head, struct bytes text)
{
    bool has[REQUEST_FIELDS] = { false };
    size_t start = skip_empty_lines(text);
    *head = (struct request_head){ .method = REQUEST_GET };
    buffer_init(&head->joined, JOINED_MAX);
    text = bytes_of(text.data + start, text.size - start);
    struct refusal refusal = read_request_line(head, take_line(&text));
    bool is_new = head->keeps_alive;
    if (!refusal.status)
        refusal = read_fields(head, has, text);
    if (!refusal.status)
        refusal = check_host(head, is_new);
    if (!refusal.status)
        refusal = check_body(head);
    decide_keep_alive(head);
    return refusal;
}

void request_head_clear(struct request_head *head)
{
    buffer_free(&head->joined);
}

bool request_head_lists(const struct request_head *head, enum request_field field,
                        const char *element)
{
    struct bytes list = head->fields[field];
    for (struct bytes part; (part = header_value_take_element(&list)).data;)
        if (header_value_equal(part, bytes_of_string(element)))
            return true;
    return false;
}
