#include "streamer/ws/session.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "streamer/edge/admission.h"
#include "streamer/lanes/control_frame.h"
#include "streamer/loop/transport.h"
#include "streamer/request/answer_head.h"
#include "streamer/request/request_head.h"
#include "streamer/request/request_path.h"
#include "streamer/request/upgrade.h"
#include "streamer/ws/admin.h"
#include "streamer/ws/http_exchange.h"
#include "streamer/ws/websocket_deflate.h"

enum {
    /* What one connection may say before it is the others' turn. */
    READ_PER_TURN = 64 * 1024,
    READ_SIZE = 16 * 1024,
    /* Between two requests. */
    KEEP_ALIVE_MS = 30000,
    /* For an answer that waits for Redis to come, and for each piece of it to be taken. */
    ANSWER_MS = 10000,
    TAKE_MS = 30000,
    /* A token, each character of it encoded. */
    TOKEN_TEXT_MAX = 3 * TOKEN_SIZE_MAX,
    CLOSE_POLICY = 1008,
    /* Of the handshake's own fields. */
    HANDSHAKE_MAX = UPGRADE_SUBPROTOCOL_MAX + 512,
};

#define TOO_MANY_FILTERS "too many different filters at once"
#define PIPELINED        "nothing may stand behind a request for a stream"

/* Everything that was asked for is left; what is written still goes out. */
static void finish(struct session *session)
{
    session->state = SESSION_OVER;
    session->deadline_ms = UINT64_MAX;
    if (session->exchange)
        http_exchange_clear(session->exchange);
    free(session->exchange);
    session->exchange = NULL;
    buffer_free(&session->input);
    subscriber_leave(&session->subscriber);
    transport_finish(session->transport);
}

static void refuse(struct session *session, struct refusal refusal, bool is_head)
{
    struct buffer out;
    buffer_init(&out, ANSWER_HEAD_MAX);
    refusal_write(&out, refusal, is_head, clock_realtime_ms());
    session->all->counters->refused++;
    (void)transport_write(session->transport, buffer_bytes(&out));
    buffer_free(&out);
    finish(session);
}

/* What his address has is no matter to who has a name. */
static struct refusal take_name(struct session *session, const struct token_holder *holder)
{
    struct connection *connection = session->connection;
    struct refusal refusal = connection_take_name(connection, holder->customer);
    if (!refusal.status && connection->refusal.status) {
        connection->refusal = refusal;
        session->all->refusing--;
    }
    return refusal;
}

/* Before anything else is looked at: does the client come in. */
static struct refusal decide(struct session *session, const struct request_head *head)
{
    uint8_t token[TOKEN_TEXT_MAX];
    struct connection *connection = session->connection;
    const struct access_request request = {
        .path = head->path,
        .authorization = head->fields[FIELD_AUTHORIZATION],
        .token = request_query_find(head->query, "token", token, sizeof token),
        .origin = head->fields[FIELD_ORIGIN],
        .host = head->fields[FIELD_HOST],
        .is_over_tls = connection->is_over_tls,
        .is_preflight = head->method == REQUEST_OPTIONS,
    };
    const struct access *access = &session->all->admission->access;
    if (connection->is_admin)
        return admin_check(access, head, &request);
    if (head->method == REQUEST_DELETE)
        return (struct refusal){ 405, "only GET, HEAD and OPTIONS" };
    bool is_health = connection->is_reserved && access_is_health(head->path);
    const struct token_holder *holder = access_holder(access, &request);
    bool is_let_in = is_health || (holder && !connection->is_reserved);
    if (connection->refusal.status && !is_let_in)
        return connection->refusal;
    struct refusal refusal =
        holder ? take_name(session, holder)
               : connection_forward(connection, head->fields[FIELD_FORWARDED_FOR]);
    return refusal.status ? refusal : access_decide(access, &request);
}

/* False if there are too many parameters. */
static bool read_query(struct query *query, struct bytes text)
{
    uint8_t room[REQUEST_HEAD_MAX];
    struct bytes fragment;
    query_init(query);
    while (request_query_take(&text, room, &fragment))
        if (!query_add(query, fragment))
            return false;
    return true;
}

/* What is asked for is right; can it be had? A lane of another filter is not to be had without
 * end. */
static struct refusal check_wanted(const struct session *session,
                                   const struct stream_request *wanted)
{
    const struct lane_key key = { wanted->form, FRAMING_WEBSOCKET, wanted->filter };
    if (session->all->is_closing)
        return (struct refusal){ 503, "going away" };
    return lanes_make_room(session->all->lanes, &key)
               ? subscribers_check(session->all->subscribers, wanted)
               : (struct refusal){ 503, TOO_MANY_FILTERS };
}

/* The answer's head is written. The lane has a reference of its own to the filter. */
static void join(struct session *session, const struct stream_request *wanted, enum framing framing)
{
    struct lane_key key = { wanted->form, framing, wanted->filter };
    session->state = framing == FRAMING_SSE ? SESSION_EVENTS : SESSION_FRAMES;
    session->deadline_ms = UINT64_MAX;
    transport_be_patient(session->transport, true);
    if (!subscriber_join(&session->subscriber, session->all->subscribers, session->transport, &key,
                         wanted))
        finish(session);
}

static void answer_events(struct session *session, const struct request_head *head,
                          struct stream_request *wanted)
{
    struct bytes last_id = head->fields[FIELD_LAST_EVENT_ID];
    if (last_id.size)
        stream_request_take_last_event_id(wanted, last_id);
    struct refusal refusal = check_wanted(session, wanted);
    if (refusal.status) {
        refuse(session, refusal, false);
        return;
    }
    http_exchange_write_events(session->transport, clock_realtime_ms());
    join(session, wanted, FRAMING_SSE);
}

static void go_on_asking(struct session *session)
{
    session->state = SESSION_ASKING;
    session->deadline_ms = clock_monotonic_ms() + KEEP_ALIVE_MS;
    /* Of the next request all may be here already. */
    transport_want_read(session->transport);
}

/* The answer is out as a whole, or waits. */
static void write_answer(struct session *session)
{
    struct http_exchange *exchange = session->exchange;
    bool is_done = http_exchange_write(exchange, clock_realtime_ms());
    session->deadline_ms = clock_monotonic_ms() + (exchange->is_answering ? TAKE_MS : ANSWER_MS);
    if (!is_done)
        return;
    bool keeps_alive = exchange->keeps_alive && !session->all->is_closing;
    http_exchange_clear(exchange);
    free(exchange);
    session->exchange = NULL;
    if (keeps_alive)
        go_on_asking(session);
    else
        finish(session);
}

static void answer_http(struct session *session, const struct request_head *head,
                        struct http_target target)
{
    session->state = SESSION_ANSWERING;
    session->exchange = memory_allocate_zeroed(1, sizeof *session->exchange);
    http_exchange_start(session->exchange, session->transport, head, session->all->sources, target);
    /* One of the few that are kept for who looks after the server. */
    if (session->connection->refusal.status)
        session->exchange->keeps_alive = false;
    write_answer(session);
}

/* What only an administrator may ask. */
static void answer_admin(struct session *session, const struct request_head *head)
{
    session->state = SESSION_ANSWERING;
    session->exchange = memory_allocate_zeroed(1, sizeof *session->exchange);
    http_exchange_begin(session->exchange, session->transport, head, session->all->sources);
    admin_answer(&session->exchange->request.answer, head, session->all);
    write_answer(session);
}

static void answer_options(struct session *session, const struct request_head *head)
{
    http_exchange_write_options(session->transport, head->keeps_alive, clock_realtime_ms());
    if (head->keeps_alive)
        go_on_asking(session);
    else
        finish(session);
}

static void write_handshake(struct session *session, const struct upgrade_request *request,
                            enum websocket_deflate_answer deflate)
{
    struct buffer more;
    struct buffer out;
    buffer_init(&more, HANDSHAKE_MAX);
    buffer_init(&out, HANDSHAKE_MAX + ANSWER_HEAD_MAX);
    upgrade_write_fields(&more, request);
    if (deflate != WEBSOCKET_DEFLATE_NONE)
        buffer_append_format(&more, "Sec-WebSocket-Extensions: " WEBSOCKET_DEFLATE_NAME "%s\r\n",
                             websocket_deflate_parameters(deflate));
    buffer_append_byte(&more, '\0');
    assert(!more.failed);
    const struct answer_head head = {
        .status = 101,
        .body = BODY_NONE,
        .more = (const char *)more.data,
    };
    answer_head_write(&out, &head, clock_realtime_ms());
    (void)transport_write(session->transport, buffer_bytes(&out));
    buffer_free(&out);
    buffer_free(&more);
}

/* Takes what is wanted. */
static void start_frames(struct session *session, const struct request_head *head,
                         const struct upgrade_request *request, const struct stream_request *wanted)
{
    enum websocket_deflate_answer deflate =
        session->all->deflate ? websocket_deflate_answer(head->fields[FIELD_WEBSOCKET_EXTENSIONS])
                              : WEBSOCKET_DEFLATE_NONE;
    bool has_deflate = deflate != WEBSOCKET_DEFLATE_NONE;
    write_handshake(session, request, deflate);
    client_frames_init(&session->frames, has_deflate);
    join(session, wanted, has_deflate ? FRAMING_WEBSOCKET_DEFLATED : FRAMING_WEBSOCKET);
}

static void upgrade(struct session *session, const struct request_head *head,
                    struct http_target target)
{
    const struct upgrade_request request = {
        .is_get = head->method == REQUEST_GET,
        .host = head->fields[FIELD_HOST],
        .connection = head->fields[FIELD_CONNECTION],
        .version = head->fields[FIELD_WEBSOCKET_VERSION],
        .key = head->fields[FIELD_WEBSOCKET_KEY],
        .subprotocols = head->fields[FIELD_WEBSOCKET_PROTOCOL],
    };
    struct stream_request wanted;
    struct http_refusal reason;
    struct refusal refusal = upgrade_check(&request);
    if (refusal.status) {
        refuse(session, refusal, head->method == REQUEST_HEAD);
        return;
    }
    if (!http_routes_websocket(session->all->sources, target, &wanted, &reason)) {
        refuse(session, (struct refusal){ reason.status, reason.text }, false);
        return;
    }
    refusal = check_wanted(session, &wanted);
    if (refusal.status)
        refuse(session, refusal, false);
    else
        start_frames(session, head, &request, &wanted);
    stream_request_clear(&wanted);
}

/* `is_last`: nothing has come behind the request. */
static void answer(struct session *session, const struct request_head *head, bool is_last)
{
    struct query query;
    struct stream_request wanted;
    struct http_target target = {
        .path = head->path,
        .query = read_query(&query, head->query) ? &query : NULL,
        .if_none_match = head->fields[FIELD_IF_NONE_MATCH],
        .customer = session->connection->customer,
    };
    struct http_refusal reason = { 0 };
    bool is_upgrade = request_head_lists(head, FIELD_UPGRADE, "websocket");
    bool is_events = !is_upgrade && head->method == REQUEST_GET &&
                     http_routes_sse(session->all->sources, target, &wanted, &reason);
    if (!is_last && (is_upgrade || is_events))
        refuse(session, (struct refusal){ 400, PIPELINED }, head->method == REQUEST_HEAD);
    else if (head->method == REQUEST_OPTIONS)
        answer_options(session, head);
    else if (session->connection->is_admin && admin_has(head->path))
        answer_admin(session, head);
    else if (is_upgrade)
        upgrade(session, head, target);
    else if (is_events)
        answer_events(session, head, &wanted);
    else if (reason.status)
        refuse(session, (struct refusal){ reason.status, reason.text }, false);
    else
        answer_http(session, head, target);
    if (is_events)
        stream_request_clear(&wanted);
}

/* A whole head of `size` bytes has come. */
static void take_request(struct session *session, size_t size)
{
    struct request_head head;
    struct bytes text = bytes_of(session->input.data, size);
    struct refusal refusal = request_head_read(&head, text);
    if (!refusal.status)
        refusal = decide(session, &head);
    if (refusal.status)
        refuse(session, refusal, head.method == REQUEST_HEAD);
    else
        answer(session, &head, session->input.size == size);
    request_head_clear(&head);
}

/* What is left behind a request that was taken. */
static void drop_request(struct session *session, size_t size)
{
    struct buffer *input = &session->input;
    session->input_seen = 0;
    if (session->state == SESSION_OVER || input->size == size) {
        buffer_free(input);
        return;
    }
    memmove(input->data, input->data + size, input->size - size);
    input->size -= size;
}

/* False if there is no whole request yet. */
static bool take_input(struct session *session)
{
    struct bytes text = buffer_bytes(&session->input);
    size_t size = text.size ? request_head_size(text, session->input_seen) : 0;
    session->input_seen = text.size;
    if (size) {
        take_request(session, size);
        drop_request(session, size);
    } else if (text.size >= REQUEST_HEAD_MAX) {
        refuse(session, request_head_too_large(text), false);
    }
    return size;
}

static void hear_request(struct session *session, struct bytes piece)
{
    /* Some seconds for all of it, whatever the pace. */
    if (session->input.size == 0 && session->deadline_ms != UINT64_MAX) {
        uint64_t by_ms = clock_monotonic_ms() + session->all->handshake_ms;
        if (by_ms < session->deadline_ms)
            session->deadline_ms = by_ms;
    }
    buffer_append_bytes(&session->input, piece);
    (void)take_input(session);
}

/* One who does not take the answers gets no more of them. */
static void send_pongs(struct session *session, struct bytes pongs)
{
    if (pongs.size && !transport_buffered(session->transport))
        (void)transport_write(session->transport, pongs);
}

/* False: it was the last word. */
static bool take_word(struct session *session, struct client_word word, struct buffer *pongs)
{
    switch (word.says) {
    case CLIENT_SAYS_NOTHING: return true;
    case CLIENT_SAYS_PING: control_frame_pong(pongs, word.payload); return true;
    case CLIENT_SAYS_CLOSE: subscriber_close(&session->subscriber, word.code, ""); return false;
    case CLIENT_IS_WRONG:
        subscriber_close(&session->subscriber, word.code, word.reason);
        return false;
    }
    return true;
}

/* The pongs go out together: who sends thousands of pings at once does not have us make as many
 * calls. They are no longer than the pings were. */
static void hear_frames(struct session *session, struct bytes piece)
{
    struct buffer pongs;
    bool goes_on = true;
    buffer_init(&pongs, READ_SIZE + CONTROL_FRAME_MAX);
    subscriber_hear(&session->subscriber);
    while (piece.size && goes_on)
        goes_on = take_word(session, client_frames_take(&session->frames, &piece), &pongs);
    assert(!pongs.failed);
    if (goes_on)
        send_pongs(session, buffer_bytes(&pongs));
    else
        finish(session);
    buffer_free(&pongs);
}

static void hear(struct session *session, struct bytes piece)
{
    switch (session->state) {
    case SESSION_ASKING: hear_request(session, piece); break;
    case SESSION_FRAMES: hear_frames(session, piece); break;
    /* There is nothing to say behind a request for events. */
    case SESSION_EVENTS: finish(session); break;
    case SESSION_ANSWERING:
    case SESSION_OVER: break;
    }
}

static bool listens(const struct session *session)
{
    return session->state != SESSION_ANSWERING && session->state != SESSION_OVER;
}

/* Of a request no more than there may be. */
static size_t read_limit(const struct session *session)
{
    return session->state == SESSION_ASKING ? REQUEST_HEAD_MAX - session->input.size : READ_SIZE;
}

/* The client says nothing more; what it has asked is still answered, one after the other. */
static void end_hearing(struct session *session)
{
    bool has_more = session->state == SESSION_ASKING && session->input.size && take_input(session);
    if (!has_more)
        finish(session);
}

/* Who does not take his answers is listened to no more, until on_writable says that they are out.
 */
static bool waits_for_taking(const struct session *session)
{
    bool waits = session->state == SESSION_ASKING && transport_buffered(session->transport);
    if (waits)
        transport_want_write(session->transport);
    return waits;
}

static void on_readable(struct transport *transport, void *context)
{
    struct session *session = context;
    uint8_t room[READ_SIZE];
    size_t got;
    /* What came behind the last request. */
    if (waits_for_taking(session))
        return;
    if (session->state == SESSION_ASKING && session->input.size && take_input(session))
        return;
    for (size_t total = 0; listens(session) && !waits_for_taking(session); total += got) {
        if (total >= READ_PER_TURN) {
            transport_want_read(transport);
            return;
        }
        switch (transport_read(transport, room, read_limit(session), &got)) {
        case TRANSPORT_DATA: hear(session, bytes_of(room, got)); break;
        case TRANSPORT_QUIET: return;
        case TRANSPORT_ENDED: end_hearing(session); return;
        }
    }
}

static void on_writable(struct transport *transport, void *context)
{
    struct session *session = context;
    if (session->state == SESSION_ANSWERING)
        write_answer(session);
    else if (session->state == SESSION_ASKING)
        transport_want_read(transport);
    else
        subscriber_write(&session->subscriber);
}

static void on_gone(struct transport *transport, void *context)
{
    struct session *session = context;
    (void)transport;
    if (session->exchange)
        http_exchange_clear(session->exchange);
    free(session->exchange);
    buffer_free(&session->input);
    subscriber_leave(&session->subscriber);
    session->all->counters->open--;
    session->all->administrators -= session->connection->is_admin;
    session->all->refusing -= session->connection->refusal.status != 0;
    connection_destroy(session->connection);
    *session->link = session->next;
    if (session->next)
        session->next->link = session->link;
    free(session);
}

static const struct transport_events session_events = {
    .on_readable = on_readable,
    .on_writable = on_writable,
    .on_gone = on_gone,
};

struct session *session_open(struct sessions *sessions, int descriptor, struct ssl_ctx_st *tls,
                             struct connection *connection)
{
    struct session *session = memory_allocate_zeroed(1, sizeof *session);
    session->all = sessions;
    session->number = ++sessions->numbers;
    session->connection = connection;
    session->opened_at_ms = clock_monotonic_ms();
    session->deadline_ms = session->opened_at_ms + sessions->handshake_ms;
    buffer_init(&session->input, REQUEST_HEAD_MAX);
    session->transport =
        transport_open(sessions->transports, descriptor, tls, &session_events, session);
    if (!session->transport) {
        connection_destroy(connection);
        free(session);
        return NULL;
    }
    session->link = &sessions->first;
    session->next = sessions->first;
    if (session->next)
        session->next->link = &session->next;
    sessions->first = session;
    sessions->counters->open++;
    sessions->administrators += connection->is_admin;
    sessions->refusing += connection->refusal.status != 0;
    return session;
}

static void end_waiting(struct session *session)
{
    switch (session->state) {
    case SESSION_ASKING:
        if (session->input.size)
            refuse(session, (struct refusal){ 408, "the request did not come as a whole" }, false);
        else
            finish(session);
        break;
    case SESSION_ANSWERING:
        if (session->exchange->is_answering)
            transport_kill(session->transport);
        else
            http_exchange_give_up(session->exchange);
        break;
    case SESSION_EVENTS:
    case SESSION_FRAMES:
    case SESSION_OVER: break;
    }
}

static bool is_silent(const struct session *session)
{
    return session->state == SESSION_ASKING && session->input.size == 0;
}

/* Whether it has one of the places that the new one wants. */
static bool has_such_place(const struct session *session, bool is_admin)
{
    const struct connection *connection = session->connection;
    return is_admin ? connection->is_admin : connection->refusal.status != 0;
}

bool sessions_displace(const struct sessions *sessions, bool is_admin)
{
    struct session *found = NULL;
    /* The newest comes first. */
    for (struct session *session = sessions->first; session; session = session->next)
        if (has_such_place(session, is_admin) && is_silent(session))
            found = session;
    if (!found)
        return false;
    struct refusal refusal = { 503, "too many connections" };
    if (found->connection->refusal.status)
        refusal = found->connection->refusal;
    refuse(found, refusal, false);
    transport_kill(found->transport);
    return true;
}

bool sessions_end(struct sessions *sessions, uint64_t number)
{
    for (struct session *session = sessions->first; session; session = session->next) {
        if (session->number != number || session->state == SESSION_OVER)
            continue;
        subscriber_close(&session->subscriber, CLOSE_POLICY, "disconnected by an administrator");
        finish(session);
        return true;
    }
    return false;
}

void sessions_tick(struct sessions *sessions, uint64_t now_ms)
{
    for (struct session *session = sessions->first; session; session = session->next)
        if (now_ms >= session->deadline_ms)
            end_waiting(session);
}

void sessions_close(struct sessions *sessions)
{
    sessions->is_closing = true;
    for (struct session *session = sessions->first; session; session = session->next)
        if (session->state == SESSION_ASKING)
            finish(session);
}
