#include "shared/process/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "shared/process/clock.h"

/* More than the values of any one line. */
enum {
    QUOTED_BUFFERS = 8
};

/* A setting, made once at the start. */
static bool is_quiet;

void say_only_warnings(void)
{
    is_quiet = true;
}

const char *say_quoted_bytes(struct bytes text)
{
    static char buffers[QUOTED_BUFFERS][SAY_QUOTED_SIZE];
    static size_t turn;
    static const char digits[] = "0123456789abcdef";
    char *out = buffers[turn++ % QUOTED_BUFFERS];
    size_t at = 0;
    out[at++] = '"';
    for (size_t i = 0; i < text.size && at < SAY_QUOTED_SIZE - 6; i++) {
        uint8_t byte = text.data[i];
        if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
            out[at++] = (char)byte;
            continue;
        }
        out[at++] = '\\';
        out[at++] = 'x';
        out[at++] = digits[byte >> 4];
        out[at++] = digits[byte & 15];
    }
    out[at++] = '"';
    out[at] = '\0';
    return out;
}

const char *say_quoted(const char *text)
{
    return say_quoted_bytes(bytes_of_string(text));
}

static void __attribute__((format(printf, 3, 0)))
write_line(const char *level, const char *event, const char *format, va_list arguments)
{
    uint64_t now_ms = clock_realtime_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    char when[32];
    (void)gmtime_r(&seconds, &utc);
    (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    char fields[1024];
    (void)vsnprintf(fields, sizeof fields, format, arguments);
    (void)fprintf(stderr, "%s.%03uZ %s %s%s%s\n", when, (unsigned)(now_ms % 1000), level, event,
                  fields[0] ? " " : "", fields);
}

#define WRITE_LINE(level)                        \
    va_list arguments;                           \
    va_start(arguments, format);                 \
    write_line(level, event, format, arguments); \
    va_end(arguments)

void say_info(const char *event, const char *format, ...)
{
    if (is_quiet)
        return;
    WRITE_LINE("info");
}

void say_warning(const char *event, const char *format, ...)
{
    WRITE_LINE("warning");
}

void say_error(const char *event, const char *format, ...)
{
    WRITE_LINE("error");
}
