/*
 * certstream-streamer --check: whether the streamer that has these settings is ready, for the
 * health checks of containers, which have no curl.
 */
#ifndef STREAMER_HEALTH_CHECK_H
#define STREAMER_HEALTH_CHECK_H

#include "streamer/streamer_settings.h"

/* Asks for /readyz at the first --admin-listen, or else --listen, and says on standard error what
 * is wrong. The process's exit code: 0 ready, 1 not, 2 no place that could be asked, which is one
 * in the clear with a known port. Waits for at most a few seconds. */
int health_check_run(const struct streamer_settings *settings);

#endif
