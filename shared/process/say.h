/*
 * What the daemons say: one line per event on standard error, `time level event key=value …`
 * (logfmt). The event is a constant text; values from outside go through say_quoted. (A Certificate
 * Transparency log is a ct_log, never a log.)
 */
#ifndef SHARED_PROCESS_SAY_H
#define SHARED_PROCESS_SAY_H

#include "shared/base/bytes.h"

enum {
    SAY_QUOTED_SIZE = 200
};

/* A value from outside, made printable: quoted, cut to fit, everything but printable ASCII as \xHH.
 * The text lives in one of a few static buffers, so use it in the same call. */
const char *say_quoted(const char *text);
const char *say_quoted_bytes(struct bytes text);

/* A command for people says only what is wrong. */
void say_only_warnings(void);

/* `event` is a constant; `format` makes the fields and may be "". */
void say_info(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_warning(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_error(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
