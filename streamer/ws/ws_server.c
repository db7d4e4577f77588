#include "streamer/ws/ws_server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "streamer/edge/admission.h"
#include "streamer/edge/connection.h"
#include "streamer/edge/listeners.h"
#include "streamer/edge/tls_identity.h"
#include "streamer/loop/loop.h"
#include "streamer/loop/transport.h"
#include "streamer/request/answer_head.h"
#include "streamer/ws/session.h"

enum {
    ACCEPTS_PER_TURN = 64,
    /* When the machine is out of descriptors or memory. */
    ACCEPT_PAUSE_MS = 100,
    /* Beyond the ceiling: for health and metrics, which are asked for when it is reached, and to be
     * told why not, in the middle of which some clients do not get to see it. Of a customer who has
     * all that he may have, no more than half. */
    RESERVED_MAX = 32,
    REFUSED_MAX = RESERVED_MAX / 2,
    /* On their own listeners, whatever comes to the others. */
    ADMINISTRATORS_MAX = 16,
};

struct listening {
    struct ws_server *server;
    const struct open_listener *listener;
    struct loop_watch *watch;
    bool is_admin;
};

struct ws_server {
    struct ws_server_options options;
    struct transports *transports;
    struct listening listening[2 * LISTENERS_MAX];
    size_t listening_count;
    struct loop_timer *accept_again;
    bool cannot_accept; /* as was said */
    struct sessions sessions;
    struct subscribers *subscribers;
    struct connection_counters counters;
};

struct ws_server *ws_server_create(const struct ws_server_options *options)
{
    struct transports *transports = transports_create(options->loop);
    if (!transports) {
        say_error("cannot make the server", "reason=%s", say_quoted(strerror(errno)));
        return NULL;
    }
    struct ws_server *server = memory_allocate_zeroed(1, sizeof *server);
    server->options = *options;
    server->transports = transports;
    server->subscribers = subscribers_create(&options->subscribers);
    server->sessions = (struct sessions){
        .sources = options->sources,
        .subscribers = server->subscribers,
        .lanes = options->subscribers.lanes,
        .admission = options->admission,
        .transports = transports,
        .counters = &server->counters,
        .handshake_ms = options->handshake_ms,
        .deflate = options->deflate,
    };
    return server;
}

void ws_server_destroy(struct ws_server *server)
{
    if (!server)
        return;
    transports_destroy(server->transports);
    subscribers_destroy(server->subscribers);
    free(server);
}

/* Before it has asked for anything; over TLS, before it could understand. */
static void turn_away(struct ws_server *server, const struct listening *listening, int descriptor,
                      struct refusal refusal)
{
    struct buffer answer;
    buffer_init(&answer, ANSWER_HEAD_MAX);
    refusal_write(&answer, refusal, false, clock_realtime_ms());
    server->counters.refused++;
    /* A new socket's buffer is empty; if the answer does not fit all the same, the client sees a
     * closed connection. */
    if (!listening->listener->place.is_tls)
        (void)!send(descriptor, answer.data, answer.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    buffer_free(&answer);
    (void)close(descriptor);
}

static void want_accepts(struct ws_server *server, bool wanted)
{
    for (size_t i = 0; i < server->listening_count; i++)
        loop_watch_want_read(server->listening[i].watch, wanted);
}

static void pause_accepting(struct ws_server *server)
{
    if (!server->cannot_accept)
        say_warning("cannot accept connections", "reason=%s", say_quoted(strerror(errno)));
    server->cannot_accept = true;
    want_accepts(server, false);
    loop_timer_set(server->accept_again, ACCEPT_PAUSE_MS);
}

static void note_accepted(struct ws_server *server)
{
    if (server->cannot_accept)
        say_info("connections are accepted again", "open=%zu", server->counters.open);
    server->cannot_accept = false;
}

static void on_accept_again(void *context)
{
    want_accepts(context, true);
}

static bool is_full(const struct ws_server *server)
{
    const struct sessions *sessions = &server->sessions;
    return server->counters.open - sessions->refusing - sessions->administrators >=
           server->options.max_connections;
}

/* Why the new connection is only told so, in `connection`; false: there is no place for that
 * either. */
static bool find_place(const struct ws_server *server, struct connection *connection)
{
    const struct sessions *sessions = &server->sessions;
    bool has_too_many = connection->refusal.status != 0;
    bool is_crowded = connection->is_admin ? sessions->administrators >= ADMINISTRATORS_MAX
                                           : !has_too_many && is_full(server);
    if (is_crowded) {
        connection->refusal = (struct refusal){ 503, "too many connections" };
        connection->is_reserved = !connection->is_admin;
    }
    if (!connection->refusal.status)
        return true;
    return !connection->is_admin &&
           sessions->refusing < (has_too_many ? REFUSED_MAX : RESERVED_MAX);
}

static void admit(struct ws_server *server, const struct listening *listening, int descriptor,
                  struct address peer)
{
    const struct admission *admission = server->options.admission;
    struct connection *connection = connection_create(admission, peer, listening->is_admin);
    connection->is_over_tls = listening->listener->place.is_tls;
    /* Who connects and says nothing keeps nobody from asking for health. */
    if (!find_place(server, connection) &&
        !sessions_displace(&server->sessions, connection->is_admin)) {
        turn_away(server, listening, descriptor, connection->refusal);
        connection_destroy(connection);
        return;
    }
    if (connection->is_admin)
        connection->refusal = (struct refusal){ 0 };
    struct ssl_ctx_st *tls =
        connection->is_over_tls ? tls_identity_context(admission->identity) : NULL;
    if (session_open(&server->sessions, descriptor, tls, connection))
        server->counters.accepted++;
}

static void on_acceptable(short events, void *context)
{
    const struct listening *listening = context;
    struct ws_server *server = listening->server;
    (void)events;
    for (int turn = 0; turn < ACCEPTS_PER_TURN; turn++) {
        struct address peer;
        int descriptor = listener_accept(listening->listener->descriptor, &peer);
        if (descriptor < 0 && errno == EAGAIN)
            return;
        if (descriptor < 0 &&
            (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
            pause_accepting(server);
            return;
        }
        if (descriptor < 0)
            continue;
        note_accepted(server);
        admit(server, listening, descriptor, peer);
    }
}

bool ws_server_listen(struct ws_server *server, const struct listeners *listeners, bool is_admin)
{
    if (!server->accept_again)
        server->accept_again = loop_timer_create(server->options.loop, on_accept_again, server);
    for (size_t i = 0; i < listeners->count; i++) {
        assert(server->listening_count < sizeof server->listening / sizeof *server->listening);
        struct listening *listening = &server->listening[server->listening_count++];
        *listening = (struct listening){ .server = server,
                                         .listener = &listeners->items[i],
                                         .is_admin = is_admin };
        listening->watch = loop_watch_create(server->options.loop, listeners->items[i].descriptor,
                                             on_acceptable, listening);
        if (!listening->watch)
            return false;
    }
    return true;
}

void ws_server_note_rollback(struct ws_server *server)
{
    subscribers_note_rollback(server->subscribers);
}

void ws_server_note_loss(struct ws_server *server, struct stream_id end)
{
    subscribers_note_loss(server->subscribers, end);
}

void ws_server_note_fork(struct ws_server *server, struct stream_id fork, struct stream_id lost)
{
    subscribers_note_fork(server->subscribers, fork, lost);
}

void ws_server_learn_newest(struct ws_server *server, struct stream_position newest)
{
    subscribers_learn_newest(server->subscribers, newest);
}

void ws_server_wake(struct ws_server *server, uint64_t now_ms)
{
    subscribers_wake(server->subscribers, now_ms);
}

void ws_server_tick(struct ws_server *server, uint64_t now_ms)
{
    subscribers_tick(server->subscribers, now_ms);
    sessions_tick(&server->sessions, now_ms);
    transports_tick(server->transports, now_ms);
}

void ws_server_close(struct ws_server *server)
{
    for (size_t i = 0; i < server->listening_count; i++)
        loop_watch_destroy(server->listening[i].watch);
    server->listening_count = 0;
    loop_timer_destroy(server->accept_again);
    server->accept_again = NULL;
    subscribers_close(server->subscribers);
    sessions_close(&server->sessions);
}

const struct connection_counters *ws_server_connections(const struct ws_server *server)
{
    return &server->counters;
}

const struct subscriber_counters *ws_server_subscribers(const struct ws_server *server)
{
    return subscribers_counters(server->subscribers);
}
