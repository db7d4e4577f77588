/*
 * Lets a redis_link be driven by the loop: its descriptor is watched, its deadlines are a timer.
 */
#ifndef STREAMER_LOOP_REDIS_DRIVER_H
#define STREAMER_LOOP_REDIS_DRIVER_H

struct loop;
struct redis_driver;
struct redis_link;
struct redis_link_options;

/* Connects as soon as the loop runs. events.on_interest of the options is the driver's own. */
struct redis_driver *redis_driver_create(struct loop *loop,
                                         const struct redis_link_options *options);
/* Destroys the link as well. NULL is fine. */
void redis_driver_destroy(struct redis_driver *driver);

/* Alive as long as the driver. */
struct redis_link *redis_driver_link(const struct redis_driver *driver);

#endif
