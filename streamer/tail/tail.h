/*
 * certstream-tail: a stream of a CertStream server as rows on standard output, on and on. A lost
 * connection is made again, and goes on behind the last message if the server has ids; what nobody
 * can give any more is told on standard error.
 */
#ifndef STREAMER_TAIL_TAIL_H
#define STREAMER_TAIL_TAIL_H

#include "streamer/tail/tail_settings.h"

/* The exit code: 0 when the reader has left or `stop` was set by a signal, else 1. */
int tail_run(const struct tail_settings *settings, const volatile int *stop);
#endif
