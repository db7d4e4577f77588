/* --cert: one certificate that the server held lately, by its fingerprint. */
#ifndef STREAMER_TAIL_CERTIFICATE_LOOKUP_H
#define STREAMER_TAIL_CERTIFICATE_LOOKUP_H

#include "streamer/tail/tail_settings.h"

/* Prints it: as text with the PEM behind, or the message with --format json. The exit code: 1 if
 * the server does not have it, or does not answer. */
int certificate_lookup_run(const struct tail_settings *settings);

#endif
