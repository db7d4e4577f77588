/* A full message of a certificate as people read it, and its PEM. Pure. */
#ifndef STREAMER_TAIL_CERTIFICATE_TEXT_H
#define STREAMER_TAIL_CERTIFICATE_TEXT_H

#include "shared/process/terminal.h"

/* False, with nothing appended, if `message` is no certificate_update. */
bool certificate_text_write(struct buffer *out, const struct terminal *terminal,
                            struct bytes message);

#endif
