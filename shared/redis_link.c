/*
 * States in order of travel: DOWN (waiting for the next attempt) → CONNECTING → GREETING (AUTH, SELECT, CLIENT SETNAME,
 * PING: a PONG means that Redis has loaded its data) → UP. Everything that goes wrong leads back to DOWN.
 */
#include "shared/redis_link.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include "shared/clock.h"
#include "shared/memory.h"
#include "shared/redis_address.h"

enum {
    BACK_OFF_FIRST_MS = 100,
    /* Short: a Redis that is back is noticed at once, and one connection attempt costs nothing. */
    BACK_OFF_MAX_MS = 2000,
    /* A connection that was dropped sooner did no good: what is wrong with it is not hurried. */
    STABLE_MS = 3000,
    CONNECT_TIMEOUT_MS = 5000,
    REASON_SIZE = 160,
    NAME_SIZE = 64,
    ARGUMENTS_MAX = 16,
};

enum link_state {
    LINK_DOWN,
    LINK_CONNECTING,
    LINK_GREETING,
    LINK_UP
};

struct redis_link {
    struct redis_address address;
    char client_name[NAME_SIZE];
    uint64_t timeout_ms;
    struct redis_link_events events;
    enum link_state state;
    redisAsyncContext *context; /* NULL only in LINK_DOWN */
    short interest;
    uint64_t now_ms;
    uint64_t attempt_at_ms; /* LINK_DOWN: when to connect */
    uint64_t back_off_ms;
    uint64_t up_at_ms;
    uint64_t progress_at_ms; /* the last reply, or the first command after silence */
    size_t pending;
    bool dropping; /* drop was asked for inside a callback: done when control is back here */
    bool closing;  /* hiredis is handing back what was pending: nothing can be sent any more */
    bool in_hiredis;
    char reason[REASON_SIZE];
};

/* One command on its way; hiredis gives it back exactly once. */
struct pending_reply {
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
    struct redis_link *link = data;
    change_interest(link, (short)(link->interest | POLLIN));
}

static void on_delete_read(void *data)
{
    struct redis_link *link = data;
    change_interest(link, (short)(link->interest & ~POLLIN));
}

static void on_add_write(void *data)
{
    struct redis_link *link = data;
    change_interest(link, (short)(link->interest | POLLOUT));
}

static void on_delete_write(void *data)
{
    struct redis_link *link = data;
    change_interest(link, (short)(link->interest & ~POLLOUT));
}

/* The one road to DOWN. Called by hiredis when the context is about to be freed, for whatever reason. */
static void on_cleanup(void *data)
{
    struct redis_link *link = data;
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

static void go_down(struct redis_link *link)
{
    bool was_up = link->state == LINK_UP;
    link->state = LINK_DOWN;
    if (was_up && link->now_ms - link->up_at_ms >= STABLE_MS)
        link->back_off_ms = BACK_OFF_FIRST_MS;
    link->attempt_at_ms = link->now_ms + link->back_off_ms;
    link->back_off_ms =
        link->back_off_ms * 2 > BACK_OFF_MAX_MS ? BACK_OFF_MAX_MS : link->back_off_ms * 2;
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

void redis_link_drop(struct redis_link *link, const char *reason)
{
    if (link->state == LINK_DOWN || link->dropping)
        return;
    set_reason(link, reason);
    link->dropping = true;
}

static void finish_drop(struct redis_link *link)
{
    if (!link->dropping)
        return;
    /* Still dropping while hiredis says goodbye, so that the reason stays the one that was given. */
    close_connection(link);
    if (link->state != LINK_DOWN)
        go_down(link);
    link->dropping = false;
}

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis_link *link = context->data;
    /* hiredis frees the context itself after a failed connect, and calls on_cleanup on the way. */
    if (status != REDIS_OK) {
        set_reason(link, context->errstr[0] ? context->errstr : "cannot connect");
        go_down(link);
    }
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    struct redis_link *link = context->data;
    if (link->dropping || link->state == LINK_DOWN)
        return;
    set_reason(link, status == REDIS_OK || !context->errstr[0] ? "disconnected" : context->errstr);
    go_down(link);
}

static void on_reply(redisAsyncContext *context, void *reply, void *data)
{
    struct pending_reply *pending = data;
    struct redis_link *link = pending->link;
    (void)context;
    assert(link->pending > 0);
    link->pending--;
    if (!reply)
        link->closing = true;
    link->progress_at_ms = link->now_ms;
    /* After a drop has been asked for, nothing that still arrives counts. */
    if (pending->on_reply)
        pending->on_reply(link, link->dropping ? NULL : reply, pending->context);
    free(pending);
}

static void send_now(struct redis_link *link, struct pending_reply pending, size_t count,
                     const char *const *arguments, const size_t *sizes)
{
    struct pending_reply *kept = memory_allocate(sizeof *kept);
    *kept = pending;
    /* After a long silence the loop's last word on the time is old: the reply is due from now on. */
    if (link->pending == 0)
        link->progress_at_ms = clock_monotonic_ms();
    link->pending++;
    /* hiredis 0.14 declares `const char **` for an array that it only reads. */
    const char **borrowed;
    memcpy(&borrowed, &arguments, sizeof borrowed);
    int status = redisAsyncCommandArgv(link->context, on_reply, kept, (int)count, borrowed, sizes);
    if (status != REDIS_OK) {
        link->pending--;
        free(kept);
        if (pending.on_reply)
            pending.on_reply(link, NULL, pending.context);
    }
}

static void on_greeting(struct redis_link *link, struct redisReply *reply, void *context)
{
    (void)context;
    if (!reply)
        return;
    if (reply->type == REDIS_REPLY_ERROR)
        redis_link_drop(link, reply->str);
}

static void on_pong(struct redis_link *link, struct redisReply *reply, void *context)
{
    on_greeting(link, reply, context);
    if (!reply || link->dropping || link->state != LINK_GREETING)
        return;
    link->state = LINK_UP;
    link->up_at_ms = link->now_ms;
    link->reason[0] = '\0';
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
    send_now(link, pending, count, arguments, sizes);
}

/* hiredis queues commands until the connection stands, so the whole greeting goes out at once. */
static void greet(struct redis_link *link)
{
    const struct redis_address *address = &link->address;
    char database[12];
    (void)snprintf(database, sizeof database, "%d", address->database);
    if (address->user[0] && address->password[0])
        send_greeting(link, on_greeting, 3,
                      (const char *[]){ "AUTH", address->user, address->password });
    else if (address->password[0])
        send_greeting(link, on_greeting, 2, (const char *[]){ "AUTH", address->password });
    if (address->database)
        send_greeting(link, on_greeting, 2, (const char *[]){ "SELECT", database });
    send_greeting(link, NULL, 3, (const char *[]){ "CLIENT", "SETNAME", link->client_name });
    send_greeting(link, on_pong, 1, (const char *[]){ "PING" });
}

static void connect_now(struct redis_link *link)
{
    const struct redis_address *address = &link->address;
    redisAsyncContext *context = address->path[0] ? redisAsyncConnectUnix(address->path)
                                                  : redisAsyncConnect(address->host, address->port);
    if (!context || context->err) {
        set_reason(link, context ? context->errstr : "out of memory");
        if (context)
            redisAsyncFree(context);
        go_down(link);
        return;
    }
    link->context = context;
    link->closing = false;
    link->state = LINK_CONNECTING;
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
    link->state = LINK_GREETING;
    greet(link);
}

struct redis_link *redis_link_create(const struct redis_link_options *options)
{
    assert(strlen(options->client_name) < NAME_SIZE);
    struct redis_link *link = memory_allocate_zeroed(1, sizeof *link);
    link->address = *options->address;
    memcpy(link->client_name, options->client_name, strlen(options->client_name) + 1);
    link->timeout_ms = options->timeout_ms;
    link->events = options->events;
    link->back_off_ms = BACK_OFF_FIRST_MS;
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
    free(link);
}

bool redis_link_is_up(const struct redis_link *link)
{
    return link->state == LINK_UP && !link->dropping && !link->closing;
}

const char *redis_link_reason(const struct redis_link *link)
{
    return link->reason;
}

size_t redis_link_pending(const struct redis_link *link)
{
    return link->pending;
}

int redis_link_descriptor(const struct redis_link *link)
{
    return link->context ? link->context->c.fd : -1;
}

short redis_link_interest(const struct redis_link *link)
{
    return link->interest;
}

void redis_link_service(struct redis_link *link, short ready, uint64_t now_ms)
{
    link->now_ms = now_ms;
    link->in_hiredis = true;
    /* Either call may free the context. */
    if (link->context && (ready & (POLLIN | POLLERR | POLLHUP)))
        redisAsyncHandleRead(link->context);
    if (link->context && (ready & POLLOUT) && !link->dropping)
        redisAsyncHandleWrite(link->context);
    link->in_hiredis = false;
    finish_drop(link);
}

uint64_t redis_link_deadline_ms(const struct redis_link *link)
{
    if (link->dropping)
        return 0;
    switch (link->state) {
    case LINK_DOWN: return link->attempt_at_ms;
    case LINK_CONNECTING:
    case LINK_GREETING: return link->progress_at_ms + CONNECT_TIMEOUT_MS;
    case LINK_UP: return link->pending ? link->progress_at_ms + link->timeout_ms : UINT64_MAX;
    }
    return UINT64_MAX;
}

void redis_link_tick(struct redis_link *link, uint64_t now_ms)
{
    link->now_ms = now_ms;
    finish_drop(link);
    if (now_ms < redis_link_deadline_ms(link))
        return;
    if (link->state == LINK_DOWN) {
        connect_now(link);
        return;
    }
    redis_link_drop(link, link->state == LINK_UP ? "no reply in time" : "cannot connect in time");
    finish_drop(link);
}

bool redis_link_send(struct redis_link *link, redis_link_on_reply on_reply_to, void *context,
                     size_t count, const char *const *arguments, const size_t *sizes)
{
    if (!redis_link_is_up(link))
        return false;
    send_now(link, (struct pending_reply){ link, on_reply_to, context }, count, arguments, sizes);
    return true;
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
