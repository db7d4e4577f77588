#include "ingest/logs/log_hybrid.h"

#include <stdlib.h>

#include "ingest/ct/entry.h"
#include "ingest/http/http_client.h"
#include "ingest/logs/log_fetch.h"
#include "ingest/store/publisher.h"
#include "shared/base/memory.h"
#include "shared/base/reader.h"
#include "shared/message/tile_path.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/redis/report_fields.h"

enum {
    /* Behind by so many tiles, a log is worth a question. */
    PROBE_TILES = 8,
    PROBE_AGAIN_MS = 86400 * 1000,
    URL_MAX = 1024,
};

struct tile_probe {
    struct followed_log *log;
    uint64_t life;
    uint64_t sent_at_ms;
};

static const char *const reading_names[] = {
    [HYBRID_NONE] = "",
    [HYBRID_AS_IS] = "as they are",
    [HYBRID_WITHOUT_EXTENSIONS] = "without extensions",
};

static void read_as(struct followed_log *log, enum hybrid_reading reading)
{
    enum ct_log_kind kind = reading == HYBRID_NONE ? CT_LOG_RFC6962 : CT_LOG_HYBRID;
    log->hybrid.reading = reading;
    log->protocol = log_protocol_of(kind);
    log->bytes_per_entry = log->protocol->bytes_per_entry;
    follower_change_policy(&log->follower, &log->policies[kind]);
}

static void keep(struct followed_log *log)
{
    const struct hash_field field = { bytes_of_string(log_fields[LOG_FIELD_TILES].name),
                                      bytes_of_string(reading_names[log->hybrid.reading]) };
    publisher_set_fields(log->services->publisher, log->key, &field, 1, 0);
}

static void give_up(struct followed_log *log, const char *reason, uint64_t now_ms)
{
    say_info("log's tiles are not read any more", "log=%s reason=\"%s\"",
             say_quoted(log->ct_log.description), reason);
    log->hybrid.probe_at_ms = now_ms + PROBE_AGAIN_MS;
    read_as(log, HYBRID_NONE);
    keep(log);
}

void log_hybrid_remember(struct followed_log *log, struct bytes tiles)
{
    if (log->ct_log.kind != CT_LOG_RFC6962 || log->hybrid.reading != HYBRID_NONE)
        return;
    for (int reading = HYBRID_AS_IS; reading <= HYBRID_WITHOUT_EXTENSIONS; reading++)
        if (bytes_equal_string(tiles, reading_names[reading]))
            read_as(log, (enum hybrid_reading)reading);
}

/* Whether it is a whole tile, of leaves that can be read. */
static bool is_tile(struct bytes body)
{
    struct reader tile = reader_of(body);
    struct entry entry;
    unsigned count = 0;
    while (tile.remaining && entry_read_tile_leaf(&entry, &tile))
        count++;
    return count == TILE_WIDTH && tile.remaining == 0;
}

static void on_probe(void *context, const struct http_response *response)
{
    struct tile_probe probe = *(struct tile_probe *)context;
    struct followed_log *log = probe.log;
    free(context);
    if (response->result == HTTP_STOPPED)
        return;
    const struct operator_answer answer = {
        .outcome = response->result == HTTP_ANSWERED
                       ? operator_outcome_of_status(response->status, response->retry_after_ms)
                       : OPERATOR_FAILED,
        .retry_after_ms = response->retry_after_ms,
        .sent_at_ms = probe.sent_at_ms,
    };
    operator_budget_on_answer(&log->share, &answer, clock_monotonic_ms());
    bool is_served = response->result == HTTP_ANSWERED && response->status == 200 &&
                     is_tile(buffer_bytes(response->body));
    if (!is_served || probe.life != log->follower.life)
        return;
    say_info("log serves tiles as well", "log=%s", say_quoted(log->ct_log.description));
    read_as(log, HYBRID_AS_IS);
    keep(log);
}

/* The first full tile that is wanted. */
static void send_probe(struct followed_log *log, uint64_t now_ms)
{
    char path[TILE_PATH_SIZE];
    struct buffer url;
    uint64_t number = log->follower.book.planned / TILE_WIDTH + 1;
    tile_path_write(path, TILE_LEVEL_DATA, number, TILE_WIDTH);
    buffer_init(&url, URL_MAX);
    buffer_append_format(&url, "%s%s", log->ct_log.url, path);
    buffer_append_byte(&url, '\0');
    struct tile_probe *probe = memory_allocate(sizeof *probe);
    *probe = (struct tile_probe){ log, log->follower.life, now_ms };
    log->services->stats->requests++;
    log->hybrid.probe_at_ms = now_ms + PROBE_AGAIN_MS;
    operator_budget_on_sent(&log->share, OPERATOR_ENTRIES, now_ms);
    http_client_get(log->services->http, &(struct http_get){
                                             .url = (const char *)url.data,
                                             .way = log_fetch_way(log),
                                             .body_max = ENTRY_TILE_BODY_MAX,
                                             .on_response = on_probe,
                                             .context = probe,
                                         });
    buffer_free(&url);
}

uint64_t log_hybrid_work(struct followed_log *log, uint64_t now_ms)
{
    const struct follower *follower = &log->follower;
    if (log->hybrid.reading != HYBRID_NONE && follower->page.width)
        give_up(log, "they fail", now_ms);
    bool is_behind =
        follower->state == FOLLOWER_FETCHING_RANGES &&
        follower->head.size - follower->book.planned >= (uint64_t)PROBE_TILES * TILE_WIDTH;
    if (log->ct_log.kind != CT_LOG_RFC6962 || log->hybrid.reading != HYBRID_NONE || !is_behind ||
        !follower->policy->verifies)
        return UINT64_MAX;
    if (now_ms < log->hybrid.probe_at_ms)
        return log->hybrid.probe_at_ms;
    uint64_t at_ms = operator_budget_ask(&log->share, OPERATOR_ENTRIES, now_ms);
    if (at_ms > now_ms)
        return at_ms;
    send_probe(log, now_ms);
    return log->hybrid.probe_at_ms;
}

void log_hybrid_on_mismatch(struct followed_log *log, uint64_t now_ms)
{
    switch (log->hybrid.reading) {
    case HYBRID_NONE: return;
    case HYBRID_AS_IS:
        read_as(log, HYBRID_WITHOUT_EXTENSIONS);
        keep(log);
        return;
    case HYBRID_WITHOUT_EXTENSIONS:
        give_up(log, "they do not lead to the signed root", now_ms);
        return;
    }
}
