#include "streamer/loop/loop.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libwebsockets.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"

enum {
    /* What libwebsockets may say in a second; a client must not be able to fill the log. */
    LOG_LINES_PER_SECOND = 10,
    US_PER_MS = 1000,
};

#define WATCH_PROTOCOL "watch"

struct loop {
    struct lws_context *context;
    struct lws_vhost *vhost; /* of the watched descriptors */
    bool stopping;
    struct loop_stats stats;
};

struct loop_watch {
    struct lws *wsi; /* NULL: no longer watched */
    loop_on_ready on_ready;
    void *context;
    struct loop_timer *write_again;
    bool in_callback;
    bool destroyed; /* inside its own callback: freed when that returns */
};

struct loop_timer {
    lws_sorted_usec_list_t entry; /* first: it is what libwebsockets hands back */
    struct lws_context *context;
    loop_on_time on_time;
    void *on_time_context;
};

static void write_library_log(int level, const char *line)
{
    static lws_usec_t second;
    static unsigned lines;
    (void)level;
    lws_usec_t now = lws_now_usecs() / LWS_US_PER_SEC;
    if (now != second)
        lines = 0;
    second = now;
    size_t size = strcspn(line, "\n");
    if (lines++ < LOG_LINES_PER_SECOND)
        say_warning("libwebsockets", "text=%s", say_quoted_bytes(bytes_of(line, size)));
}

static void free_watch(struct loop_watch *watch)
{
    loop_timer_destroy(watch->write_again);
    free(watch);
}

/* 0, or -1 to have libwebsockets close its side: then comes LWS_CALLBACK_RAW_CLOSE_FILE. */
static int tell_watch(struct loop_watch *watch, short events)
{
    watch->in_callback = true;
    watch->on_ready(events, watch->context);
    watch->in_callback = false;
    return watch->destroyed ? -1 : 0;
}

static int on_watch_closed(struct loop_watch *watch)
{
    watch->wsi = NULL;
    if (!watch->destroyed)
        (void)tell_watch(watch, POLLHUP);
    if (watch->destroyed)
        free_watch(watch);
    return 0;
}

static int on_watch(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t size)
{
    (void)user;
    (void)in;
    (void)size;
    switch ((int)reason) {
    case LWS_CALLBACK_RAW_RX_FILE: return tell_watch(lws_get_opaque_user_data(wsi), POLLIN);
    case LWS_CALLBACK_RAW_WRITEABLE_FILE: return tell_watch(lws_get_opaque_user_data(wsi), POLLOUT);
    case LWS_CALLBACK_RAW_CLOSE_FILE: return on_watch_closed(lws_get_opaque_user_data(wsi));
    default: return 0;
    }
}

static const struct lws_protocols watch_protocols[] = {
    { .name = WATCH_PROTOCOL, .callback = on_watch },
    { 0 },
};

struct loop *loop_create(void)
{
    lws_set_log_level(LLL_ERR, write_library_log);
    struct loop *loop = memory_allocate_zeroed(1, sizeof *loop);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
    };
    loop->context = lws_create_context(&info);
    info.options = 0;
    info.vhost_name = WATCH_PROTOCOL;
    info.protocols = watch_protocols;
    if (loop->context)
        loop->vhost = lws_create_vhost(loop->context, &info);
    if (loop->vhost)
        return loop;
    say_error("cannot make the loop", "library=%s", lws_get_library_version());
    loop_destroy(loop);
    return NULL;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    if (loop->context)
        lws_context_destroy(loop->context);
    free(loop);
}

static void note_turn(struct loop_stats *stats, uint64_t taken_us)
{
    stats->turns++;
    stats->long_turns += taken_us > (uint64_t)LOOP_LONG_TURN_MS * US_PER_MS;
    if (taken_us > stats->longest_us)
        stats->longest_us = taken_us;
}

void loop_run(struct loop *loop)
{
    uint64_t start_us = clock_processor_us();
    while (!loop->stopping && lws_service(loop->context, 0) >= 0) {
        uint64_t end_us = clock_processor_us();
        note_turn(&loop->stats, end_us - start_us);
        start_us = end_us;
    }
}

const struct loop_stats *loop_stats(const struct loop *loop)
{
    return &loop->stats;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
    /* After a timer's callback libwebsockets waits for the next event before it returns. */
    lws_cancel_service(loop->context);
}

static void on_write_again(void *context)
{
    struct loop_watch *watch = context;
    if (watch->wsi)
        lws_callback_on_writable(watch->wsi);
}

struct loop_watch *loop_watch_create(struct loop *loop, int descriptor, loop_on_ready on_ready,
                                     void *context)
{
    struct loop_watch *watch = memory_allocate_zeroed(1, sizeof *watch);
    watch->on_ready = on_ready;
    watch->context = context;
    watch->write_again = loop_timer_create(loop, on_write_again, watch);
    /* libwebsockets closes what it adopts, also when it fails to. */
    int duplicate = dup(descriptor);
    lws_adopt_desc_t adoption = {
        .vh = loop->vhost,
        .type = LWS_ADOPT_RAW_FILE_DESC,
        .fd = { .filefd = duplicate },
        .vh_prot_name = WATCH_PROTOCOL,
        .opaque = watch,
    };
    watch->wsi = duplicate < 0 ? NULL : lws_adopt_descriptor_vhost_via_info(&adoption);
    if (watch->wsi)
        return watch;
    free_watch(watch);
    return NULL;
}

void loop_watch_destroy(struct loop_watch *watch)
{
    if (!watch)
        return;
    assert(!watch->destroyed);
    watch->destroyed = true;
    if (watch->in_callback)
        return;
    if (watch->wsi)
        lws_set_timeout(watch->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_SYNC);
    else
        free_watch(watch);
}

void loop_watch_want_write(struct loop_watch *watch)
{
    /* libwebsockets 4.1 clears POLLOUT after the callback, so what is asked for inside it would be
     * lost. */
    if (watch->in_callback)
        loop_timer_set(watch->write_again, 0);
    else if (watch->wsi)
        lws_callback_on_writable(watch->wsi);
}

void loop_watch_want_read(struct loop_watch *watch, bool wanted)
{
    if (watch->wsi)
        (void)lws_rx_flow_control(watch->wsi, wanted);
}

static void on_loop_timer(lws_sorted_usec_list_t *entry)
{
    struct loop_timer *timer = lws_container_of(entry, struct loop_timer, entry);
    timer->on_time(timer->on_time_context);
}

struct loop_timer *loop_timer_create(struct loop *loop, loop_on_time on_time, void *context)
{
    struct loop_timer *timer = memory_allocate_zeroed(1, sizeof *timer);
    timer->context = loop->context;
    timer->on_time = on_time;
    timer->on_time_context = context;
    return timer;
}

void loop_timer_destroy(struct loop_timer *timer)
{
    if (!timer)
        return;
    lws_sul_cancel(&timer->entry);
    free(timer);
}

void loop_timer_set(struct loop_timer *timer, uint64_t after_ms)
{
    /* A timer takes at least a microsecond: zero would be due at once, within the same round of
     * timers. */
    lws_usec_t delay = after_ms ? (lws_usec_t)after_ms * LWS_US_PER_MS : 1;
    lws_sul_schedule(timer->context, 0, &timer->entry, on_loop_timer, delay);
}
