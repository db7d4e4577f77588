#include "streamer/loop/transport.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "shared/base/buffer.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "streamer/loop/loop.h"
#include "streamer/loop/wire.h"

enum {
    EVENTS_PER_CALL = 256,
    /* Each of them asks and, if it has a stream, waits: no more than that are found at one turn. */
    CALLS_PER_TURN = 8,
    /* Of one turn, for those who come first, and again for the others: whoever is new, Redis and
     * timers wait meanwhile. */
    TURN_MS = 2,
    /* More than any piece that is handed over at once: a slice and a message, both of some MiB. */
    BUFFERED_MAX = 256 * 1024 * 1024,
    /* The last word has to arrive by then. */
    FINISH_MS = 2500,
    /* Who goes on talking after it is not listened to without end. */
    DROPPED_MAX = 1024 * 1024,
    DROP_SIZE = 16 * 1024,
};

/* A list through the connections; `link` is what points to this one, NULL: it is not in it. */
struct place {
    struct transport *next, **link;
};

struct transport {
    struct transports *all;
    struct wire wire;
    const struct transport_events *events;
    void *context;
    struct buffer out; /* what the socket has not taken; no memory while it takes all */
    size_t out_sent;   /* of it, what it has taken since */
    struct place everywhere;
    struct place turn; /* among those to be called at the next turn */
    struct place finishing;
    uint64_t finish_by_ms;
    size_t dropped;
    uint32_t events_found; /* of epoll(7): to be told at its turn */
    bool wants_read;
    bool wants_write;
    bool is_patient; /* comes behind those who are not */
    bool is_finishing;
    bool is_finished; /* the last word is out */
    bool is_dead;     /* on_gone comes at the next turn */
};

/* Who came first is served first. */
struct queue {
    struct transport *next, **last; /* those who come at the next turn */
    struct transport *serving;      /* what is left of this one */
};

struct transports {
    int set; /* of epoll(7) */
    struct loop_watch *watch;
    struct loop_timer *timer; /* of the next turn */
    bool has_turn;            /* one is to come */
    struct transport *first;
    struct queue askers, patients;
    struct transport *finishing;
};

static struct place *everywhere_of(struct transport *transport)
{
    return &transport->everywhere;
}

static struct place *turn_of(struct transport *transport)
{
    return &transport->turn;
}

static struct place *finishing_of(struct transport *transport)
{
    return &transport->finishing;
}

typedef struct place *(*place_of)(struct transport *transport);

static void enter_list(struct transport **first, struct transport *transport, place_of of)
{
    struct place *place = of(transport);
    if (place->link)
        return;
    place->link = first;
    place->next = *first;
    if (place->next)
        of(place->next)->link = &place->next;
    *first = transport;
}

static void leave_list(struct transport *transport, place_of of)
{
    struct place *place = of(transport);
    if (!place->link)
        return;
    *place->link = place->next;
    if (place->next)
        of(place->next)->link = place->link;
    *place = (struct place){ 0 };
}

static struct queue *queue_of(const struct transport *transport)
{
    struct transports *all = transport->all;
    return transport->is_patient ? &all->patients : &all->askers;
}

static void enter_queue(struct transport *transport)
{
    struct queue *queue = queue_of(transport);
    if (transport->turn.link)
        return;
    transport->turn = (struct place){ .link = queue->last };
    *queue->last = transport;
    queue->last = &transport->turn.next;
}

static void leave_queue(struct transport *transport)
{
    struct queue *queue = queue_of(transport);
    if (queue->last == &transport->turn.next)
        queue->last = transport->turn.link;
    leave_list(transport, turn_of);
}

static void set_turn(struct transports *transports)
{
    if (!transports->has_turn)
        loop_timer_set(transports->timer, 0);
    transports->has_turn = true;
}

static void want_turn(struct transport *transport)
{
    enter_queue(transport);
    set_turn(transport->all);
}

void transport_be_patient(struct transport *transport, bool is_patient)
{
    bool has_turn = transport->turn.link != NULL;
    leave_queue(transport);
    transport->is_patient = is_patient;
    if (has_turn)
        enter_queue(transport);
}

void transport_kill(struct transport *transport)
{
    if (transport->is_dead)
        return;
    transport->is_dead = true;
    /* Closing takes the socket out of the set. */
    wire_close(&transport->wire);
    buffer_free(&transport->out);
    transport->out_sent = 0;
    want_turn(transport);
}

static void bury(struct transport *transport)
{
    transport->events->on_gone(transport, transport->context);
    leave_list(transport, everywhere_of);
    leave_queue(transport);
    leave_list(transport, finishing_of);
    free(transport);
}

size_t transport_buffered(const struct transport *transport)
{
    return transport->out.size - transport->out_sent;
}

size_t transport_room(const struct transport *transport)
{
    return transport->is_dead ? 0 : wire_room(&transport->wire);
}

/* The last word has gone out: now the other side's is waited for. */
static void end_writing(struct transport *transport)
{
    if (transport->is_finished)
        return;
    transport->is_finished = true;
    wire_finish(&transport->wire);
    transport_want_read(transport);
}

/* Hands over what is buffered. */
static void flush(struct transport *transport)
{
    if (transport->is_dead || transport_buffered(transport) == 0)
        return;
    size_t taken;
    enum wire_result result =
        wire_write(&transport->wire, transport->out.data + transport->out_sent,
                   transport_buffered(transport), &taken);
    transport->out_sent += taken;
    if (result == WIRE_BROKEN) {
        transport_kill(transport);
    } else if (transport_buffered(transport) == 0) {
        buffer_free(&transport->out);
        transport->out_sent = 0;
        if (transport->is_finishing)
            end_writing(transport);
    }
}

bool transport_write(struct transport *transport, struct bytes bytes)
{
    size_t taken = 0;
    if (transport->is_dead)
        return false;
    assert(!transport->is_finishing);
    if (transport_buffered(transport) == 0 &&
        wire_write(&transport->wire, bytes.data, bytes.size, &taken) == WIRE_BROKEN)
        transport_kill(transport);
    else
        buffer_append(&transport->out, bytes.data + taken, bytes.size - taken);
    if (transport->out.failed)
        transport_kill(transport);
    return !transport->is_dead;
}

void transport_want_write(struct transport *transport)
{
    transport->wants_write = true;
    if (transport_buffered(transport) == 0)
        want_turn(transport);
}

void transport_want_read(struct transport *transport)
{
    transport->wants_read = true;
    want_turn(transport);
}

enum transport_read transport_read(struct transport *transport, uint8_t *room, size_t size,
                                   size_t *got)
{
    *got = 0;
    if (transport->is_dead)
        return TRANSPORT_QUIET;
    switch (wire_read(&transport->wire, room, size, got)) {
    case WIRE_DONE: return TRANSPORT_DATA;
    case WIRE_WAITS: return TRANSPORT_QUIET;
    case WIRE_ENDED: return TRANSPORT_ENDED;
    case WIRE_BROKEN: transport_kill(transport); return TRANSPORT_QUIET;
    }
    return TRANSPORT_QUIET;
}

/* Without it, what has come and was not read would have the kernel reset the connection, and the
 * last word would be lost on its way. */
static void drop_input(struct transport *transport)
{
    uint8_t room[DROP_SIZE];
    size_t got;
    enum transport_read result;
    while ((result = transport_read(transport, room, sizeof room, &got)) == TRANSPORT_DATA) {
        transport->dropped += got;
        if (transport->dropped > DROPPED_MAX) {
            transport_kill(transport);
            return;
        }
    }
    if (result == TRANSPORT_ENDED && transport->is_finished)
        transport_kill(transport);
}

void transport_finish(struct transport *transport)
{
    if (transport->is_dead || transport->is_finishing)
        return;
    transport->is_finishing = true;
    transport->finish_by_ms = clock_monotonic_ms() + FINISH_MS;
    enter_list(&transport->all->finishing, transport, finishing_of);
    if (transport_buffered(transport) == 0)
        end_writing(transport);
}

static void tell_readable(struct transport *transport)
{
    transport->wants_read = false;
    if (transport->is_dead)
        return;
    if (transport->is_finishing)
        drop_input(transport);
    else
        transport->events->on_readable(transport, transport->context);
}

static void tell_writable(struct transport *transport)
{
    if (!transport->wants_write || transport->is_dead || transport->is_finishing ||
        transport_buffered(transport) > 0)
        return;
    transport->wants_write = false;
    transport->events->on_writable(transport, transport->context);
}

/* TLS may have to read in order to write, and the other way round. */
static void on_event(struct transport *transport, uint32_t events)
{
    bool is_tls = transport->wire.tls != NULL;
    if (transport->is_dead)
        return;
    if (is_tls || events & EPOLLOUT)
        flush(transport);
    /* Both directions are closed: nobody is there to be told anything. What is left to read is
     * read, because closing would take back the last word with it. */
    if (events & (EPOLLERR | EPOLLHUP)) {
        if (transport->is_finishing)
            drop_input(transport);
        transport_kill(transport);
        return;
    }
    if (is_tls || events & (EPOLLIN | EPOLLRDHUP))
        tell_readable(transport);
    tell_writable(transport);
}

static void serve(struct transport *transport)
{
    uint32_t events = transport->events_found;
    transport->events_found = 0;
    leave_queue(transport);
    if (events)
        on_event(transport, events);
    if (transport->wants_read)
        tell_readable(transport);
    tell_writable(transport);
    if (transport->is_dead)
        bury(transport);
}

/* Those who asked for it before this turn; who asks meanwhile comes at the next one, and so does
 * for whom there is no time. */
static void serve_queue(struct queue *queue)
{
    uint64_t end_ms = clock_monotonic_ms() + TURN_MS;
    if (!queue->serving) {
        queue->serving = queue->next;
        queue->next = NULL;
        queue->last = &queue->next;
        if (queue->serving)
            queue->serving->turn.link = &queue->serving;
    }
    while (queue->serving && clock_monotonic_ms() < end_ms)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): whoever is buried has left the list */
        serve(queue->serving);
}

static bool is_empty(const struct queue *queue)
{
    return !queue->serving && !queue->next;
}

/* Each queue has its own time, so neither starves the other. */
static void take_turn(struct transports *transports)
{
    serve_queue(&transports->askers);
    serve_queue(&transports->patients);
    if (!is_empty(&transports->askers) || !is_empty(&transports->patients))
        set_turn(transports);
}

static void on_turn(void *context)
{
    struct transports *transports = context;
    transports->has_turn = false;
    take_turn(transports);
}

/* All are found before the first is told anything, so nobody is buried whom an event means. */
static void on_events(short events, void *context)
{
    struct transports *transports = context;
    struct epoll_event found[EVENTS_PER_CALL];
    int count = EVENTS_PER_CALL;
    (void)events;
    for (int calls = 0; calls < CALLS_PER_TURN && count == EVENTS_PER_CALL; calls++) {
        count = epoll_wait(transports->set, found, EVENTS_PER_CALL, 0);
        for (int i = 0; i < count; i++) {
            struct transport *transport = found[i].data.ptr;
            transport->events_found |= found[i].events;
            enter_queue(transport);
        }
    }
    take_turn(transports);
}

struct transports *transports_create(struct loop *loop)
{
    int set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0)
        return NULL;
    struct transports *transports = memory_allocate_zeroed(1, sizeof *transports);
    transports->set = set;
    transports->askers.last = &transports->askers.next;
    transports->patients.last = &transports->patients.next;
    transports->timer = loop_timer_create(loop, on_turn, transports);
    transports->watch = loop_watch_create(loop, set, on_events, transports);
    if (transports->watch)
        return transports;
    transports_destroy(transports);
    return NULL;
}

void transports_destroy(struct transports *transports)
{
    if (!transports)
        return;
    while (transports->first) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): whoever is buried is the first no longer */
        transport_kill(transports->first);
        bury(transports->first);
    }
    loop_watch_destroy(transports->watch);
    loop_timer_destroy(transports->timer);
    (void)close(transports->set);
    free(transports);
}

struct transport *transport_open(struct transports *transports, int descriptor,
                                 struct ssl_ctx_st *tls, const struct transport_events *events,
                                 void *context)
{
    struct transport *transport = memory_allocate_zeroed(1, sizeof *transport);
    transport->all = transports;
    transport->events = events;
    transport->context = context;
    wire_init(&transport->wire, descriptor, tls);
    buffer_init(&transport->out, BUFFERED_MAX);
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data = { .ptr = transport },
    };
    if (transport->wire.is_broken ||
        epoll_ctl(transports->set, EPOLL_CTL_ADD, descriptor, &event) != 0) {
        wire_close(&transport->wire);
        free(transport);
        return NULL;
    }
    enter_list(&transports->first, transport, everywhere_of);
    return transport;
}

void transports_tick(struct transports *transports, uint64_t now_ms)
{
    struct transport *next = NULL;
    for (struct transport *transport = transports->finishing; transport; transport = next) {
        next = transport->finishing.next;
        if (now_ms >= transport->finish_by_ms)
            transport_kill(transport);
    }
}
