#include "streamer/loop/redis_driver.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/redis/redis_link.h"
#include "streamer/loop/loop.h"

struct redis_driver {
    struct loop *loop;
    struct redis_link *link;
    struct redis_link_events events; /* whom to tell what the link tells */
    struct loop_watch *watch;        /* NULL while there is no connection */
    struct loop_timer *deadline;
};

static void set_deadline(struct redis_driver *driver)
{
    uint64_t deadline_ms = redis_link_deadline_ms(driver->link);
    uint64_t now_ms = clock_monotonic_ms();
    if (deadline_ms != UINT64_MAX)
        loop_timer_set(driver->deadline, deadline_ms > now_ms ? deadline_ms - now_ms : 0);
}

static void on_deadline(void *context)
{
    struct redis_driver *driver = context;
    redis_link_tick(driver->link, clock_monotonic_ms());
    set_deadline(driver);
}

static void on_ready(short events, void *context)
{
    struct redis_driver *driver = context;
    redis_link_service(driver->link, events, clock_monotonic_ms());
    if (driver->watch && redis_link_interest(driver->link) & POLLOUT)
        loop_watch_want_write(driver->watch);
    set_deadline(driver);
}

static void on_interest(struct redis_link *link, int descriptor, short events, void *context)
{
    (void)link;
    struct redis_driver *driver = context;
    if (descriptor < 0) {
        loop_watch_destroy(driver->watch);
        driver->watch = NULL;
        return;
    }
    if (!driver->watch)
        driver->watch = loop_watch_create(driver->loop, descriptor, on_ready, driver);
    /* Without a descriptor left the connection is never served, and its deadline ends it. */
    if (driver->watch && events & POLLOUT)
        loop_watch_want_write(driver->watch);
    set_deadline(driver);
}

static void on_up(struct redis_link *link, void *context)
{
    struct redis_driver *driver = context;
    if (driver->events.on_up)
        driver->events.on_up(link, driver->events.context);
}

static void on_down(struct redis_link *link, const char *reason, void *context)
{
    struct redis_driver *driver = context;
    if (driver->events.on_down)
        driver->events.on_down(link, reason, driver->events.context);
}

struct redis_driver *redis_driver_create(struct loop *loop,
                                         const struct redis_link_options *options)
{
    struct redis_driver *driver = memory_allocate_zeroed(1, sizeof *driver);
    driver->loop = loop;
    driver->events = options->events;
    driver->deadline = loop_timer_create(loop, on_deadline, driver);
    struct redis_link_options driven = *options;
    driven.events = (struct redis_link_events){
        .on_up = on_up,
        .on_down = on_down,
        .on_interest = on_interest,
        .context = driver,
    };
    driver->link = redis_link_create(&driven);
    loop_timer_set(driver->deadline, 0);
    return driver;
}

void redis_driver_destroy(struct redis_driver *driver)
{
    if (!driver)
        return;
    redis_link_destroy(driver->link);
    loop_timer_destroy(driver->deadline);
    assert(!driver->watch);
    free(driver);
}

struct redis_link *redis_driver_link(const struct redis_driver *driver)
{
    return driver->link;
}
