/*
 * What a service manager is told (sd_notify(3)): that the daemon is ready, that it stops, how it
 * does, and that its loop still turns. By the plain socket that NOTIFY_SOCKET names, so no library
 * of systemd is needed; without one all of this does nothing. Nothing here waits: a message that
 * the manager does not take at once is dropped.
 */
#ifndef SHARED_PROCESS_NOTIFY_H
#define SHARED_PROCESS_NOTIFY_H

#include <stdint.h>

struct notify;

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. */
struct notify *notify_create(void);
/* NULL is fine. */
void notify_destroy(struct notify *notify);

void notify_ready(struct notify *notify);
void notify_stopping(struct notify *notify);
/* One line for people; cut at 255 characters; sent when it differs from the last. */
void notify_status(struct notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Each turn of the loop calls it when its work is done: it sends the sign of life when half of the
 * time is over. */
void notify_turn(struct notify *notify, uint64_t now_ms);
/* Monotonic milliseconds at which the next turn is due; UINT64_MAX: whenever. */
uint64_t notify_deadline_ms(const struct notify *notify);

#endif
