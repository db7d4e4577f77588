/* certstream-server-go, started beside this project on the same local CT log, where CERTSTREAM_PEER
 * names its program. */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include <stdbool.h>

struct harness;
struct program;

/* False, after saying so, if CERTSTREAM_PEER names none. */
bool peer_is_there(void);

/* Follows one log of the given kind ("rfc6962", "tiled") from its first entry on, and nothing else.
 * Answers when its port does. Ended with program_kill. */
struct program *peer_start(struct harness *harness, const char *kind, const struct program *log,
                           bool compresses, int *port);

#endif
