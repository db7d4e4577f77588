/* The streamer daemon: what it is made of, and the order in which it is put together and taken
 * apart. */
#ifndef STREAMER_STREAMER_H
#define STREAMER_STREAMER_H

struct streamer_settings;

/* Runs until SIGTERM or SIGINT, which must be blocked. Answers the exit code of the process: 0, or
 * 1 when it could not start, after saying why on standard error. */
int streamer_run(const struct streamer_settings *settings);

#endif
