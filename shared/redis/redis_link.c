/*
 * The states are passed through in this order: DOWN (waiting for the next attempt) → FINDING (the
 * address of a host's name) → ASKING (a guide: a sentinel or any node of a cluster, which leads to
 * FINDING the server) → GREETING (AUTH, SELECT, CLIENT SETNAME, ROLE, EXISTS, PING: a PONG means
 * that Redis has loaded its data) → UP. Everything that goes wrong leads back to DOWN.
 *
 * In a cluster all keys lie in one slot, so it is one node that is looked for, and a key of that
 * slot is asked for before anything else: it shows whether that node has the slot, whole. An ASK or
 * a TRYAGAIN says that the slot is being moved, key by key. It is never followed: WATCH, reading
 * and MULTI could see keys on two nodes. It ends the connection, and with it every WATCH and every
 * transaction that was begun; and so it goes on until one of both nodes has the slot.
 */
#include "shared/redis/redis_link.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include "shared/base/buffer.h"
#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/process/host_lookup.h"
#include "shared/process/say.h"
#include "shared/redis/command_text.h"
#include "shared/redis/redis_address.h"
#include "shared/redis/redis_cluster.h"
#include "shared/redis/redis_refusal.h"
#include "shared/redis/redis_sentinel.h"
#include "shared/redis/redis_tls.h"
#include "shared/redis/reply_arena.h"

enum {
    BACK_OFF_FIRST_MS = 100,
    /* Short: a Redis that is back is noticed at once, and one connection attempt costs nothing. */
    BACK_OFF_MAX_MS = 2000,
    /* A cluster has made up its mind soon, and it costs one more connection to ask it. */
    BACK_OFF_CLUSTER_MS = 500,
    /* A connection that was dropped sooner did no good: what is wrong with it is not hurried. */
    STABLE_MS = 3000,
    /* A wrong password stays wrong until somebody has changed it, and servers log each attempt. */
    BACK_OFF_REFUSED_MS = 5000,
    CONNECT_TIMEOUT_MS = 5000,
    /* There are others to ask. */
    GUIDE_TIMEOUT_MS = 1500,
    /* Until it is asked again whether a slot that is being moved has arrived. */
    SLOT_MOVES_MS = 250,
    /* Of a large cluster these nodes are enough to ask. */
    GUIDES_MAX = 32,
    KEY_SIZE = 256,
    LOOKUP_TIMEOUT_MS = 5000,
    /* How soon the answer of the name servers is noticed. */
    LOOKUP_POLL_MS = 20,
    /* Reasons that change with every attempt, as of several sentinels in turn, must not fill the
     * log. */
    LOG_LINES_MAX = 4,
    LOG_LINES_MS = 60 * 1000,
    REASON_SIZE = 160,
    NAME_SIZE = 64,
    ARGUMENTS_MAX = 16,
    /* As Redis has it for one argument, and some. */
    COMMAND_MAX = 1024 * 1024 * 1024,
    COMMAND_KEPT = 1024 * 1024,
    /* So much hiredis reads at a time: not four entries of the stream. */
    HIREDIS_READ = 16 * 1024,
    /* So what is there is read in larger pieces, and handed to hiredis' reader. Several in a row
     * spare the loop's round for each, and are no more than what a millisecond is good for. */
    READ_SIZE = 64 * 1024,
    PIECES_PER_TURN = 4,
    /* hiredis' own buffer is kept from one piece to the next, if it is no larger. */
    READER_KEPT = 4 * READ_SIZE,
};

enum link_state {
    LINK_DOWN,
    LINK_FINDING,
    LINK_ASKING,
    LINK_GREETING,
    LINK_UP
};

#define REDIS_LINK_MARK CONTEXT_MARK('L', 'I', 'N', 'K')

struct redis_link {
    uint32_t mark; /* REDIS_LINK_MARK */
    struct redis_address address;
    char client_name[NAME_SIZE];
    uint64_t timeout_ms;
    bool writes;
    bool needs_master;
    struct redis_link_events events;
    enum link_state state;
    redisAsyncContext *context; /* NULL in LINK_DOWN and LINK_FINDING */
    short interest;
    uint64_t now_ms;
    uint64_t attempt_at_ms; /* LINK_DOWN: when to connect; LINK_FINDING: when it began */
    uint64_t back_off_ms;
    uint64_t up_at_ms;
    uint64_t progress_at_ms; /* the last reply, or the first command after silence */
    size_t pending;

    struct redis_host host; /* of this attempt: a guide, or the server itself */
    bool is_guide;
    /* The address' own, and behind them the nodes that a cluster has told of. */
    struct redis_host guides[GUIDES_MAX];
    size_t guide_count;
    size_t guide;    /* the next one to ask */
    unsigned number; /* counts attempts: of several addresses or replicas each has its turn */

    char key[KEY_SIZE];         /* of a cluster: one whose slot it is about */
    struct redis_host owner;    /* of that slot, as the guide has it */
    struct redis_host moved_to; /* as a MOVED has it, if has_moved */
    bool has_moved;
    bool is_sent;       /* this attempt goes where a MOVED has sent us */
    bool is_on_replica; /* of a cluster */

    struct host_lookup *lookup; /* of host.name, or of an earlier one that has not ended yet */
    uint64_t lookup_poll_at_ms;

    bool dropping; /* drop was asked for inside a callback: done when control is back here */
    bool moving;   /* on to `host`, as the guide has answered, when control is back here */
    bool closing;  /* hiredis is handing back what was pending: nothing can be sent any more */
    bool in_hiredis;
    const char *tls_complaint;  /* about the server's certificate, or NULL */
    enum redis_refusal refusal; /* what kind of reason it is */
    char reason[REASON_SIZE];
    char logged[REASON_SIZE];
    struct buffer command; /* the one that is being sent */
    char *input;           /* READ_SIZE bytes */
    struct reply_pool *pool;
    unsigned logged_count; /* within LOG_LINES_MS from then on */
    uint64_t logged_from_ms;
};

#define PENDING_REPLY_MARK CONTEXT_MARK('P', 'R', 'P', 'L')

/* One command on its way; hiredis gives it back exactly once. */
struct pending_reply {
    uint32_t mark; /* PENDING_REPLY_MARK, once it is sent */
    struct redis_link *link;
    redis_link_on_reply on_reply;
    void *context;
};

static void tell_interest(struct redis_link *link, int descriptor)
{
    if (link->events.on_interest)
        link->events.on_interest(link, descriptor, link->interest, link->events.context);
}

static void change_interest(struct redis_link *link, short interest)
{
    if (link->interest == interest)
        return;
    link->interest = interest;
    if (link->context)
        tell_interest(link, link->context->c.fd);
}

static void on_add_read(void *data)
{
    struct redis_link *link = context_of(data, REDIS_LINK_MARK);
    change_interest(link, (short)(link->interest | POLLIN));
}

static void on_delete_read(void *data)
{
    struct redis_link *link = context_of(data, REDIS_LINK_MARK);
    change_interest(link, (short)(link->interest & ~POLLIN));
}

static void on_add_write(void *data)
{
    struct redis_link *link = context_of(data, REDIS_LINK_MARK);
    change_interest(link, (short)(link->interest | POLLOUT));
}

static void on_delete_write(void *data)
{
    struct redis_link *link = context_of(data, REDIS_LINK_MARK);
    change_interest(link, (short)(link->interest & ~POLLOUT));
}

/* The one way to DOWN. Called by hiredis when the context is about to be freed, for whatever
 * reason. */
static void on_cleanup(void *data)
{
    struct redis_link *link = context_of(data, REDIS_LINK_MARK);
    link->context = NULL;
    link->interest = 0;
    tell_interest(link, -1);
}

static void set_reason(struct redis_link *link, const char *reason)
{
    (void)snprintf(link->reason, sizeof link->reason, "%s", reason);
    for (char *at = link->reason; *at; at++)
        if (*at < 0x20 || *at > 0x7e || *at == '"')
            *at = '?';
}

/* While a connection cannot be made at all there is nobody but the log to tell. */
static void log_reason(struct redis_link *link)
{
    if (link->now_ms - link->logged_from_ms >= LOG_LINES_MS) {
        link->logged_from_ms = link->now_ms;
        link->logged_count = 0;
    }
    if (strcmp(link->reason, link->logged) == 0 || link->logged_count == LOG_LINES_MAX)
        return;
    link->logged_count++;
    memcpy(link->logged, link->reason, sizeof link->logged);
    const char *path = link->address.path;
    say_warning("Redis cannot be used", "connection=%s %s=%s port=%d reason=%s", link->client_name,
                link->is_guide ? "guide" : "server", say_quoted(*path ? path : link->host.name),
                *path ? 0 : link->host.port, say_quoted(link->reason));
}

/* All guides are asked one after the other before anything is waited for. Nodes of a cluster tell
 * each other what they know, so when one has answered there is nothing to be had from the next. */
static bool has_another_guide(struct redis_link *link, bool was_up)
{
    bool was_told = link->address.place == REDIS_PLACE_OF_CLUSTER && !link->is_guide;
    if (!link->guide_count || was_up)
        return false;
    link->guide = (link->guide + 1) % link->guide_count;
    return link->guide != 0 && !was_told;
}

/* How long to wait before the next attempt. */
static uint64_t next_pause_ms(struct redis_link *link, bool was_up)
{
    if (was_up && link->now_ms - link->up_at_ms >= STABLE_MS)
        link->back_off_ms = BACK_OFF_FIRST_MS;
    /* Two nodes that send us to each other have their turn like everything that goes wrong. */
    if (link->has_moved && !link->is_sent)
        return 0;
    if (link->refusal == REDIS_REFUSAL_MOVING)
        return SLOT_MOVES_MS;
    if (has_another_guide(link, was_up))
        return 0;
    if (link->refusal == REDIS_REFUSAL_CREDENTIALS)
        return BACK_OFF_REFUSED_MS;
    uint64_t pause_ms = link->back_off_ms;
    uint64_t pause_max_ms =
        link->address.place == REDIS_PLACE_OF_CLUSTER ? BACK_OFF_CLUSTER_MS : BACK_OFF_MAX_MS;
    link->back_off_ms = pause_ms * 2 > pause_max_ms ? pause_max_ms : pause_ms * 2;
    return pause_ms;
}

static void go_down(struct redis_link *link)
{
    bool was_up = link->state == LINK_UP;
    link->state = LINK_DOWN;
    link->attempt_at_ms = link->now_ms + next_pause_ms(link, was_up);
    if (!was_up)
        log_reason(link);
    if (was_up && link->events.on_down)
        link->events.on_down(link, link->reason, link->events.context);
}

/* Frees the connection; hiredis calls every pending callback with NULL on the way. */
static void close_connection(struct redis_link *link)
{
    assert(!link->in_hiredis);
    redisAsyncContext *context = link->context;
    if (!context)
        return;
    link->in_hiredis = true;
    redisAsyncFree(context);
    link->in_hiredis = false;
    assert(link->context == NULL && link->pending == 0);
}

static void drop(struct redis_link *link, const char *reason, enum redis_refusal refusal)
{
    if (link->state == LINK_DOWN || link->dropping)
        return;
    set_reason(link, reason);
    link->refusal = refusal;
    link->dropping = true;
}

void redis_link_drop(struct redis_link *link, const char *reason)
{
    drop(link, reason, REDIS_REFUSAL_NONE);
}

/* hiredis knows no more of errors that TLS noticed than that errno is 0. */
static void fail_link(struct redis_link *link, const char *reason)
{
    char text[REASON_SIZE];
    bool has_no_word = link->address.has_tls && strcmp(reason, strerror(0)) == 0;
    (void)snprintf(text, sizeof text, "%s%s",
                   link->tls_complaint ? "the server's certificate: " : "",
                   link->tls_complaint ? link->tls_complaint
                   : has_no_word       ? "TLS failed: the server may want a certificate of ours"
                                       : reason);
    set_reason(link, text);
    link->refusal = REDIS_REFUSAL_NONE;
    go_down(link);
}

static void find_host(struct redis_link *link);

/* What callbacks have asked for, once hiredis no longer stands on the stack. */
static void settle(struct redis_link *link)
{
    if (link->dropping) {
        /* Still dropping while hiredis says goodbye, so that the reason stays the one that was
         * given. */
        close_connection(link);
        if (link->state != LINK_DOWN)
            go_down(link);
        link->dropping = link->moving = false;
    } else if (link->moving) {
        close_connection(link);
        link->moving = false;
        find_host(link);
    }
}

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis_link *link = context->data;
    /* hiredis frees the context itself after a failed connect, and calls on_cleanup on the way. */
    if (status != REDIS_OK)
        fail_link(link, context->errstr[0] ? context->errstr : "cannot connect");
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    struct redis_link *link = context->data;
    if (link->dropping || link->moving || link->state == LINK_DOWN)
        return;
    fail_link(link, status == REDIS_OK || !context->errstr[0] ? "disconnected" : context->errstr);
}

/* Who would rather have a replica asks for one again. */
static void note_moved(struct redis_link *link, const char *error)
{
    const struct redis_address *address = &link->address;
    if (address->place == REDIS_PLACE_OF_CLUSTER && !address->wants_replica)
        link->has_moved = redis_cluster_read_moved(&link->moved_to, error, &link->host);
}

/* Some errors are about the connection, whatever the command was. */
static void heed_error(struct redis_link *link, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return;
    enum redis_refusal refusal = redis_refusal_of(reply->str);
    switch (refusal) {
    case REDIS_REFUSAL_PLACE:
        note_moved(link, reply->str);
        drop(link, reply->str, refusal);
        break;
    case REDIS_REFUSAL_MOVING:
    case REDIS_REFUSAL_CREDENTIALS: drop(link, reply->str, refusal); break;
    case REDIS_REFUSAL_NONE:
    case REDIS_REFUSAL_CONDITION: break;
    }
}

static void on_reply(redisAsyncContext *context, void *reply, void *data)
{
    struct pending_reply *pending = context_of(data, PENDING_REPLY_MARK);
    struct redis_link *link = pending->link;
    (void)context;
    assert(link->pending > 0);
    link->pending--;
    if (!reply)
        link->closing = true;
    link->progress_at_ms = link->now_ms;
    /* After a drop has been asked for, nothing that still arrives counts. */
    bool is_over = link->dropping || link->moving;
    if (pending->on_reply)
        pending->on_reply(link, is_over ? NULL : reply, pending->context);
    if (reply && !is_over)
        heed_error(link, reply);
    free(pending);
}

/* `command` is in Redis' protocol. */
static void send_now(struct redis_link *link, struct pending_reply pending, struct bytes command)
{
    struct pending_reply *kept = memory_allocate(sizeof *kept);
    *kept = pending;
    kept->mark = PENDING_REPLY_MARK;
    /* After a long silence the loop's last word on the time is old: the reply is due from now
     * on. */
    if (link->pending == 0)
        link->progress_at_ms = clock_monotonic_ms();
    link->pending++;
    int status = redisAsyncFormattedCommand(link->context, on_reply, kept,
                                            (const char *)command.data, command.size);
    if (status != REDIS_OK) {
        link->pending--;
        free(kept);
        if (pending.on_reply)
            pending.on_reply(link, NULL, pending.context);
    }
}

/* Into a buffer that is used again: hiredis makes a new string of each command. */
static struct bytes encode_command(struct buffer *out, size_t count, const char *const *arguments,
                                   const size_t *sizes)
{
    if (out->capacity > COMMAND_KEPT)
        buffer_free(out);
    buffer_clear(out);
    command_begin(out, count);
    for (size_t i = 0; i < count; i++)
        command_add(out, bytes_of(arguments[i], sizes[i]));
    /* What is sent has its own bounds, far below this one. */
    assert(!out->failed);
    return buffer_bytes(out);
}

/* Whoever may not even say hello will not be let in by asking again soon; but loading ends by
 * itself. */
static void on_greeting(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)context;
    if (reply && reply->type == REDIS_REPLY_ERROR &&
        redis_refusal_of(reply->str) != REDIS_REFUSAL_PLACE)
        drop(link, reply->str, REDIS_REFUSAL_CREDENTIALS);
}

/* Who may not ask finds out when a write is refused. */
static void on_role(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)context;
    bool may_not_ask = reply && reply->type == REDIS_REPLY_ERROR &&
                       redis_refusal_of(reply->str) == REDIS_REFUSAL_CONDITION;
    if (!reply || may_not_ask)
        return;
    const char *complaint = reply->type == REDIS_REPLY_ERROR
                                ? reply->str
                                : redis_role_complaint(reply, link->needs_master);
    if (complaint)
        drop(link, complaint, REDIS_REFUSAL_PLACE);
}

static void move_on(struct redis_link *link, const struct redis_host *host)
{
    link->host = *host;
    link->is_guide = false;
    link->moving = true;
}

/* A master says ASK of a key that it gave away already. A replica does not know that its master
 * does so, and that the key is gone is all there is to see (as of Redis 7.0): then the master has
 * to say. */
static void on_key(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)context;
    if (!reply || reply->type != REDIS_REPLY_INTEGER || reply->integer > 0 || !link->is_on_replica)
        return;
    link->is_on_replica = false;
    move_on(link, &link->owner);
}

static void on_pong(struct redis_link *link, struct redisReply *reply, void *context)
{
    on_greeting(link, reply, context);
    if (!reply || link->dropping || link->state != LINK_GREETING)
        return;
    link->state = LINK_UP;
    link->is_sent = false;
    link->up_at_ms = link->now_ms;
    link->reason[0] = link->logged[0] = '\0';
    link->logged_count = 0;
    if (link->events.on_up)
        link->events.on_up(link, link->events.context);
}

static void send_greeting(struct redis_link *link, redis_link_on_reply on_reply_to, size_t count,
                          const char *const *arguments)
{
    size_t sizes[ARGUMENTS_MAX];
    for (size_t i = 0; i < count; i++)
        sizes[i] = strlen(arguments[i]);
    struct pending_reply pending = { .link = link, .on_reply = on_reply_to };
    send_now(link, pending, encode_command(&link->command, count, arguments, sizes));
}

static void send_credentials(struct redis_link *link, const char *user, const char *password)
{
    if (*user && *password)
        send_greeting(link, on_greeting, 3, (const char *[]){ "AUTH", user, password });
    else if (*password)
        send_greeting(link, on_greeting, 2, (const char *[]){ "AUTH", password });
}

/* A node that gives the slot away says so of each key that it does not have: so who writes, and
 * would fail at some key or other until the whole slot has moved, asks for one that never is. */
static void ask_for_key(struct redis_link *link)
{
    char none[KEY_SIZE + sizeof ":none"];
    (void)snprintf(none, sizeof none, "%s:none", link->key);
    send_greeting(link, on_key, link->writes ? 3 : 2,
                  (const char *[]){ "EXISTS", link->key, none });
}

/* hiredis queues commands until the connection stands, so the whole greeting goes out at once. */
static void greet(struct redis_link *link)
{
    const struct redis_address *address = &link->address;
    char database[12];
    (void)snprintf(database, sizeof database, "%d", address->database);
    send_credentials(link, address->user, address->password);
    if (address->database)
        send_greeting(link, on_greeting, 2, (const char *[]){ "SELECT", database });
    send_greeting(link, NULL, 3, (const char *[]){ "CLIENT", "SETNAME", link->client_name });
    if (link->needs_master || address->wants_replica)
        send_greeting(link, on_role, 1, (const char *[]){ "ROLE" });
    if (link->is_on_replica)
        send_greeting(link, on_greeting, 1, (const char *[]){ "READONLY" });
    if (address->place == REDIS_PLACE_OF_CLUSTER)
        ask_for_key(link);
    send_greeting(link, on_pong, 1, (const char *[]){ "PING" });
}

static void on_master(struct redis_link *link, struct redisReply *reply, void *context)
{
    struct redis_host host;
    if (!reply)
        return;
    if (reply->type == REDIS_REPLY_ERROR)
        on_greeting(link, reply, context);
    else if (redis_sentinel_read_master(&host, reply))
        move_on(link, &host);
    else
        drop(link, "the sentinel knows no master of that name", REDIS_REFUSAL_PLACE);
}

/* Without a replica that is well the master, which is asked for with the same breath, has to do. */
static void on_replicas(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)context;
    struct redis_host host;
    if (reply && redis_sentinel_read_replica(&host, reply, link->number))
        move_on(link, &host);
}

static void ask_sentinel(struct redis_link *link)
{
    const struct redis_address *address = &link->address;
    const char *name = address->master_name;
    send_credentials(link, address->sentinel_user, address->sentinel_password);
    if (address->wants_replica)
        send_greeting(link, on_replicas, 3, (const char *[]){ "SENTINEL", "REPLICAS", name });
    send_greeting(link, on_master, 3,
                  (const char *[]){ "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name });
}

static void learn_nodes(struct redis_link *link, const struct redisReply *reply)
{
    link->guide_count = redis_cluster_read_nodes(link->guides, link->address.guide_count,
                                                 GUIDES_MAX, reply, &link->host);
}

static void on_slots(struct redis_link *link, struct redisReply *reply, void *context)
{
    unsigned slot = redis_cluster_slot(link->key);
    struct redis_host replica;
    if (!reply)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        on_greeting(link, reply, context);
        return;
    }
    learn_nodes(link, reply);
    if (!redis_cluster_read_owner(&link->owner, reply, slot, &link->host)) {
        drop(link, "no node of the cluster has the slot of the prefix", REDIS_REFUSAL_PLACE);
        return;
    }
    link->is_on_replica =
        link->address.wants_replica &&
        redis_cluster_read_replica(&replica, reply, slot, &link->host, link->number);
    move_on(link, link->is_on_replica ? &replica : &link->owner);
}

static void ask_node(struct redis_link *link)
{
    send_credentials(link, link->address.user, link->address.password);
    send_greeting(link, on_slots, 2, (const char *[]){ "CLUSTER", "SLOTS" });
}

static void adopt(struct redis_link *link, redisAsyncContext *context)
{
    reply_arena_adopt(context->c.reader, link->pool);
    context->c.reader->maxbuf = READER_KEPT;
    link->context = context;
    link->closing = false;
    link->progress_at_ms = link->now_ms;
    context->data = link;
    context->ev.data = link;
    context->ev.addRead = on_add_read;
    context->ev.delRead = on_delete_read;
    context->ev.addWrite = on_add_write;
    context->ev.delWrite = on_delete_write;
    context->ev.cleanup = on_cleanup;
    (void)redisAsyncSetConnectCallback(context, on_connect);
    (void)redisAsyncSetDisconnectCallback(context, on_disconnect);
    tell_interest(link, context->c.fd);
}

/* Connects to the Unix socket, or to the numeric address of `link->host`. */
static void connect_to(struct redis_link *link, const char *numeric)
{
    const struct redis_address *address = &link->address;
    redisAsyncContext *context = address->path[0] ? redisAsyncConnectUnix(address->path)
                                                  : redisAsyncConnect(numeric, link->host.port);
    const char *wrong = !context ? "out of memory" : context->err ? context->errstr : NULL;
    link->tls_complaint = NULL;
    if (!wrong && address->has_tls)
        wrong = redis_tls_begin(&context->c, &address->tls, link->host.name, &link->tls_complaint);
    if (wrong) {
        fail_link(link, wrong);
        if (context)
            redisAsyncFree(context);
        return;
    }
    adopt(link, context);
    link->state = link->is_guide ? LINK_ASKING : LINK_GREETING;
    if (!link->is_guide)
        greet(link);
    else if (address->place == REDIS_PLACE_OF_CLUSTER)
        ask_node(link);
    else
        ask_sentinel(link);
}

static void poll_lookup(struct redis_link *link)
{
    enum host_lookup_state state = host_lookup_state(link->lookup);
    link->lookup_poll_at_ms = link->now_ms + LOOKUP_POLL_MS;
    if (state == HOST_LOOKUP_PENDING) {
        if (link->now_ms - link->attempt_at_ms >= LOOKUP_TIMEOUT_MS)
            fail_link(link, "no answer from the name servers in time");
        return;
    }
    bool is_ours = strcmp(host_lookup_name(link->lookup), link->host.name) == 0;
    char numeric[REDIS_HOST_SIZE];
    if (is_ours && state == HOST_LOOKUP_DONE &&
        host_lookup_address(link->lookup, link->number, numeric, sizeof numeric))
        connect_to(link, numeric);
    else if (is_ours)
        fail_link(link, host_lookup_error(link->lookup));
    host_lookup_destroy(link->lookup);
    link->lookup = is_ours ? NULL : host_lookup_create(link->host.name);
}

/* Then connects. An earlier lookup that has not ended yet is waited for first: one at a time. */
static void find_host(struct redis_link *link)
{
    link->state = LINK_FINDING;
    link->attempt_at_ms = link->now_ms;
    if (link->address.path[0] || host_is_numeric(link->host.name)) {
        connect_to(link, link->host.name);
        return;
    }
    if (!link->lookup)
        link->lookup = host_lookup_create(link->host.name);
    poll_lookup(link);
}

static void begin_attempt(struct redis_link *link)
{
    link->number++;
    link->is_sent = link->has_moved && !link->is_sent;
    link->is_guide = link->guide_count > 0 && !link->is_sent;
    link->host = link->is_sent    ? link->moved_to
                 : link->is_guide ? link->guides[link->guide % link->guide_count]
                                  : link->address.host;
    link->has_moved = link->is_on_replica = false;
    find_host(link);
}

struct redis_link *redis_link_create(const struct redis_link_options *options)
{
    assert(strlen(options->client_name) < NAME_SIZE && strlen(options->key) < KEY_SIZE);
    struct redis_link *link = memory_allocate_zeroed(1, sizeof *link);
    link->mark = REDIS_LINK_MARK;
    link->address = *options->address;
    memcpy(link->client_name, options->client_name, strlen(options->client_name) + 1);
    link->timeout_ms = options->timeout_ms;
    link->events = options->events;
    link->writes = options->writes;
    link->needs_master = options->writes ||
                         (link->address.place != REDIS_PLACE_FIXED && !link->address.wants_replica);
    link->guide_count = link->address.guide_count;
    memcpy(link->guides, link->address.guides, sizeof link->address.guides);
    memcpy(link->key, options->key, strlen(options->key) + 1);
    /* So that not all processes begin with the same replica. */
    link->number = (unsigned)getpid();
    link->back_off_ms = BACK_OFF_FIRST_MS;
    buffer_init(&link->command, COMMAND_MAX);
    link->input = memory_allocate(READ_SIZE);
    link->pool = reply_pool_create();
    set_reason(link, "not connected yet");
    return link;
}

void redis_link_destroy(struct redis_link *link)
{
    if (!link)
        return;
    link->events.on_down = NULL;
    link->events.on_up = NULL;
    link->dropping = true;
    close_connection(link);
    host_lookup_destroy(link->lookup);
    buffer_free(&link->command);
    free(link->input);
    reply_pool_release(link->pool);
    free(link);
}

bool redis_link_is_up(const struct redis_link *link)
{
    return link && link->state == LINK_UP && !link->dropping && !link->closing;
}

const char *redis_link_reason(const struct redis_link *link)
{
    return link->reason;
}

bool redis_link_may_lack_keys(const struct redis_link *link)
{
    return link && link->is_on_replica;
}

size_t redis_link_pending(const struct redis_link *link)
{
    return link->pending;
}

uint64_t redis_link_silent_ms(const struct redis_link *link, uint64_t now_ms)
{
    return link->pending && now_ms > link->progress_at_ms ? now_ms - link->progress_at_ms : 0;
}

int redis_link_descriptor(const struct redis_link *link)
{
    return link->context ? link->context->c.fd : -1;
}

short redis_link_interest(const struct redis_link *link)
{
    return link->interest;
}

static size_t count_readable(const struct redis_link *link)
{
    int readable = 0;
    bool is_readable = !link->address.has_tls && link->context->c.flags & REDIS_CONNECTED &&
                       ioctl(link->context->c.fd, FIONREAD, &readable) == 0;
    return is_readable && readable > 0 ? (size_t)readable : 0;
}

/* All but the last byte: hiredis, which has to read something in order to call anybody, finds that
 * and no end of the connection before its time. */
static void read_piece(struct redis_link *link, size_t readable)
{
    redisContext *context = &link->context->c;
    size_t size = readable - 1 < READ_SIZE ? readable - 1 : READ_SIZE;
    ssize_t got = recv(context->fd, link->input, size, MSG_DONTWAIT);
    if (got > 0)
        (void)redisReaderFeed(context->reader, link->input, (size_t)got);
}

static void read_replies(struct redis_link *link)
{
    size_t readable;
    int pieces = 0;
    do {
        readable = count_readable(link);
        if (readable > HIREDIS_READ)
            read_piece(link, readable);
        redisAsyncHandleRead(link->context);
    } while (readable > HIREDIS_READ && ++pieces < PIECES_PER_TURN && link->context &&
             !link->dropping && !link->moving);
}

void redis_link_service(struct redis_link *link, short ready, uint64_t now_ms)
{
    link->now_ms = now_ms;
    link->in_hiredis = true;
    /* Either call may free the context. */
    if (link->context && (ready & (POLLIN | POLLERR | POLLHUP)))
        read_replies(link);
    if (link->context && (ready & POLLOUT) && !link->dropping && !link->moving)
        redisAsyncHandleWrite(link->context);
    link->in_hiredis = false;
    settle(link);
}

uint64_t redis_link_deadline_ms(const struct redis_link *link)
{
    if (link->dropping || link->moving)
        return 0;
    switch (link->state) {
    case LINK_DOWN: return link->attempt_at_ms;
    case LINK_FINDING: return link->lookup_poll_at_ms;
    case LINK_ASKING: return link->progress_at_ms + GUIDE_TIMEOUT_MS;
    case LINK_GREETING: return link->progress_at_ms + CONNECT_TIMEOUT_MS;
    case LINK_UP: return link->pending ? link->progress_at_ms + link->timeout_ms : UINT64_MAX;
    }
    return UINT64_MAX;
}

void redis_link_tick(struct redis_link *link, uint64_t now_ms)
{
    link->now_ms = now_ms;
    settle(link);
    if (now_ms < redis_link_deadline_ms(link))
        return;
    if (link->state == LINK_DOWN) {
        begin_attempt(link);
        return;
    }
    if (link->state == LINK_FINDING) {
        poll_lookup(link);
        return;
    }
    redis_link_drop(link, link->state == LINK_UP ? "no reply in time" : "cannot connect in time");
    settle(link);
}

void redis_link_make_room(struct redis_link *link, size_t size)
{
    if (!redis_link_is_up(link))
        return;
    char *roomier = sdsMakeRoomFor(link->context->c.obuf, size);
    if (roomier)
        link->context->c.obuf = roomier;
}

bool redis_link_send_command(struct redis_link *link, redis_link_on_reply on_reply_to,
                             void *context, struct bytes command)
{
    if (!redis_link_is_up(link))
        return false;
    send_now(link,
             (struct pending_reply){ .link = link, .on_reply = on_reply_to, .context = context },
             command);
    return true;
}

bool redis_link_send(struct redis_link *link, redis_link_on_reply on_reply_to, void *context,
                     size_t count, const char *const *arguments, const size_t *sizes)
{
    if (!redis_link_is_up(link))
        return false;
    return redis_link_send_command(link, on_reply_to, context,
                                   encode_command(&link->command, count, arguments, sizes));
}

bool redis_link_send_strings(struct redis_link *link, redis_link_on_reply on_reply_to,
                             void *context, ...)
{
    const char *arguments[ARGUMENTS_MAX];
    size_t sizes[ARGUMENTS_MAX];
    size_t count = 0;
    va_list list;
    va_start(list, context);
    for (const char *argument; (argument = va_arg(list, const char *)) != NULL; count++) {
        assert(count < ARGUMENTS_MAX);
        arguments[count] = argument;
        sizes[count] = strlen(argument);
    }
    va_end(list);
    return redis_link_send(link, on_reply_to, context, count, arguments, sizes);
}

uint64_t redis_link_turn(struct redis_link *link, int timeout_ms)
{
    struct pollfd descriptor = { .fd = redis_link_descriptor(link),
                                 .events = redis_link_interest(link) };
    (void)poll(&descriptor, descriptor.fd >= 0, timeout_ms);
    uint64_t now_ms = clock_monotonic_ms();
    redis_link_service(link, descriptor.revents, now_ms);
    redis_link_tick(link, now_ms);
    return now_ms;
}
