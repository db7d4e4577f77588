#include "shared/process/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    SHOW_MS = 200,
    LINE_MS = 10 * 1000,
    /* Before that a rate says nothing. */
    RATE_MS = 500,
    BAR_WIDTH = 30,
    /* The bar is left out where there is less. */
    WIDTH_WITH_BAR = 76,
    TIME_SIZE = 32,
};

void progress_begin(struct progress *progress, uint64_t done, uint64_t total, uint64_t now_ms)
{
    *progress = (struct progress){
        .terminal = terminal_of(stderr),
        .first = done,
        .total = total,
        .begun_ms = now_ms,
        .shown_ms = now_ms,
    };
}

static double rate_of(const struct progress *progress, uint64_t done, uint64_t now_ms)
{
    uint64_t elapsed_ms = now_ms - progress->begun_ms;
    return elapsed_ms < RATE_MS ? 0 : (double)(done - progress->first) * 1000 / (double)elapsed_ms;
}

/* "1:02:03", "2:03", or "-:--" while nobody knows. */
static void write_time_left(char *text, double left, double rate)
{
    uint64_t seconds = rate > 0 ? (uint64_t)(left / rate + 0.5) : 0;
    if (rate <= 0)
        (void)snprintf(text, TIME_SIZE, "-:--");
    else if (seconds >= 3600)
        (void)snprintf(text, TIME_SIZE, "%" PRIu64 ":%02u:%02u", seconds / 3600,
                       (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
    else
        (void)snprintf(text, TIME_SIZE, "%u:%02u", (unsigned)(seconds / 60),
                       (unsigned)(seconds % 60));
}

static void write_bar(char *bar, double share)
{
    size_t full = (size_t)(share * BAR_WIDTH + 0.5);
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', full < BAR_WIDTH ? full : BAR_WIDTH);
    bar[BAR_WIDTH] = '\0';
}

void progress_append_line(struct buffer *out, const struct progress *progress, uint64_t done,
                          uint64_t now_ms)
{
    char bar[BAR_WIDTH + 1], left[TIME_SIZE];
    if (done > progress->total)
        done = progress->total;
    double rate = rate_of(progress, done, now_ms);
    double share = progress->total ? (double)done / (double)progress->total : 1;
    bool has_bar = progress->terminal.is_one && progress->terminal.width >= WIDTH_WITH_BAR;
    write_bar(bar, share);
    write_time_left(left, (double)(progress->total - done), rate);
    buffer_append_format(out, "%s%s%s%3.0f %%  %" PRIu64 " of %" PRIu64 "  %.0f/s  %s left",
                         has_bar ? "[" : "", has_bar ? bar : "", has_bar ? "] " : "", share * 100,
                         done, progress->total, rate, left);
}

static void show_now(struct progress *progress, uint64_t done, uint64_t now_ms)
{
    struct buffer line;
    buffer_init(&line, SIZE_MAX);
    buffer_append_string(&line, progress->terminal.is_one ? "\r\x1b[K" : "");
    progress_append_line(&line, progress, done, now_ms);
    buffer_append_string(&line, progress->terminal.is_one ? "" : "\n");
    (void)fwrite(line.data, 1, line.size, stderr);
    buffer_free(&line);
    progress->shown_ms = now_ms;
    (void)fflush(stderr);
    progress->is_shown = progress->terminal.is_one;
}

void progress_show(struct progress *progress, uint64_t done, uint64_t now_ms)
{
    uint64_t pause_ms = progress->terminal.is_one ? SHOW_MS : LINE_MS;
    if (now_ms - progress->shown_ms >= pause_ms)
        show_now(progress, done, now_ms);
}

void progress_end(struct progress *progress, uint64_t done, uint64_t now_ms)
{
    show_now(progress, done, now_ms);
    if (progress->is_shown)
        (void)fputc('\n', stderr);
}
